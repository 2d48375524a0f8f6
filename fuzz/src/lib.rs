//! What must hold of the readers and writers of `ays`, whatever they are given: one module for each of them, whose
//! `check` panics where it does not.
//!
//! `scripts/fuzz` looks for such input; what it found lies in `fixtures/fuzz` and is tried again with all tests.

#![forbid(unsafe_code)]
#![warn(missing_docs, clippy::all)]

pub mod actions;
mod diagnostic;
pub mod frames;
pub mod hrd;
pub mod images_json;
pub mod md5sum;

/// Each module, by the name of its target and of its folder in `fixtures/fuzz`.
pub const TARGETS: [(&str, fn(&[u8])); 5] = [
    ("actions", actions::check),
    ("frames", frames::check),
    ("hrd", hrd::check),
    ("images_json", images_json::check),
    ("md5sum", md5sum::check),
];
