//! What an environment repository means: templates, nodes, answers, `$(..)` and the actions of a recipe.
//!
//! It must not know SSH, the catalogue or the terminal: it turns files into a [`Recipe`] and a [`Node`], which
//! say everything that the engine needs.

mod answers;
mod by_hand;
mod database;
mod dependency;
mod environment;
mod examine;
mod export;
mod fields;
mod git_export;
mod graph;
mod instance;
mod names;
mod new_image;
mod new_key;
mod new_node;
mod new_template;
mod node;
mod node_error;
mod others;
mod own_values;
mod packages;
mod process;
mod question;
mod recipe;
mod recipe_error;
mod request;
mod secret_uses;
mod secrets;
mod settings;
mod signing_keys;
mod system_path;
mod template;
mod text;
mod value;
mod values;
mod walk;
mod written;

pub use answers::{Answers, DataError};
pub use database::DatabaseError;
pub use dependency::{Dependency, NeededFor};
pub use environment::{Environment, EnvironmentError, Instance};
pub use examine::{Actions, Examined, Unknown};
pub use export::{CHECKS, looks_like_a_check};
pub use git_export::GitExport;
pub use graph::{Graph, Service};
pub use names::{LookupError, Place};
pub use new_image::{NewCheck, NewImage, NewImageError};
pub use new_key::{NewKeyError, read_key, write_key};
pub use new_node::{NewNode, NewNodeError};
pub use new_template::{NewTemplateError, check_template_name, write_template};
pub use node_error::NodeError;
pub use others::Others;
pub use packages::Packages;
pub use process::Process;
pub use question::{AnswerError, Question};
pub use recipe::{Methods, Parts, Recipe, supports};
pub use recipe_error::RecipeError;
pub use request::{Dependencies, Request, Seed, Stored};
pub use settings::{
    ConnectionSettings, DatabaseUrl, FetchSettings, Flag, InstallSettings, Layers, Origin, ScrubSettings,
    SecretsSettings, Setting, Settings, SettingsError,
};
pub use signing_keys::{KEYS, KeyFileError, NoKeys, SigningKeyFile, SigningKeys};
pub use template::Template;
pub use text::Text;
