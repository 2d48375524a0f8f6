//! What a check finds wrong with a pool, in an operator's words, and what an operator does about it.

use ays_catalogue::{GenerationId, KnownContent};
use ays_model::{ImageName, PoolOwner};
use ays_protocol::{MOST_LISTED, UnknownFile};

use crate::found_file::{Fate, Left};

/// A difference between what the catalogue says of a pool and what lies there.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PoolFault {
    /// The pool has another path by now, or its node is gone.
    #[error("no node has this pool any more, and {files} are recorded in it", files = files(*.recorded))]
    NoNode {
        /// How many files are recorded in it.
        recorded: usize,
    },
    /// The directory is gone, or what is mounted there is not.
    #[error("the pool's directory is not there, and {files} are recorded in it", files = files(*.recorded))]
    NoDirectory {
        /// How many files are recorded in it.
        recorded: usize,
    },
    /// Nothing says whose the pool is.
    #[error("the pool has no owner's mark, .ays-owner.json")]
    NoMark,
    /// It is another catalogue's.
    #[error("the pool belongs to {0}")]
    OtherOwner(PoolOwner),
    /// Its mark says nothing.
    #[error("the pool's owner's mark, .ays-owner.json, cannot be read: {0}")]
    UnreadableMark(String),
    /// A file that is recorded as verified is not there.
    #[error("{file} is recorded ({of}), and is not there", of = names(.images))]
    Missing {
        /// Its name.
        file: String,
        /// The images that stand on it.
        images: Vec<ImageName>,
    },
    /// A file that is recorded as verified has another length.
    #[error("{file} is recorded ({of}) with {recorded} bytes, and has {found}", of = names(.images))]
    OtherSize {
        /// Its name.
        file: String,
        /// The images that stand on it.
        images: Vec<ImageName>,
        /// The length that it must have.
        recorded: u64,
        /// The length that it has.
        found: u64,
    },
    /// What is under the name is a link, a directory, a device.
    #[error("{file} is recorded ({of}), and is no plain file", of = names(.images))]
    NoFile {
        /// Its name.
        file: String,
        /// The images that stand on it.
        images: Vec<ImageName>,
    },
    /// A copy that was on its way, which nobody brings any more.
    #[error("{file} of {image} is recorded as on its way, and nobody brings it")]
    LeftArriving {
        /// Its name.
        file: String,
        /// Its image.
        image: ImageName,
        /// What it is a copy of.
        generation: GenerationId,
        /// There is a file of this name and length.
        is_there: bool,
    },
    /// A removal that was begun, which nobody goes on with.
    #[error("the removal of {file} of {image} was begun, and nobody goes on with it")]
    LeftRemoving {
        /// Its name.
        file: String,
        /// Its image.
        image: ImageName,
    },
    /// A file that has the name of a stored file, and that the catalogue does not know.
    #[error("{name} is there and not recorded{of}", name = .file.name, of = of_images(.of))]
    Unrecorded {
        /// What the node says of it.
        file: UnknownFile,
        /// The generations whose content is in its name.
        of: Vec<KnownContent>,
        /// What becomes of it.
        fate: Fate,
    },
    /// There are so many that not all are named.
    #[error(
        "more than {MOST_LISTED} files are there that have the names of stored files and are not recorded"
    )]
    TooMany,
    /// The pool has no index.
    #[error(
        "the pool has no ays-images.json: managers of machines find nothing of the {offered} images that it offers"
    )]
    NoIndex {
        /// How many images it offers.
        offered: usize,
    },
    /// Its index says something else.
    #[error("ays-images.json does not say what the catalogue says{}", differs(.missing, .extra))]
    OtherIndex {
        /// Images that it does not name.
        missing: Vec<String>,
        /// Images that it names, and that the pool does not offer.
        extra: Vec<String>,
    },
    /// Its index is none.
    #[error("ays-images.json cannot be read as an index: {0}")]
    UnreadableIndex(String),
}

impl PoolFault {
    /// A word for programs.
    pub fn code(&self) -> &'static str {
        match self {
            Self::NoNode { .. } => "noNode",
            Self::NoDirectory { .. } => "noDirectory",
            Self::NoMark => "noMark",
            Self::OtherOwner(_) => "otherOwner",
            Self::UnreadableMark(_) => "unreadableMark",
            Self::Missing { .. } => "missing",
            Self::OtherSize { .. } => "otherSize",
            Self::NoFile { .. } => "noFile",
            Self::LeftArriving { .. } => "leftArriving",
            Self::LeftRemoving { .. } => "leftRemoving",
            Self::Unrecorded { .. } => "unrecorded",
            Self::TooMany => "tooMany",
            Self::NoIndex { .. } => "noIndex",
            Self::OtherIndex { .. } => "otherIndex",
            Self::UnreadableIndex(_) => "unreadableIndex",
        }
    }

    /// The file that it is about.
    pub fn file(&self) -> Option<&str> {
        match self {
            Self::Missing { file, .. }
            | Self::OtherSize { file, .. }
            | Self::NoFile { file, .. }
            | Self::LeftArriving { file, .. }
            | Self::LeftRemoving { file, .. } => Some(file),
            Self::Unrecorded { file, .. } => Some(&file.name),
            _ => None,
        }
    }

    /// What an operator does about it.
    pub fn cure(&self) -> String {
        const REPAIR: &str = "`ays catalogue check --repair`";
        match self {
            Self::NoNode { .. } => "let a node have the pool again (its path in ays.toml, its node's file in services/); \
                                    where it is gone for ever, nothing offers these files, and nothing has to be done"
                .to_owned(),
            Self::NoDirectory { .. } => "mount what the pool lies on, or make `ays scrub` mark its copies as missing".to_owned(),
            Self::NoMark => format!("{REPAIR} writes it when the pool holds what is recorded, as any install does"),
            Self::OtherOwner(_) | Self::UnreadableMark(_) => {
                "`ays pool adopt` makes the pool this catalogue's; another directory in ays.toml keeps both apart".to_owned()
            }
            Self::Missing { .. } | Self::OtherSize { .. } | Self::NoFile { .. } => {
                format!("`ays scrub --heal` brings it from a pool that has it; {REPAIR} only stops offering it")
            }
            Self::LeftArriving { is_there: true, .. } => {
                format!("{REPAIR} records it as a file to be read, and `ays scrub` reads it")
            }
            Self::LeftArriving { is_there: false, .. } => {
                format!("the same `ays image availability` or install brings it; {REPAIR} forgets it")
            }
            Self::LeftRemoving { .. } => {
                "`ays image prune`, or the same `ays image delete --permanently`, goes on with it".to_owned()
            }
            Self::Unrecorded { fate: Fate::Record(_), .. } => {
                format!("{REPAIR} records it as a file to be read, and `ays scrub` reads it")
            }
            Self::Unrecorded { fate: Fate::Remove { .. }, .. } => {
                format!("{REPAIR} removes it when nothing uses it")
            }
            Self::Unrecorded { fate: Fate::Stays(left), .. } => left.cure(),
            Self::TooMany => "remove those that nothing needs, then check again".to_owned(),
            Self::NoIndex { .. } | Self::OtherIndex { .. } | Self::UnreadableIndex(_) => {
                format!("{REPAIR} writes it, as any install in this pool does")
            }
        }
    }

    /// Whether a copy is not as it is recorded.
    pub(crate) fn is_bad_copy(&self) -> bool {
        matches!(self, Self::Missing { .. } | Self::OtherSize { .. } | Self::NoFile { .. })
    }
}

impl Left {
    fn cure(self) -> String {
        match self {
            Self::NotPlain => "look what it is, and remove it where nothing needs it".to_owned(),
            Self::NoContent => "install the recipe that it came from once more: a file of the same content is kept. Where it \
                                came from elsewhere, remove it when nothing uses it"
                .to_owned(),
            Self::OtherLength => {
                "no image has this length: look whose it is, and remove it when nothing uses it".to_owned()
            }
            Self::NoOther => "`ays scrub --heal` brings the other one; then check again".to_owned(),
            Self::OtherFormat => "install its image here once more: a file of the same content is kept".to_owned(),
        }
    }
}

fn files(count: usize) -> String {
    if count == 1 { "1 file".to_owned() } else { format!("{count} files") }
}

fn names(images: &[ImageName]) -> String {
    images.iter().map(ImageName::as_str).collect::<Vec<_>>().join(", ")
}

fn of_images(known: &[KnownContent]) -> String {
    let of: Vec<_> =
        known.iter().map(|known| format!("{} generation {}", known.image, known.number)).collect();
    if of.is_empty() { String::new() } else { format!("; by its name it is of {}", of.join(", ")) }
}

/// How many images a message names.
const MOST_NAMED: usize = 5;

fn differs(missing: &[String], extra: &[String]) -> String {
    let list = |said: &str, names: &[String]| {
        let named = names.iter().take(MOST_NAMED).map(String::as_str).collect::<Vec<_>>().join(", ");
        let more = if names.len() > MOST_NAMED { ", .." } else { "" };
        if names.is_empty() { String::new() } else { format!("; {said} {named}{more}") }
    };
    list("it lacks", missing) + &list("it has too much:", extra)
}
