//! `ays new ci`

use std::path::{Path, PathBuf};

use crate::failure::Failure;
use crate::render::table;

/// Writes the workflow that lints each change of the environment, for GitHub, Gitea and Forgejo
///
/// It is .github/workflows/ays.yml, which all three run. Others run the same two commands: print it with --print, and
/// take `ays lint` and `ays fmt --check` from it. The code host needs a runner on which `ays` is installed.
#[derive(clap::Args)]
pub struct Args {
    /// Print it, and write nothing
    #[arg(long)]
    print: bool,
}

const PATH: &str = ".github/workflows/ays.yml";
const WORKFLOW: &str = include_str!("new_ci.yml");

pub fn run(args: &Args, repo: Option<&Path>) -> Result<(), Failure> {
    if args.print {
        return table::line(WORKFLOW.trim_end());
    }
    let path = ays_repository::root_of(repo.unwrap_or(Path::new(".")))?.join(PATH);
    let unwritable = |path: &Path| {
        let path = path.to_owned();
        move |source| Failure::Unwritable { path, source }
    };
    let directory = path.parent().map(PathBuf::from).unwrap_or_default();
    std::fs::create_dir_all(&directory).map_err(unwritable(&directory))?;
    // One that is there already is somebody's.
    let mut file = std::fs::File::create_new(&path).map_err(unwritable(&path))?;
    std::io::Write::write_all(&mut file, WORKFLOW.as_bytes()).map_err(unwritable(&path))?;
    table::line(&format!("{PATH} is written: commit it with `git add {PATH}`"))
}
