//! What must hold of the readers and writers of `ays`, whatever they are given: one module for each of them, whose
//! `check` panics where it does not.
//!
//! `scripts/fuzz` looks for such input; what it found lies in `fixtures/fuzz` and is tried again with all tests.

pub mod actions;
pub mod content;
mod diagnostic;
pub mod disk;
pub mod frames;
pub mod hrd;
pub mod images_json;
pub mod manifest;
pub mod md5sum;
pub mod programs;
pub mod signatures;
pub mod simplestreams;
pub mod unpack;
pub mod virtual_size;

/// Panics where what must hold does not.
pub type Check = fn(&[u8]);

/// Each module, by the name of its target and of its folder in `fixtures/fuzz`.
pub const TARGETS: [(&str, Check); 13] = [
    ("actions", actions::check),
    ("content", content::check),
    ("disk", disk::check),
    ("frames", frames::check),
    ("hrd", hrd::check),
    ("images_json", images_json::check),
    ("manifest", manifest::check),
    ("md5sum", md5sum::check),
    ("programs", programs::check),
    ("signatures", signatures::check),
    ("simplestreams", simplestreams::check),
    ("unpack", unpack::check),
    ("virtual_size", virtual_size::check),
];
