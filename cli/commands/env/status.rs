//! `ays env status`

use std::path::Path;

use ays_operations::status;
use ays_repository::{self as git, Status};

use super::link::{self, Link};
use super::{commits, short, show_changes};
use crate::failure::Failure;
use crate::render::table;
use crate::signals::stop_at_once;

/// Shows what is not saved, and how the branch stands to its remote
#[derive(clap::Args)]
pub struct Args {
    /// Ask the remote first; else it is as the last pull or save found it
    #[arg(long)]
    fetch: bool,
    #[command(flatten)]
    link: link::Options,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

pub async fn run(args: Args, repo: Option<&Path>) -> Result<(), Failure> {
    let root = git::root_of(repo.unwrap_or(Path::new(".")))?;
    let (link, access) = Link::new(&args.link)?;
    let status = link.end(status(root, args.fetch.then_some(access), stop_at_once())).await?;
    if args.json {
        return table::json(&status);
    }
    table::line(&standing(&status))?;
    if status.changes.is_empty() {
        return table::line("nothing to save");
    }
    table::line("not saved:")?;
    show_changes(&status.changes)
}

fn standing(status: &Status) -> String {
    let mut text = match &status.commit {
        Some(commit) => format!("{} at {}", status.branch, short(commit)),
        None => format!("{}, no commit yet", status.branch),
    };
    if status.ahead > 0 {
        text.push_str(&format!(", {} not pushed (ays env save)", commits(status.ahead)));
    }
    match &status.upstream {
        Some(upstream) if status.behind > 0 => {
            text.push_str(&format!(", {} behind {upstream} (ays env pull)", commits(status.behind)));
        }
        Some(upstream) if status.ahead == 0 => {
            text.push_str(&format!(", as {upstream} when it was last asked"))
        }
        Some(_) => {}
        None => text.push_str(", never pushed"),
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn how_a_branch_stands_is_said_in_a_line() {
        let said = |commit: Option<&str>, upstream: Option<&str>, ahead, behind| {
            standing(&Status {
                branch: "main".to_owned(),
                commit: commit.map(str::to_owned),
                upstream: upstream.map(str::to_owned),
                ahead,
                behind,
                changes: Vec::new(),
            })
        };
        let (commit, upstream) = (Some("0123456789"), Some("origin/main"));
        assert_eq!(said(None, None, 0, 0), "main, no commit yet, never pushed");
        assert_eq!(said(commit, upstream, 0, 0), "main at 0123456, as origin/main when it was last asked");
        assert_eq!(said(commit, upstream, 1, 0), "main at 0123456, 1 commit not pushed (ays env save)");
        assert_eq!(
            said(commit, upstream, 0, 2),
            "main at 0123456, 2 commits behind origin/main (ays env pull)"
        );
        assert_eq!(
            said(commit, None, 1, 0),
            "main at 0123456, 1 commit not pushed (ays env save), never pushed"
        );
    }
}
