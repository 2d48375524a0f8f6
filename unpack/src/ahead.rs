use std::io::{self, BufRead, Read};

/// How much is read at once, in bytes.
const SIZE: usize = 256 << 10;

/// A reader whose next bytes can be looked at.
pub(crate) struct Ahead<R> {
    inner: R,
    buffer: Vec<u8>,
    start: usize,
    end: usize,
}

impl<R: Read> Ahead<R> {
    pub(crate) fn new(inner: R) -> Self {
        Self { inner, buffer: vec![0; SIZE], start: 0, end: 0 }
    }

    /// At least the next `count` bytes (at most [`SIZE`]), and fewer only when no more come.
    pub(crate) fn ahead(&mut self, count: usize) -> io::Result<&[u8]> {
        while self.end - self.start < count.min(SIZE) {
            if self.start > 0 {
                self.buffer.copy_within(self.start..self.end, 0);
                self.end -= self.start;
                self.start = 0;
            }
            match self.inner.read(&mut self.buffer[self.end..]) {
                Ok(0) => break,
                Ok(read) => self.end += read,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(&self.buffer[self.start..self.end])
    }
}

impl<R: Read> Read for Ahead<R> {
    fn read(&mut self, bytes: &mut [u8]) -> io::Result<usize> {
        let next = self.fill_buf()?;
        let count = next.len().min(bytes.len());
        bytes[..count].copy_from_slice(&next[..count]);
        self.consume(count);
        Ok(count)
    }
}

impl<R: Read> BufRead for Ahead<R> {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        self.ahead(1)
    }

    fn consume(&mut self, count: usize) {
        self.start = (self.start + count).min(self.end);
    }
}
