//! The verbs, a file each.

pub mod hrd;
pub mod image;
pub mod install;
pub mod list;
pub mod nodes;
pub mod runs;
pub mod where_is;
