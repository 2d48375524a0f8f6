//! A piece, in a file and on its way from node to node: its length (four bytes, big endian), a bit for each of its blocks
//! (the first block is the lowest bit of the first byte), and the blocks whose bit is set. The others are zeros: they are
//! not sent, and are holes in the file that they go to.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::sync::LazyLock;

use ays_protocol::PIECE;
use rustix::fs::{SeekFrom, seek};
use rustix::io::Errno;
use sha2::{Digest, Sha256};

use crate::disk::is_zeros;
use crate::lanes::PieceHash;

const BLOCK: usize = 4096;

/// A bit for each block of a piece, in bytes.
pub(super) const BITS: usize = PIECE as usize / BLOCK / 8;

/// The length and the bits.
const HEAD: usize = 4 + BITS;

/// The hash of a whole piece of zeros.
static ZEROS: LazyLock<PieceHash> = LazyLock::new(|| hash(&vec![0; PIECE as usize]));

/// A piece that came, not verified yet.
#[derive(Debug)]
pub(super) struct Piece {
    /// In bytes.
    pub length: u64,
    /// None: zeros.
    pub bytes: Option<Vec<u8>>,
    /// How many of them came.
    pub received: u64,
}

/// A part of a piece whose blocks are all sent.
pub(super) struct Run {
    pub at: usize,
    pub length: usize,
}

/// Whether a file has data, and no hole alone, in this part.
pub(super) fn has_data(file: &File, at: u64, length: u64) -> io::Result<bool> {
    match seek(file, SeekFrom::Data(at)) {
        Ok(data) => Ok(data < at + length),
        // Nothing but a hole up to the end.
        Err(Errno::NXIO) => Ok(false),
        // A file system that does not know holes.
        Err(Errno::INVAL | Errno::OPNOTSUPP) => Ok(true),
        Err(error) => Err(error.into()),
    }
}

/// The hash of a piece's bytes.
pub(super) fn hash(bytes: &[u8]) -> PieceHash {
    ays_model::Sha256(Sha256::digest(bytes).into())
}

/// The hash of a piece of so many zeros.
pub(super) fn zeros_hash(length: u64) -> PieceHash {
    if length == PIECE { *ZEROS } else { hash(&vec![0; usize::try_from(length).unwrap_or(0)]) }
}

/// Makes what is sent of the `length` bytes at `at` of the file.
pub(super) fn pack(file: &File, at: u64, length: u64, into: &mut Vec<u8>) -> io::Result<()> {
    let length = usize::try_from(length).map_err(io::Error::other)?;
    into.clear();
    into.resize(HEAD, 0);
    into[..4].copy_from_slice(&u32::try_from(length).map_err(io::Error::other)?.to_be_bytes());
    if !has_data(file, at, length as u64)? {
        return Ok(());
    }
    into.resize(HEAD + length, 0);
    file.read_exact_at(&mut into[HEAD..], at)?;
    let mut end = HEAD;
    for number in 0..length.div_ceil(BLOCK) {
        let begin = HEAD + number * BLOCK;
        let block = begin..into.len().min(begin + BLOCK);
        if !is_zeros(&into[block.clone()]) {
            into[4 + number / 8] |= 1 << (number % 8);
            into.copy_within(block.clone(), end);
            end += block.len();
        }
    }
    into.truncate(end);
    Ok(())
}

/// What is sent of a piece of this length with these bits; none: they name blocks that it has not.
pub(super) fn runs(length: usize, bits: &[u8; BITS]) -> Option<Vec<Run>> {
    let mut runs: Vec<Run> = Vec::new();
    for number in (0..BITS * 8).filter(|number| bits[number / 8] & (1 << (number % 8)) != 0) {
        let at = number * BLOCK;
        let count = length.checked_sub(at).filter(|left| *left > 0)?.min(BLOCK);
        match runs.last_mut() {
            Some(run) if run.at + run.length == at => run.length += count,
            _ => runs.push(Run { at, length: count }),
        }
    }
    Some(runs)
}

impl Piece {
    /// Whether it is the piece with this hash.
    pub fn is(&self, expected: PieceHash) -> bool {
        match &self.bytes {
            Some(bytes) => hash(bytes) == expected,
            None => zeros_hash(self.length) == expected,
        }
    }

    /// Writes it at the end of the file, which is at `at`; zeros as holes.
    pub fn write(&self, file: &File, at: u64) -> io::Result<()> {
        file.set_len(at + self.length)?;
        let Some(bytes) = &self.bytes else { return Ok(()) };
        let mut begin = 0;
        while begin < bytes.len() {
            let is_hole = |from: usize| is_zeros(&bytes[from..bytes.len().min(from + BLOCK)]);
            if is_hole(begin) {
                begin += BLOCK;
                continue;
            }
            let mut end = begin;
            while end < bytes.len() && !is_hole(end) {
                end += BLOCK;
            }
            file.write_all_at(&bytes[begin..end.min(bytes.len())], at + begin as u64)?;
            begin = end;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::MetadataExt;

    use super::*;

    /// A piece of this length with data at these places.
    fn file(length: u64, data: &[u64]) -> File {
        let file = tempfile::tempfile().unwrap();
        file.set_len(PIECE + length).unwrap();
        for at in data {
            file.write_all_at(b"data", PIECE + at).unwrap();
        }
        file
    }

    fn unpack(sent: &[u8]) -> Option<Piece> {
        let length = u32::from_be_bytes(sent[..4].try_into().unwrap()) as usize;
        let mut rest = &sent[HEAD..];
        let mut bytes = vec![0; length];
        for Run { at, length } in runs(length, sent[4..HEAD].try_into().unwrap())? {
            bytes[at..at + length].copy_from_slice(&rest[..length]);
            rest = &rest[length..];
        }
        assert!(rest.is_empty());
        Some(Piece { length: length as u64, bytes: Some(bytes), received: 0 })
    }

    #[test]
    fn only_blocks_with_data_are_sent_and_written() {
        for (length, data, sent) in [
            (PIECE, &[][..], 0),
            (PIECE, &[0][..], BLOCK),
            (PIECE, &[4094, 70_000, PIECE - 4], 4 * BLOCK),
            (10_000, &[9_996], 10_000 - 2 * BLOCK),
            (10, &[], 0),
        ] {
            let from = file(length, data);
            let mut packed = vec![1; 5];
            pack(&from, PIECE, length, &mut packed).unwrap();
            assert_eq!(packed.len(), HEAD + sent, "{length} {data:?}");
            let mut whole = vec![0; length as usize];
            from.read_exact_at(&mut whole, PIECE).unwrap();
            let piece = unpack(&packed).unwrap();
            assert!(piece.bytes.as_ref() == Some(&whole));
            assert!(piece.is(hash(&whole)) && !piece.is(hash(b"other")));
            let to = tempfile::tempfile().unwrap();
            to.set_len(PIECE).unwrap();
            piece.write(&to, PIECE).unwrap();
            let mut read = vec![0; length as usize];
            to.read_exact_at(&mut read, PIECE).unwrap();
            assert!(read == whole);
            assert_eq!(to.metadata().unwrap().len(), PIECE + length);
            assert!(to.metadata().unwrap().blocks() * 512 <= sent.next_multiple_of(BLOCK) as u64);
        }
    }

    #[test]
    fn a_piece_of_zeros_has_a_known_hash() {
        for length in [PIECE, 17] {
            let zeros = Piece { length, bytes: None, received: 0 };
            assert!(zeros.is(hash(&vec![0; length as usize])));
            assert!(!zeros.is(hash(b"x")));
        }
    }

    #[test]
    fn bits_beyond_the_piece_are_refused() {
        let mut bits = [0; BITS];
        bits[0] = 0b100;
        assert!(runs(2 * BLOCK, &bits).is_none());
        assert_eq!(runs(2 * BLOCK + 1, &bits).unwrap()[0].length, 1);
    }
}
