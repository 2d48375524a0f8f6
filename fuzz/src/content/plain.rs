//! The digest of fs-verity by its definition: from the top, one block after the other.

use std::collections::BTreeMap;

use sha2::{Digest, Sha256};

/// Of data and of hashes, in bytes.
pub const BLOCK: usize = 4096;

const FAN: u64 = 128;

type Hash = [u8; 32];

/// The blocks of a disk that may be other than zeros, by their number.
pub type Blocks = BTreeMap<u64, Vec<u8>>;

/// Writes bytes to a place of a disk.
pub fn put(blocks: &mut Blocks, mut place: u64, mut bytes: &[u8]) {
    while !bytes.is_empty() {
        let within = (place % BLOCK as u64) as usize;
        let (first, rest) = bytes.split_at(bytes.len().min(BLOCK - within));
        let block = blocks.entry(place / BLOCK as u64).or_insert_with(|| vec![0; BLOCK]);
        block[within..within + first.len()].copy_from_slice(first);
        place += first.len() as u64;
        bytes = rest;
    }
}

/// The digest of a disk of `size` bytes.
pub fn digest(size: u64, blocks: &Blocks) -> Hash {
    let count = size.div_ceil(BLOCK as u64);
    let mut level = 0;
    while FAN.pow(level) < count {
        level += 1;
    }
    let root = if size == 0 { [0; 32] } else { subtree(level, 0, count, blocks) };
    let mut descriptor = Vec::new();
    descriptor.extend([1, 1, 12, 0, 0, 0, 0, 0]);
    descriptor.extend(size.to_le_bytes());
    descriptor.extend(root);
    descriptor.resize(256, 0);
    Sha256::digest(descriptor).into()
}

/// The hash over all blocks from `first` on that are below one hash of this level.
fn subtree(level: u32, first: u64, count: u64, blocks: &Blocks) -> Hash {
    let end = first + FAN.pow(level);
    if end <= count && blocks.range(first..end).next().is_none() {
        return zeros(level);
    }
    let Some(below) = level.checked_sub(1) else {
        return blocks.get(&first).map_or_else(|| zeros(0), |block| Sha256::digest(block).into());
    };
    let mut hashes = Vec::new();
    for child in (first..end.min(count)).step_by(FAN.pow(below) as usize) {
        hashes.extend(subtree(below, child, count, blocks));
    }
    hashes.resize(BLOCK, 0);
    Sha256::digest(hashes).into()
}

fn zeros(level: u32) -> Hash {
    match level.checked_sub(1) {
        None => Sha256::digest([0; BLOCK]).into(),
        Some(below) => Sha256::digest(zeros(below).repeat(FAN as usize)).into(),
    }
}
