//! The mistakes of an environment's maintainers.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use ays_engine::{OutdatedError, Stop, look, registered};
use ays_lint::{Mistake, SourceProblem};
use ays_model::{Check, Download, Scheme};
use ays_protocol::{Failure, Look, LookAt};
use ays_recipes::{Environment, SettingsError, Template};
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
        .filter_map(|(asked, answer)| Some((asked, problem(asked.about, &answer.err()?)?)))
        .collect();
    blocking(move || {
        let found = problems.iter().filter_map(|(asked, problem)| {
            ays_lint::source_fails(&environment.templates()[asked.template], asked.download, problem)
        });
        Ok(found.collect())
    })
    .await
}

/// What a question is about.
#[derive(Debug, Clone, Copy)]
enum About {
    /// Whether the source has the file, and its checksum.
    File,
    /// Whether its first bytes are those of a disk image.
    Disk,
}

/// Which download of which template a question is of, by their numbers.
#[derive(Debug, Clone, Copy)]
struct Asked {
    template: usize,
    download: usize,
    about: About,
}

/// What the sources are to be asked, and of what each question is.
fn questions(environment: &Environment, paths: &[PathBuf]) -> (Vec<Asked>, Vec<Look>) {
    let paths: Vec<_> = paths.iter().filter_map(|path| path.canonicalize().ok()).collect();
    let (mut asked, mut looks) = (Vec::new(), Vec::new());
    for (template, Template { name, dir, .. }) in environment.templates().iter().enumerate() {
        let is_meant = paths.is_empty() || paths.iter().any(|path| dir.starts_with(path));
        let read = || without_answers(environment, name, &"main".into()).ok();
        // Why another one cannot be read is found without its source.
        let Some(recipe) = is_meant.then(read).flatten() else { continue };
        let registered = registered(&recipe);
        for (download, Download { url, check, network, .. }) in recipe.downloads.into_iter().enumerate() {
            if url.scheme() == Scheme::File {
                continue;
            }
            if registered.contains(&download) {
                asked.push(Asked { template, download, about: About::Disk });
                looks.push(Look {
                    url: url.clone(),
                    network: network.clone(),
                    // What it must hash to is asked below.
                    at: LookAt::Disk(if check.leads_elsewhere() { check.clone() } else { Check::None }),
                    within: LIMIT,
                });
            }
            asked.push(Asked { template, download, about: About::File });
            looks.push(Look { url, network, at: LookAt::State(check), within: LIMIT });
        }
    }
    (asked, looks)
}

fn problem(about: About, failure: &Failure) -> Option<SourceProblem> {
    Some(match (about, failure) {
        (About::Disk, Failure::BadImage { path, reason }) => {
            SourceProblem::NoImage(format!("{path}: {reason}"))
        }
        // The other question says so too.
        (About::Disk, _) => return None,
        (About::File, Failure::Unreachable { .. }) => SourceProblem::Silent(failure.to_string()),
        (About::File, _) => SourceProblem::Refused(failure.to_string()),
    })
}
