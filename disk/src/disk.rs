//! A disk's bytes, whatever file they lie in, and how much of them is read at most.

use std::fs::File;
use std::io::{self, ErrorKind, Read, Seek, SeekFrom};
use std::os::unix::fs::FileExt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use ays_model::DiskFormat;

use crate::qcow2::Qcow2;
use crate::refusal::{LARGEST, Refusal};

/// The most bytes that an inspection reads of an image, those of compressed clusters counted as they become.
const MOST_BYTES: u64 = 256 << 20;

/// The most single reads: what loops, loops by reading.
const MOST_READS: u64 = 200_000;

/// More was asked for than an honest image needs.
#[derive(Debug, thiserror::Error)]
#[error("it leads its reader too far about")]
struct TooFar;

/// What was read of an image that is only inspected.
#[derive(Default)]
struct Spent {
    reads: AtomicU64,
    bytes: AtomicU64,
}

/// A disk.
pub(crate) struct Disk {
    /// In bytes.
    pub size: u64,
    pub file: File,
    /// None: it is raw.
    pub qcow2: Option<Qcow2>,
    /// None: all of it may be read.
    spent: Option<Spent>,
}

impl Disk {
    /// To look at a few places of it.
    pub fn open(file: File, format: DiskFormat) -> Result<Arc<Self>, Refusal> {
        Self::open_with(file, format, Some(Spent::default()))
    }

    /// To read all of it. How much that is must be bounded by who reads.
    pub fn open_whole(file: File, format: DiskFormat) -> Result<Arc<Self>, Refusal> {
        Self::open_with(file, format, None)
    }

    fn open_with(file: File, format: DiskFormat, spent: Option<Spent>) -> Result<Arc<Self>, Refusal> {
        let length = file.metadata()?.len();
        let qcow2 = match format {
            DiskFormat::Raw => None,
            DiskFormat::Qcow2 => Some(Qcow2::open(&file)?),
        };
        let size = qcow2.as_ref().map_or(length, |qcow2| qcow2.size);
        match size {
            0 => Err(Refusal::Empty),
            size if size > LARGEST => Err(Refusal::TooLarge(size)),
            _ => Ok(Arc::new(Self { size, file, qcow2, spent })),
        }
    }

    /// Fills `into` with what lies at `offset`.
    ///
    /// # Errors
    ///
    /// Those of the file; `UnexpectedEof` beyond the end; and an error of its own when all that may be read was.
    pub fn read_at(&self, offset: u64, into: &mut [u8]) -> io::Result<()> {
        let end = offset.checked_add(into.len() as u64);
        if end.is_none_or(|end| end > self.size) {
            return Err(io::Error::new(ErrorKind::UnexpectedEof, "it ends too early"));
        }
        match &self.qcow2 {
            None => {
                self.spend(into.len() as u64)?;
                self.file.read_exact_at(into, offset)
            }
            Some(qcow2) => qcow2.read_at(&self.file, offset, into, &|bytes| self.spend(bytes)),
        }
    }

    fn spend(&self, bytes: u64) -> io::Result<()> {
        let Some(spent) = &self.spent else { return Ok(()) };
        // No number wraps round: what would, was refused long before.
        let reads = spent.reads.fetch_add(1, Ordering::Relaxed) + 1;
        let bytes = spent.bytes.fetch_add(bytes, Ordering::Relaxed).saturating_add(bytes);
        if reads > MOST_READS || bytes > MOST_BYTES {
            return Err(io::Error::other(TooFar));
        }
        Ok(())
    }
}

/// A part of a disk: a partition, or all of it.
#[derive(Clone)]
pub(crate) struct Volume {
    disk: Arc<Disk>,
    start: u64,
    /// In bytes.
    pub size: u64,
    at: u64,
}

impl Volume {
    /// `size` bytes from `start` on; none when the disk ends before.
    pub fn new(disk: &Arc<Disk>, start: u64, size: u64) -> Option<Self> {
        let fits = start.checked_add(size).is_some_and(|end| end <= disk.size);
        fits.then(|| Self { disk: Arc::clone(disk), start, size, at: 0 })
    }

    /// Where on the disk `length` bytes at `offset` of the volume are; none: they are not all in it.
    pub fn place(&self, offset: u64, length: u64) -> Option<u64> {
        let fits = offset.checked_add(length).is_some_and(|end| end <= self.size);
        fits.then_some(self.start + offset)
    }

    /// Fills `into` with what lies at `offset` of the volume.
    pub fn read_at(&self, offset: u64, into: &mut [u8]) -> io::Result<()> {
        if offset.checked_add(into.len() as u64).is_none_or(|end| end > self.size) {
            return Err(io::Error::new(ErrorKind::UnexpectedEof, "it ends too early"));
        }
        self.disk.read_at(self.start + offset, into)
    }
}

impl Read for Volume {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let left = usize::try_from(self.size.saturating_sub(self.at)).unwrap_or(usize::MAX);
        let count = into.len().min(left);
        self.read_at(self.at, &mut into[..count])?;
        self.at += count as u64;
        Ok(count)
    }
}

impl Seek for Volume {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        let at = match to {
            SeekFrom::Start(at) => Some(at),
            SeekFrom::Current(by) => self.at.checked_add_signed(by),
            SeekFrom::End(by) => self.size.checked_add_signed(by),
        };
        self.at = at.ok_or_else(|| io::Error::new(ErrorKind::InvalidInput, "it leads out of the disk"))?;
        Ok(self.at)
    }
}
