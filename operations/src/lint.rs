//! The mistakes of an environment's maintainers.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use ays_engine::{OutdatedError, Stop, look};
use ays_lint::{Mistake, SourceProblem};
use ays_model::{Download, Scheme};
use ays_protocol::{Failure, Look, LookAt};
use ays_recipes::{Environment, SettingsError};
use ays_secrets::Store;

use crate::error::Error;
use crate::off_runtime::{blocking, off_runtime};
use crate::outdated::without_answers;

/// How long a source has to answer.
const LIMIT: Duration = Duration::from_secs(20);

/// What is looked at.
#[derive(Debug)]
pub enum LintScope {
    /// An environment.
    Environment(Arc<Environment>),
    /// One whose settings cannot be used.
    WithoutSettings {
        /// Its root.
        root: PathBuf,
        /// Why not.
        error: SettingsError,
    },
    /// Files that lie in no environment.
    Outside,
}

/// Finds the mistakes in these files and directories; none: in all of the environment.
///
/// # Errors
///
/// Settings that are not the environment's own are wrong.
pub async fn lint(scope: LintScope, paths: Vec<PathBuf>) -> Result<Vec<Mistake>, Error> {
    blocking(move || {
        Ok(match scope {
            LintScope::Environment(environment) if paths.is_empty() => ays_lint::lint(&environment),
            LintScope::Environment(environment) => ays_lint::lint_paths(&environment, &paths),
            LintScope::WithoutSettings { root, error } => ays_lint::lint_without_settings(&root, error)?,
            LintScope::Outside => {
                let found = paths.iter().map(|path| ays_lint::lint_outside(path));
                found.collect::<Result<Vec<_>, _>>()?.concat()
            }
        })
    })
    .await
}

/// What the sources of the recipes say that an install could read, all asked at once.
///
/// Without the secrets here: whoever wrote a recipe must not have them by having it linted.
///
/// # Errors
///
/// The helper that asks does not work.
pub async fn lint_sources(
    mut environment: Environment,
    paths: Vec<PathBuf>,
    temporary: PathBuf,
    stop: Stop,
) -> Result<Vec<Mistake>, Error> {
    environment.secrets = Store::default();
    let environment = Arc::new(environment);
    let read = Arc::clone(&environment);
    let (asked, looks) = off_runtime(&stop, move || Ok(questions(&read, &paths))).await?;
    let answers = tokio::select! {
        answers = look(looks, &temporary) => answers.map_err(OutdatedError::from)?,
        () = stop.after_steps() => return Err(Error::interrupted()),
    };
    let problems: Vec<_> = asked
        .into_iter()
        .zip(answers)
        .filter_map(|(of, answer)| Some((of, problem(&answer.err()?))))
        .collect();
    blocking(move || {
        let found = problems.iter().filter_map(|((at, number), problem)| {
            ays_lint::source_fails(&environment.templates()[*at], *number, problem)
        });
        Ok(found.collect())
    })
    .await
}

/// Which of the templates, and which of its downloads, each question is about.
fn questions(environment: &Environment, paths: &[PathBuf]) -> (Vec<(usize, usize)>, Vec<Look>) {
    let paths: Vec<_> = paths.iter().filter_map(|path| path.canonicalize().ok()).collect();
    let (mut asked, mut looks) = (Vec::new(), Vec::new());
    for (at, template) in environment.templates().iter().enumerate() {
        let is_meant = paths.is_empty() || paths.iter().any(|path| template.dir.starts_with(path));
        let read = || without_answers(environment, &template.name, &"main".into()).ok();
        // Why another one cannot be read is found without its source.
        let Some(recipe) = is_meant.then(read).flatten() else { continue };
        for (number, Download { url, check, network, .. }) in recipe.downloads.into_iter().enumerate() {
            if url.scheme() != Scheme::File {
                asked.push((at, number));
                looks.push(Look { url, network, at: LookAt::State(check), within: LIMIT });
            }
        }
    }
    (asked, looks)
}

fn problem(failure: &Failure) -> SourceProblem {
    match failure {
        Failure::Unreachable { .. } => SourceProblem::Silent(failure.to_string()),
        _ => SourceProblem::Refused(failure.to_string()),
    }
}
