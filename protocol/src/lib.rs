//! The messages between the controller and `ays-node`, the helper that it runs on a node, and their framing.
//!
//! It must not know recipes, HRD or the catalogue: a step says everything that is needed to do it.

mod access;
mod copies;
mod examine;
mod failure;
mod frame;
mod listing;
mod look;
mod message;
mod pool;
mod read_disk;
mod removal;
mod service;
mod share;

pub use access::Obstacle;
pub use copies::{PassCopy, PassedCopy};
pub use examine::{Directory, Examine, Examined};
pub use failure::{Failure, Phase};
pub use frame::{
    BEAT_EVERY, FrameError, GREETING, MAX_FRAME, PROTOCOL, SILENCE_LIMIT, read_frame, write_frame,
};
pub use listing::{FileSeen, ListPool, MOST_LISTED, PoolListing, UnknownFile};
pub use look::{Look, LookAt, Looked, SourceDisk, SourceState};
pub use message::*;
pub use pool::{
    AdoptPool, IndexBefore, NotOurs, NotRefreshed, PoolClaim, PoolMark, PoolSeen, Whose, WrittenIndex,
};
pub use read_disk::{Form, MOST_OF_PART, READ_MODE, ReadBegin, ReadDisk, ReadEnd, Told};
pub use removal::{FileUse, MOST_USES, Removal, RemoveCopies, RemovedCopies, RemovedCopy, StoredFile};
pub use service::{
    Act, Hidden, InstallPackages, MOST_BYTES, Note, ProcessAct, ProcessManager, ProcessOrder, ProcessSeen,
    Processes, RemovedService, SecretText, TREE_PART, Tree, TreeEntry, TreeKind, TreePart,
};
pub use share::{
    Expected, MOST_HASHES, News, Opened, PIECE, Pieces, Said, Secret, Share, Sums, Supplier, Whole,
};
