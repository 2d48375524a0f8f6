//! The language of `actions.py`: its interpreter, its values, and the functions that a recipe may call.
//!
//! It must not know recipes or nodes: what a recipe wants done it gives back as an [`Action`].

mod interpreter;
mod lifecycle;
mod register_image;
mod value;

pub use interpreter::{Action, Progress, Run, Script};
pub use lifecycle::{Call, OTHER_METHODS, Phase, WhenFalse, install_methods};
pub use register_image::RegisterImage;
pub use value::Value;
