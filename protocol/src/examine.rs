use std::path::PathBuf;

use ays_model::UserName;
use serde::{Deserialize, Serialize};

use crate::{Failure, Obstacle};

/// See [`crate::Step::Examine`].
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Examine {
    /// The pool's directory.
    pub pool: PathBuf,
    /// The user whose processes read the pool; none: nobody is named.
    pub user: Option<UserName>,
    /// The directory that downloads go to.
    pub downloads: PathBuf,
    /// The name of an empty file that stays in the pool, for other nodes to look for; none where the pool is missing.
    pub mark: Option<String>,
}

/// What a node is found to have.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Examined {
    /// Its clock, in milliseconds since 1970.
    pub clock_ms: i64,
    /// The version of its `qemu-img`.
    pub qemu_img: Result<String, Failure>,
    /// The pool's directory.
    pub pool: Result<Directory, Failure>,
    /// That of the downloads.
    pub downloads: Result<Directory, Failure>,
    /// What keeps machines from reading the pool.
    pub obstacles: Vec<Obstacle>,
}

/// A directory that can be written, or made.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Directory {
    /// Whether it is there; one that is not can be made.
    pub exists: bool,
    /// Bytes.
    pub free: u64,
    /// What stopped runs left in it more than a day ago.
    pub leftovers: Vec<PathBuf>,
}
