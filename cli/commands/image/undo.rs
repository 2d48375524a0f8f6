//! `ays image undo`

use std::path::Path;

use ays_operations::{ChangeImage, ChangedImage, ImageChange, Lagging};

use crate::failure::{Failure, eprint_line};
use crate::render::{pools, table};
use crate::signals::stop_at_once;
use crate::site::Site;

/// Goes back to an earlier generation of an image, on all stacks at once
///
/// No byte moves: the files of earlier generations are in the pools until they are pruned. What was undone is not made
/// current again by installing the same content; a new content is. A stack whose pool lacks the earlier generation goes on
/// offering what it has, and is named.
#[derive(clap::Args)]
pub struct Args {
    /// Its name or id
    image: String,
    /// The number of the generation; default: the one before the current one
    #[arg(long, value_name = "N")]
    to: Option<u32>,
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

pub async fn run(args: Args, repo: Option<&Path>) -> Result<(), Failure> {
    let change = ChangeImage { image: args.image, to: ImageChange::Undo(args.to), reason: args.reason };
    let (site, stop) = (Site::find(repo)?, stop_at_once());
    let done: ChangedImage =
        site.perform(change, args.accept_new_host_key, stop.clone(), pools::tell()).await?;
    if args.json {
        table::json(&done)?;
    } else {
        show(&done)?;
    }
    let ChangedImage { image, after, pools: changed, .. } = &done;
    // Without its number it would go back one further.
    pools::all_written(changed, format!("ays image undo {image} --to {after}"), &stop)
}

fn show(ChangedImage { image, before, after, pools, others }: &ChangedImage) -> Result<(), Failure> {
    let written = pools.iter().filter(|pool| pool.why.is_none()).count();
    let pools = if written == 1 { "1 pool".to_owned() } else { format!("{written} pools") };
    let from = if before == after { " already".to_owned() } else { format!(", and no more {before}") };
    table::line(&format!("{image}: generation {after} is the current one{from}; {pools} say so"))?;
    for Lagging { stack, offers } in others {
        let offers = match offers {
            Some(number) => format!("goes on offering generation {number}: its pool lacks {after}"),
            None => "does not offer it".to_owned(),
        };
        eprint_line(&format!("warning: {stack} {offers}"));
    }
    Ok(())
}
