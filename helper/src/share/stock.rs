use std::fs::File;
use std::sync::Arc;

use ays_protocol::{Opened, PIECE};

use crate::lanes::PieceHash;

/// What this node has of the file, and what is known of the rest.
#[derive(Debug)]
pub(crate) struct Stock {
    /// See [`Opened::epoch`].
    pub(crate) epoch: u32,
    /// What the leader said of the source in this epoch.
    pub(crate) opened: Option<Opened>,
    /// The hashes of the pieces, as far as the leader has come.
    pub(crate) known: Vec<PieceHash>,
    /// A piece that was read from the source is not the one that was read before: the source has changed.
    pub(crate) is_disputed: bool,
    /// The first bytes of the file that are here and good: pieces, or all of it.
    pub(crate) have: u64,
    /// There will be no more than is here.
    pub(crate) is_whole: bool,
    /// Where they are read.
    pub(crate) file: Arc<File>,
}

impl Stock {
    /// Nothing, in a file for what will come.
    pub(crate) fn new(file: File) -> Self {
        Self {
            epoch: 1,
            opened: None,
            known: Vec::new(),
            is_disputed: false,
            have: 0,
            is_whole: false,
            file: Arc::new(file),
        }
    }

    /// Begins anew: what is here, and what is known, is of no use.
    pub(crate) fn reset(&mut self, epoch: u32, opened: Option<Opened>) {
        let file = Arc::clone(&self.file);
        *self = Self { epoch, opened, known: Vec::new(), is_disputed: false, have: 0, is_whole: false, file };
    }

    /// How many pieces are here.
    pub(crate) fn pieces(&self) -> u64 {
        self.have.div_ceil(PIECE)
    }

    /// The hash of the piece after those that are here.
    pub(crate) fn next(&self) -> Option<PieceHash> {
        self.known.get(usize::try_from(self.pieces()).ok()?).copied()
    }

    /// What the source gave as the piece of that number; true when it was not known before.
    pub(crate) fn read(&mut self, number: usize, hash: PieceHash) -> bool {
        match self.known.get(number) {
            _ if self.is_disputed => false,
            None => {
                self.known.push(hash);
                true
            }
            Some(known) => {
                self.is_disputed = *known != hash;
                false
            }
        }
    }
}
