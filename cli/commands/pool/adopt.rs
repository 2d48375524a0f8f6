//! `ays pool adopt`

use std::path::Path;

use ays_engine::{AdoptedPool, Former};
use ays_model::{ImageName, NodeName, PoolKey, PoolName, PoolOwner, causes};
use ays_operations::{AdoptPools, Selection};

use crate::context;
use crate::failure::Failure;
use crate::render::{pools, table};
use crate::signals::stop_at_once;
use crate::targets::Targets;

/// Makes a pool this catalogue's, with what is there
///
/// No file is touched. What the pool's ays-images.json names stays in it, as its former owner said it, until an image of the
/// same name is installed. The former owner is refused from then on.
#[derive(clap::Args)]
pub struct Args {
    /// The pool's name: `ays nodes` shows each node's
    pool: PoolName,
    #[command(flatten)]
    targets: Targets,
    /// Learn the host keys of nodes that have never been seen
    #[arg(long)]
    accept_new_host_key: bool,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

#[derive(serde::Serialize)]
#[serde(rename_all = "camelCase")]
struct Row<'a> {
    node: &'a NodeName,
    pool: &'a PoolKey,
    /// None: nobody's that is known.
    former: Option<&'a PoolOwner>,
    /// It was this catalogue's before.
    was_ours: bool,
    kept: &'a [ImageName],
    left_out: Vec<LeftOut<'a>>,
    /// Why nothing of its index could be read.
    damaged: Option<String>,
}

#[derive(serde::Serialize)]
struct LeftOut<'a> {
    image: &'a ImageName,
    file: &'a str,
}

impl<'a> From<&'a AdoptedPool> for Row<'a> {
    fn from(AdoptedPool { node, pool, former, kept, left_out, damaged }: &'a AdoptedPool) -> Self {
        Self {
            node,
            pool,
            former: match former {
                Former::Other(owner) => Some(owner),
                Former::Nobody | Former::Ourselves | Former::Unreadable => None,
            },
            was_ours: *former == Former::Ourselves,
            kept,
            left_out: left_out.iter().map(|out| LeftOut { image: &out.image, file: &out.file }).collect(),
            damaged: damaged.as_ref().map(|error| causes(error)),
        }
    }
}

pub async fn run(args: Args, repo: Option<&Path>) -> Result<(), Failure> {
    let controller = context::controller_of(repo).await?;
    let ssh = context::ssh(&controller.environment, args.accept_new_host_key)?;
    let nodes = Selection::from(&args.targets).select(&controller.environment)?;
    let adopt = AdoptPools { pool: args.pool.clone(), nodes };
    let done = adopt.run(controller, ssh, stop_at_once(), pools::tell()).await?;
    let adopted: Vec<_> = done.iter().filter_map(|(_, result)| result.as_ref().ok()).collect();
    if args.json {
        table::json(&adopted.iter().map(|pool| Row::from(*pool)).collect::<Vec<_>>())?;
    } else {
        adopted.iter().try_for_each(|pool| show(pool))?;
    }
    let failed: Vec<_> = done.into_iter().filter_map(|(node, result)| Some((node, result.err()?))).collect();
    if failed.is_empty() { Ok(()) } else { Err(Failure::NotAdopted { pool: args.pool, failed }) }
}

fn show(AdoptedPool { node, pool, former, kept, left_out, damaged }: &AdoptedPool) -> Result<(), Failure> {
    let former = match former {
        Former::Nobody => "it had no owner's mark".to_owned(),
        Former::Ourselves => "it was this catalogue's already".to_owned(),
        Former::Other(owner) => format!("it was of {owner}"),
        Former::Unreadable => "its owner's mark could not be read".to_owned(),
    };
    table::line(&format!("{node}: pool {}, {}, is this catalogue's: {former}", pool.name, pool.path))?;
    if let Some(error) = damaged {
        table::line(&format!("  nothing of its index stays: {}", causes(error)))?;
    }
    if !kept.is_empty() {
        let names: Vec<_> = kept.iter().map(ImageName::as_str).collect();
        table::line(&format!("  stays in its index: {}", names.join(", ")))?;
    }
    for out in left_out {
        table::line(&format!(
            "  left out of its index: {}: {} is not there as it says",
            out.image, out.file
        ))?;
    }
    Ok(())
}
