//! The layer of a Linux disk, against the tools of ext4 and GNU tar. They need root, to make devices and owners.
#![allow(clippy::expect_used, clippy::panic, clippy::unwrap_used, reason = "a test fails by panicking")]

mod hostile;
mod refused;
mod roots;
mod sound;
mod tree;
mod workshop;
