//! `ays env clone`

use std::path::{Path, PathBuf};

use ays_operations::clone;
use ays_repository::{Address, Cloned};
use rustix::fs::Access;
use serde_json::json;

use super::link::{self, Link};
use crate::failure::{Failure, eprint_line};
use crate::render::{quoted, table};
use crate::signals::stop_at_once;

/// Clones an environment's repository
///
/// A password in the URL is used and not kept: git's credential helpers, or AYS_GIT_TOKEN, give one for what follows.
/// Over ssh your configuration, agent and keys are used; a ProxyJump, certificates and the like are the work of your git.
#[derive(clap::Args)]
pub struct Args {
    /// https://.., ssh://.., user@host:path, or a path
    url: String,
    /// Where to; default: its name in /opt/code/git/openvcloudEnvironments where that is there and may be written, else
    /// in the current directory
    dir: Option<PathBuf>,
    #[command(flatten)]
    link: link::Options,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

/// Where environments have always been.
const ENVIRONMENTS: &str = "/opt/code/git/openvcloudEnvironments";

pub async fn run(args: Args) -> Result<(), Failure> {
    let address = Address::parse(&args.url)?;
    let dir = match (args.dir, address.name()) {
        (Some(dir), _) => dir,
        (None, Some(name)) => default_dir(Path::new(ENVIRONMENTS), name),
        (None, None) => return Err(Failure::NoName),
    };
    let (link, access) = Link::new(&args.link)?;
    let cloned = link.end(clone(address.clone(), dir.clone(), access, stop_at_once())).await?;
    let Cloned { branch, commit, is_environment } = cloned;
    if address.has_password() {
        eprint_line(
            "warning: the password in the address was used and not kept; git's credential helpers or AYS_GIT_TOKEN give it \
             to ays env pull and ays env save",
        );
    }
    if args.json {
        return table::json(&json!({"dir": dir, "branch": branch, "commit": commit}));
    }
    let place = dir.display().to_string();
    table::line(&match &branch {
        Some(branch) => format!("{address} is cloned to {place}, branch {branch}"),
        None => format!("{address} is cloned to {place}; it is empty"),
    })?;
    let next = if is_environment { "ays list" } else { "ays env init    # makes what an environment needs" };
    table::line(&format!("next:\n  cd {}\n  {next}", quoted(&place)))
}

/// Where a clone goes when nobody says.
fn default_dir(environments: &Path, name: &str) -> PathBuf {
    let may_write = rustix::fs::access(environments, Access::WRITE_OK | Access::EXEC_OK).is_ok();
    if may_write && environments.is_dir() { environments.join(name) } else { Path::new(".").join(name) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clone_goes_where_environments_are() {
        let root = tempfile::tempdir().unwrap();
        assert_eq!(default_dir(root.path(), "g8"), root.path().join("g8"));
        assert_eq!(default_dir(&root.path().join("gone"), "g8"), Path::new("./g8"));
        let file = root.path().join("file");
        std::fs::write(&file, "").unwrap();
        assert_eq!(default_dir(&file, "g8"), Path::new("./g8"));
    }
}
