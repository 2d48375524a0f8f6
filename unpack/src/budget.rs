use std::cell::Cell;
use std::io::{self, Read, Seek, SeekFrom};
use std::rc::Rc;

/// How many bytes a reader may still give.
#[derive(Debug, Clone, Default)]
pub(crate) struct Budget(Rc<Cell<Bytes>>);

#[derive(Debug, Clone, Copy, Default)]
struct Bytes {
    left: u64,
    /// Since the budget was set.
    taken: u64,
}

impl Budget {
    pub(crate) fn new() -> Self {
        Self::default()
    }

    pub(crate) fn set(&self, bytes: u64) {
        self.0.set(Bytes { left: bytes, taken: 0 });
    }

    /// The bytes that were read since the budget was set.
    pub(crate) fn taken(&self) -> u64 {
        self.0.get().taken
    }

    pub(crate) fn bound<R>(&self, inner: R) -> Bounded<R> {
        Bounded { inner, budget: self.clone() }
    }
}

/// A reader that gives no more than its budget: what a library keeps in memory of it is bounded then.
pub(crate) struct Bounded<R> {
    inner: R,
    budget: Budget,
}

impl<R: Read> Read for Bounded<R> {
    fn read(&mut self, bytes: &mut [u8]) -> io::Result<usize> {
        let Bytes { left, taken } = self.budget.0.get();
        if left == 0 && !bytes.is_empty() {
            return Err(io::Error::other("the list of its files is too long"));
        }
        let most = usize::try_from(left).map_or(bytes.len(), |left| left.min(bytes.len()));
        let read = self.inner.read(&mut bytes[..most])?;
        self.budget.0.set(Bytes { left: left - read as u64, taken: taken + read as u64 });
        Ok(read)
    }
}

impl<R: Seek> Seek for Bounded<R> {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        self.inner.seek(to)
    }
}
