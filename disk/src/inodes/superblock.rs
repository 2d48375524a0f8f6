//! What describes the file system as a whole.

use super::ReadError;
use crate::bytes::{le16, le32};

/// Incompatible features: who does not know one, must not read.
const FILE_SYSTEM_IS_COMPRESSED: u32 = 0x1;
const RECOVER: u32 = 0x4;
const JOURNAL_ALONE: u32 = 0x8;
const META_GROUPS: u32 = 0x10;
const SIXTY_FOUR_BITS: u32 = 0x80;
const VALUES_IN_INODES: u32 = 0x400;
const DATA_IN_DIRECTORIES: u32 = 0x1000;

/// Names with types, extents, several mounts, groups that are put together, seeds of checksums, large directories, data in
/// inodes, encrypted files (which are refused one by one) and names that are alike in upper and lower case.
const KNOWN: u32 = 0x2
    | RECOVER
    | META_GROUPS
    | 0x40
    | SIXTY_FOUR_BITS
    | 0x100
    | 0x200
    | 0x2000
    | 0x4000
    | 0x8000
    | 0x10000
    | 0x20000;

#[derive(Clone)]
pub(super) struct Superblock {
    /// In bytes.
    pub block_size: u64,
    /// How many there are.
    pub inodes: u32,
    /// In bytes.
    pub inode_size: usize,
    /// In bytes.
    pub descriptor_size: usize,
    inodes_per_group: u32,
    blocks_per_group: u32,
    first_block: u32,
    /// From this block of descriptors on, these are in the groups that they are about.
    first_meta_group: Option<u32>,
    copies: Copies,
}

/// Which groups begin with a copy of the superblock.
#[derive(Clone)]
enum Copies {
    All,
    /// Those that are powers of 3, 5 and 7, and the first two.
    Sparse,
    /// The first one and these.
    Two([u32; 2]),
}

impl Superblock {
    pub fn new(bytes: &[u8; 1024]) -> Result<Self, ReadError> {
        const SPARSE: u32 = 0x1;
        const TWO_COPIES: u32 = 0x200;
        if le16(bytes, 56) != 0xef53 {
            return Err(ReadError::Damaged("it has no superblock"));
        }
        let is_first_revision = le32(bytes, 76) == 0;
        let features = |at| if is_first_revision { 0 } else { le32(bytes, at) };
        let (compatible, incompatible, read_only) = (features(92), features(96), features(100));
        check(incompatible)?;
        let damaged = ReadError::Damaged("its superblock contradicts itself");
        let block_bits = le32(bytes, 24);
        if block_bits > 6 {
            return Err(damaged);
        }
        let block_size = 1024 << block_bits;
        let inode_size = if is_first_revision { 128 } else { usize::from(le16(bytes, 88)) };
        let descriptor_size = match incompatible & SIXTY_FOUR_BITS {
            0 => 32,
            _ => usize::from(le16(bytes, 254)),
        };
        let (inodes_per_group, blocks_per_group) = (le32(bytes, 40), le32(bytes, 32));
        let is_sound = inodes_per_group > 0
            && blocks_per_group > 0
            && inode_size.is_power_of_two()
            && (128..=block_size as usize).contains(&inode_size)
            && descriptor_size.is_power_of_two()
            && (32..=1024).contains(&descriptor_size);
        if !is_sound {
            return Err(damaged);
        }
        let copies = match (compatible & TWO_COPIES, read_only & SPARSE) {
            (0, 0) => Copies::All,
            (0, _) => Copies::Sparse,
            _ => Copies::Two([le32(bytes, 588), le32(bytes, 592)]),
        };
        Ok(Self {
            block_size,
            inodes: le32(bytes, 0),
            inode_size,
            descriptor_size,
            inodes_per_group,
            blocks_per_group,
            first_block: le32(bytes, 20),
            first_meta_group: (incompatible & META_GROUPS != 0).then(|| le32(bytes, 260)),
            copies,
        })
    }

    /// The group of an inode, and which one of the group it is.
    pub fn place_of(&self, number: u32) -> (u32, u32) {
        let index = number - 1;
        (index / self.inodes_per_group, index % self.inodes_per_group)
    }

    /// Where in the file system the descriptor of a group is, in bytes.
    pub fn descriptor_at(&self, group: u32) -> Option<u64> {
        // A block has at least one, as the largest descriptor is as long as the smallest block.
        let in_block = (self.block_size / self.descriptor_size as u64) as u32;
        let (table, within) = (group / in_block, u64::from(group % in_block));
        let block = match self.first_meta_group {
            Some(first) if table >= first => {
                let group = table.checked_mul(in_block)?;
                let start = u64::from(self.first_block) + u64::from(group) * u64::from(self.blocks_per_group);
                start + u64::from(self.begins_with_copy(group))
            }
            _ => u64::from(self.first_block) + 1 + u64::from(table),
        };
        block.checked_mul(self.block_size)?.checked_add(within * self.descriptor_size as u64)
    }

    fn begins_with_copy(&self, group: u32) -> bool {
        match self.copies {
            Copies::All => true,
            Copies::Sparse => group <= 1 || [3, 5, 7].into_iter().any(|base| is_power_of(base, group)),
            Copies::Two(groups) => group == 0 || groups.contains(&group),
        }
    }
}

fn check(features: u32) -> Result<(), ReadError> {
    for (feature, name) in [
        (FILE_SYSTEM_IS_COMPRESSED, "compressed files"),
        (JOURNAL_ALONE, "a journal without files"),
        (VALUES_IN_INODES, "attributes that have inodes of their own (ea_inode)"),
        (DATA_IN_DIRECTORIES, "data in directories (dirdata)"),
    ] {
        if features & feature != 0 {
            return Err(ReadError::Unsupported(name));
        }
    }
    if features & RECOVER != 0 {
        return Err(ReadError::Unclean);
    }
    if features & !KNOWN != 0 { Err(ReadError::Unsupported("a feature that is not known")) } else { Ok(()) }
}

fn is_power_of(base: u32, number: u32) -> bool {
    let mut power = base;
    while power < number {
        match power.checked_mul(base) {
            Some(next) => power = next,
            None => return false,
        }
    }
    power == number
}
