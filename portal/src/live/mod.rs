//! What happens in a job: how far each node is, and the log. One reader of a job serves all who follow it.

mod feed;
mod line;
mod parts;
mod work;

pub(crate) use feed::{Feeds, Follower, News};
pub(crate) use line::Line;
pub(crate) use parts::{line, progress};
pub(crate) use work::Work;
