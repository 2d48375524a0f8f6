//! What a file that holds a disk is.

use crate::words::words;

/// What a file that holds a disk is; what a pool keeps its files as.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum DiskFormat {
    /// The disk's bytes, sparse.
    Raw,
    /// QEMU's copy-on-write format, version 3; version 2 is read as well.
    Qcow2,
}

words!(DiskFormat { Raw => "raw", Qcow2 => "qcow2" });
