//! `ays publication retry`

use std::path::Path;

use ays_catalogue::PublicationId;
use ays_operations::{PublishedTo, RetryPublication};

use crate::commands::publish;
use crate::failure::Failure;
use crate::render::events::Style;
use crate::render::rollout;
use crate::signals::stop_at_once;
use crate::site::Site;

/// Tries a publication again that came to nothing: what is there already is used
#[derive(clap::Args)]
pub struct Args {
    /// Its number: ays publication list
    publication: i64,
    /// Learn the host keys of nodes that have never been seen
    #[arg(long)]
    accept_new_host_key: bool,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

pub async fn run(args: Args, repo: Option<&Path>) -> Result<(), Failure> {
    let site = Site::find(repo)?;
    let tell = rollout::tell(if args.json { Style::Quiet } else { Style::Summary });
    let retry = RetryPublication { id: PublicationId(args.publication) };
    let done: Vec<PublishedTo> = site.perform(retry, args.accept_new_host_key, stop_at_once(), tell).await?;
    publish::show(&done, args.json)
}
