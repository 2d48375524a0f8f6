//! `ays lint`

use std::path::{Path, PathBuf};

use ays_lint::{Finding, Severity};
use ays_recipes::{Environment, EnvironmentError};

use crate::context;
use crate::failure::Failure;
use crate::render::{lint, table};

/// Finds the mistakes of recipes, nodes and settings, without a network
///
/// Every finding has its place, its cause, what to do, and a code that `ays explain` describes. Exit code 3 when there
/// are errors, 0 when there are warnings only.
#[derive(clap::Args)]
pub struct Args {
    /// Only what is found in these files and directories; they need not be in an environment
    paths: Vec<PathBuf>,
    /// Print JSON: [{"code", "severity", "file", "line", "column", "message", "cure"}]
    #[arg(long, conflicts_with = "sarif")]
    json: bool,
    /// Print SARIF 2.1.0, which code hosts show beside the lines of a change
    #[arg(long)]
    sarif: bool,
}

pub fn run(args: &Args, repo: Option<&Path>) -> Result<(), Failure> {
    let findings = findings(&args.paths, repo)?;
    if args.json {
        table::json(&findings)?;
    } else if args.sarif {
        table::json(&lint::sarif(&findings))?;
    } else {
        for finding in &findings {
            table::line(&lint::text(finding))?;
        }
        table::line(&lint::count(&findings))?;
    }
    match findings.iter().filter(|finding| finding.severity == Severity::Error).count() {
        0 => Ok(()),
        errors => Err(Failure::Mistakes(errors)),
    }
}

fn findings(paths: &[PathBuf], repo: Option<&Path>) -> Result<Vec<Finding>, Failure> {
    for path in paths {
        path.metadata().map_err(|source| Failure::Unreadable { path: path.clone(), source })?;
    }
    let inside = repo.or(paths.first().map(PathBuf::as_path)).unwrap_or(Path::new("."));
    let root = match Environment::root_of(inside) {
        Ok(root) => root,
        Err(EnvironmentError::NotFound { .. }) if repo.is_none() && !paths.is_empty() => {
            let found =
                paths.iter().map(|path| ays_lint::lint_outside(path)).collect::<Result<Vec<_>, _>>()?;
            return Ok(found.concat());
        }
        Err(error) => return Err(error.into()),
    };
    match context::environment(Some(&root)) {
        Ok(environment) if paths.is_empty() => Ok(ays_lint::lint(&environment)),
        Ok(environment) => Ok(ays_lint::lint_paths(&environment, paths)),
        Err(Failure::Environment(EnvironmentError::Settings(error))) => {
            Ok(ays_lint::lint_without_settings(&root, error)?)
        }
        Err(error) => Err(error),
    }
}
