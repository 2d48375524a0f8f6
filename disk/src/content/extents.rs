//! Where the data of a disk is.

use std::fs::File;
use std::io;
use std::ops::Range;

use rustix::fs::{SeekFrom, seek};
use rustix::io::Errno;

use super::Error;

/// A part of a disk that is no hole.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Extent {
    /// Its place on the disk, in bytes.
    pub start: u64,
    pub length: u64,
    pub source: Source,
}

/// Where in the file the bytes of an extent are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Source {
    /// As they are, from this byte on.
    Plain(u64),
    /// A compressed cluster, which is all of its extent.
    Packed { at: u64, length: u64 },
}

impl Extent {
    pub fn end(&self) -> u64 {
        self.start + self.length
    }

    /// Whether what is at `at` of the file and belongs at `start` of the disk comes right after it in both.
    pub fn goes_on_at(&self, start: u64, at: u64) -> bool {
        self.end() == start && matches!(self.source, Source::Plain(first) if first + self.length == at)
    }

    /// Its first `length` bytes and the rest; a compressed cluster must not be split.
    pub fn split(self, length: u64) -> (Self, Option<Self>) {
        if length >= self.length {
            return (self, None);
        }
        let source = match self.source {
            Source::Plain(at) => Source::Plain(at + length),
            packed @ Source::Packed { .. } => packed,
        };
        let rest = Self { start: self.start + length, length: self.length - length, source };
        (Self { length, ..self }, Some(rest))
    }
}

/// What takes the extents of a disk, in order; it is asked for no extent as well, so that it can end a long search.
pub(crate) type Emit<'a> = dyn FnMut(Option<Extent>) -> Result<(), Error> + 'a;

/// A file's data, as its file system tells it from holes.
pub(crate) struct Data<'a> {
    file: &'a File,
    length: u64,
    /// Before the data found last there is none from here on.
    hole: u64,
    /// The data found last.
    found: Range<u64>,
}

impl<'a> Data<'a> {
    pub fn new(file: &'a File, length: u64) -> Self {
        Self { file, length, hole: 0, found: 0..0 }
    }

    /// Of the file, in bytes, holes and all.
    pub fn length(&self) -> u64 {
        self.length
    }

    /// The first data in this part of the file.
    pub fn next(&mut self, within: Range<u64>) -> io::Result<Option<Range<u64>>> {
        let within = within.start..within.end.min(self.length);
        if within.is_empty() {
            return Ok(None);
        }
        if !(self.hole..self.found.end).contains(&within.start) {
            self.found = self.search(within.start)?;
            self.hole = within.start;
        }
        let next = within.start.max(self.found.start)..within.end.min(self.found.end);
        Ok((!next.is_empty()).then_some(next))
    }

    /// How many bytes of this part of the file are data.
    pub fn total(&mut self, within: Range<u64>) -> io::Result<u64> {
        let (mut total, mut at) = (0, within.start);
        while let Some(data) = self.next(at..within.end)? {
            total += data.end - data.start;
            at = data.end;
        }
        Ok(total)
    }

    fn search(&self, at: u64) -> io::Result<Range<u64>> {
        let start = match seek(self.file, SeekFrom::Data(at)) {
            Ok(start) => start.min(self.length),
            // Nothing but a hole up to the end.
            Err(Errno::NXIO) => self.length,
            // A file system that does not know holes.
            Err(Errno::INVAL | Errno::OPNOTSUPP) => return Ok(at..self.length),
            Err(error) => return Err(error.into()),
        };
        if start == self.length {
            return Ok(start..start);
        }
        let end = seek(self.file, SeekFrom::Hole(start))?.min(self.length);
        Ok(start..end)
    }
}

/// The data of a raw file.
pub(crate) fn of_raw(mut data: Data<'_>, emit: &mut Emit<'_>) -> Result<(), Error> {
    let mut at = 0;
    while let Some(found) = data.next(at..data.length()).map_err(Error::Tables)? {
        let (start, length) = (found.start, found.end - found.start);
        emit(Some(Extent { start, length, source: Source::Plain(start) }))?;
        at = found.end;
    }
    Ok(())
}
