//! The name that an operator gives a clone, in its own configuration: no remote has a say in it.

use std::path::Path;

use git2::{ConfigLevel, Repository};

use crate::branch::BranchError;
use crate::branch::Opened;

/// The key of git's configuration.
const KEY: &str = "ays.name";

/// The name that was given to the clone with this root.
pub fn clone_name(root: &Path) -> Option<String> {
    let config = Repository::open(root).and_then(|repository| repository.config()).ok()?;
    // What a user says for all of their clones would make one environment of them.
    let own = config.open_level(ConfigLevel::Local).ok()?;
    own.get_string(KEY).ok().filter(|name| !name.is_empty())
}

/// Gives the clone with this root a name.
pub fn set_clone_name(root: &Path, name: &str) -> Result<(), BranchError> {
    let opened = Opened::new(root)?;
    let set = opened
        .repository
        .config()
        .and_then(|config| config.open_level(ConfigLevel::Local)?.set_str(KEY, name));
    set.map_err(|error| opened.git(error))
}
