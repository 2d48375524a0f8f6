use std::io;

use crate::Packing;

/// Why no disk was unpacked. Each says it of a file, as the end of a sentence: "x.img.xz: its xz data is damaged".
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The packed file itself could not be read.
    #[error("it cannot be read: {0}")]
    Read(io::Error),
    /// What is packed is not what it should be.
    #[error("its {packing} data cannot be unpacked: {source}")]
    Damaged {
        /// The layer that failed.
        packing: Packing,
        /// What its reader says.
        source: io::Error,
    },
    /// It was packed for machines with more memory.
    #[error(
        "to unpack its {0} data takes more memory than a node gives; pack it with a smaller window (`xz -9` is the most for xz, `zstd --long=26` for zstd)"
    )]
    Memory(Packing),
    /// The only file in it is no disk.
    #[error("it is packed with {packing}, and what is in it cannot be registered: {reason}")]
    NoDisk {
        /// The innermost layer.
        packing: Packing,
        /// What the receiver says of it.
        reason: String,
    },
    /// No file of an archive is a disk.
    #[error("no file in this {packing} archive is a disk; it holds {}", list(names))]
    NoDiskAmong {
        /// The archive.
        packing: Packing,
        /// Its files.
        names: Vec<String>,
    },
    /// Several files of an archive are disks.
    #[error("it holds several disks: {}; `member:'..'` in the recipe picks one", list(names))]
    Several {
        /// Their names.
        names: Vec<String>,
    },
    /// The file that was asked for is not there.
    #[error("it holds no file `{member}`; it holds {}", list(names))]
    NoMember {
        /// What was asked for.
        member: String,
        /// Its files.
        names: Vec<String>,
    },
    /// A file was asked for, and it is no archive.
    #[error("`member` is for archives, and it is none")]
    NoArchive,
    /// Packed too often.
    #[error("it is packed in more layers than are unpacked")]
    Layers,
    /// More files than a disk's archive has.
    #[error("it is an archive of more than {0} files")]
    TooMany(usize),
    /// The disk is larger than it claims, or than there is room for.
    #[error(transparent)]
    Write(io::Error),
}

/// At most ten names.
fn list(names: &[String]) -> String {
    const MOST: usize = 10;
    match names {
        [] => "no files".to_owned(),
        _ if names.len() > MOST => {
            format!("{} and {} more", names[..MOST].join(", "), names.len() - MOST)
        }
        _ => names.join(", "),
    }
}
