//! `ays recover`

use std::path::Path;

use ays_operations::{Kind, Recover, Recovered};

use crate::failure::Failure;
use crate::render::events::Style;
use crate::render::{rollout, table};
use crate::signals::stop_at_once;
use crate::site::Site;

/// Ends publications that came to no end, and removes what they left at clouds
///
/// What somebody is at is left alone. Objects that carry this catalogue's mark, and that no ledger names, are listed. Doing it twice
/// does nothing more; a publication that is to go on instead is tried again by `ays publication retry`.
#[derive(clap::Args)]
pub struct Args {
    /// Only with this account
    #[arg(long, value_name = "ACCOUNT")]
    account: Option<String>,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

pub async fn run(args: Args, repo: Option<&Path>) -> Result<(), Failure> {
    let site = Site::find(repo)?;
    let tell = rollout::tell(if args.json { Style::Quiet } else { Style::Summary });
    let recover = Recover { account: args.account };
    let done: Recovered = site.perform(recover, false, stop_at_once(), tell).await?;
    if args.json {
        table::json(&done)?;
    } else if done.ended.is_empty() && done.strays.is_empty() {
        table::line("all publications have come to an end, and nothing unknown is there")?;
    }
    let mut said = Vec::new();
    for (id, problem) in &done.ended {
        match problem {
            Some(problem) => said.push(format!("publication {id}: {}", problem.in_one_line())),
            None if args.json => {}
            None => table::line(&format!(
                "publication {id} has ended: what it made is removed, or stays where that was asked for"
            ))?,
        }
    }
    if !args.json {
        for stray in &done.strays {
            table::line(&format!(
                "{}: {} is there, marked {}, and no ledger names it",
                stray.account, stray.cloud_id, stray.mark
            ))?;
        }
    }
    if said.is_empty() { Ok(()) } else { Err(Failure::AtClouds { said, kind: Kind::Failed }) }
}
