//! The verbs, a file each.

pub mod completions;
pub mod config;
pub mod env;
pub mod hrd;
pub mod image;
pub mod install;
pub mod list;
pub mod man;
pub mod nodes;
pub mod rehearse;
pub mod runs;
pub mod scrub;
pub mod where_is;
