//! Reads and hashes a piece of a disk, on a thread of its own.

use std::fs::File;
use std::os::unix::fs::FileExt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};
use std::{io, thread};

use super::extents::{Extent, Source};
use super::tree::{BLOCK, FAN, Hash, leaf, parent, zero_leaf};
use super::{Control, Error};
use crate::qcow2::read_packed;

/// What one hash block of the first level is about, in bytes: pieces of work are this or a multiple of it.
pub(super) const SPAN: u64 = (FAN * BLOCK) as u64;

/// How much is read at once: so little that it is still in the processor's cache when it is hashed.
const SLICE: usize = 128 << 10;

/// How long a wait may be without a look at whether it is over.
const NAP: Duration = Duration::from_millis(50);

/// A part of a disk with data in it.
pub(super) struct Piece {
    /// A multiple of [`SPAN`].
    pub start: u64,
    /// Another one, unless it is the disk's last piece.
    pub length: u64,
    pub extents: Vec<Extent>,
}

/// What a piece contributes to the tree.
#[derive(Default)]
pub(super) struct Hashes {
    /// At its first level.
    pub spans: Vec<Hash>,
    /// Of the blocks after these, at the end of the disk.
    pub blocks: Vec<Hash>,
}

/// What all threads have in common.
pub(super) struct Common<'a> {
    file: &'a File,
    cluster_size: usize,
    pace: Option<&'a (dyn Fn(usize) -> Duration + Sync)>,
    cancelled: Option<&'a (dyn Fn() -> bool + Sync)>,
    /// No more is needed, because something failed.
    pub failed: AtomicBool,
}

impl<'a> Common<'a> {
    pub fn new(file: &'a File, cluster_size: u64, control: &Control<'a>) -> Self {
        // None is larger than 2 MiB.
        let cluster_size = usize::try_from(cluster_size).unwrap_or(usize::MAX);
        Self {
            file,
            cluster_size,
            pace: control.pace,
            cancelled: control.cancelled,
            failed: AtomicBool::new(false),
        }
    }

    /// # Errors
    ///
    /// When it shall end.
    pub fn check(&self) -> Result<(), Error> {
        if self.failed.load(Ordering::Relaxed) || self.cancelled.is_some_and(|cancelled| cancelled()) {
            return Err(Error::Cancelled);
        }
        Ok(())
    }

    /// So many bytes were read: waits until more may be.
    fn pause(&self, bytes: usize) -> Result<(), Error> {
        let Some(pace) = self.pace else { return Ok(()) };
        let (begun, pause) = (Instant::now(), pace(bytes));
        loop {
            let left = pause.saturating_sub(begun.elapsed());
            if left.is_zero() {
                return Ok(());
            }
            thread::sleep(left.min(NAP));
            self.check()?;
        }
    }
}

/// A thread's buffers.
pub(super) struct Reader<'a> {
    common: &'a Common<'a>,
    slice: Vec<u8>,
    packed: Vec<u8>,
    /// The cluster that is in it, by its place on the disk.
    inflated: (Option<u64>, Vec<u8>),
}

impl<'a> Reader<'a> {
    pub fn new(common: &'a Common<'a>) -> Self {
        Self { common, slice: vec![0; SLICE], packed: Vec::new(), inflated: (None, Vec::new()) }
    }

    pub fn hash(&mut self, piece: &Piece) -> Result<Hashes, Error> {
        let mut hashes = Hashes::default();
        let mut extents = &piece.extents[..];
        let end = piece.start + piece.length;
        for start in (piece.start..end).step_by(SLICE) {
            self.common.check()?;
            let length = usize::try_from(end - start).map_or(SLICE, |left| left.min(SLICE));
            let blocks = length.div_ceil(BLOCK);
            while extents.first().is_some_and(|extent| extent.end() <= start) {
                extents = &extents[1..];
            }
            if extents.first().is_some_and(|extent| extent.start < start + length as u64) {
                self.fill(start, length, extents)?;
                let (slice, _) = self.slice[..blocks * BLOCK].as_chunks();
                hashes.blocks.extend(slice.iter().map(leaf));
            } else {
                hashes.blocks.extend([zero_leaf()].repeat(blocks));
            }
            if hashes.blocks.len() == FAN {
                hashes.spans.push(parent(&hashes.blocks));
                hashes.blocks.clear();
            }
        }
        Ok(hashes)
    }

    /// Reads `length` bytes at `start` of the disk; what is in no extent is zero, and so is the rest of the last block.
    fn fill(&mut self, start: u64, length: usize, extents: &[Extent]) -> Result<(), Error> {
        self.slice.fill(0);
        let end = start + length as u64;
        for extent in extents.iter().take_while(|extent| extent.start < end) {
            let (from, to) = (extent.start.max(start), extent.end().min(end));
            let range = (from - start) as usize..(to - start) as usize;
            let failed = |source| Error::Read { at: from, source };
            let read = match extent.source {
                Source::Plain(at) => {
                    let into = &mut self.slice[range];
                    self.common.file.read_exact_at(into, at + (from - extent.start)).map_err(failed)?;
                    into.len()
                }
                Source::Packed { at, length } => {
                    let read = self.inflate(extent.start, (at, length)).map_err(failed)?;
                    let within = (from - extent.start) as usize;
                    self.slice[range.clone()].copy_from_slice(&self.inflated.1[within..within + range.len()]);
                    read
                }
            };
            if read > 0 {
                self.common.pause(read)?;
            }
        }
        Ok(())
    }

    /// Inflates this cluster, unless it is the last one; how many bytes were read for it.
    fn inflate(&mut self, start: u64, (at, length): (u64, u64)) -> io::Result<usize> {
        let (known, bytes) = &mut self.inflated;
        if *known == Some(start) {
            return Ok(0);
        }
        *known = None;
        bytes.resize(self.common.cluster_size, 0);
        read_packed(self.common.file, (at, length), &mut self.packed, bytes)?;
        *known = Some(start);
        Ok(self.packed.len())
    }
}
