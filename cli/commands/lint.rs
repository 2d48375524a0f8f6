//! `ays lint`

use std::path::{Path, PathBuf};
use std::time::Duration;

use ays_engine::{OutdatedError, look};
use ays_lint::{Finding, Severity};
use ays_protocol::{Fetch, Look, LookAt};
use ays_recipes::{Environment, EnvironmentError};
use ays_secrets::Store;

use crate::commands::outdated::without_answers;
use crate::context;
use crate::failure::Failure;
use crate::render::{lint, table};

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
    let mut findings = findings(&args.paths, repo)?;
    if args.online {
        let inside = repo.or(args.paths.first().map(PathBuf::as_path));
        findings.extend(ask_sources(context::environment(inside)?, &args.paths).await?);
    }
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

/// How long a source has to answer.
const LIMIT: Duration = Duration::from_secs(20);

/// What the sources of the recipes say that an install could read, all asked at once.
///
/// Without the secrets here: whoever wrote a recipe must not have them by having it linted.
async fn ask_sources(mut environment: Environment, paths: &[PathBuf]) -> Result<Vec<Finding>, Failure> {
    environment.secrets = Store::default();
    let environment = &environment;
    let paths: Vec<_> = paths.iter().filter_map(|path| path.canonicalize().ok()).collect();
    let mut asked = Vec::new();
    let mut looks = Vec::new();
    for template in environment.templates() {
        let is_meant = paths.is_empty() || paths.iter().any(|path| template.dir.starts_with(path));
        // Why another one cannot be read is found without its source.
        let Some(recipe) = is_meant.then(|| without_answers(environment, &template, "main").ok()).flatten()
        else {
            continue;
        };
        for (number, Fetch { url, check, network, .. }) in recipe.fetches.into_iter().enumerate() {
            if url.scheme() != "file" {
                asked.push((template.clone(), number));
                looks.push(Look { url, network, at: LookAt::State(check), within: LIMIT });
            }
        }
    }
    let answers = look(looks, &std::env::temp_dir()).await.map_err(OutdatedError::from)?;
    let failed = asked
        .iter()
        .zip(answers)
        .filter_map(|((template, number), answer)| ays_lint::source_fails(template, *number, &answer.err()?));
    Ok(failed.collect())
}

pub fn findings(paths: &[PathBuf], repo: Option<&Path>) -> Result<Vec<Finding>, Failure> {
    for path in paths {
        path.metadata().map_err(|source| Failure::Unreadable { path: path.clone(), source })?;
    }
    let inside = repo.or(paths.first().map(PathBuf::as_path)).unwrap_or(Path::new("."));
    let root = match ays_repository::root_of(inside) {
        Ok(root) => root,
        Err(_) if repo.is_none() && !paths.is_empty() => {
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
