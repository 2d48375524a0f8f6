//! A stored file as the disk in it, of which all may be read.

use std::fs::File;
use std::io;
use std::ops::Range;
use std::sync::Arc;

use ays_model::DiskFormat;

use crate::content::Error;
use crate::content::clusters::of_qcow2;
use crate::content::extents::{Data, Extent, of_raw};
use crate::disk::Disk;
use crate::refusal::Refusal;

/// Where data begins and ends is told in steps of so many bytes.
pub(crate) const CLUSTER: u64 = 64 << 10;

/// A raw or qcow2 file that is open for reading all of its disk. It opens no other file, and starts no thread.
#[derive(Clone)]
pub struct StoredDisk {
    pub(crate) disk: Arc<Disk>,
}

impl StoredDisk {
    /// The disk in `file`, which is `format`; the file's position is moved about.
    ///
    /// # Errors
    ///
    /// When the file is empty or cannot be read, and when its qcow2 is damaged, encrypted, not whole or too large.
    pub fn open(file: File, format: DiskFormat) -> Result<Self, Refusal> {
        Ok(Self { disk: Disk::open_whole(file, format)? })
    }

    /// The size that a guest sees, in bytes.
    #[must_use]
    pub fn size(&self) -> u64 {
        self.disk.size
    }

    /// Where there may be data: in ascending order, apart from each other, from and to multiples of 64 KiB or the end of
    /// the disk. All else is zeros: holes of the file, and what the tables of a qcow2 lead to nothing.
    ///
    /// It costs a look at each hole and each table, so keep the answer. Its memory is for the data in the file.
    ///
    /// # Errors
    ///
    /// When the holes or the tables cannot be read, and when the tables lead to more data than the file has: then reading
    /// what they lead to would have no bound.
    pub fn data(&self) -> Result<Vec<Range<u64>>, Error> {
        let size = self.size();
        let mut ranges: Vec<Range<u64>> = Vec::new();
        let mut add = |extent: Option<Extent>| {
            let Some(extent) = extent else { return Ok(()) };
            let start = extent.start - extent.start % CLUSTER;
            let end = extent.end().next_multiple_of(CLUSTER).min(size);
            match ranges.last_mut() {
                Some(last) if start <= last.end => last.end = last.end.max(end),
                _ => ranges.push(start..end),
            }
            Ok(())
        };
        let file = &self.disk.file;
        match &self.disk.qcow2 {
            None => of_raw(Data::new(file, size), &mut add)?,
            Some(qcow2) => {
                let length = file.metadata().map_err(Error::Tables)?.len();
                of_qcow2(file, qcow2, Data::new(file, length), &mut add)?;
            }
        }
        Ok(ranges)
    }

    /// Fills `into` with what lies at `offset` of the disk, in bytes.
    ///
    /// # Errors
    ///
    /// Those of the file; `UnexpectedEof` beyond the end of the disk; `InvalidData` where a qcow2 is damaged.
    pub fn read_at(&self, offset: u64, into: &mut [u8]) -> io::Result<()> {
        self.disk.read_at(offset, into)
    }
}
