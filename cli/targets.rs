//! Which nodes an operator means.

use ays_model::{Node, Pool, Target};
use ays_recipes::{Environment, LookupError, NodeError};
use wildmatch::WildMatch;

use crate::failure::{Failure, eprint_line};

/// Where a service is installed
#[derive(clap::Args)]
pub struct Targets {
    /// The kind of node: node.ssh, or node.local for this machine (also -tt)
    #[arg(long, value_name = "TYPE")]
    targettype: Option<String>,
    /// The node's name, several (a,b or repeated) or a pattern ('n*'); without one this machine is meant (also -tn)
    #[arg(long, value_name = "NODE", value_delimiter = ',')]
    targetname: Vec<String>,
    /// All nodes of this grid
    #[arg(long, value_name = "GRID", conflicts_with = "targetname")]
    grid: Option<u32>,
    /// All nodes
    #[arg(long, conflicts_with_all = ["targetname", "grid"])]
    all: bool,
}

/// The type of target that is this machine.
const LOCAL_TYPE: &str = "node.local";

/// What a selection came to.
pub struct Selected {
    /// In the order in which they were named, each once.
    pub targets: Vec<Target>,
    /// Nodes that a pattern, `--grid` or `--all` means, whose files are wrong.
    pub broken: Vec<(String, NodeError)>,
}

impl Targets {
    /// Whether the operator named any.
    pub fn are_named(&self) -> bool {
        self.targettype.is_some() || !self.targetname.is_empty() || self.grid.is_some() || self.all
    }

    /// The nodes of these names or patterns; without any, all.
    pub fn named(names: Vec<String>) -> Self {
        Self { targettype: None, all: names.is_empty(), targetname: names, grid: None }
    }

    /// Finds the nodes in the environment.
    pub fn select(&self, environment: &Environment) -> Result<Selected, Failure> {
        let of_type = |node: &Node| self.targettype.as_ref().is_none_or(|kind| *kind == node.template);
        if self.targettype.as_deref() == Some(LOCAL_TYPE) {
            return local(environment);
        }
        if self.all || self.grid.is_some() {
            let of_grid = |node: &Node| self.grid.is_none_or(|grid| grid == node.gid);
            let selected =
                all(environment.nodes(), |_, node| node.is_none_or(|node| of_type(node) && of_grid(node)));
            if selected.targets.is_empty() && selected.broken.is_empty() {
                return Err(Failure::NoNodes(self.grid));
            }
            return Ok(selected);
        }
        match (self.targettype.as_ref(), &self.targetname[..]) {
            (None, []) => local(environment),
            (Some(kind), []) => Err(Failure::NoTargetName(kind.clone())),
            (kind, names) => {
                let mut selected = Selected { targets: Vec::new(), broken: Vec::new() };
                for name in names {
                    if name == Node::LOCAL {
                        selected.add(Target::Local(local_pool(environment)?));
                    } else if name.contains(['*', '?']) {
                        let pattern = WildMatch::new(name);
                        let found = all(environment.nodes(), |name, node| {
                            pattern.matches(name) && node.is_none_or(of_type)
                        });
                        if found.targets.is_empty() && found.broken.is_empty() {
                            return Err(LookupError::unknown("node", name, []).into());
                        }
                        found.targets.into_iter().for_each(|target| selected.add(target));
                        selected.broken.extend(found.broken);
                    } else {
                        let node = environment.node(kind.map(String::as_str), name)?;
                        selected.add(Target::Node(Box::new(node)));
                    }
                }
                Ok(selected)
            }
        }
    }
}

impl Selected {
    fn add(&mut self, target: Target) {
        if !self.targets.iter().any(|known| known.name() == target.name()) {
            self.targets.push(target);
        }
    }
}

fn all(
    nodes: Vec<(String, Result<Node, NodeError>)>,
    is_meant: impl Fn(&str, Option<&Node>) -> bool,
) -> Selected {
    let mut selected = Selected { targets: Vec::new(), broken: Vec::new() };
    for (name, node) in nodes {
        match node {
            Ok(node) if is_meant(&name, Some(&node)) => selected.add(Target::Node(Box::new(node))),
            Ok(_) => {}
            Err(error) if is_meant(&name, None) => selected.broken.push((name, error)),
            Err(_) => {}
        }
    }
    selected
}

/// This machine's pool.
pub fn local_pool(environment: &Environment) -> Result<Pool, Failure> {
    let settings = &environment.settings;
    let pool = settings.pool("local");
    Ok(pool.cloned().ok_or_else(|| LookupError::unknown("pool", "local", settings.pool_names()))?)
}

/// All nodes of the environment, and this machine. Of those whose files are wrong it is said so.
pub fn all_nodes(environment: &Environment) -> Vec<Target> {
    let mut targets: Vec<_> =
        environment.settings.pool("local").cloned().map(Target::Local).into_iter().collect();
    for (name, node) in environment.nodes() {
        match node {
            Ok(node) => targets.push(Target::Node(Box::new(node))),
            Err(error) => eprint_line(&format!("warning: {name}: {error}")),
        }
    }
    targets
}

fn local(environment: &Environment) -> Result<Selected, Failure> {
    Ok(Selected { targets: vec![Target::Local(local_pool(environment)?)], broken: Vec::new() })
}
