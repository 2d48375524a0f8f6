//! The two languages of AYS recipes, as text: HRD files and `actions.py`.
//!
//! Text goes in, a tree with spans or a [`Diagnostic`] comes out. This crate does not know the disk, the
//! network, or what any key or call means: `ays-recipes` gives them their meaning.

pub mod actions;
mod diagnostic;
pub mod hrd;

pub use diagnostic::Diagnostic;

/// A part of a text: byte offsets, `start` inclusive, `end` exclusive.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Span {
    /// Where the part begins.
    pub start: usize,
    /// Where it ends.
    pub end: usize,
}

impl Span {
    /// The span from `start` up to `end`.
    pub fn new(start: usize, end: usize) -> Self {
        Self { start, end }
    }
}
