//! The content of bytes that come in order.

use super::Measured;
use super::tree::{BLOCK, Tree, leaf};

/// Makes the content of a disk's bytes while they come, for instance while they are written to a file.
#[derive(Debug, Clone)]
pub struct Hasher {
    tree: Tree,
    /// The block that is not whole yet.
    block: Box<[u8; BLOCK]>,
    filled: usize,
    size: u64,
    data_size: u64,
}

impl Default for Hasher {
    fn default() -> Self {
        Self::new()
    }
}

impl Hasher {
    /// That of a disk without a byte.
    pub fn new() -> Self {
        Self { tree: Tree::default(), block: Box::new([0; BLOCK]), filled: 0, size: 0, data_size: 0 }
    }

    /// Adds bytes of data.
    pub fn update(&mut self, mut bytes: &[u8]) {
        self.size += bytes.len() as u64;
        self.data_size += bytes.len() as u64;
        if self.filled > 0 {
            let count = bytes.len().min(BLOCK - self.filled);
            let (first, rest) = bytes.split_at(count);
            self.block[self.filled..self.filled + count].copy_from_slice(first);
            self.advance(count);
            bytes = rest;
        }
        let (blocks, rest) = bytes.as_chunks::<BLOCK>();
        for block in blocks {
            self.tree.push(0, leaf(block));
        }
        if !rest.is_empty() {
            self.block[..rest.len()].copy_from_slice(rest);
            self.filled = rest.len();
        }
    }

    /// Adds so many zeros that are no data; how many hardly matters for the time.
    pub fn skip_zeros(&mut self, count: u64) {
        self.size += count;
        let mut left = count;
        if self.filled > 0 {
            let first = left.min((BLOCK - self.filled) as u64);
            // What is not filled of the block is zero.
            self.advance(first as usize);
            left -= first;
        }
        self.tree.push_zeros(left / BLOCK as u64);
        self.filled += (left % BLOCK as u64) as usize;
    }

    /// The content of all that came.
    pub fn finalize(mut self) -> Measured {
        if self.filled > 0 {
            self.tree.push(0, leaf(&self.block));
        }
        let (virtual_size, data_size) = (self.size, self.data_size);
        Measured { content: self.tree.digest(virtual_size), virtual_size, data_size }
    }

    /// So many more bytes of the block are as they shall be.
    fn advance(&mut self, count: usize) {
        self.filled += count;
        if self.filled == BLOCK {
            self.tree.push(0, leaf(&self.block));
            self.block.fill(0);
            self.filled = 0;
        }
    }
}
