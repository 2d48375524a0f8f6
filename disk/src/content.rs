//! The content of a disk: the digest of what a guest sees, whatever file holds it.
//!
//! It is what `fsverity digest FILE` prints for the disk as a raw file: SHA-256, blocks of 4096 bytes, no salt. What is
//! a hole in the file, or not in the tables of a qcow2, is never read, and costs nearly nothing, however large: the
//! hashes of zeros are known for each level of the tree. So a hole and zeros that were written are the same content,
//! and a hole where other data was is another one. Data is read and hashed on all cores in pieces; memory grows with the
//! number of cores, not with the disk.
//!
//! # What a hostile image can cost
//!
//! Time is bounded by the data in the file, as its file system tells it (all of it, where that knows no holes):
//!
//! - The tables of a qcow2 and the clusters that they lead to must not be more bytes than the file has data. Tables
//!   that lead to the same place many times exceed that.
//! - Its compressed clusters must not inflate to more than 1032 times these bytes, which is the most that deflate can.
//! - Its first table must not exceed 32 MiB, as for QEMU.
//!
//! Other images end with [`Error::MoreThanData`] or a refusal. How much time is too much is for the caller, by
//! [`Control::cancelled`].

pub(crate) mod clusters;
pub(crate) mod extents;
mod hasher;
mod order;
mod pieces;
mod tree;

use std::fs::File;
use std::io;
use std::time::Duration;

pub use hasher::Hasher;

use crate::qcow2::Qcow2;
use crate::refusal::{LARGEST, Refusal};
use ays_model::DiskFormat;
use extents::Data;

/// What one hash of the tree's first level is about, in bytes: a disk's last piece may be shorter.
pub const PIECE: u64 = pieces::SPAN;

/// The digest that names a content.
pub type Content = [u8; 32];

/// What was found out about a disk.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Measured {
    /// The name of what a guest sees.
    pub content: Content,
    /// The size that a guest sees, in bytes.
    pub virtual_size: u64,
    /// How many bytes of these are data and no holes.
    pub data_size: u64,
}

/// How far it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Progress {
    /// All before this place of the disk is done, in bytes.
    pub position: u64,
    /// The size of the disk, in bytes.
    pub virtual_size: u64,
    /// How many bytes of data, holes not counted, are done.
    pub data: u64,
}

/// What a caller sees and says meanwhile; each may be left out.
#[derive(Default)]
pub struct Control<'a> {
    /// Hears how far it is, on the caller's thread, a few thousand times a second at most.
    pub progress: Option<&'a mut dyn FnMut(Progress)>,
    /// Hears how many bytes were read of the file, at most some 128 KiB of plain data, and says how long to wait until
    /// more are read. It is asked on several threads at once, and must reckon with all of them.
    pub pace: Option<&'a (dyn Fn(usize) -> Duration + Sync)>,
    /// Hears of each piece of [`PIECE`] bytes, in order, with its number from 0 and its hash in the tree; of those that are
    /// all zero it hears nothing.
    pub pieces: Option<&'a mut dyn FnMut(u64, [u8; 32])>,
    /// Whether to end with [`Error::Cancelled`]; asked often, on several threads, also during a wait.
    pub cancelled: Option<&'a (dyn Fn() -> bool + Sync)>,
}

/// Why there is no digest.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// What the image is, is not read here.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// A device, a directory, a pipe.
    #[error("it is not a regular file")]
    NotAFile,
    /// Data of the file cannot be read, or not inflated.
    #[error("what belongs at byte {at} of its disk cannot be read")]
    Read {
        /// The place of the disk, in bytes.
        at: u64,
        /// What the system says, or the reader of qcow2.
        source: io::Error,
    },
    /// Where the file has holes, or what its tables are, cannot be read.
    #[error("what is where in it cannot be read")]
    Tables(#[source] io::Error),
    /// Its tables lead to the same places again and again.
    #[error("its tables lead to more data than the file has, so it is damaged")]
    MoreThanData,
    /// No thread could be started.
    #[error("no thread to read it can be started")]
    Threads(#[source] io::Error),
    /// The caller wanted it to end.
    #[error("it was cancelled")]
    Cancelled,
}

/// The content of the disk in `file`, which is `format`; the file's position is moved about.
///
/// # Errors
///
/// When the image is refused, damaged or unreadable, and when it is cancelled.
pub fn digest<'a>(file: &'a File, format: DiskFormat, control: Control<'a>) -> Result<Measured, Error> {
    let metadata = file.metadata().map_err(Refusal::Unreadable)?;
    if !metadata.is_file() {
        return Err(Error::NotAFile);
    }
    let data = Data::new(file, metadata.len());
    match format {
        DiskFormat::Raw if data.length() > LARGEST => Err(Refusal::TooLarge(data.length()).into()),
        DiskFormat::Raw => {
            order::measure(file, data.length(), 0, control, |emit| extents::of_raw(data, emit))
        }
        DiskFormat::Qcow2 => {
            let qcow2 = Qcow2::open(file)?;
            order::measure(file, qcow2.size, qcow2.cluster_size(), control, |emit| {
                clusters::of_qcow2(file, &qcow2, data, emit)
            })
        }
    }
}
