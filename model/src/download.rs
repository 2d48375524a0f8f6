//! A file that a recipe brings to a node.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use crate::{Check, Network, SecretUrl};

/// A file that a recipe brings to a node (`web.export.N`).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Download {
    /// Where from: `http`, `https`, `ftp`, `ftps`, `ftpes` or `file` (a path on the node).
    pub url: SecretUrl,
    /// The same file elsewhere: tried in turn when `url` fails, each with what belongs beside it.
    pub mirrors: Vec<SecretUrl>,
    /// The file to make: absolute, without `..`. Its directory is made.
    pub dest: PathBuf,
    /// How its bytes are verified.
    pub check: Check,
    /// Which file of an archive is the disk (`member:'..'`); none: the only one.
    pub member: Option<String>,
    /// How the source is reached.
    pub network: Network,
}
