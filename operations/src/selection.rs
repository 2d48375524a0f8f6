//! Which nodes an operator means.

use ays_model::{Gid, Node, NodeName, Pool, Target, TemplateName};
use ays_recipes::{Environment, LookupError, NodeError};
use serde::{Deserialize, Serialize};
use wildmatch::WildMatch;

use crate::error::{Error, Kind};

/// The type of target that is this machine.
const LOCAL_TYPE: &str = "node.local";

/// Which nodes an operator means; nothing said means this machine.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase", deny_unknown_fields)]
pub struct Selection {
    /// The kind of node: `node.ssh`, or `node.local` for this machine.
    #[serde(rename = "type")]
    pub kind: Option<TemplateName>,
    /// Nodes' names and patterns (`n*`).
    pub names: Vec<String>,
    /// All nodes of this grid.
    pub gid: Option<Gid>,
    /// All nodes.
    pub all: bool,
}

/// What a selection came to.
#[derive(Debug, Default)]
pub struct Selected {
    /// In the order in which they were named, each once.
    pub targets: Vec<Target>,
    /// Nodes that a pattern, a grid or all of them means, whose files are wrong.
    pub broken: Vec<(NodeName, NodeError)>,
}

/// Why a selection means no node.
#[derive(Debug, thiserror::Error)]
enum SelectionError {
    #[error("target type `{0}` has no node of its own: name one with --targetname")]
    NoTargetName(TemplateName),
    #[error("no node is in grid {}", .0.map_or_else(|| "any".to_owned(), |grid| grid.to_string()))]
    NoNodes(Option<Gid>),
}

impl From<SelectionError> for Error {
    fn from(error: SelectionError) -> Self {
        let kind = match error {
            SelectionError::NoTargetName(_) => Kind::Usage,
            SelectionError::NoNodes(_) => Kind::Unknown,
        };
        Self::new(kind, error)
    }
}

impl Selection {
    /// Whether any node was named.
    pub fn is_said(&self) -> bool {
        self.kind.is_some() || !self.names.is_empty() || self.gid.is_some() || self.all
    }

    /// Whether it can mean more than one node.
    pub fn may_mean_several(&self) -> bool {
        self.all
            || self.gid.is_some()
            || self.names.len() > 1
            || self.names.iter().any(|name| name.contains(['*', '?']))
    }

    /// The nodes of these names or patterns; without any, all.
    pub fn named(names: Vec<String>) -> Self {
        Self { all: names.is_empty(), names, ..Self::default() }
    }

    /// Finds the nodes in the environment. It reads files.
    ///
    /// # Errors
    ///
    /// A name that is no node's, a file of a named node that is wrong, or a selection that means no node.
    pub fn select(&self, environment: &Environment) -> Result<Selected, Error> {
        let of_type = |node: &Node| self.kind.as_ref().is_none_or(|kind| *kind == node.template);
        if self.kind.as_deref() == Some(LOCAL_TYPE) {
            return local(environment);
        }
        if self.all || self.gid.is_some() {
            let of_grid = |node: &Node| self.gid.is_none_or(|grid| grid == node.gid);
            let selected =
                matching(environment, |_, node| node.is_none_or(|node| of_type(node) && of_grid(node)));
            if selected.targets.is_empty() && selected.broken.is_empty() {
                return Err(SelectionError::NoNodes(self.gid).into());
            }
            return Ok(selected);
        }
        match (&self.kind, &self.names[..]) {
            (None, []) => local(environment),
            (Some(kind), []) => Err(SelectionError::NoTargetName(kind.clone()).into()),
            (kind, names) => {
                let mut selected = Selected::default();
                for name in names {
                    if name == Node::LOCAL {
                        selected.add(Target::Local(local_pool(environment)?));
                    } else if name.contains(['*', '?']) {
                        let pattern = WildMatch::new(name);
                        let found = matching(environment, |name, node| {
                            pattern.matches(name) && node.is_none_or(of_type)
                        });
                        if found.targets.is_empty() && found.broken.is_empty() {
                            return Err(LookupError::unknown("node", name, []).into());
                        }
                        found.targets.into_iter().for_each(|target| selected.add(target));
                        selected.broken.extend(found.broken);
                    } else {
                        let node = environment.node(kind.as_deref(), name)?;
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

/// The nodes that are meant. A node whose file is wrong is known by its name only.
fn matching(environment: &Environment, is_meant: impl Fn(&NodeName, Option<&Node>) -> bool) -> Selected {
    let mut selected = Selected::default();
    for (name, node) in environment.nodes() {
        match node {
            Ok(node) if is_meant(name, Some(node)) => selected.add(Target::Node(Box::new(node.clone()))),
            Ok(_) => {}
            Err(error) if is_meant(name, None) => selected.broken.push((name.clone(), error.clone())),
            Err(_) => {}
        }
    }
    selected
}

/// This machine's pool.
///
/// # Errors
///
/// The settings name no pool `local`.
pub fn local_pool(environment: &Environment) -> Result<Pool, Error> {
    let settings = &environment.settings;
    let pool = settings.pool(Node::LOCAL);
    Ok(pool.cloned().ok_or_else(|| LookupError::unknown("pool", Node::LOCAL, settings.pool_names()))?)
}

/// All nodes of the environment, and this machine. It reads files.
pub fn all_nodes(environment: &Environment) -> Selected {
    let mut selected = matching(environment, |_, _| true);
    let local = environment.settings.pool(Node::LOCAL).cloned().map(Target::Local);
    selected.targets.splice(0..0, local);
    selected
}

fn local(environment: &Environment) -> Result<Selected, Error> {
    Ok(Selected { targets: vec![Target::Local(local_pool(environment)?)], broken: Vec::new() })
}
