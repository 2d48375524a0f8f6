//! What both databases must do: what is offered, shown, found, installed, run, scrubbed and locked. This folder is compiled
//! once for each of them.

mod audit;
mod availability;
mod check;
mod edit;
mod environments;
mod find;
mod installed;
mod jobs;
mod large;
mod lock;
mod offered;
mod owner;
mod publications;
mod removal;
mod run;
mod scrub;
mod shown;
mod states;
pub(super) mod support;
mod transfer;
mod undo;
