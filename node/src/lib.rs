//! The messages between the controller and `ays-node`, the helper that it runs on a node.
//!
//! For a controller this library is only the messages and their framing; the steps themselves are in `helper`,
//! behind the feature of that name, which the binary `ays-node` is built with.
//! It must not know recipes, HRD or the catalogue: a step says everything that is needed to do it.

mod failure;
mod frame;
#[cfg(feature = "helper")]
#[doc(hidden)]
pub mod helper;
mod look;
mod message;
mod network;
mod secret_url;
mod share;

pub use failure::{Failure, Phase};
pub use frame::{
    BEAT_EVERY, FrameError, GREETING, MAX_FRAME, PROTOCOL, SILENCE_LIMIT, read_frame, write_frame,
};
pub use look::{Look, LookAt, Looked, SourceDisk, SourceState};
pub use message::*;
pub use network::Network;
pub use secret_url::{SecretUrl, UrlError};
pub use share::{Expected, MOST_HASHES, News, Opened, PIECE, Pieces, Said, Secret, Share, Supplier, Whole};
