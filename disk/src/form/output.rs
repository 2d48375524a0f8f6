//! What all forms are written by.

use std::io::Write;
use std::ops::Range;

use super::{Error, Written};
use crate::stored_disk::StoredDisk;
use crate::write_control::WriteControl;

/// How much is read and written at once, in bytes.
const PIECE: usize = 256 << 10;

/// So many zeros are written at once.
static ZEROS: [u8; 64 << 10] = [0; 64 << 10];

/// A disk and the file that it becomes.
pub(crate) struct Output<'a> {
    pub disk: &'a StoredDisk,
    out: &'a mut dyn Write,
    control: WriteControl<'a>,
    piece: Vec<u8>,
    written: Written,
}

impl<'a> Output<'a> {
    pub fn new(disk: &'a StoredDisk, out: &'a mut dyn Write, control: WriteControl<'a>) -> Self {
        Self { disk, out, control, piece: vec![0; PIECE], written: Written { length: 0, data: 0 } }
    }

    /// How many bytes were written.
    pub fn length(&self) -> u64 {
        self.written.length
    }

    pub fn bytes(&mut self, bytes: &[u8]) -> Result<(), Error> {
        self.out.write_all(bytes).map_err(Error::Write)?;
        self.written.length += bytes.len() as u64;
        Ok(())
    }

    pub fn zeros(&mut self, count: u64) -> Result<(), Error> {
        let mut left = count;
        while left > 0 {
            self.check()?;
            let part = left.min(ZEROS.len() as u64);
            self.bytes(&ZEROS[..part as usize])?;
            left -= part;
        }
        Ok(())
    }

    /// Zeros up to a multiple of `unit` bytes of the file.
    pub fn fill_up(&mut self, unit: u64) -> Result<(), Error> {
        self.zeros(self.length().next_multiple_of(unit) - self.length())
    }

    /// This part of the disk.
    pub fn data(&mut self, range: Range<u64>) -> Result<(), Error> {
        let mut piece = std::mem::take(&mut self.piece);
        let mut at = range.start;
        while at < range.end {
            let count = (range.end - at).min(PIECE as u64) as usize;
            self.read(at, &mut piece[..count])?;
            self.bytes(&piece[..count])?;
            at += count as u64;
        }
        self.piece = piece;
        Ok(())
    }

    /// Fills `into` with what lies at `at` of the disk.
    pub fn read(&mut self, at: u64, into: &mut [u8]) -> Result<(), Error> {
        self.check()?;
        self.disk.read_at(at, into).map_err(|source| Error::Read { at, source })?;
        self.written.data += into.len() as u64;
        self.control.tell(self.written.data);
        Ok(())
    }

    /// All of the disk, which has data only there.
    pub fn plain(&mut self, data: &[Range<u64>]) -> Result<(), Error> {
        let mut at = 0;
        for range in data {
            self.zeros(range.start - at)?;
            self.data(range.clone())?;
            at = range.end;
        }
        self.zeros(self.disk.size() - at)
    }

    pub fn finish(self) -> Result<Written, Error> {
        self.out.flush().map_err(Error::Write)?;
        Ok(self.written)
    }

    /// # Errors
    ///
    /// When it shall end.
    pub fn check(&self) -> Result<(), Error> {
        if self.control.is_cancelled() { Err(Error::Cancelled) } else { Ok(()) }
    }
}
