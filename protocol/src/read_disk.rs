//! What the helper says when it is started to read a stored disk: all of it, as another file that is made while it is read, or
//! only the blocks that hold data. It is a process of its own, and says no frames but the first: the bytes themselves follow.
//!
//! After the greeting the controller sends one frame, [`ReadDisk`]. The reader answers with one frame, a result of
//! [`ReadBegin`], then with parts, and with one frame, a result of [`ReadEnd`]. A part is its place (eight bytes, big endian),
//! its length (four bytes, big endian) and that many bytes; a part without bytes says that the last frame comes.

use std::path::PathBuf;

use ays_model::{DiskFormat, Sha256};
use serde::{Deserialize, Serialize};

/// The most bytes of a part.
pub const MOST_OF_PART: usize = 4 << 20;

/// The first argument that starts the helper as a reader.
pub const READ_MODE: &str = "read-disk";

/// What is to be read.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct ReadDisk {
    /// The stored file.
    pub path: PathBuf,
    /// What it is.
    pub format: DiskFormat,
    /// How it is told.
    pub told: Told,
}

/// How a disk is told.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Told {
    /// From the first byte of a file to its last.
    File {
        /// What that file is.
        form: Form,
        /// So many of its bytes the controller has already; they are read, and not told.
        skip: u64,
    },
    /// Blocks of this size with data in them, in order; the last one is filled up with zeros. All others are zero.
    Blocks {
        /// In bytes, no more than [`MOST_OF_PART`].
        size: u32,
        /// Only those that do not begin before this place of the disk, in bytes.
        from: u64,
    },
}

/// What a disk, or what is in it, becomes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Form {
    /// The disk's bytes.
    Raw,
    /// Its data, in clusters.
    Qcow2,
    /// Its data, compressed: the kind of VMDK that is sent.
    StreamVmdk,
    /// The root file system in it, as a tar that is packed with gzip: the layer of a container.
    Layer,
}

/// What is known before anything is read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReadBegin {
    /// The size that a guest sees, in bytes.
    pub virtual_size: u64,
    /// No more of these, in bytes, are data.
    pub data: u64,
    /// The length of the file that is told, in bytes, where it is known.
    pub length: Option<u64>,
    /// What of the root file system is not in the layer: where other file systems are mounted.
    pub left_out: Vec<String>,
}

/// What all of it was.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReadEnd {
    /// The bytes of the file, those that were skipped among them; of blocks: those that were told.
    pub bytes: u64,
    /// Of these bytes.
    pub sha256: Sha256,
    /// Of a layer's tar, before it is packed.
    pub unpacked: Option<Sha256>,
}
