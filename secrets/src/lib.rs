//! The secrets that an environment's recipes name with `$(secret.NAME)`: where they are looked for, and the encrypted
//! file that keeps them.
//!
//! It must not know recipes, the terminal, the environment variables or the home directory: who uses it hands over what
//! those say. It never prints a secret, and gives none to another process.

mod command;
mod error;
mod name;
mod store;
mod vault;

pub use error::SecretsError;
pub use name::{NameError, SecretName};
pub use store::{Origin, Store};
pub use vault::Vault;
