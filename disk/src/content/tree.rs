//! The Merkle tree of fs-verity, built from the left with one unfinished hash block a level.

use std::sync::LazyLock;

use sha2::{Digest, Sha256};

/// Of data and of hashes alike, in bytes.
pub(crate) const BLOCK: usize = 4096;

/// How many hashes are in a hash block.
pub(crate) const FAN: usize = BLOCK / size_of::<Hash>();

/// Enough levels for all the blocks of 2^64 bytes.
const LEVELS: usize = 8;

const ZERO_BLOCK: [u8; BLOCK] = [0; BLOCK];

/// A SHA-256.
pub(crate) type Hash = [u8; 32];

/// The hashes of the subtrees of each level below which everything is zero.
static ZEROS: LazyLock<[Hash; LEVELS]> = LazyLock::new(|| {
    let mut hash: Hash = Sha256::digest(ZERO_BLOCK).into();
    std::array::from_fn(|level| {
        if level > 0 {
            hash = parent(&[hash; FAN]);
        }
        hash
    })
});

/// The hash of a block of data.
pub(crate) fn leaf(block: &[u8; BLOCK]) -> Hash {
    // To compare is ten times as fast as to hash, and ends at the first other byte.
    if *block == ZERO_BLOCK { ZEROS[0] } else { Sha256::digest(block).into() }
}

/// The hash of a block of zeros.
pub(crate) fn zero_leaf() -> Hash {
    ZEROS[0]
}

/// The hash of [`FAN`] blocks of zeros.
pub(crate) fn zero_span() -> Hash {
    ZEROS[1]
}

/// The hash of a block of hashes, filled up with zeros.
pub(crate) fn parent(hashes: &[Hash]) -> Hash {
    let bytes = hashes.as_flattened();
    Sha256::new().chain_update(bytes).chain_update(&ZERO_BLOCK[bytes.len()..]).finalize().into()
}

/// The tree over the blocks so far.
#[derive(Debug, Clone, Default)]
pub(crate) struct Tree {
    /// The hashes of each level that are not in a whole block yet; the last level has some.
    levels: Vec<Vec<Hash>>,
}

impl Tree {
    /// Adds the hash of a subtree that is whole: at level 0 of a block, at level 1 of [`FAN`] blocks, and so on. The
    /// levels below must have no unfinished block.
    pub fn push(&mut self, mut level: usize, mut hash: Hash) {
        debug_assert!(self.levels.iter().take(level).all(Vec::is_empty), "a subtree at an odd place");
        loop {
            if self.levels.len() <= level {
                self.levels.resize_with(level + 1, Vec::new);
            }
            let hashes = &mut self.levels[level];
            hashes.push(hash);
            if hashes.len() < FAN {
                return;
            }
            hash = parent(hashes);
            hashes.clear();
            level += 1;
        }
    }

    /// Adds blocks of zeros: in at most some thousand steps, however many they are.
    pub fn push_zeros(&mut self, mut blocks: u64) {
        while blocks > 0 {
            let aligned = self.levels.iter().take_while(|hashes| hashes.is_empty()).count();
            // Where nothing is unfinished nothing has been added yet, and any subtree fits.
            let fits = if aligned == self.levels.len() { LEVELS - 1 } else { aligned };
            let level = fits.min(blocks.ilog(FAN as u64) as usize);
            self.push(level, ZEROS[level]);
            blocks -= (FAN as u64).pow(level as u32);
        }
    }

    /// The digest of a file of this size with this tree.
    pub fn digest(self, size: u64) -> Hash {
        // `struct fsverity_descriptor` of Linux; what is not set here is zero: salt, its size, the signature's.
        const VERSION: u8 = 1;
        const SHA_256: u8 = 1;
        const LOG_BLOCK: u8 = BLOCK.ilog2() as u8;
        let mut descriptor = [0; 256];
        descriptor[..3].copy_from_slice(&[VERSION, SHA_256, LOG_BLOCK]);
        descriptor[8..16].copy_from_slice(&size.to_le_bytes());
        descriptor[16..48].copy_from_slice(&self.root());
        Sha256::digest(descriptor).into()
    }

    /// The one hash on top; zeros where there is no block.
    fn root(self) -> Hash {
        let levels = self.levels.len();
        let mut below: Option<Hash> = None;
        for (level, mut hashes) in self.levels.into_iter().enumerate() {
            hashes.extend(below.take());
            below = match hashes[..] {
                [] => None,
                [root] if level + 1 == levels => Some(root),
                _ => Some(parent(&hashes)),
            };
        }
        below.unwrap_or_default()
    }
}
