//! The content of disks: whatever the file, it is what a plain implementation says, and a hostile qcow2 costs no more
//! than the data in it.
//!
//! The first byte of the input is what it is about: a raw file with some data in it, a qcow2 made from nothing, or
//! changes in `fixtures/disks/linux.qcow2.gz` (each four bytes are a place, little endian, and the byte there).

pub mod plain;
mod plain_qcow2;
mod small_qcow2;

use std::fs::File;
use std::os::unix::fs::FileExt;

use arbitrary::{Result, Unstructured};
use ays_disk::content::{Control, Error, Hasher, Measured, digest};
use ays_model::DiskFormat;
use plain::{BLOCK, Blocks};

/// A larger file is too large for some file systems.
const LARGEST: u64 = 8 << 40;

/// Some data of a disk.
#[derive(Debug, Clone)]
pub struct Extent {
    /// Its place on the disk, taken modulo the disk's size.
    pub place: u64,
    /// In bytes.
    pub length: u32,
    /// What its bytes begin with; 0: all of them are zero.
    pub seed: u8,
}

/// See the module.
pub fn check(data: &[u8]) {
    let Some((kind, rest)) = data.split_first() else { return };
    match kind % 3 {
        // What is too short for a disk says nothing.
        0 => _ = arbitrary_raw(&mut Unstructured::new(rest)),
        1 => _ = small_qcow2::make(&mut Unstructured::new(rest)).map(|image| check_qcow2(&image)),
        _ => {
            let packed = include_bytes!("../../fixtures/disks/linux.qcow2.gz");
            let Some(mut image) = crate::disk::unpacked(packed) else { return };
            for change in rest.chunks_exact(4) {
                let place = u32::from_le_bytes([change[0], change[1], change[2], 0]) as usize % image.len();
                image[place] = change[3];
            }
            check_qcow2(&image);
        }
    }
}

fn arbitrary_raw(data: &mut Unstructured<'_>) -> Result<()> {
    let size = (data.arbitrary::<u64>()? >> data.int_in_range(0..=63)?) % (LARGEST + 1);
    let mut extents = Vec::new();
    while !data.is_empty() && extents.len() < 8 {
        let length = data.arbitrary::<u32>()? >> data.int_in_range(11..=31)?;
        extents.push(Extent { place: data.arbitrary()?, length, seed: data.arbitrary()? });
    }
    check_raw(size, &extents);
    Ok(())
}

/// Panics when a raw file of this size, and its bytes in order, have not the content that the plain implementation says.
pub fn check_raw(size: u64, extents: &[Extent]) {
    let Ok(file) = tempfile::tempfile() else { return };
    if file.set_len(size).is_err() {
        return;
    }
    let mut blocks = Blocks::default();
    for extent in extents.iter().filter(|_| size > 0) {
        let place = extent.place % size;
        let length = u64::from(extent.length).min(size - place) as usize;
        let bytes: Vec<u8> = (0..length).map(|at| extent.seed.wrapping_mul((at / 7) as u8 | 1)).collect();
        if file.write_all_at(&bytes, place).is_err() {
            return;
        }
        plain::put(&mut blocks, place, &bytes);
    }
    let expected = plain::digest(size, &blocks);
    let measured = digest(&file, DiskFormat::Raw, Control::default());
    assert!(
        matches!(measured, Ok(Measured { content, virtual_size, .. })
            if content == expected && virtual_size == size),
        "{measured:?} of {size} bytes with {extents:?}"
    );
    let in_order = in_order(size, &blocks);
    assert_eq!((in_order.content, in_order.virtual_size), (expected, size), "in order, with {extents:?}");
}

/// The content of the same bytes as they come, zeros at a block's ends being skipped.
fn in_order(size: u64, blocks: &Blocks) -> Measured {
    let mut hasher = Hasher::new();
    let mut position = 0;
    for (number, block) in blocks {
        let Some(first) = block.iter().position(|byte| *byte != 0) else { continue };
        let last = block.iter().rposition(|byte| *byte != 0).map_or(first, |last| last + 1);
        let start = number * BLOCK as u64;
        hasher.skip_zeros(start + first as u64 - position);
        let (one, two) = block[first..last].split_at((last - first) / 3);
        hasher.update(one);
        hasher.update(two);
        position = start + last as u64;
    }
    hasher.skip_zeros(size - position);
    hasher.finalize()
}

fn check_qcow2(image: &[u8]) {
    let Ok(file) = tempfile::tempfile() else { return };
    let written = file.set_len(image.len() as u64).and_then(|()| write_data(&file, image));
    if written.is_err() {
        return;
    }
    let measured = match digest(&file, DiskFormat::Qcow2, Control::default()) {
        Err(Error::MoreThanData | Error::Refused(_)) => return,
        measured => measured,
    };
    let expected = plain_qcow2::read(image).map(|(size, blocks)| (size, plain::digest(size, &blocks)));
    let found = measured.as_ref().ok().map(|measured| (measured.virtual_size, measured.content));
    assert_eq!(found, expected, "{measured:?}");
}

/// Leaves a hole where there is nothing but zeros.
fn write_data(file: &File, image: &[u8]) -> std::io::Result<()> {
    for (block, at) in image.chunks(BLOCK).zip((0..).step_by(BLOCK)) {
        if block.iter().any(|byte| *byte != 0) {
            file.write_all_at(block, at)?;
        }
    }
    Ok(())
}
