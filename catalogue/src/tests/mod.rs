//! The catalogue's tests: what is offered, what is shown, what is installed, and what the file survives.

mod file;
mod installed;
mod offered;
mod shown;
mod support;
