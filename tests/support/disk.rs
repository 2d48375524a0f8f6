//! Disk images: small, real, and the same for the same seed.

use std::fs::File;
use std::io::{Seek, SeekFrom, Write};
use std::path::Path;

use super::lab::run;
use super::random::Random;

/// Bytes that do not compress, the same for the same seed.
pub fn pattern(seed: u64, length: usize) -> Vec<u8> {
    let mut random = Random(seed);
    let mut bytes = Vec::with_capacity(length + 8);
    while bytes.len() < length {
        bytes.extend_from_slice(&random.word().to_le_bytes());
    }
    bytes.truncate(length);
    bytes
}

/// The size of the disks in images, in bytes.
pub const DISK: u64 = 4 << 20;

/// Makes `path` a qcow2 image of [`DISK`] bytes with 1 MiB of data, and gives the SHA-256 of the disk in it.
pub fn qcow2(path: &Path, seed: u64) -> String {
    qcow2_with(path, seed, 1 << 20, DISK)
}

/// The same with so many MiB of data, and a disk that is a little larger.
pub fn large_qcow2(path: &Path, seed: u64, mebibytes: u32) -> String {
    let data = usize::try_from(mebibytes).unwrap() << 20;
    qcow2_with(path, seed, data, u64::from(mebibytes + 3) << 20)
}

fn qcow2_with(path: &Path, seed: u64, data: usize, disk: u64) -> String {
    let raw = path.with_extension("as-raw");
    let mut file = File::create(&raw).unwrap();
    file.set_len(disk).unwrap();
    // Not from its start, where a random boot sector could look like something.
    file.seek(SeekFrom::Start(1 << 20)).unwrap();
    file.write_all(&pattern(seed, data)).unwrap();
    drop(file);
    let content = digest(&raw);
    run(
        "qemu-img",
        &["convert", "-q", "-f", "raw", "-O", "qcow2", raw.to_str().unwrap(), path.to_str().unwrap()],
    );
    std::fs::remove_file(raw).unwrap();
    content
}

/// What the real `fsverity` prints for a file: of a raw disk it is the content.
pub fn digest(path: &Path) -> String {
    first_word(&run("fsverity", &["digest", "--compact", path.to_str().unwrap()]))
}

/// A file's SHA-256, in lower-case hexadecimal.
pub fn sha256(path: &Path) -> String {
    first_word(&run("sha256sum", &[path.to_str().unwrap()]))
}

/// A file's MD5, in lower-case hexadecimal.
pub fn md5(path: &Path) -> String {
    first_word(&run("md5sum", &[path.to_str().unwrap()]))
}

fn first_word(line: &str) -> String {
    line.split_whitespace().next().unwrap().to_owned()
}
