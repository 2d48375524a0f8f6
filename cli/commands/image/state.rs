//! `ays image enable`, `disable`, `restore`

use std::path::Path;

use ays_catalogue::ImageMove;
use ays_operations::{ChangeImage, ChangedImage, ImageChange};

use crate::context;
use crate::failure::Failure;
use crate::render::{pools, table};
use crate::signals::stop_at_once;

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
}

impl Args {
    /// Of a verb that has more arguments.
    pub fn new(image: String, reason: Option<String>, accept_new_host_key: bool) -> Self {
        Self { image, reason, accept_new_host_key }
    }
}

pub async fn run(args: Args, step: ImageMove, repo: Option<&Path>) -> Result<(), Failure> {
    let controller = context::controller_of(repo).await?;
    let ssh = context::ssh(&controller.environment, args.accept_new_host_key)?;
    let change = ChangeImage { image: args.image, to: ImageChange::Move(step), reason: args.reason };
    let stop = stop_at_once();
    let ChangedImage { image, changed, failed, .. } =
        change.run(controller, ssh, stop.clone(), pools::tell()).await?;
    let before = if changed.is_same() { " already" } else { "" };
    let meaning = match step {
        ImageMove::Enable | ImageMove::Restore => "stacks offer it where it is wanted and there",
        ImageMove::Disable => "nothing offers it until `ays image enable`; its files stay",
        ImageMove::Delete | ImageMove::Destroy => {
            "nothing offers it until `ays image restore`; its files stay"
        }
    };
    let state = changed.after.as_str().unwrap_or_default();
    table::line(&format!("{image} is {state}{before}: {meaning}"))?;
    if failed.is_empty() {
        return Ok(());
    }
    let verb = match step {
        ImageMove::Enable => "enable",
        ImageMove::Restore => "restore",
        ImageMove::Disable => "disable",
        ImageMove::Delete | ImageMove::Destroy => "delete",
    };
    Err(Failure::NotPublished {
        said: pools::not_published(&failed),
        again: format!("ays image {verb} {image}"),
        interrupted: stop.is_wanted(),
    })
}
