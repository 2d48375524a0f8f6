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

#[test]
fn pieces_with_data_are_told_in_order_and_zeros_are_not() {
    const PIECE: u64 = 512 << 10;
    let file = tempfile::tempfile().unwrap();
    file.set_len(40 * PIECE + 4096).unwrap();
    // The first, half of the third and its neighbour, zeros that were written, and the last, which is short.
    file.write_all_at(&noise(1 << 19), 0).unwrap();
    file.write_all_at(&noise(1 << 19), 2 * PIECE + (PIECE / 2)).unwrap();
    file.write_all_at(&vec![0; 1 << 20], 10 * PIECE).unwrap();
    file.write_all_at(b"end", 40 * PIECE).unwrap();
    let pieces = |file: &File| {
        let mut told = Vec::new();
        let mut tell = |number, hash| told.push((number, hash));
        digest(file, DiskFormat::Raw, Control { pieces: Some(&mut tell), ..Control::default() }).unwrap();
        told
    };
    let before = pieces(&file);
    assert_eq!(before.iter().map(|(number, _)| *number).collect::<Vec<_>>(), [0, 2, 3, 40]);
    file.write_all_at(b"x", 3 * PIECE).unwrap();
    let after = pieces(&file);
    let changed: Vec<_> = before.iter().zip(&after).filter(|(one, other)| one != other).collect();
    assert_eq!(changed.iter().map(|(one, _)| one.0).collect::<Vec<_>>(), [3]);
    // A file that holds one piece has its hash as its only one.
    let alone = tempfile::tempfile().unwrap();
    alone.write_all_at(&noise(1 << 19), 0).unwrap();
    assert_eq!(pieces(&alone), [(0, before[0].1)]);
}
