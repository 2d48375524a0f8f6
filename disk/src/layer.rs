//! The root file system of a Linux disk as the layer of a container: a tar that is not compressed.
//!
//! Only ext2, ext3 and ext4 are read. Members come in the order of their names' bytes, a directory before what is in it, so
//! that one disk becomes the same bytes each time. There is no member for the root itself. Of files that are several names,
//! the first one has the content and the others are hard links to it. Holes are zeros in the tar, since not every runtime
//! knows others; they are not read. Times are whole seconds. Sockets, and what lies in `lost+found`, are left out.
//!
//! A disk is hostile. What is read for all files together is no more than the data that the disk has, and the zeros of holes
//! no more than 16 GiB; paths have at most 4096 bytes; what is kept of names and of hard links has a limit too.

mod find;
mod fstab;
mod tar;
mod walk;

use std::io::{self, Write};
use std::ops::Range;

use ays_model::FileSystem;

use crate::form;
pub use crate::inodes::ReadError;
use crate::inodes::{Budget, Inodes};
use crate::stored_disk::StoredDisk;
use crate::write_control::WriteControl;

/// The root file system of a disk.
pub struct Root {
    disk: StoredDisk,
    data: Vec<Range<u64>>,
    inodes: Inodes,
    partition: Option<u32>,
    left_out: Vec<String>,
}

impl Root {
    /// The number of its partition; none: it is the whole disk.
    #[must_use]
    pub fn partition(&self) -> Option<u32> {
        self.partition
    }

    /// The directories where its `/etc/fstab` mounts other partitions, in order: what these hold is not in the layer.
    #[must_use]
    pub fn left_out(&self) -> &[String] {
        &self.left_out
    }
}

/// What was written.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct LayerWritten {
    /// The length of the tar, in bytes.
    pub length: u64,
    /// How many members it has.
    pub entries: u64,
    /// How many bytes of files are in it, zeros of holes and all.
    pub file_bytes: u64,
    /// How many sockets were left out: they are nothing without the program that made them.
    pub sockets: u64,
    /// How many extended attributes were left out, because a tar cannot have their names.
    pub attributes: u64,
}

/// Why there is no layer.
#[derive(Debug, thiserror::Error)]
pub enum LayerError {
    /// The disk cannot be read, the tar not be written, or the caller wanted it to end.
    #[error(transparent)]
    Copy(#[from] form::Error),
    /// Not what is in its partitions: where they are.
    #[error("its partitions cannot be read")]
    Partitions(#[source] io::Error),
    /// A container has no Windows.
    #[error("{} is {file_system}, as of a Windows: only a Linux becomes a container layer", place(*partition))]
    Windows {
        /// The number of the partition; none: it is the whole disk.
        partition: Option<u32>,
        /// What it holds.
        file_system: FileSystem,
    },
    /// The root may be in there.
    #[error("no root file system was found; {} is {file_system}, which is not read here: only ext2, ext3 and ext4 are", place(*partition))]
    NotRead {
        /// The number of the partition; none: it is the whole disk.
        partition: Option<u32>,
        /// What it holds.
        file_system: FileSystem,
    },
    /// There are several systems.
    #[error(
        "it has several root file systems, in the partitions {}: which one is meant is not known",
        numbers(partitions)
    )]
    SeveralRoots {
        /// The numbers of their partitions, in order.
        partitions: Vec<u32>,
    },
    /// There is no Linux on it.
    #[error(
        "no root file system was found in it: none has /etc/os-release, /usr/lib/os-release, /bin or /sbin/init"
    )]
    NoRoot,
    /// A file system that may be the root is not read.
    #[error("the file system of {} is not read", place(*partition))]
    FileSystem {
        /// The number of the partition; none: it is the whole disk.
        partition: Option<u32>,
        /// Why.
        source: ReadError,
    },
    /// A file, or a directory, is not read.
    #[error("{path:?} is not read")]
    File {
        /// Its path, from the root on.
        path: String,
        /// Why.
        source: ReadError,
    },
    /// A runtime would take the file for an order to remove another one. To leave it out would make another system of it.
    #[error(
        "{path:?} begins with '.wh.', which means in a layer that a file is removed: remove or rename it"
    )]
    WhiteoutName {
        /// Its path, from the root on.
        path: String,
    },
    /// No program could open the file.
    #[error("{path:?} is below a path of more than 4096 bytes")]
    PathTooLong {
        /// The directory that holds it.
        path: String,
    },
    /// More is to be remembered of it than there is memory for.
    #[error("it has too many files with several names to remember them all")]
    TooManyLinks,
}

/// Finds the root file system: the one with an `/etc/os-release` or `/usr/lib/os-release`, or if none has these, with `/bin`
/// or `/sbin/init`; the partition table is read as [`crate::inspect`] does.
///
/// # Errors
///
/// When there is none, or not just one, that is read here.
pub fn find_root(disk: &StoredDisk) -> Result<Root, LayerError> {
    find::find_root(disk)
}

/// Writes the layer. `out` is given pieces of at most 256 KiB, some of them small.
///
/// # Errors
///
/// When the disk cannot be read, a file system is damaged or has what a layer cannot have, the tar cannot be written, and when
/// it is cancelled; what was written by then is of no use.
pub fn write_layer<'a>(
    root: &'a Root,
    out: &'a mut dyn Write,
    control: WriteControl<'a>,
) -> Result<LayerWritten, LayerError> {
    let inodes = root.inodes.with_budget(Budget::new(&root.data));
    walk::write(&inodes, &root.data, form::Output::new(&root.disk, out, control))
}

/// In words.
fn place(partition: Option<u32>) -> String {
    match partition {
        Some(number) => format!("partition {number}"),
        None => "the disk".to_owned(),
    }
}

fn numbers(partitions: &[u32]) -> String {
    partitions.iter().map(u32::to_string).collect::<Vec<_>>().join(", ")
}
