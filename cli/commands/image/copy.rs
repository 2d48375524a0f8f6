//! `ays image copy`

use std::path::Path;

use ays_model::{Gid, NodeName, PoolName};
use ays_operations::{CopiedImage, CopiedTo, CopyImage, CopyResult, CopyTo, PoolProblem};

use crate::failure::Failure;
use crate::render::events::Style;
use crate::render::{pools, quoted, rollout, table, units};
use crate::signals::stop_at_once;
use crate::site::Site;

/// Copies an image's current generation to other pools, and offers it on their stacks
///
/// The bytes come from the nearest verified copy, never from the source. In another grid the image is made, or gets a generation
/// of the same content, with all that is said of it here.
#[derive(clap::Args)]
pub struct Args {
    /// Its name or id
    #[arg(value_name = "IMAGE")]
    name: String,
    /// The pool of this name; where nodes do not share it, that of each of them
    #[arg(long, value_name = "POOL", group = "to", required_unless_present_any = ["to_node", "to_grid"])]
    to_pool: Option<PoolName>,
    /// The pools of these nodes (a,b or repeated)
    #[arg(long, value_name = "NODE", value_delimiter = ',', group = "to")]
    to_node: Vec<NodeName>,
    /// All pools of this grid
    #[arg(long, value_name = "GID", group = "to")]
    to_grid: Option<Gid>,
    /// The grid that the image is in, where several have one of its name
    #[arg(long, value_name = "GID")]
    grid: Option<Gid>,
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
    let site = Site::find(repo)?;
    let again = args.again();
    let to = match (args.to_pool, args.to_grid) {
        (Some(pool), _) => CopyTo::Pool(pool),
        (None, Some(gid)) => CopyTo::Grid(gid),
        (None, None) => CopyTo::Nodes(args.to_node),
    };
    let stop = stop_at_once();
    let tell = rollout::tell(if args.json { Style::Quiet } else { Style::Summary });
    let copy = CopyImage { image: args.name, gid: args.grid, to, reason: args.reason };
    let done: CopiedImage = site.perform(copy, args.accept_new_host_key, stop.clone(), tell).await?;
    if args.json {
        table::json(&done)?;
    } else {
        show(&done)?;
    }
    let failed = done.pools.iter().filter_map(|to| Some((to, to.why.clone()?)));
    let failed: Vec<_> = failed.map(|(to, why)| PoolProblem { pool: to.pool.clone(), why }).collect();
    let mut said = pools::problems(&failed);
    said.extend(pools::problems(&done.not_published));
    if said.is_empty() {
        Ok(())
    } else {
        Err(Failure::NotEverywhere { said, again, interrupted: stop.is_wanted() })
    }
}

impl Args {
    fn again(&self) -> String {
        let mut words = format!("ays image copy {}", quoted(&self.name));
        let nodes: Vec<_> = self.to_node.iter().map(NodeName::as_str).collect();
        for (option, value) in [
            ("--to-pool", self.to_pool.as_ref().map(PoolName::to_string)),
            ("--to-node", Some(nodes.join(",")).filter(|nodes| !nodes.is_empty())),
            ("--to-grid", self.to_grid.map(|gid| gid.to_string())),
            ("--grid", self.grid.map(|gid| gid.to_string())),
        ] {
            if let Some(value) = value {
                words.push_str(&format!(" {option} {}", quoted(&value)));
            }
        }
        words
    }
}

fn show(CopiedImage { image, generation, pools, .. }: &CopiedImage) -> Result<(), Failure> {
    for CopiedTo { pool, result, received, from, .. } in pools {
        let pool = format!("pool {} in grid {}", pools::pool(pool), pool.gid);
        let what = format!("generation {generation} of {image}");
        match result {
            CopyResult::Copied => {
                let from = from.as_ref().map(|from| format!(" from {from}")).unwrap_or_default();
                table::line(&format!("{pool}: {what}, {}{from}", units::bytes(*received)))?;
            }
            CopyResult::There => table::line(&format!("{pool}: {what} was there"))?,
            CopyResult::Failed => {}
        }
    }
    Ok(())
}
