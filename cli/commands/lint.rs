//! `ays lint`

use std::path::{Path, PathBuf};
use std::sync::Arc;

use ays_lint::Mistake;
use ays_model::Severity;
use ays_operations::{LintScope, lint, lint_sources};
use ays_recipes::EnvironmentError;

use crate::context;
use crate::failure::Failure;
use crate::render::{lint as render, table};
use crate::signals::stop_at_once;

/// Finds the mistakes of recipes, nodes and settings; without --online, without a network
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
    /// Ask the sources as well, from this machine, those alone whose address has no secret; nothing is downloaded
    #[arg(long)]
    online: bool,
}

pub async fn run(args: &Args, repo: Option<&Path>) -> Result<(), Failure> {
    let mut found = mistakes(args.paths.clone(), repo).await?;
    if args.online {
        let inside = repo.or(args.paths.first().map(PathBuf::as_path));
        let (environment, temporary) = (context::environment(inside)?, std::env::temp_dir());
        found.extend(lint_sources(environment, args.paths.clone(), temporary, stop_at_once()).await?);
    }
    if args.json {
        table::json(&found)?;
    } else if args.sarif {
        table::json(&render::sarif(&found))?;
    } else {
        for mistake in &found {
            table::line(&render::text(mistake))?;
        }
        table::line(&render::count(&found))?;
    }
    refuse_errors(&found)
}

/// Errors must not be in an environment; warnings may.
pub fn refuse_errors(found: &[Mistake]) -> Result<(), Failure> {
    match found.iter().filter(|mistake| mistake.finding.severity == Severity::Error).count() {
        0 => Ok(()),
        errors => Err(Failure::Mistakes(errors)),
    }
}

/// What is found in these files and directories; in none: in the environment.
pub async fn mistakes(paths: Vec<PathBuf>, repo: Option<&Path>) -> Result<Vec<Mistake>, Failure> {
    for path in &paths {
        path.metadata().map_err(|source| Failure::Unreadable { path: path.clone(), source })?;
    }
    let inside = repo.or(paths.first().map(PathBuf::as_path)).unwrap_or(Path::new("."));
    let scope = match context::find(Some(inside), Vec::new()) {
        Ok(environment) => LintScope::Environment(Arc::new(environment)),
        Err(EnvironmentError::NotFound(_)) if repo.is_none() && !paths.is_empty() => LintScope::Outside,
        Err(EnvironmentError::Settings(error)) => {
            LintScope::WithoutSettings { root: ays_repository::root_of(inside)?, error }
        }
        Err(error) => return Err(error.into()),
    };
    Ok(lint(scope, paths).await?)
}
