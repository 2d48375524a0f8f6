//! Inspections of disks that the usual tools make, and of such as were made to break readers.
#![allow(clippy::expect_used, clippy::panic, clippy::unwrap_used, reason = "a test fails by panicking")]

mod disks;
mod flaws;
mod hostile;
mod linux;
mod sound;
mod windows;
