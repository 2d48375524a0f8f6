//! What both databases must do: what is offered, shown, found, installed, run, scrubbed and locked. This folder is compiled
//! once for each of them.

mod environments;
mod find;
mod installed;
mod lock;
mod offered;
mod owner;
mod run;
mod scrub;
mod shown;
pub(super) mod support;
