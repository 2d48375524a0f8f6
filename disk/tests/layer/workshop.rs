//! Disks made by mkfs.ext4, debugfs, sfdisk and qemu-img; nothing is mounted.

use std::fs::{self, File};
use std::io::Write;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use ays_disk::layer::{self, LayerError, LayerWritten};
use ays_disk::{StoredDisk, WriteControl};
use ays_model::DiskFormat;
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

    pub fn empty(&self, name: &str, size: u64) -> PathBuf {
        let path = self.path(name);
        File::create(&path).unwrap().set_len(size).unwrap();
        path
    }

    /// A directory with these files.
    pub fn tree(&self, name: &str, files: &[(&str, &[u8])]) -> PathBuf {
        let tree = self.path(name);
        fs::create_dir_all(&tree).unwrap();
        for (path, content) in files {
            let path = tree.join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, content).unwrap();
        }
        tree
    }

    /// A file system of so many MiB with what is in this directory.
    pub fn ext4(&self, name: &str, size: u64, tree: &Path, options: &[&str]) -> PathBuf {
        let image = self.empty(name, size * MIB);
        run(Command::new("mkfs.ext4").arg("-qF").args(options).arg("-d").arg(tree).arg(&image));
        image
    }

    /// One of 8 MiB with these files; without checksums, so that debugfs takes it whatever is changed.
    pub fn small(&self, files: &[(&str, &[u8])]) -> PathBuf {
        let tree = self.tree("small.tree", files);
        self.ext4("small.ext4", 8, &tree, &["-O", "^metadata_csum"])
    }

    /// A raw disk of so many MiB, partitioned as `sfdisk` reads it, with each content at its MiB.
    pub fn disk(&self, size: u64, table: &str, contents: &[(u64, &Path)]) -> PathBuf {
        let disk = self.empty("disk.raw", size * MIB);
        let mut child = Command::new("sfdisk")
            .args(["-q", "--no-reread", "--no-tell-kernel"])
            .arg(&disk)
            .stdin(Stdio::piped())
            .spawn()
            .unwrap();
        child.stdin.take().unwrap().write_all(table.as_bytes()).unwrap();
        assert!(child.wait().unwrap().success());
        let file = fs::OpenOptions::new().write(true).open(&disk).unwrap();
        for (at, content) in contents {
            let content = fs::read(content).unwrap();
            // Zeros stay holes.
            for (block, at) in content.chunks(4096).zip((at * MIB..).step_by(4096)) {
                if block.iter().any(|byte| *byte != 0) {
                    file.write_all_at(block, at).unwrap();
                }
            }
        }
        disk
    }
}

pub fn run(command: &mut Command) {
    let output = command.output().unwrap();
    assert!(output.status.success(), "{command:?}: {output:?}");
}

/// Changes a file system by commands of debugfs.
pub fn debugfs(image: &Path, commands: &[&str]) {
    for command in commands {
        let output = Command::new("debugfs").args(["-w", "-R", command]).arg(image).output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr);
        // It succeeds whatever it says; the first line is its version.
        assert!(output.status.success() && said.lines().count() == 1, "{command}: {said}");
    }
}

pub fn open(path: &Path, format: DiskFormat) -> StoredDisk {
    StoredDisk::open(File::open(path).unwrap(), format).unwrap()
}

/// The layer of the disk in a file.
pub fn layer(path: &Path, format: DiskFormat) -> Result<(Vec<u8>, LayerWritten), LayerError> {
    let mut tar = Vec::new();
    let root = layer::find_root(&open(path, format))?;
    let written = layer::write_layer(&root, &mut tar, WriteControl::default())?;
    assert_eq!(written.length, tar.len() as u64);
    Ok((tar, written))
}

/// Why there is no layer, with all causes.
pub fn refusal(path: &Path) -> String {
    let error = layer(path, DiskFormat::Raw).map(|(_, written)| written).unwrap_err();
    ays_model::causes(&error)
}

/// The names in a tar, as GNU tar lists them.
pub fn names(tar: &[u8]) -> Vec<String> {
    let mut child = Command::new("tar")
        .args(["-t", "--quoting-style=literal"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut input = child.stdin.take().unwrap();
    let tar = tar.to_vec();
    let writer = std::thread::spawn(move || input.write_all(&tar));
    let output = child.wait_with_output().unwrap();
    writer.join().unwrap().unwrap();
    assert!(output.status.success(), "{output:?}");
    String::from_utf8(output.stdout).unwrap().lines().map(str::to_owned).collect()
}
