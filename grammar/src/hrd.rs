//! HRD, the configuration language of AYS: `key = value` lines whose shape says their type.

mod ask;
mod model;

pub use ask::{Ask, AskKind};
pub use model::{Entry, Hrd, Item, Value};
