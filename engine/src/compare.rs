//! Two contents are compared by their pieces, each read where a verified copy of it is: no byte of them moves.

use std::num::NonZeroU64;

use ays_catalogue::ScrubCopy;
use ays_model::{Digest, Event, NodeName, Sha256, StepName, Target};
use ays_protocol::{CONTENT_PIECE, DigestedDisk, Outcome, ReadPieces, Step};
use ays_transport::{Heard, HelperError, OpenError, Session, Transport};
use futures_util::future::try_join;

use crate::copy_check::path;
use crate::run_log::{Tell, now};
use crate::stop::Stop;

/// Compares contents that pools hold.
pub struct Compare<'a> {
    /// All nodes of the environment.
    pub nodes: &'a [Target],
    /// How nodes are reached.
    pub transport: &'a Transport,
    /// The most bytes a second that are read of a copy.
    pub rate: Option<NonZeroU64>,
}

/// A content that is compared.
#[derive(Debug, Clone)]
pub struct ToCompare {
    /// What a machine that starts from it sees.
    pub content: Digest,
    /// The size of that, in bytes.
    pub virtual_size: u64,
    /// The verified copies of it.
    pub copies: Vec<ScrubCopy>,
}

/// What the comparison came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Compared {
    /// The length of a piece in bytes; only a disk's last one is shorter.
    pub piece_size: u64,
    /// How many pieces the larger disk has.
    pub pieces: u64,
    /// Those that differ, in order; neighbours together.
    pub ranges: Vec<PieceRange>,
    /// The nodes that have read the two; none: they have the same content, and nothing had to be read.
    pub nodes: Option<(NodeName, NodeName)>,
}

/// Pieces that follow each other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PieceRange {
    /// The number of the first one, from 0.
    pub first: u64,
    /// How many.
    pub count: u64,
    /// Where the first one begins, in bytes of the disk.
    pub at: u64,
    /// How long they are, in bytes.
    pub length: u64,
}

/// Why two contents are not compared.
#[derive(Debug, thiserror::Error)]
pub enum CompareError {
    /// No node has read a copy as it should be.
    #[error("no node can read {file}: {reason}")]
    Unread {
        /// One of its files.
        file: String,
        /// Why the last node did not.
        reason: String,
    },
    /// The operator stopped it.
    #[error("interrupted")]
    Interrupted,
}

/// The pieces of a content that are not all zero, by their numbers, and who has read them.
struct Read {
    pieces: Vec<(u64, Sha256)>,
    node: NodeName,
}

impl Compare<'_> {
    /// Compares them. Contents that are the same by their names are not read.
    ///
    /// # Errors
    ///
    /// One of the two cannot be read.
    pub async fn run(
        &self,
        one: &ToCompare,
        other: &ToCompare,
        stop: &Stop,
        tell: Tell<'_>,
    ) -> Result<Compared, CompareError> {
        let size = one.virtual_size.max(other.virtual_size);
        let pieces = size.div_ceil(CONTENT_PIECE);
        if one.content == other.content && matches!(one.content, Digest::FsVerity(_)) {
            return Ok(Compared { piece_size: CONTENT_PIECE, pieces, ranges: Vec::new(), nodes: None });
        }
        let reading = try_join(self.read(one, tell), self.read(other, tell));
        let (one, other) = tokio::select! {
            read = reading => read?,
            () = stop.after_steps() => return Err(CompareError::Interrupted),
        };
        let ranges = ranges(&one.pieces, &other.pieces, size);
        Ok(Compared { piece_size: CONTENT_PIECE, pieces, ranges, nodes: Some((one.node, other.node)) })
    }

    /// Reads a content where the first good copy of it is.
    async fn read(&self, what: &ToCompare, tell: Tell<'_>) -> Result<Read, CompareError> {
        let file = what.copies.first().map(|copy| copy.file.clone()).unwrap_or_default();
        let mut reason = "no node has a verified copy".to_owned();
        for copy in &what.copies {
            for target in self.nodes.iter().filter(|target| target.pool_key() == copy.pool) {
                match self.read_on(target, copy, what.content, tell).await {
                    Ok(pieces) => return Ok(Read { pieces, node: target.name().clone() }),
                    Err(why) => {
                        tell(now(target.name(), Event::Warning { message: format!("{}: {why}", copy.file) }));
                        reason = format!("{}: {why}", target.name());
                    }
                }
            }
        }
        Err(CompareError::Unread { file, reason })
    }

    async fn read_on(
        &self,
        target: &Target,
        copy: &ScrubCopy,
        content: Digest,
        tell: Tell<'_>,
    ) -> Result<Vec<(u64, Sha256)>, String> {
        let opened = Session::open(target, self.transport).await;
        let mut session = opened.map_err(|error: OpenError| ays_model::causes(&error))?;
        let event = |event| tell(now(target.name(), event));
        event(Event::StepStarted { step: StepName::Scrub, what: copy.file.clone() });
        let read = self.read_in(&mut session, copy, event).await;
        session.close().await;
        let (pieces, digested) = read.map_err(|error| ays_model::causes(&error))?;
        let found = Digest::FsVerity(digested.content);
        // What is known by its SHA-256 only has no name to compare with.
        if matches!(content, Digest::FsVerity(_)) && found != content {
            return Err("its copy is damaged: `ays scrub --heal` brings it again".to_owned());
        }
        event(Event::StepDone { step: StepName::Scrub, result: format!("{} is read", copy.file) });
        Ok(pieces)
    }

    async fn read_in(
        &self,
        session: &mut Session,
        copy: &ScrubCopy,
        event: impl Fn(Event),
    ) -> Result<(Vec<(u64, Sha256)>, DigestedDisk), HelperError> {
        let order = ReadPieces { path: path(copy), format: copy.format, rate: self.rate };
        let step = session.helper.begin(Step::ReadPieces(order)).await;
        let mut pieces = Vec::new();
        loop {
            match session.helper.hear(step).await? {
                Heard::Progress(progress) => {
                    event(Event::StepProgress { step: StepName::Scrub, progress });
                }
                Heard::Said(ays_protocol::Said::Pieces(more)) => {
                    pieces.extend((more.first..).zip(more.sha256));
                }
                Heard::Done(Outcome::Digested(digested)) => return Ok((pieces, digested)),
                Heard::Said(_) | Heard::Done(_) => return Err(HelperError::Answer),
            }
        }
    }
}

/// The pieces in which two disks differ, the larger of which has `size` bytes. Pieces that are not named are zero.
fn ranges(one: &[(u64, Sha256)], other: &[(u64, Sha256)], size: u64) -> Vec<PieceRange> {
    let (mut one, mut other) = (one.iter().peekable(), other.iter().peekable());
    let mut ranges: Vec<PieceRange> = Vec::new();
    loop {
        let number = match (one.peek(), other.peek()) {
            (None, None) => return ranges,
            (Some((number, _)), None) | (None, Some((number, _))) => *number,
            (Some((first, _)), Some((second, _))) => *first.min(second),
        };
        let here = one.next_if(|(at, _)| *at == number).map(|(_, hash)| hash);
        let there = other.next_if(|(at, _)| *at == number).map(|(_, hash)| hash);
        if here == there {
            continue;
        }
        let at = number * CONTENT_PIECE;
        let length = CONTENT_PIECE.min(size.saturating_sub(at));
        match ranges.last_mut().filter(|last| last.first + last.count == number) {
            Some(last) => {
                last.count += 1;
                last.length += length;
            }
            None => ranges.push(PieceRange { first: number, count: 1, at, length }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pieces(told: &[(u64, u8)]) -> Vec<(u64, Sha256)> {
        told.iter().map(|(number, hash)| (*number, Sha256([*hash; 32]))).collect()
    }

    #[test]
    fn what_differs_is_told_in_ranges_and_zeros_are_what_is_not_named() {
        let range =
            |first: u64, count, length| PieceRange { first, count, at: first * CONTENT_PIECE, length };
        let one = pieces(&[(0, 1), (1, 2), (2, 3), (9, 4)]);
        let size = 9 * CONTENT_PIECE + 100;
        assert_eq!(ranges(&one, &one, size), []);
        let other = pieces(&[(0, 1), (1, 7), (3, 3), (5, 1), (9, 5)]);
        let expected = [range(1, 3, 3 * CONTENT_PIECE), range(5, 1, CONTENT_PIECE), range(9, 1, 100)];
        assert_eq!(ranges(&one, &other, size), expected);
        assert_eq!(ranges(&other, &one, size), expected);
        assert_eq!(ranges(&[], &pieces(&[(0, 1)]), size), [range(0, 1, CONTENT_PIECE)]);
    }
}
