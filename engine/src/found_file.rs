//! What becomes of a file that lies in a pool and is not recorded: it is one of ours only when its name holds the content
//! of an image that the catalogue knows.

use ays_catalogue::{CopyState, ImageStatus, KnownContent, NewCopy, PoolRecord, RecordedCopy};
use ays_model::{DiskFormat, ImageName};
use ays_protocol::{FileSeen, UnknownFile};

/// What becomes of a file that is not recorded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fate {
    /// It is recorded as a file that is to be read, and nothing offers it before a scrub has read it.
    Record(Box<NewCopy>),
    /// It is removed unless something uses it: its content is in the pool under another name, or all its images are
    /// destroyed.
    Remove {
        /// An image that it is of.
        of: Box<KnownContent>,
        /// Its length in bytes.
        size: u64,
    },
    /// It stays as it is.
    Stays(Left),
}

/// Why a file stays as it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Left {
    /// It is a link, a directory, a device.
    #[error("it is no plain file")]
    NotPlain,
    /// No image has its content.
    #[error("no image of this catalogue has its content, so that it may be somebody else's")]
    NoContent,
    /// It has not the length of the content that is in its name.
    #[error("it has not the length of the content that is in its name, so that it may be somebody else's")]
    OtherLength,
    /// The pool's other file of the same content is damaged.
    #[error("the pool's other file of the same content is damaged, and this one may be good")]
    NoOther,
    /// What its bytes must be is known of raw files only.
    #[error("what its bytes must be is not known: its format is not raw")]
    OtherFormat,
}

impl Fate {
    pub(crate) fn of(file: &UnknownFile, known: &[KnownContent], record: &PoolRecord) -> Self {
        let FileSeen::File { size } = file.seen else { return Self::Stays(Left::NotPlain) };
        let (Some(first), Some((_, format))) = (known.first(), file.content()) else {
            return Self::Stays(Left::NoContent);
        };
        let is_raw = format == DiskFormat::Raw;
        if is_raw && known.iter().all(|known| known.virtual_size != size) {
            return Self::Stays(Left::OtherLength);
        }
        // What is said of one that is on its way is not of its file here.
        let is_here = |copy: &&RecordedCopy| copy.state != CopyState::Arriving;
        let copies = |known: &KnownContent| {
            let here = record.copies.iter().filter(is_here);
            here.filter(|copy| copy.generation == known.generation).collect::<Vec<_>>()
        };
        let is_destroyed = |known: &KnownContent| known.status == ImageStatus::Destroyed;
        let lacks_it = known
            .iter()
            .find(|known| !is_destroyed(known) && known.virtual_size == size && copies(known).is_empty());
        if let Some(known) = lacks_it.filter(|_| is_raw) {
            return Self::Record(Box::new(NewCopy {
                generation: known.generation,
                pool: record.pool.clone(),
                file: file.name.clone(),
                format,
                // Of a raw file it is the content.
                digest: known.content,
                size,
            }));
        }
        let is_verified = |known: &KnownContent| {
            copies(known).iter().any(|copy| copy.state == CopyState::Verified && copy.file != file.name)
        };
        if known.iter().all(is_destroyed) || known.iter().any(is_verified) {
            return Self::Remove { of: Box::new(first.clone()), size };
        }
        Self::Stays(if is_raw { Left::NoOther } else { Left::OtherFormat })
    }

    /// The image that it is recorded or removed for.
    pub fn image(&self) -> Option<&ImageName> {
        match self {
            Self::Remove { of, .. } => Some(&of.image),
            Self::Record(_) | Self::Stays(_) => None,
        }
    }
}
