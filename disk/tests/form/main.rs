//! Disks as other files, which the tools of QEMU read.
#![allow(clippy::expect_used, clippy::panic, clippy::unwrap_used, reason = "a test fails by panicking")]

mod control;
mod every_form;
mod hostile;
mod stored_disk;

use std::fs::File;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use ays_disk::StoredDisk;
use ays_model::DiskFormat;
use tempfile::{TempDir, tempdir};

const MIB: u64 = 1 << 20;

/// Bytes that do not pack.
fn noise(length: usize) -> Vec<u8> {
    let mut seed = length as u64 | 1;
    let next = || {
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (seed >> 24).to_le_bytes()
    };
    let mut bytes: Vec<u8> = std::iter::repeat_with(next).take(length.div_ceil(8)).flatten().collect();
    bytes.truncate(length);
    bytes
}

/// A directory with files in it.
struct Workshop(TempDir);

impl Workshop {
    fn new() -> Self {
        Self(tempdir().unwrap())
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    /// A raw disk of so many bytes, all of it a hole but these places.
    fn raw(&self, size: u64, places: &[(u64, Vec<u8>)]) -> PathBuf {
        let path = self.path("disk.raw");
        let file = File::create(&path).unwrap();
        file.set_len(size).unwrap();
        for (at, bytes) in places {
            file.write_all_at(bytes, *at).unwrap();
        }
        path
    }

    /// A raw disk as a qcow2 that is made with these options.
    fn qcow2(&self, raw: &Path, options: &[&str]) -> PathBuf {
        let path = self.path("disk.qcow2");
        let arguments = [&["convert", "-q", "-f", "raw", "-O", "qcow2"], options].concat();
        qemu_img(&arguments, &[raw, &path]);
        path
    }
}

fn open(path: &Path, format: DiskFormat) -> StoredDisk {
    StoredDisk::open(File::open(path).unwrap(), format).unwrap()
}

/// What `qemu-img` prints, which must succeed.
fn qemu_img(arguments: &[&str], files: &[&Path]) -> String {
    let output = Command::new("qemu-img").args(arguments).args(files).output().unwrap();
    assert!(output.status.success(), "{arguments:?} {files:?}: {output:?}");
    String::from_utf8(output.stdout).unwrap()
}
