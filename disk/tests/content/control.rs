//! What a caller sees and says meanwhile.

use std::fs::{self, File};
use std::os::unix::fs::FileExt;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use ays_disk::content::{Control, Error, Progress, digest};
use ays_model::DiskFormat;
use tempfile::tempdir;

use crate::noise;

fn disk(data: usize, size: u64) -> File {
    let file = tempfile::tempfile().unwrap();
    file.set_len(size).unwrap();
    file.write_all_at(&noise(data), 0).unwrap();
    file
}

#[test]
fn progress_goes_up_to_the_end() {
    let file = disk(5_000_000, 1 << 30);
    let mut seen = Vec::new();
    let control = Control { progress: Some(&mut |progress| seen.push(progress)), ..Control::default() };
    let measured = digest(&file, DiskFormat::Raw, control).unwrap();
    assert!(seen.is_sorted_by(|a, b| a.position < b.position && a.data <= b.data), "{seen:?}");
    let (virtual_size, data) = (1 << 30, measured.data_size);
    assert_eq!(seen.last(), Some(&Progress { position: virtual_size, virtual_size, data }));
    assert_eq!(seen.first().map(|first| first.position), Some(512 << 10));
}

#[test]
fn every_byte_of_data_is_paced() {
    let file = disk(2 << 20, 1 << 40);
    let read = AtomicUsize::new(0);
    let pace = |bytes| {
        read.fetch_add(bytes, Ordering::Relaxed);
        Duration::from_millis(1)
    };
    let measured =
        digest(&file, DiskFormat::Raw, Control { pace: Some(&pace), ..Control::default() }).unwrap();
    assert_eq!(read.into_inner() as u64, measured.data_size);
    assert_eq!(measured.data_size, 2 << 20);
}

#[test]
fn a_long_wait_is_cancelled() {
    let file = disk(4 << 20, 4 << 20);
    let begun = Instant::now();
    let cancelled = || begun.elapsed() > Duration::from_millis(300);
    let pace = |_| Duration::from_secs(3600);
    let control = Control { pace: Some(&pace), cancelled: Some(&cancelled), ..Control::default() };
    let ended = digest(&file, DiskFormat::Raw, control);
    assert!(matches!(ended, Err(Error::Cancelled)), "{ended:?}");
    assert!(begun.elapsed() < Duration::from_secs(10), "{:?}", begun.elapsed());
}

#[test]
fn a_directory_has_no_content() {
    let directory = tempdir().unwrap();
    let ended = digest(&File::open(directory.path()).unwrap(), DiskFormat::Raw, Control::default());
    assert!(matches!(ended, Err(Error::NotAFile)), "{ended:?}");
}

#[test]
fn what_cannot_be_read_is_an_error_and_no_digest() {
    let directory = tempdir().unwrap();
    let path = directory.path().join("disk.raw");
    fs::write(&path, noise(1 << 20)).unwrap();
    // A file that is open for writing only.
    let file = File::options().write(true).open(&path).unwrap();
    let ended = digest(&file, DiskFormat::Raw, Control::default());
    assert!(matches!(ended, Err(Error::Read { at: 0, .. })), "{ended:?}");
}
