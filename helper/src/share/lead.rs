//! What the leader of a shared fetch says of what it reads.

use std::sync::Arc;

use ays_model::{Md5, Sha256};
use ays_protocol::{MOST_HASHES, Opened, PIECE, Pieces, Said, Sums, Whole};
use tokio::sync::watch;

use super::stock::Stock;
use super::teller::Voice;
use crate::fetch::expected::Wanted;
use crate::fetch::identity::Identity;
use crate::fetch::kept::Kept;
use crate::lanes::{OnPiece, PieceHash};

/// What a leader says of what it reads.
#[derive(Debug)]
pub(crate) struct Lead {
    stock: watch::Sender<Stock>,
    voice: Voice,
}

impl Lead {
    pub(super) fn new(stock: watch::Sender<Stock>, voice: Voice) -> Self {
        Self { stock, voice }
    }

    /// The source has been opened at its byte `start`.
    pub(crate) fn opened(&self, start: u64, identity: &Identity, wanted: &Wanted) {
        let mut opened = Opened {
            epoch: self.stock.borrow().epoch,
            size: identity.size,
            data: None,
            etag: identity.etag.clone(),
            last_modified: identity.last_modified.clone(),
            expected: wanted.expected,
            signed_by: wanted.signer.clone(),
            version: wanted.version.clone(),
        };
        let before = self.stock.borrow().opened.clone();
        // The same check proves the same bytes, whatever a mirror says of them.
        let is_same = |before: &Opened| {
            *before == opened
                || (opened.expected.is_some()
                    && (&before.expected, before.size) == (&opened.expected, opened.size))
        };
        if before.as_ref().is_some_and(|before| start > 0 || is_same(before)) {
            return;
        }
        if before.is_some() {
            opened.epoch += 1;
        }
        self.stock.send_modify(|stock| stock.reset(opened.epoch, Some(opened.clone())));
        self.voice.say(Said::Opened(opened));
    }

    /// The file is read from its start again. Those who have pieces of it keep them, while what comes is the same.
    pub(crate) fn withdraw(&self) {
        self.stock.send_modify(|stock| {
            if stock.is_disputed {
                stock.reset(stock.epoch + 1, None);
            } else {
                stock.have = 0;
            }
        });
    }

    /// What was read is not what it should be.
    pub(crate) fn dispute(&self) {
        self.stock.send_modify(|stock| stock.is_disputed = true);
    }

    /// Takes the hashes of the pieces from the first one on; says those that are new.
    pub(crate) fn on_piece(&self) -> OnPiece {
        let (stock, voice) = (self.stock.clone(), self.voice.clone());
        let mut number = 0;
        Box::new(move |hash| {
            read(&stock, &voice, number, hash, (number as u64 + 1).saturating_mul(PIECE));
            number += 1;
        })
    }

    /// What comes is not what came before.
    pub(crate) fn is_disputed(&self) -> bool {
        self.stock.borrow().is_disputed
    }

    /// Whether all `size` bytes, which have been read now, are what was said of them before.
    pub(crate) fn is_agreed(&self, size: u64, last_piece: Option<PieceHash>) -> bool {
        let mut pieces = usize::try_from(size / PIECE).unwrap_or(usize::MAX);
        if let Some(hash) = last_piece {
            read(&self.stock, &self.voice, pieces, hash, size);
            pieces += 1;
        }
        // It was longer before.
        self.stock.send_modify(|stock| stock.is_disputed |= stock.known.len() != pieces);
        !self.is_disputed()
    }

    /// All is here, and what it should be.
    pub(crate) fn whole(&self, size: u64, md5: Md5, sha256: Sha256, wanted: &Wanted, identity: &Identity) {
        self.stock.send_modify(|stock| {
            stock.have = size;
            stock.is_whole = true;
        });
        self.voice.say(Said::Whole(Whole {
            epoch: self.stock.borrow().epoch,
            size,
            sums: Some(Sums { md5, sha256 }),
            verified_by: wanted.expected,
            signed_by: wanted.signer.clone(),
            version: wanted.version.clone(),
            etag: identity.etag.clone(),
            last_modified: identity.last_modified.clone(),
        }));
    }

    /// The file was there before.
    pub(crate) fn has_all(&self, kept: &Kept, hashes: Vec<PieceHash>, wanted: &Wanted) {
        let size = kept.fetched.size;
        // A file that is its own source tells as `Local` does when its bytes are others; what those who take it keep of it
        // when they are stopped depends on that.
        let seconds = kept.fetched.stamp.modified_ns.div_euclid(1_000_000_000);
        let last_modified = kept.fetched.is_source.then(|| seconds.to_string());
        let identity = Identity { size: Some(size), etag: None, last_modified };
        self.opened(0, &identity, wanted);
        let epoch = self.stock.borrow().epoch;
        for (first, hashes) in (0..).step_by(MOST_HASHES).zip(hashes.chunks(MOST_HASHES)) {
            let sha256 = hashes.to_vec();
            self.voice.say(Said::Pieces(Pieces { epoch, first, sha256 }));
        }
        self.stock.send_modify(|stock| {
            stock.file = Arc::clone(&kept.file);
            stock.known = hashes;
        });
        self.whole(size, kept.fetched.md5, kept.fetched.sha256, wanted, &identity);
    }
}

/// Takes the hash of a piece; the first `have` bytes are here now.
fn read(stock: &watch::Sender<Stock>, voice: &Voice, number: usize, hash: PieceHash, have: u64) {
    let mut new = None;
    stock.send_modify(|stock| {
        if stock.read(number, hash) {
            new = Some(stock.epoch);
        }
        if !stock.is_disputed {
            stock.have = stock.have.max(have);
        }
    });
    if let Some(epoch) = new {
        let sha256 = vec![hash];
        voice.say(Said::Pieces(Pieces { epoch, first: number as u64, sha256 }));
    }
}
