//! The content of disks, against the tools of fs-verity and QEMU.
#![allow(clippy::expect_used, clippy::panic, clippy::unwrap_used, reason = "a test fails by panicking")]

mod control;
mod fsverity;
mod hostile;
mod qcow2;

use std::fs::File;
use std::path::Path;
use std::process::Command;

use ays_disk::content::{Control, Error, Measured, digest};
use ays_model::DiskFormat;

/// The digest of an empty file, as `fsverity digest` prints it.
const OF_NOTHING: &str = "3d248ca542a24fc62d1c43b916eae5016878e2533c88238480b26128a1f1af95";

fn measure(path: &Path, format: DiskFormat) -> Result<Measured, Error> {
    digest(&File::open(path).unwrap(), format, Control::default())
}

fn hex(content: [u8; 32]) -> String {
    content.map(|byte| format!("{byte:02x}")).concat()
}

/// Bytes that no block has twice.
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

/// What the command prints.
fn output(command: &mut Command) -> String {
    let output = command.output().unwrap();
    assert!(output.status.success(), "{command:?}: {output:?}");
    String::from_utf8(output.stdout).unwrap().trim().to_owned()
}

/// What `fsverity digest` says of a file.
fn by_fsverity(path: &Path) -> String {
    output(Command::new("fsverity").args(["digest", "--compact"]).arg(path))
}
