//! How results and events look.

pub mod events;
pub mod table;
pub mod units;
