//! What an environment repository means: templates, nodes, answers, `$(..)` and the actions of a recipe.
//!
//! It must not know SSH, the catalogue or the terminal: it turns files into a [`Recipe`] and a [`Node`], which
//! say everything that the engine needs.

mod answers;
mod environment;
mod export;
pub mod git;
mod image;
mod interpreter;
mod names;
mod node;
mod recipe;
mod settings;
mod template;

pub use answers::{AnswerError, Answers, DataError};
pub use environment::{Environment, EnvironmentError};
pub use image::{BootType, RegisterImage};
pub use interpreter::{Action, Progress, Run, Script, Value};
pub use names::{LookupError, Place};
pub use node::{Key, Node, NodeError};
pub use recipe::{Dependencies, Recipe, RecipeError, Request};
pub use settings::{
    ConnectionSettings, FetchSettings, Flag, InstallSettings, Layers, Origin, Pool, ScrubSettings, Setting,
    Settings, SettingsError,
};
pub use template::Template;
