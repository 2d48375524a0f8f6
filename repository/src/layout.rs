//! Where the parts of an environment lie in its repository.

use std::path::{Path, PathBuf};

/// The directory of all templates.
pub const TEMPLATES: &str = "servicetemplates";

/// The directory of all services.
pub const SERVICES: &str = "services";

/// The main file of a template, by both names that the documentation writes.
pub const TEMPLATE_FILES: [&str; 2] = ["service.hrd", "services.hrd"];

/// The main file of a service.
pub const SERVICE_FILE: &str = "service.hrd";

/// No directory from `start` upwards is an environment.
#[derive(Debug, thiserror::Error)]
#[error("no environment: neither {start} nor a directory above it holds both .git and servicetemplates/", start = .start.display())]
pub struct NotFound {
    /// Where the search began.
    pub start: PathBuf,
}

/// The root of the environment that `start` lies in, whatever its files say.
pub fn root_of(start: &Path) -> Result<PathBuf, NotFound> {
    let not_found = || NotFound { start: std::path::absolute(start).unwrap_or_else(|_| start.to_owned()) };
    let absolute = start.canonicalize().map_err(|_| not_found())?;
    let is_root = |dir: &&Path| dir.join(".git").exists() && dir.join(TEMPLATES).is_dir();
    absolute.ancestors().find(is_root).map(Path::to_owned).ok_or_else(not_found)
}

/// The template and the name that the name of a service's directory says: `jumpscale__node.ssh__n1` is of `node.ssh`,
/// and is named `n1`.
pub fn service_of(dir: &Path) -> Option<(&str, &str)> {
    let mut parts = dir.file_name()?.to_str()?.splitn(3, "__").skip(1);
    Some((parts.next()?, parts.next()?))
}
