use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::os::unix::fs::FileExt;
use std::sync::Arc;

use super::arrival::Arrival;

/// A reader of a file that still comes: it waits for bytes that are not there yet.
#[derive(Debug)]
pub(super) struct Following {
    file: File,
    position: u64,
    epoch: u64,
    arrival: Arc<Arrival>,
}

impl Following {
    pub(super) fn new(file: &File, epoch: u64, arrival: Arc<Arrival>) -> io::Result<Self> {
        Ok(Self { file: file.try_clone()?, position: 0, epoch, arrival })
    }
}

impl Read for Following {
    fn read(&mut self, bytes: &mut [u8]) -> io::Result<usize> {
        let Some(length) = self.arrival.wait_past(self.epoch, self.position).map_err(io::Error::other)?
        else {
            return Ok(0);
        };
        let there = usize::try_from(length - self.position).unwrap_or(usize::MAX);
        let count = there.min(bytes.len());
        let read = self.file.read_at(&mut bytes[..count], self.position)?;
        self.position += read as u64;
        Ok(read)
    }
}

impl Seek for Following {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        let position = match to {
            SeekFrom::Start(at) => Some(at),
            SeekFrom::Current(by) => self.position.checked_add_signed(by),
            SeekFrom::End(by) => {
                let length = self.arrival.wait_complete(self.epoch).map_err(io::Error::other)?;
                length.checked_add_signed(by)
            }
        };
        self.position = position.ok_or(io::ErrorKind::InvalidInput)?;
        Ok(self.position)
    }
}
