//! Why an operation did not end well: of what kind, because of what, and what to do about it.

use std::fmt;

use ays_catalogue::{CatalogueError, NoDatabase};
use ays_engine::{InspectError, InstallError, OutdatedError, RehearseError, SurveyError};
use ays_grammar::Diagnostic;
use ays_recipes::{
    DataError, DatabaseError, EnvironmentError, LookupError, NewImageError, NewKeyError, NewNodeError,
    NewTemplateError, NodeError, RecipeError, SettingsError,
};
use ays_repository::{
    AddressError, BranchError, CheckoutError, CloneError, InitError, NotFound, PullError, RemoteError,
    SaveError, TreeError,
};
use ays_secrets::SecretsError;
use ays_transport::HelperError;
use serde::{Deserialize, Serialize};

/// What kind of error it is: exit codes, and a server's answers, come from it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Kind {
    /// It was asked for in a way that cannot be.
    Usage,
    /// Nothing, or not one thing alone, has the name that was asked for.
    Unknown,
    /// A recipe, a node's file or the settings are wrong.
    Invalid,
    /// It was tried, and did not work.
    Failed,
    /// An image is outdated.
    Outdated,
    /// Somebody stopped it.
    Interrupted,
}

/// What led to an error.
pub type Cause = Box<dyn std::error::Error + Send + Sync>;

/// Why an operation did not end well. It is shown as its cause is.
#[derive(Debug)]
pub struct Error {
    /// Of what kind it is.
    pub kind: Kind,
    /// Because of what.
    pub cause: Cause,
    /// What to do about it, where the cause does not say so itself.
    pub cure: Option<String>,
}

/// The operator stopped it.
#[derive(Debug, thiserror::Error)]
#[error("interrupted")]
struct Interrupted;

impl Error {
    /// An error of a kind.
    pub fn new(kind: Kind, cause: impl Into<Cause>) -> Self {
        Self { kind, cause: cause.into(), cure: None }
    }

    /// What to do about it.
    pub fn with_cure(self, cure: impl Into<String>) -> Self {
        Self { cure: Some(cure.into()), ..self }
    }

    /// Somebody stopped it.
    pub fn interrupted() -> Self {
        Self::new(Kind::Interrupted, Interrupted)
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.cause.fmt(f)
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.cause.source()
    }
}

/// Says of what kind the errors of a library are.
macro_rules! kinds {
    ($($error:ty: $name:ident => $kind:expr,)+) => {
        $(impl From<$error> for Error {
            fn from($name: $error) -> Self {
                Self::new($kind, $name)
            }
        })+
    };
}

kinds! {
    AddressError: error => Kind::Usage,
    BranchError: error => Kind::Usage,
    CatalogueError: error => of_catalogue(&error),
    CheckoutError: error => Kind::Usage,
    CloneError: error => of_clone(&error),
    DataError: error => Kind::Usage,
    DatabaseError: error => of_database(&error),
    Diagnostic: error => Kind::Invalid,
    EnvironmentError: error => of_environment(&error),
    HelperError: error => Kind::Failed,
    InitError: error => Kind::Usage,
    InspectError: error => Kind::Failed,
    LookupError: error => Kind::Unknown,
    NewImageError: error => of_new_image(&error),
    NewKeyError: error => Kind::Usage,
    NewTemplateError: error => of_new_template(&error),
    NewNodeError: error => of_new_node(&error),
    NodeError: error => of_node(&error),
    NoDatabase: error => Kind::Invalid,
    NotFound: error => Kind::Usage,
    OutdatedError: error => Kind::Failed,
    PullError: error => of_pull(&error),
    RecipeError: error => of_recipe(&error),
    SaveError: error => of_save(&error),
    SecretsError: error => of_secrets(&error),
    SettingsError: error => of_settings(&error),
    SurveyError: error => Kind::Failed,
    TreeError: error => of_tree(&error),
}

fn of_database(error: &DatabaseError) -> Kind {
    match error {
        DatabaseError::NoSecret(..) => Kind::Unknown,
        DatabaseError::Secrets(error) => of_secrets(error),
    }
}

fn of_catalogue(error: &CatalogueError) -> Kind {
    match error {
        CatalogueError::AmbiguousImage { .. }
        | CatalogueError::UnknownImage { .. }
        | CatalogueError::NoGeneration { .. } => Kind::Unknown,
        CatalogueError::WrongMove { .. }
        | CatalogueError::NameTaken { .. }
        | CatalogueError::NothingBefore { .. } => Kind::Usage,
        _ => Kind::Failed,
    }
}

fn of_clone(error: &CloneError) -> Kind {
    match error {
        CloneError::Remote(error) => of_remote(error),
        CloneError::Occupied { .. } | CloneError::Busy { .. } | CloneError::Unwritable { .. } => Kind::Usage,
        _ => Kind::Failed,
    }
}

fn of_environment(error: &EnvironmentError) -> Kind {
    match error {
        EnvironmentError::Settings(error) => of_settings(error),
        EnvironmentError::NotFound(_) | EnvironmentError::Git(_) => Kind::Usage,
    }
}

pub(crate) fn of_install(error: &InstallError) -> Kind {
    match error {
        InstallError::Recipe(_) | InstallError::OnlyInstalled => Kind::Invalid,
        InstallError::Interrupted => Kind::Interrupted,
        _ => Kind::Failed,
    }
}

fn of_new_image(error: &NewImageError) -> Kind {
    match error {
        NewImageError::Secrets(error) => of_secrets(error),
        NewImageError::Template(error) => of_new_template(error),
        _ => Kind::Usage,
    }
}

fn of_new_template(error: &NewTemplateError) -> Kind {
    match error {
        NewTemplateError::Name(_) | NewTemplateError::Taken { .. } => Kind::Usage,
        NewTemplateError::Write { .. } => Kind::Failed,
    }
}

fn of_new_node(error: &NewNodeError) -> Kind {
    match error {
        NewNodeError::Gateway(error) if !matches!(error, NodeError::Lookup(_)) => Kind::Invalid,
        _ => Kind::Usage,
    }
}

fn of_node(error: &NodeError) -> Kind {
    match error {
        NodeError::Lookup(_) => Kind::Unknown,
        NodeError::Secrets(error) => of_secrets(error),
        _ => Kind::Invalid,
    }
}

fn of_pull(error: &PullError) -> Kind {
    match error {
        PullError::Remote(error) => of_remote(error),
        PullError::Branch(_) => Kind::Usage,
        _ => Kind::Failed,
    }
}

fn of_recipe(error: &RecipeError) -> Kind {
    match error {
        RecipeError::Secrets(error) => of_secrets(error),
        RecipeError::Unwritable { .. } => Kind::Failed,
        RecipeError::Instance { .. } | RecipeError::Differ { .. } | RecipeError::NoParent { .. } => {
            Kind::Usage
        }
        _ => Kind::Invalid,
    }
}

fn of_tree(error: &TreeError) -> Kind {
    match error {
        TreeError::Remote(error) => of_remote(error),
        _ => Kind::Failed,
    }
}

pub(crate) fn of_rehearsal(error: &RehearseError) -> Kind {
    match error {
        RehearseError::NoStep { .. } => Kind::Usage,
        RehearseError::Interrupted => Kind::Interrupted,
        _ => Kind::Failed,
    }
}

fn of_remote(error: &RemoteError) -> Kind {
    match error {
        RemoteError::Interrupted => Kind::Interrupted,
        _ => Kind::Failed,
    }
}

fn of_save(error: &SaveError) -> Kind {
    match error {
        SaveError::Remote(error) => of_remote(error),
        SaveError::NotPushed { source, .. } => of_remote(source),
        SaveError::Branch(_) | SaveError::Author { .. } => Kind::Usage,
        _ => Kind::Failed,
    }
}

fn of_secrets(error: &SecretsError) -> Kind {
    match error {
        SecretsError::Interrupted => Kind::Interrupted,
        _ => Kind::Failed,
    }
}

fn of_settings(error: &SettingsError) -> Kind {
    match error {
        SettingsError::Words { .. } => Kind::Usage,
        SettingsError::Lookup(_) => Kind::Unknown,
        _ => Kind::Invalid,
    }
}
