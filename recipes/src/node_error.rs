//! Why a node cannot be used.

use std::path::PathBuf;
use std::sync::Arc;

use ays_grammar::Diagnostic;
use ays_secrets::SecretsError;

use crate::names::LookupError;
use crate::secrets;

/// Why a node cannot be used.
#[derive(Debug, Clone, thiserror::Error)]
pub enum NodeError {
    /// No node, or several, have the name.
    #[error(transparent)]
    Lookup(#[from] LookupError),
    /// Its file cannot be read.
    #[error("{path} cannot be read", path = .path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// Why.
        source: Arc<std::io::Error>,
    },
    /// Its file is no HRD.
    #[error(transparent)]
    Syntax(#[from] Diagnostic),
    /// A key that has no value, or one that it cannot have.
    #[error("{file}: `{key}` {problem}")]
    Value {
        /// The file.
        file: String,
        /// The key.
        key: String,
        /// What is wrong.
        problem: String,
    },
    /// A secret that it names cannot be had.
    #[error(transparent)]
    Secrets(#[from] Arc<SecretsError>),
    /// The secret that its key is, is not kept.
    #[error("{file}: `instance.key.priv` names the secret `{name}`, which is not kept: {}", secrets::how_to_keep(.name))]
    NoSecret {
        /// The key's file.
        file: String,
        /// The secret.
        name: String,
    },
    /// Its gateways lead back to itself.
    #[error("node `{name}`: its gateways lead in a circle: {chain}")]
    GatewayCircle {
        /// The node.
        name: String,
        /// The names, in order.
        chain: String,
    },
}
