//! Why an image is not looked into: decided once, for whoever reads it.

use std::io;

/// The largest virtual disk, in bytes: 64 TiB, more than that is a false claim.
pub const LARGEST: u64 = 64 << 40;

/// Why an image is not inspected.
#[derive(Debug, thiserror::Error)]
pub enum Refusal {
    /// The file itself cannot be read.
    #[error("it cannot be read")]
    Unreadable(#[from] io::Error),
    /// It has no byte.
    #[error("it is empty")]
    Empty,
    /// It stands on another file, which is never opened.
    #[error(
        "it stands on a backing file, so it is not whole: `qemu-img convert -O qcow2`, where that file is, makes one that is"
    )]
    Backed,
    /// Its data is in another file, which is never opened.
    #[error(
        "its data is in another file: `qemu-img convert -O qcow2`, where that file is, makes one of both"
    )]
    DataFile,
    /// It is encrypted.
    #[error("it is encrypted")]
    Encrypted,
    /// It says so itself.
    #[error("it is marked as corrupt")]
    Corrupt,
    /// Not even QEMU's two versions.
    #[error("its qcow version {0} is not supported; 2 and 3 are")]
    Version(u32),
    /// A feature that is not read here.
    #[error("its {0} are not read here: `qemu-img convert -O raw` makes a disk of it that is")]
    Unsupported(&'static str),
    /// Its header contradicts itself.
    #[error("its header is damaged: {0}")]
    Damaged(&'static str),
    /// More than there can be.
    #[error("it claims {0} bytes, more than any disk here may have")]
    TooLarge(u64),
}
