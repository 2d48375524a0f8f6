//! The inodes of an ext2, ext3 or ext4 and what they hold: owners, attributes, device numbers and where a file has holes,
//! which the crate ext4-view does not tell. By Linux, `Documentation/filesystems/ext4`.
//!
//! A file system is hostile. Nothing is believed for its memory or its time: a table is read where it is needed, no tree is
//! followed by recursion, and all that inodes lead to is charged to a [`Budget`] of the data that the disk has. The blocks
//! of a sound file system belong to one inode each, so that it never needs more.

mod attributes;
mod blocks;
mod budget;
mod directory;
mod inode;
mod superblock;

use std::cell::Cell;
use std::io;
use std::sync::Arc;

pub(crate) use budget::Budget;
pub(crate) use directory::Names;
pub(crate) use inode::{Inode, Kind};

use crate::bytes::le32;
use crate::disk::Volume;
use superblock::Superblock;

/// The inode of the root directory.
pub(crate) const ROOT: u32 = 2;

/// The most bytes that are kept of names, and of what belongs to each.
pub(crate) const MOST_NAMES: usize = 128 << 20;

/// Why a file, or a file system, is not read.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// The image cannot be read there, or is shorter.
    #[error("it cannot be read")]
    Read(#[from] io::Error),
    /// It contradicts itself, or what it leads to.
    #[error("it is damaged: {0}")]
    Damaged(&'static str),
    /// It was not unmounted before the image was made of it.
    #[error(
        "its journal holds changes that are not made yet, since it was in use when the image was made: \
        start a machine from the image, or `e2fsck -fy` the file system, and publish what that leaves"
    )]
    Unclean,
    /// It needs what is not read here.
    #[error("it uses {0}, which is not read here")]
    Unsupported(&'static str),
    /// Its key is not in the image.
    #[error("it is encrypted")]
    Encrypted,
    /// Several of its parts are the same blocks of the image.
    #[error("it is damaged: files lead to more data than the disk has")]
    MoreThanData,
    /// A container layer has no holes.
    #[error("it has more than {0} bytes of holes, which the layer would have as zeros")]
    TooManyZeros(u64),
    /// More than any system has.
    #[error("its names are more than the {0} bytes that are read of them")]
    TooManyNames(usize),
}

/// A file system.
pub(crate) struct Inodes {
    volume: Volume,
    superblock: Superblock,
    budget: Arc<Budget>,
    /// The group that was asked for last, and the block of its inodes.
    group: Cell<Option<(u32, u64)>>,
}

impl Inodes {
    /// What is charged for reading it is charged to `budget`.
    pub fn open(volume: Volume, budget: Arc<Budget>) -> Result<Self, ReadError> {
        let mut bytes = [0; 1024];
        volume.read_at(1024, &mut bytes)?;
        let superblock = Superblock::new(&bytes)?;
        Ok(Self { volume, superblock, budget, group: Cell::new(None) })
    }

    /// The same file system, charged to another budget.
    pub fn with_budget(&self, budget: Budget) -> Self {
        let (volume, superblock) = (self.volume.clone(), self.superblock.clone());
        Self { volume, superblock, budget: Arc::new(budget), group: Cell::new(None) }
    }

    pub fn budget(&self) -> &Budget {
        &self.budget
    }

    /// In bytes.
    pub fn block_size(&self) -> u64 {
        self.superblock.block_size
    }

    /// The inode of this number.
    pub fn read(&self, number: u32) -> Result<Inode, ReadError> {
        if number == 0 || number > self.superblock.inodes {
            return Err(ReadError::Damaged("a name leads to an inode that does not exist"));
        }
        let (group, index) = self.superblock.place_of(number);
        let table = match self.group.get() {
            Some((known, table)) if known == group => table,
            _ => {
                let table = self.inode_table(group)?;
                self.group.set(Some((group, table)));
                table
            }
        };
        let mut bytes = vec![0; self.superblock.inode_size];
        let within = u64::from(index) * bytes.len() as u64;
        let at = table.checked_mul(self.block_size()).and_then(|at| at.checked_add(within));
        self.volume.read_at(at.ok_or(ReadError::Damaged("a table of inodes is nowhere"))?, &mut bytes)?;
        Inode::new(bytes)
    }

    /// The inode at this path, through no links; none when there is no such name.
    pub fn find(&self, path: &str) -> Result<Option<Inode>, ReadError> {
        let mut inode = self.read(ROOT)?;
        for name in path.split('/').filter(|name| !name.is_empty()) {
            if inode.kind()? != Kind::Directory {
                return Ok(None);
            }
            match self.names(&inode, MOST_NAMES)?.find(name.as_bytes()) {
                Some(number) => inode = self.read(number)?,
                None => return Ok(None),
            }
        }
        Ok(Some(inode))
    }

    /// The block where the inodes of a group begin.
    fn inode_table(&self, group: u32) -> Result<u64, ReadError> {
        let mut bytes = [0; 64];
        let length = self.superblock.descriptor_size.min(bytes.len());
        let at = self.superblock.descriptor_at(group).ok_or(ReadError::Damaged("a group is nowhere"))?;
        self.volume.read_at(at, &mut bytes[..length])?;
        // The upper half is beyond a descriptor of 32 bytes, and 0 then.
        Ok(u64::from(le32(&bytes, 8)) | u64::from(le32(&bytes, 40)) << 32)
    }

    /// A block of what describes files; its bytes are charged, since a sound one is never a hole.
    fn block(&self, number: u64) -> Result<Vec<u8>, ReadError> {
        let size = self.block_size();
        self.budget.spend(size)?;
        let at = number.checked_mul(size).ok_or(ReadError::Damaged("a block is nowhere"))?;
        let mut bytes = vec![0; size as usize];
        self.volume.read_at(at, &mut bytes)?;
        Ok(bytes)
    }

    /// Where `count` blocks from this one on are on the disk, in bytes.
    pub fn place(&self, block: u64, count: u64) -> Result<u64, ReadError> {
        let size = self.block_size();
        let (at, length) = (block.checked_mul(size), count.checked_mul(size));
        at.zip(length)
            .and_then(|(at, length)| self.volume.place(at, length))
            .ok_or(ReadError::Damaged("a file has blocks behind the end of its partition"))
    }
}
