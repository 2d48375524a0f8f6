//! The disk in a compressed file or an archive: unpacked as it comes, with bounded memory, whatever the bytes claim.
//!
//! It must not know nodes, sources or the catalogue. What a disk is, and where its bytes go, the [`Receiver`] says.

mod ahead;
mod archive;
mod budget;
mod decompress;
mod error;
mod layers;
mod packing;
mod peek;
mod receiver;
mod unpacking;

pub use archive::is_named;
pub use error::Error;
pub use packing::Packing;
pub use peek::{Peek, peek};
pub use receiver::{Receiver, Unpacked};
pub use unpacking::unpack;

/// How many bytes of the start of a file decide whether it is a disk: as many as [`Receiver::begin`] is given, and fewer
/// only of a shorter file.
pub const HEAD: usize = 128 << 10;
