//! Which nodes an operator means.

use ays_model::{Gid, TemplateName};
use ays_operations::Selection;

/// Where a service is installed
#[derive(clap::Args)]
pub struct Targets {
    /// The kind of node: node.ssh, or node.local for this machine (also -tt)
    #[arg(long, value_name = "TYPE")]
    targettype: Option<TemplateName>,
    /// The node's name, several (a,b or repeated) or a pattern ('n*'); without one this machine is meant (also -tn, --node)
    #[arg(long, alias = "node", value_name = "NODE", value_delimiter = ',')]
    targetname: Vec<String>,
    /// All nodes of this grid
    #[arg(long, value_name = "GRID", conflicts_with = "targetname")]
    grid: Option<Gid>,
    /// All nodes
    #[arg(long, conflicts_with_all = ["targetname", "grid"])]
    all: bool,
}

impl From<&Targets> for Selection {
    fn from(Targets { targettype, targetname, grid, all }: &Targets) -> Self {
        Self { kind: targettype.clone(), names: targetname.clone(), gid: *grid, all: *all }
    }
}
