//! The files of an ext2, ext3 or ext4, by the crate ext4-view.

use std::error::Error;
use std::io;

use ays_model::FileSystem;
use ext4_view::{Ext4, Ext4Error, Ext4Read};

use crate::bytes::le32;
use crate::claimed_size::claimed_size;
use crate::disk::Volume;

/// The most groups of blocks that an ext4 may have, which is one of 16 TiB: the reader reads and keeps a note of each.
const MOST_GROUPS: u64 = 1 << 17;

/// A file system and its files.
pub(crate) struct Tree(Ext4);

impl Tree {
    pub fn open(volume: &Volume) -> io::Result<Self> {
        check_size(volume)?;
        Ext4::load(Box::new(volume.clone())).map(Self).map_err(failed)
    }

    /// Whether there is something at this path, through links.
    pub fn exists(&self, path: &str) -> io::Result<bool> {
        match self.0.metadata(path) {
            Ok(_) => Ok(true),
            Err(Ext4Error::NotFound | Ext4Error::NotADirectory) => Ok(false),
            Err(error) => Err(failed(error)),
        }
    }

    /// A file's first bytes, at most so many; none when there is no such file.
    pub fn head(&self, path: &str, most: usize) -> io::Result<Option<Vec<u8>>> {
        if !self.exists(path)? {
            return Ok(None);
        }
        let mut file = self.0.open(path).map_err(failed)?;
        let mut bytes = vec![0; most];
        let mut filled = 0;
        while filled < most {
            match file.read_bytes(&mut bytes[filled..]).map_err(failed)? {
                0 => break,
                count => filled += count,
            }
        }
        bytes.truncate(filled);
        Ok(Some(bytes))
    }
}

/// The reader takes memory for what the superblock claims, so the claims are looked at first.
fn check_size(volume: &Volume) -> io::Result<()> {
    let mut block = [0; 1024];
    volume.read_at(1024, &mut block)?;
    let (block_size, per_group) = (1024_u64.checked_shl(le32(&block, 24)), le32(&block, 32));
    let group = block_size.and_then(|size| size.checked_mul(per_group.into()));
    let fits = claimed_size(volume, FileSystem::Ext4)
        .filter(|size| *size <= volume.size)
        .zip(group)
        .and_then(|(size, group)| size.checked_div(group))
        .is_some_and(|groups| groups <= MOST_GROUPS);
    if fits {
        Ok(())
    } else {
        Err(io::Error::new(io::ErrorKind::InvalidData, "it claims more than its partition holds"))
    }
}

impl Ext4Read for Volume {
    fn read(&mut self, start_byte: u64, dst: &mut [u8]) -> Result<(), Box<dyn Error + Send + Sync>> {
        Ok(self.read_at(start_byte, dst)?)
    }
}

fn failed(error: Ext4Error) -> io::Error {
    match error {
        Ext4Error::Io(error) => io::Error::other(error.to_string()),
        error => io::Error::other(error.to_string()),
    }
}
