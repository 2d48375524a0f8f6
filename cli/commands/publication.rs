//! `ays publication`

mod cancel;
mod delete;
mod follow;
mod list;
mod prune;
mod retry;
mod show;

use std::path::Path;

use ays_catalogue::{Publication, PublicationStatus};
use clap::Subcommand;

use crate::failure::Failure;

/// What was published: listed, followed, ended, tried again, removed
#[derive(clap::Args)]
pub struct Args {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Subcommand)]
enum Verb {
    List(list::Args),
    Show(show::Args),
    Follow(follow::Args),
    Cancel(cancel::Args),
    Retry(retry::Args),
    Delete(delete::Args),
    Prune(prune::Args),
}

pub async fn run(args: Args, repo: Option<&Path>) -> Result<(), Failure> {
    match args.verb {
        Verb::List(args) => list::run(args, repo).await,
        Verb::Show(args) => show::run(&args, repo).await,
        Verb::Follow(args) => follow::run(&args, repo).await,
        Verb::Cancel(args) => cancel::run(&args, repo).await,
        Verb::Prune(args) => prune::run(args, repo).await,
        Verb::Retry(args) => retry::run(args, repo).await,
        Verb::Delete(args) => delete::run(args, repo).await,
    }
}

/// Where a publication is, in the words of UForge. One that came to nothing is never at 100%.
fn status(of: &Publication) -> String {
    match (of.status, of.bytes_total) {
        (PublicationStatus::Done, _) => "Done".to_owned(),
        (PublicationStatus::Failed, _) => "Error".to_owned(),
        (PublicationStatus::Cancelled, _) => "Canceled".to_owned(),
        (PublicationStatus::Removed, _) => "Removed".to_owned(),
        (PublicationStatus::Running, Some(total)) if total > 0 => {
            format!("In progress {}%", (of.bytes_done.saturating_mul(100) / total).min(99))
        }
        (PublicationStatus::Running, _) => "In progress".to_owned(),
    }
}
