//! The verbs, a file each.

pub mod audit;
pub mod catalogue;
pub mod completions;
pub mod config;
pub mod env;
pub mod explain;
pub mod fmt;
pub mod hrd;
pub mod image;
pub mod install;
pub mod lint;
pub mod list;
pub mod man;
pub mod new;
pub mod new_ci;
pub mod new_image;
pub mod node;
pub mod nodes;
pub mod outdated;
pub mod pool;
pub mod runs;
pub mod scrub;
pub mod secret;
pub mod stack;
pub mod where_is;
