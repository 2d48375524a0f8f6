//! The language of `actions.py`: its interpreter, its values, and the functions that a recipe may call.
//!
//! It must not know recipes or nodes: what a recipe wants done it gives back as an [`Action`].

mod interpreter;
mod register_image;
mod value;

pub use interpreter::{Action, Progress, Run, Script};
pub use register_image::RegisterImage;
pub use value::Value;
