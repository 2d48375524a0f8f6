//! `ays image enable`, `disable`, `restore`

use std::path::Path;

use ays_catalogue::ImageMove;
use ays_operations::{ChangeImage, ChangedImage, ImageChange};

use crate::failure::Failure;
use crate::render::{pools, table};
use crate::signals::stop_at_once;
use crate::site::Site;

#[derive(clap::Args)]
pub struct Args {
    /// Its name or id
    image: String,
    /// Why, for the records
    #[arg(long, value_name = "TEXT")]
    reason: Option<String>,
    /// Learn the host keys of nodes that have never been seen
    #[arg(long)]
    accept_new_host_key: bool,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

impl Args {
    /// Of a verb that has more arguments.
    pub fn new(image: String, reason: Option<String>, accept_new_host_key: bool, json: bool) -> Self {
        Self { image, reason, accept_new_host_key, json }
    }
}

pub async fn run(args: Args, step: ImageMove, repo: Option<&Path>) -> Result<(), Failure> {
    let change = ChangeImage { image: args.image, to: ImageChange::Move(step), reason: args.reason };
    let (site, stop) = (Site::find(repo)?, stop_at_once());
    let done: ChangedImage =
        site.perform(change, args.accept_new_host_key, stop.clone(), pools::tell()).await?;
    if args.json {
        table::json(&done)?;
    } else {
        show(&done, step)?;
    }
    let verb = match step {
        ImageMove::Enable => "enable",
        ImageMove::Restore => "restore",
        ImageMove::Disable => "disable",
        ImageMove::Delete | ImageMove::Destroy => "delete",
    };
    pools::all_written(&done.pools, format!("ays image {verb} {}", done.image), &stop)
}

fn show(ChangedImage { image, before, after, .. }: &ChangedImage, step: ImageMove) -> Result<(), Failure> {
    let already = if before == after { " already" } else { "" };
    let meaning = match step {
        ImageMove::Enable | ImageMove::Restore => "stacks offer it where it is wanted and there",
        ImageMove::Disable => "nothing offers it until `ays image enable`; its files stay",
        ImageMove::Delete | ImageMove::Destroy => {
            "nothing offers it until `ays image restore`; its files stay"
        }
    };
    let state = after.as_str().unwrap_or_default();
    table::line(&format!("{image} is {state}{already}: {meaning}"))
}
