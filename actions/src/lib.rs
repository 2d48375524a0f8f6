//! The language of `actions.py`: its interpreter, its values, and the functions that a recipe may call.
//!
//! It must not know recipes or nodes: what a recipe wants done it gives back as an [`Action`].

mod action;
mod check;
mod exchange;
mod interpreter;
mod lifecycle;
mod register_image;
mod script;
mod source;
mod table;
mod value;

pub use action::{Action, Outcome, OwnProcesses, ServiceKey};
pub use check::LeftOut;
pub use lifecycle::{Call, LASTING_METHODS, OTHER_METHODS, Phase, WhenFalse, install_methods};
pub use register_image::RegisterImage;
pub use script::{Progress, Run, Script};
pub use source::Service;
pub use table::{Function, Reaches, functions};
pub use value::Value;
