//! An inode: what a file is, but for its name.

use super::ReadError;
use crate::bytes::{le16, le32};

/// What the fields of the first version need, in bytes.
const OLD: usize = 128;

/// Its blocks, or what is small enough to be there instead.
const BLOCKS: std::ops::Range<usize> = 40..100;

/// Where the fields behind the first 128 bytes are.
const EXTRA_SIZE: usize = 128;
const MODIFIED_EXTRA: usize = 136;

const ENCRYPTED: u32 = 0x800;
const EXTENTS: u32 = 0x8_0000;
const INLINE: u32 = 0x1000_0000;

/// What a file is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    File,
    Directory,
    Link,
    Fifo,
    Socket,
    CharacterDevice,
    BlockDevice,
}

pub(crate) struct Inode {
    bytes: Vec<u8>,
}

impl Inode {
    /// `bytes` are at least 128.
    pub fn new(bytes: Vec<u8>) -> Result<Self, ReadError> {
        let inode = Self { bytes };
        if inode.links() == 0 {
            return Err(ReadError::Damaged("a name leads to a file that was deleted"));
        }
        if inode.flags() & ENCRYPTED != 0 {
            return Err(ReadError::Encrypted);
        }
        Ok(inode)
    }

    pub fn kind(&self) -> Result<Kind, ReadError> {
        Ok(match le16(&self.bytes, 0) >> 12 {
            0x1 => Kind::Fifo,
            0x2 => Kind::CharacterDevice,
            0x4 => Kind::Directory,
            0x6 => Kind::BlockDevice,
            0x8 => Kind::File,
            0xa => Kind::Link,
            0xc => Kind::Socket,
            _ => return Err(ReadError::Damaged("a file is of a kind that does not exist")),
        })
    }

    /// Who may do what with it, the lower 12 bits of its mode.
    pub fn permissions(&self) -> u32 {
        u32::from(le16(&self.bytes, 0) & 0o7777)
    }

    pub fn uid(&self) -> u32 {
        u32::from(le16(&self.bytes, 2)) | u32::from(le16(&self.bytes, 120)) << 16
    }

    pub fn gid(&self) -> u32 {
        u32::from(le16(&self.bytes, 24)) | u32::from(le16(&self.bytes, 122)) << 16
    }

    /// In bytes.
    pub fn size(&self) -> u64 {
        // Others have something else in the upper half.
        let has_upper = matches!(le16(&self.bytes, 0) >> 12, 0x4 | 0x8);
        let upper = if has_upper { u64::from(le32(&self.bytes, 108)) << 32 } else { 0 };
        upper | u64::from(le32(&self.bytes, 4))
    }

    /// When its content was changed, in seconds since 1970.
    pub fn modified(&self) -> i64 {
        let seconds = i64::from(le32(&self.bytes, 16).cast_signed());
        let end = OLD + self.extra_size();
        let epoch = if MODIFIED_EXTRA + 4 <= end { le32(&self.bytes, MODIFIED_EXTRA) & 3 } else { 0 };
        seconds + (i64::from(epoch) << 32)
    }

    /// How many names it has.
    pub fn links(&self) -> u16 {
        le16(&self.bytes, 26)
    }

    /// The major and the minor number of a device, in one of the two forms that Linux has had.
    pub fn device(&self) -> (u32, u32) {
        let (old, new) = (le32(&self.bytes, BLOCKS.start), le32(&self.bytes, BLOCKS.start + 4));
        if old != 0 {
            ((old >> 8) & 0xff, old & 0xff)
        } else {
            ((new >> 8) & 0xfff, (new & 0xff) | ((new >> 12) & 0xf_ff00))
        }
    }

    pub fn has_extents(&self) -> bool {
        self.flags() & EXTENTS != 0
    }

    /// Its content is in the inode itself.
    pub fn is_inline(&self) -> bool {
        self.flags() & INLINE != 0
    }

    /// The place of its blocks: 60 bytes.
    pub fn blocks(&self) -> &[u8] {
        &self.bytes[BLOCKS]
    }

    /// The block of its attributes; 0: it has none.
    pub fn attribute_block(&self) -> u64 {
        u64::from(le32(&self.bytes, 104)) | u64::from(le16(&self.bytes, 118)) << 32
    }

    /// Its own bytes behind all fields, where its attributes are.
    pub fn rest(&self) -> &[u8] {
        self.bytes.get(OLD + self.extra_size()..).unwrap_or_default()
    }

    fn flags(&self) -> u32 {
        le32(&self.bytes, 32)
    }

    fn extra_size(&self) -> usize {
        if self.bytes.len() > OLD {
            usize::from(le16(&self.bytes, EXTRA_SIZE)).min(self.bytes.len() - OLD)
        } else {
            0
        }
    }
}
