//! Raw files against `fsverity digest`.

use std::fs::{self, File};
use std::os::unix::fs::FileExt;

use ays_disk::content::{Control, Hasher, Measured, digest};
use ays_model::DiskFormat;
use tempfile::tempdir;

use crate::{OF_NOTHING, by_fsverity, hex, measure, noise};

const SPAN: usize = 512 << 10;

#[test]
fn dense_files_of_all_kinds_of_sizes() {
    let directory = tempdir().unwrap();
    let path = directory.path().join("disk.raw");
    let large = 128 * SPAN;
    let bytes = noise(large + SPAN + 1);
    for size in [
        0,
        1,
        4095,
        4096,
        4097,
        12_345,
        SPAN - 1,
        SPAN,
        SPAN + 1,
        SPAN + 4096,
        3 * SPAN + 777,
        large - 4096,
        large - 1,
        large,
        large + 1,
        large + SPAN + 1,
    ] {
        fs::write(&path, &bytes[..size]).unwrap();
        let expected = by_fsverity(&path);
        let measured = measure(&path, DiskFormat::Raw).unwrap();
        assert_eq!(hex(measured.content), expected, "{size} bytes");
        assert_eq!((measured.virtual_size, measured.data_size), (size as u64, size as u64));
        let mut hasher = Hasher::new();
        bytes[..size].chunks(100_000).for_each(|chunk| hasher.update(chunk));
        assert_eq!(hasher.finalize(), measured, "{size} bytes in order");
    }
}

#[test]
fn the_empty_file() {
    let nothing = Hasher::new().finalize();
    assert_eq!(hex(nothing.content), OF_NOTHING);
    assert_eq!((nothing.virtual_size, nothing.data_size), (0, 0));
}

#[test]
fn sparse_files() {
    let directory = tempdir().unwrap();
    let path = directory.path().join("disk.raw");
    let span = SPAN as u64;
    let bytes = noise(3 * 4096);
    for (size, places) in [
        (1, &[][..]),
        (4096, &[]),
        (span - 1, &[]),
        (128 * span, &[]),
        (128 * span + 4097, &[0, 7 * span + 4096]),
        (600 << 20, &[3, span - 5000, 130 * span - 4096, (600 << 20) - 12_288]),
    ] {
        let file = File::create(&path).unwrap();
        file.set_len(size).unwrap();
        for place in places {
            file.write_all_at(&bytes, *place).unwrap();
        }
        let measured = measure(&path, DiskFormat::Raw).unwrap();
        assert_eq!(hex(measured.content), by_fsverity(&path), "{size} bytes");
        assert_eq!(measured.virtual_size, size);
        // File systems tell data by blocks of their own.
        let most = places.len() as u64 * (bytes.len() as u64 + 2 * 65536);
        assert!(measured.data_size <= most, "{} of {size} bytes are read", measured.data_size);
    }
}

#[test]
fn files_that_fsverity_needs_long_for() {
    // Past the third level of hashes.
    let size = (8 << 30) + 1;
    let file = tempfile::tempfile().unwrap();
    file.set_len(size).unwrap();
    for (place, bytes) in [(0, &b"ays"[..]), (5 << 30, b"ays"), (8 << 30, b"a")] {
        file.write_all_at(bytes, place).unwrap();
    }
    let measured = digest(&file, DiskFormat::Raw, Control::default()).unwrap();
    // What it printed.
    assert_eq!(hex(measured.content), "53d9722a61e21aa301f2b57b1afbb433311c24446031e2e85b57267cf85cd6e2");
}

#[test]
fn zeros_that_were_written_are_as_a_hole_and_other_data_is_not() {
    let directory = tempdir().unwrap();
    let path = directory.path().join("disk.raw");
    let mut bytes = noise(3 * SPAN);
    bytes[SPAN..2 * SPAN].fill(0);
    fs::write(&path, &bytes).unwrap();
    let written = measure(&path, DiskFormat::Raw).unwrap();
    let write = |ranges: &[std::ops::Range<usize>]| {
        let file = File::create(&path).unwrap();
        file.set_len(bytes.len() as u64).unwrap();
        for range in ranges {
            file.write_all_at(&bytes[range.clone()], range.start as u64).unwrap();
        }
    };
    write(&[0..SPAN, 2 * SPAN..3 * SPAN]);
    let holed = measure(&path, DiskFormat::Raw).unwrap();
    assert_eq!(holed, Measured { data_size: 2 * SPAN as u64, ..written });
    write(&[0..SPAN, 2 * SPAN..3 * SPAN - 4096]);
    assert_ne!(measure(&path, DiskFormat::Raw).unwrap().content, written.content);
}
