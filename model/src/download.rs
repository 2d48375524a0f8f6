//! A file that a recipe brings to a node.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use crate::{Check, Network, SecretUrl};

/// Which file of an archive is the disk.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Member {
    /// Its name, or the last part of it.
    pub name: String,
    /// The name may be that of an artifact's layer as well, which need be no archive.
    pub may_be_layer: bool,
}

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
    pub member: Option<Member>,
    /// How the source is reached.
    pub network: Network,
}
