//! `ays image undo`

use std::path::Path;

use ays_model::PoolKey;
use ays_operations::{ChangeImage, ChangedImage, ImageChange, Lagging};
use serde_json::Value;

use crate::context;
use crate::failure::{Failure, eprint_line};
use crate::render::{pools, table};
use crate::signals::stop_at_once;

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

#[derive(serde::Serialize)]
struct Report<'a> {
    image: &'a str,
    /// The numbers of the generations.
    before: &'a Value,
    after: &'a Value,
    pools: Vec<PoolReport<'a>>,
    /// Stacks where the image is wanted that do not offer that generation.
    others: Vec<StackReport<'a>>,
}

#[derive(serde::Serialize)]
struct PoolReport<'a> {
    pool: &'a PoolKey,
    /// Why its index is not written; none: it is.
    why: Option<String>,
}

#[derive(serde::Serialize)]
struct StackReport<'a> {
    stack: &'a str,
    /// The number of the generation that it offers; none: it offers none.
    offers: Option<u32>,
}

pub async fn run(args: Args, repo: Option<&Path>) -> Result<(), Failure> {
    let controller = context::controller_of(repo).await?;
    let ssh = context::ssh(&controller.environment, args.accept_new_host_key)?;
    let change = ChangeImage { image: args.image, to: ImageChange::Undo(args.to), reason: args.reason };
    let stop = stop_at_once();
    let done = change.run(controller, ssh, stop.clone(), pools::tell()).await?;
    if args.json {
        table::json(&report(&done))?;
    } else {
        show(&done)?;
    }
    let ChangedImage { image, changed, failed, .. } = &done;
    if failed.is_empty() {
        return Ok(());
    }
    Err(Failure::NotPublished {
        said: pools::not_published(failed),
        // Without its number it would go back one further.
        again: format!("ays image undo {image} --to {}", changed.after),
        interrupted: stop.is_wanted(),
    })
}

fn show(ChangedImage { image, changed, failed, lagging }: &ChangedImage) -> Result<(), Failure> {
    let written = changed.pools.len().saturating_sub(failed.len());
    let pools = if written == 1 { "1 pool".to_owned() } else { format!("{written} pools") };
    let from =
        if changed.is_same() { " already".to_owned() } else { format!(", and no more {}", changed.before) };
    table::line(&format!("{image}: generation {} is the current one{from}; {pools} say so", changed.after))?;
    for Lagging { stack, offers } in lagging {
        let offers = match offers {
            Some(number) => format!("goes on offering generation {number}: its pool lacks {}", changed.after),
            None => "does not offer it".to_owned(),
        };
        eprint_line(&format!("warning: {stack} {offers}"));
    }
    Ok(())
}

fn report(ChangedImage { image, changed, failed, lagging }: &ChangedImage) -> Report<'_> {
    let pools = changed.pools.iter().map(|pool| PoolReport {
        pool,
        why: failed.iter().find(|not| not.pool == *pool).map(|not| ays_model::causes(&not.why)),
    });
    let others =
        lagging.iter().map(|lagging| StackReport { stack: lagging.stack.as_str(), offers: lagging.offers });
    Report {
        image: image.as_str(),
        before: &changed.before,
        after: &changed.after,
        pools: pools.collect(),
        others: others.collect(),
    }
}
