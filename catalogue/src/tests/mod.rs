//! The catalogue's tests: what is offered, shown, found, installed, run, scrubbed and locked, and what the file survives.

mod file;
mod find;
mod installed;
mod lock;
mod offered;
mod owner;
mod run;
mod scrub;
mod shown;
mod support;
