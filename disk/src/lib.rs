//! What is in a disk image: its partitions, how it starts, which system it has and what that needs to start as a
//! virtual machine; and the digest of the disk in it ([`content`]). Nothing is mounted.
//!
//! And what a stored disk ([`StoredDisk`]) becomes for whoever wants it elsewhere: another file ([`form`]), or the layer of a
//! container ([`layer`]), written while the disk is read.
//!
//! An image is hostile. What is read is bounded: in bytes and in reads by an inspection ([`inspect`]), by the data in the file
//! where all of it is read. No other file is ever opened, and what cannot be read is said so and never guessed; that a process
//! with limits of its own does it is for the caller. It must not know nodes, recipes or the catalogue.

mod bytes;
mod claimed_size;
pub mod content;
mod crc32;
mod disk;
mod ext4;
mod file_system;
pub mod form;
mod found;
mod hive;
mod inodes;
mod inspect;
pub mod layer;
mod linux;
mod ntfs;
mod partitions;
mod program;
mod qcow2;
mod references;
mod refusal;
mod stored_disk;
mod virtual_size;
mod windows;
mod write_control;

pub use inspect::inspect;
pub use qcow2::whole as whole_qcow2;
pub use references::{References, references};
pub use refusal::{LARGEST, Refusal};
pub use stored_disk::StoredDisk;
pub use virtual_size::{ImageFormat, virtual_size};
pub use write_control::WriteControl;
