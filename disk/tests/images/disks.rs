//! Disks made by sfdisk, fdisk, mkfs.ext4, mkntfs, hivexsh and qemu-img; nothing is mounted.

use std::fs::{self, File, OpenOptions};
use std::io::{Seek, SeekFrom, Write};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use ays_disk::{Refusal, inspect};
use ays_model::{DiskFormat, Inspection};
use tempfile::{TempDir, tempdir};

pub const MIB: u64 = 1 << 20;

/// A directory in which disks are made.
pub struct Workshop(TempDir);

impl Workshop {
    pub fn new() -> Self {
        Self(tempdir().unwrap())
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    /// A file of so many bytes, all zero.
    pub fn empty(&self, name: &str, size: u64) -> PathBuf {
        let path = self.path(name);
        File::create(&path).unwrap().set_len(size).unwrap();
        path
    }

    /// An ext4 of 8 MiB with these files; a name that ends with `->` is a link to its content.
    pub fn ext4(&self, name: &str, files: &[(&str, &[u8])]) -> PathBuf {
        let tree = self.path(&format!("{name}.tree"));
        fs::create_dir_all(&tree).unwrap();
        for (path, content) in files {
            let (path, is_link) = match path.strip_suffix("->") {
                Some(path) => (tree.join(path), true),
                None => (tree.join(path), false),
            };
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            if is_link {
                std::os::unix::fs::symlink(std::str::from_utf8(content).unwrap(), path).unwrap();
            } else {
                fs::write(path, content).unwrap();
            }
        }
        let image = self.empty(name, 8 * MIB);
        run(Command::new("mkfs.ext4").arg("-qFd").arg(&tree).arg(&image));
        image
    }

    /// An NTFS of 4 MiB without any file.
    pub fn empty_ntfs(&self, name: &str) -> PathBuf {
        let image = self.empty(name, 4 * MIB);
        run(Command::new("mkntfs").args(["-qQF", "-s", "512", "-p", "0", "-H", "0", "-S", "0"]).arg(&image));
        image
    }

    /// An NTFS of 4 MiB with the directories of a Windows and these files.
    pub fn ntfs(&self, name: &str, files: &[(&str, &Path)]) -> PathBuf {
        let image = self.path(name);
        let fixture = Path::new(env!("CARGO_MANIFEST_DIR")).join("../fixtures/disks/windows.ntfs.gz");
        run(Command::new("gzip").arg("-dc").arg(fixture).stdout(File::create(&image).unwrap()));
        for (path, content) in files {
            run(Command::new("ntfscp").arg("-q").arg(&image).arg(content).arg(path));
        }
        image
    }

    /// A raw disk of so many MiB, partitioned as `sfdisk` reads it, with each content at its MiB.
    pub fn disk(&self, size: u64, table: &str, contents: &[(u64, &Path)]) -> PathBuf {
        let disk = self.empty("disk.raw", size * MIB);
        run_with(
            Command::new("sfdisk").args(["-q", "--no-reread", "--no-tell-kernel"]).arg(&disk),
            table.as_bytes(),
        );
        for (at, content) in contents {
            write(&disk, at * MIB, &fs::read(content).unwrap());
        }
        disk
    }

    /// The disk as a qcow2, made with these options.
    pub fn qcow2(&self, disk: &Path, options: &[&str]) -> PathBuf {
        let image = self.path("disk.qcow2");
        run(Command::new("qemu-img")
            .args(["convert", "-q", "-f", "raw", "-O", "qcow2"])
            .args(options)
            .arg(disk)
            .arg(&image));
        image
    }

    /// A registry of this key with these texts.
    pub fn hive(&self, key: &[&str], texts: &[(&str, &str)]) -> PathBuf {
        let hive = self.path("SOFTWARE");
        fs::write(&hive, smallest_hive()).unwrap();
        let mut script = String::new();
        for name in key {
            // Others before and behind it, as in a real one.
            script.push_str(&format!("add Aaa\nadd {name}\nadd Zzz\ncd {name}\n"));
        }
        script.push_str(&format!("setval {}\n", texts.len()));
        for (name, text) in texts {
            script.push_str(&format!("{name}\nstring:{text}\n"));
        }
        script.push_str("commit\nquit\n");
        let file = self.path("script");
        fs::write(&file, script).unwrap();
        run(Command::new("hivexsh").arg("-wf").arg(file).arg(&hive));
        hive
    }
}

/// Boot code in the first sector that leads to GRUB.
pub fn put_grub(disk: &Path) {
    write(disk, 0, b"\xeb\x63\x90");
    write(disk, 0x180, b"GRUB \0");
}

pub fn write(path: &Path, at: u64, bytes: &[u8]) {
    let mut file = OpenOptions::new().write(true).open(path).unwrap();
    file.seek(SeekFrom::Start(at)).unwrap();
    file.write_all(bytes).unwrap();
}

pub fn set_size(path: &Path, size: u64) {
    OpenOptions::new().write(true).open(path).unwrap().set_len(size).unwrap();
}

pub fn read_at(path: &Path, at: u64, count: usize) -> Vec<u8> {
    let mut bytes = vec![0; count];
    File::open(path).unwrap().read_exact_at(&mut bytes, at).unwrap();
    bytes
}

pub fn look(path: &Path, format: DiskFormat) -> Result<Inspection, Refusal> {
    inspect(File::open(path).unwrap(), format)
}

pub fn run(command: &mut Command) {
    let status = command.stderr(Stdio::null()).status().unwrap();
    assert!(status.success(), "{command:?}: {status:?}");
}

/// With this input.
pub fn run_with(command: &mut Command, input: &[u8]) {
    let mut child =
        command.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    child.stdin.take().unwrap().write_all(input).unwrap();
    assert!(child.wait().unwrap().success(), "{command:?}");
}

/// A hive with nothing but its root key: what hivexsh cannot make.
fn smallest_hive() -> Vec<u8> {
    let mut hive = vec![0; 8192];
    let mut put = |at: usize, bytes: &[u8]| hive[at..at + bytes.len()].copy_from_slice(bytes);
    let word = |value: i32| value.to_le_bytes();
    put(0, b"regf\x01\0\0\0\x01\0\0\0");
    put(20, &[word(1), word(3), word(0), word(1), word(0x20), word(4096), word(1)].concat());
    put(4096, b"hbin\0\0\0\0\0\x10\0\0");
    let cells = 4096;
    let (key, security) = (0x20, 0x80);
    put(cells + key, &word(-0x60));
    put(cells + key + 4, b"nk\x2c\0");
    put(cells + key + 4 + 28, &word(-1));
    put(cells + key + 4 + 40, &[word(-1), word(0x80), word(-1)].concat());
    put(cells + key + 4 + 72, b"\x04\0\0\0root");
    put(cells + security, &word(-0x30));
    put(cells + security + 4, b"sk\0\0");
    put(
        cells + security + 8,
        &[word(0x80), word(0x80), word(1), word(20), word(0x8000_0001_u32.cast_signed())].concat(),
    );
    put(cells + security + 0x30, &word(4096 - 0x80 - 0x30));
    let sum =
        hive[..508].chunks_exact(4).fold(0, |sum, word| sum ^ u32::from_le_bytes(word.try_into().unwrap()));
    hive[508..512].copy_from_slice(&sum.to_le_bytes());
    hive
}
