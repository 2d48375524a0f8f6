//! The secrets that an environment's recipes name with `$(secret.NAME)`: where they are looked for, the encrypted file
//! that keeps them, where the operator lets them go, and which repository may ask for them.
//!
//! It must not know recipes, the terminal, the environment variables or the home directory: who uses it hands over what
//! those say. It never prints a secret, and gives none to another process.

mod allowed;
mod command;
mod error;
mod file;
mod home;
mod name;
mod receiver;
mod store;
mod usage;
mod vault;

pub use allowed::Allowed;
pub use error::SecretsError;
pub use home::{Home, HomeError, Repository};
pub use name::{NameError, SecretName};
pub use receiver::{Receiver, ReceiverError};
pub use store::{Origin, Store};
pub use usage::{AskOperator, Carrier, CarrierKind, LookForHttps, Operator, Question, Use, Word};
pub use vault::Vault;
