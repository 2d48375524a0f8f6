//! Why a template cannot be made into a recipe.

use std::path::PathBuf;
use std::sync::Arc;

use ays_grammar::Diagnostic;
use ays_grammar::hrd::edit::EditError;
use ays_model::InstanceName;
use ays_repository::CheckoutError;
use ays_secrets::SecretsError;

use crate::names::Place;

/// Why a template cannot be made into a recipe.
#[derive(Debug, thiserror::Error)]
pub enum RecipeError {
    /// A text of it is wrong, at this place.
    #[error(transparent)]
    Text(#[from] Diagnostic),
    /// A file of it cannot be read.
    #[error("{path} cannot be read", path = .path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// Why.
        source: Arc<std::io::Error>,
    },
    /// Both spellings of the main file are there.
    #[error("{dir} holds both service.hrd and services.hrd: keep one of them", dir = .dir.display())]
    TwoMainFiles {
        /// The template's directory.
        dir: PathBuf,
    },
    /// Its commit cannot be told.
    #[error(transparent)]
    Git(#[from] CheckoutError),
    /// A secret that it names cannot be had, or one cannot be kept.
    #[error(transparent)]
    Secrets(#[from] SecretsError),
    /// Nodes that are installed at once have different answers.
    #[error(
        "`{key}` was answered differently in {} and {}: answer it with --data, or for all of them again with --hrdreset",
        .places[0], .places[1]
    )]
    Differ {
        /// The key.
        key: String,
        /// The instances' files.
        places: [Place; 2],
    },
    /// An answer cannot be written down.
    #[error("{path} cannot be written", path = .path.display())]
    Unwritable {
        /// The instance's file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// An answer has no form in HRD.
    #[error(transparent)]
    Edit(#[from] EditError),
    /// A secret cannot be kept under the name that would be its own.
    #[error(
        "a secret cannot be called `{name}`: keep it under a name of yours, and answer with $(secret.NAME)"
    )]
    SecretName {
        /// The name.
        name: String,
    },
    /// Nothing is there for an instance to lie below.
    #[error(
        "no instance is named `{parent}`: a parent is the name of its directory below services/, domain__name__instance"
    )]
    NoParent {
        /// What was named.
        parent: String,
    },
    /// An instance cannot be called so.
    #[error("an instance cannot be called `{instance}`: it is the name of a directory")]
    Instance {
        /// The name.
        instance: InstanceName,
    },
}
