//! How much all files of a file system may be, by the data that its disk has.

use std::ops::Range;
use std::sync::atomic::{AtomicU64, Ordering};

use super::ReadError;

/// The most bytes of zeros that come from no data: a sparse `lastlog` may claim more than any disk has.
const MOST_ZEROS: u64 = 16 << 30;

/// What is left to be read of a disk, and written as zeros.
pub(crate) struct Budget {
    data: AtomicU64,
    zeros: AtomicU64,
}

impl Budget {
    /// For a disk with data there.
    pub fn new(data: &[Range<u64>]) -> Self {
        let total = data.iter().map(|range| range.end - range.start).sum();
        Self { data: AtomicU64::new(total), zeros: AtomicU64::new(MOST_ZEROS) }
    }

    /// So many bytes of data are read.
    pub fn spend(&self, bytes: u64) -> Result<(), ReadError> {
        take(&self.data, bytes).ok_or(ReadError::MoreThanData)
    }

    /// So many zeros are written that need no reading.
    pub fn spend_zeros(&self, bytes: u64) -> Result<(), ReadError> {
        take(&self.zeros, bytes).ok_or(ReadError::TooManyZeros(MOST_ZEROS))
    }
}

fn take(left: &AtomicU64, bytes: u64) -> Option<()> {
    left.try_update(Ordering::Relaxed, Ordering::Relaxed, |left| left.checked_sub(bytes)).ok().map(|_| ())
}
