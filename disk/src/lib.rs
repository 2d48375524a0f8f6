//! What is in a disk image: its partitions, how it starts, which system it has and what that needs to start as a
//! virtual machine. Nothing is mounted.
//!
//! An image is hostile. What is read is bounded in bytes and in reads ([`inspect`]), no other file is ever opened, and
//! what cannot be read is said so and never guessed; that a process with limits of its own does it is for the caller.
//! The readers are behind the feature `read`. It must not know nodes, recipes or the catalogue.

#[cfg(feature = "read")]
mod disk;
#[cfg(feature = "read")]
mod ext4;
#[cfg(feature = "read")]
mod file_system;
mod finding;
#[cfg(feature = "read")]
mod hive;
#[cfg(feature = "read")]
mod inspect;
mod inspection;
#[cfg(feature = "read")]
mod linux;
#[cfg(feature = "read")]
mod ntfs;
#[cfg(feature = "read")]
mod partitions;
#[cfg(feature = "read")]
mod program;
#[cfg(feature = "read")]
mod qcow2;
#[cfg(feature = "read")]
mod windows;

#[cfg(feature = "read")]
pub use disk::Refusal;
pub use finding::{Expected, Finding, Severity};
#[cfg(feature = "read")]
pub use inspect::inspect;
pub use inspection::{
    Boot, Family, FileSystem, Firmware, FirstBoot, Format, Inspection, Partition, Role, System, Table,
};
