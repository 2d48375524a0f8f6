//! `ays env save`

use std::path::{Path, PathBuf};

use ays_operations::{save, unsaved};
use ays_repository::{self as git, Change, How, Unsaved, What};

use super::author::author;
use super::link::{self, Link};
use super::{commits, short, show_changes};
use crate::commands::lint;
use crate::failure::{Failure, eprint_line};
use crate::prompt;
use crate::render::{self, quoted, table};
use crate::signals::stop_at_once;

/// Checks what changed as `ays lint` does, commits it, and pushes the branch
///
/// It takes what was added, changed or removed below servicetemplates/ and services/, ays.toml and known_hosts, and
/// leaves everything else, and ignored files, alone. The remote is asked first: when it has more than is here, nothing is
/// committed. Your hooks, filters and signatures are git's: where there are any, git makes the commit. What was committed
/// and not pushed, the next save pushes.
#[derive(clap::Args)]
pub struct Args {
    /// What was done, for the commit
    #[arg(short, long, value_name = "TEXT")]
    message: Option<String>,
    #[command(flatten)]
    link: link::Options,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

pub async fn run(args: Args, repo: Option<&Path>) -> Result<(), Failure> {
    let root = git::root_of(repo.unwrap_or(Path::new(".")))?;
    let unsaved = unsaved(root.clone()).await?;
    tell_of_others(&unsaved);
    let Unsaved { paths, commits: pending, .. } = &unsaved;
    if paths.is_empty() && *pending == 0 {
        return if args.json {
            table::json(&serde_json::Value::Null)
        } else {
            table::line("nothing to save")
        };
    }
    let written = if paths.is_empty() {
        None
    } else {
        let message = message(args.message)?;
        let author = author(&root)?;
        author.keep(&root)?;
        Some((message, author.author))
    };
    refuse_mistakes(&root, paths).await?;
    let pending = *pending;
    let (link, access) = Link::new(&args.link)?;
    let saved = link.end(save(root, unsaved, written, access, stop_at_once())).await?;
    if args.json {
        return table::json(&saved);
    }
    let (commit, upstream) = (short(&saved.commit), &saved.upstream);
    if saved.changes.is_empty() {
        return table::line(&format!("{} pushed to {upstream}, which is at {commit}", commits(pending)));
    }
    table::line(&format!("saved as {commit}, and pushed to {upstream}"))?;
    show_changes(&saved.changes)?;
    next(&saved.changes)
}

/// What is wrong in these files is told; an error must not come to operators.
async fn refuse_mistakes(root: &Path, paths: &[PathBuf]) -> Result<(), Failure> {
    let paths: Vec<_> = paths.iter().map(|path| root.join(path)).filter(|path| path.exists()).collect();
    if paths.is_empty() {
        return Ok(());
    }
    let found = lint::mistakes(paths, Some(root)).await?;
    for mistake in &found {
        eprint_line(&render::lint::text(mistake));
    }
    lint::refuse_errors(&found)
}

fn message(given: Option<String>) -> Result<String, Failure> {
    let is_given =
        |text: &str| if text.trim().is_empty() { Err("Say what was done.".to_owned()) } else { Ok(()) };
    match given {
        Some(message) if !message.trim().is_empty() => Ok(message),
        None if prompt::possible() => prompt::text("What was done?", None, is_given),
        _ => Err(Failure::NoMessage),
    }
}

/// How many files are named that a save leaves alone.
const NAMED: usize = 10;

fn tell_of_others(Unsaved { others, .. }: &Unsaved) {
    let mut names: Vec<_> = others.iter().take(NAMED).map(|path| path.display().to_string()).collect();
    if others.len() > NAMED {
        names.push(format!("{} more", others.len() - NAMED));
    }
    if !names.is_empty() {
        eprint_line(&format!("warning: left as they are; git can commit them: {}", names.join(", ")));
    }
}

/// What an operator does with it.
fn next(changes: &[Change]) -> Result<(), Failure> {
    let templates = changes.iter().filter_map(|Change { what, change }| match what {
        What::Template { name } if *change != How::Removed => Some(name),
        _ => None,
    });
    let installs: Vec<_> = templates
        .map(|name| format!("\n  ays install -n {} --targettype node.ssh --targetname NODE", quoted(name)))
        .collect();
    match installs[..] {
        [] => Ok(()),
        _ => table::line(&format!("next, where it is installed from:\n  ays env pull{}", installs.concat())),
    }
}
