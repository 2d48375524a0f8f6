//! A node that is not in the repository yet: checked, then written as `services/jumpscale__node.ssh__NAME/service.hrd`.

use std::fs::{self, OpenOptions};
use std::io::Write;
use std::path::{Path, PathBuf};

use ays_model::{Gid, InstanceName, Node, NodeName, PoolName};

use crate::environment::Environment;
use crate::names::{LookupError, Place};
use crate::node;
use crate::node_error::NodeError;

/// The template of nodes that are reached by SSH.
const TEMPLATE: &str = "node.ssh";

/// The domain of that template: AYS had it in its own repository, and its documentation names nodes so.
const DOMAIN: &str = "jumpscale";

/// What an operator says of a node; what is none keeps its default, and is not written.
#[derive(Debug, Clone)]
pub struct NewNode {
    /// Its name: a plain word, which no other node has.
    pub name: NodeName,
    /// `instance.ip`: an address or a host name.
    pub host: String,
    /// `instance.ssh.port`
    pub port: Option<u16>,
    /// `instance.login`
    pub login: Option<String>,
    /// `instance.sshkey`: the name of a `sshkey` service.
    pub key: Option<InstanceName>,
    /// `instance.ssh.gateway`: the name of a node.
    pub gateway: Option<NodeName>,
    /// `instance.gid`
    pub gid: Option<Gid>,
    /// `instance.pool`
    pub pool: Option<PoolName>,
    /// `instance.stack`
    pub stack: Option<bool>,
}

/// Why a node cannot be added.
#[derive(Debug, thiserror::Error)]
pub enum NewNodeError {
    /// Its name could not be a directory's, or could not be told from a list, a pattern or this machine.
    #[error(
        "`{0}` cannot be a node's name: letters, digits, `.`, `-` and `_` can, a letter or digit first, and `local` is \
         this machine"
    )]
    Name(NodeName),
    /// There is one of this name.
    #[error("node `{name}` is already there: {place}")]
    Exists {
        /// The name.
        name: NodeName,
        /// Its directory.
        place: Place,
    },
    /// It names a pool or a key that is not there.
    #[error(transparent)]
    Lookup(#[from] LookupError),
    /// The node that it names as its gateway cannot be one.
    #[error("the gateway cannot be used")]
    Gateway(#[source] NodeError),
    /// A value that its key cannot have.
    #[error(transparent)]
    Value(NodeError),
    /// Read again, its text would say something else.
    #[error("a value has signs that a node's file cannot have")]
    NotSame,
    /// Its file cannot be written.
    #[error("{path} cannot be written", path = .path.display())]
    Unwritable {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
}

impl NewNode {
    /// The node that this makes of it; nothing is written.
    pub fn node(&self, environment: &Environment) -> Result<Node, NewNodeError> {
        let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_');
        let is_plain = self.name.starts_with(|c: char| c.is_ascii_alphanumeric())
            && self.name.chars().all(plain)
            && self.name.len() <= 128;
        if !is_plain || self.name == Node::LOCAL {
            return Err(NewNodeError::Name(self.name.clone()));
        }
        if let Some(known) = environment.node_instances_of(&self.name).first() {
            let place = environment.place(&known.dir);
            return Err(NewNodeError::Exists { name: self.name.clone(), place });
        }
        if let Some(gateway) = &self.gateway {
            environment.node(Some(TEMPLATE), gateway).map_err(NewNodeError::Gateway)?;
        }
        let settings = &environment.settings;
        if let Some(pool) = self.pool.as_ref().filter(|pool| settings.pool(pool).is_none()) {
            return Err(LookupError::unknown("pool", pool, settings.pool_names()).into());
        }
        if let Some(key) = &self.key {
            let keys = environment.instances().iter().filter(|instance| instance.template == "sshkey");
            let names: Vec<_> = keys.map(|instance| instance.name.as_str()).collect();
            if !names.contains(&key.as_str()) {
                return Err(LookupError::unknown("sshkey service", key, names).into());
            }
        }
        let node = self.read(environment, "the new node", self.text().as_bytes())?;
        if self.is(&node) { Ok(node) } else { Err(NewNodeError::NotSame) }
    }

    /// Writes its file, and gives the file's place. A file that is there stays as it is.
    pub fn write(&self, environment: &Environment) -> Result<Place, NewNodeError> {
        self.node(environment)?;
        let dir = environment.root.join("services").join(format!("{DOMAIN}__{TEMPLATE}__{}", self.name));
        let path = dir.join("service.hrd");
        if let Err(source) = write_new(&dir, &path, &self.text()) {
            return Err(NewNodeError::Unwritable { path, source });
        }
        let place = environment.place(&path);
        let written = environment.read(&path).map_err(|source| NewNodeError::Unwritable { path, source })?;
        let read = self.read(environment, &place.to_string(), &written)?;
        if self.is(&read) { Ok(place) } else { Err(NewNodeError::NotSame) }
    }

    /// What a node's file of this text says.
    fn read(&self, environment: &Environment, file: &str, text: &[u8]) -> Result<Node, NewNodeError> {
        node::of_text(environment, (&TEMPLATE.into(), &self.name), file, text).map_err(NewNodeError::Value)
    }

    /// The file, as a person would write it.
    fn text(&self) -> String {
        let text = |value: Option<&str>| value.map(|value| format!("'{value}'"));
        let lines = [
            ("ip", Some(format!("'{}'", self.host))),
            ("ssh.port", self.port.map(|port| port.to_string())),
            ("login", text(self.login.as_deref())),
            ("sshkey", text(self.key.as_deref())),
            ("ssh.gateway", text(self.gateway.as_deref())),
            ("gid", self.gid.map(|gid| gid.to_string())),
            ("pool", text(self.pool.as_deref())),
            ("stack", self.stack.map(|stack| stack.to_string())),
        ];
        let said = lines.into_iter().filter_map(|(key, value)| Some((key, value?)));
        said.map(|(key, value)| format!("instance.{key} = {value}\n")).collect()
    }

    /// Whether this is what was said.
    fn is(&self, node: &Node) -> bool {
        let same = |said: Option<&str>, read: Option<&str>| said == read;
        node.name == self.name
            && node.host == self.host
            && node.port == self.port
            && same(self.login.as_deref(), node.login.as_deref())
            && same(self.key.as_deref(), node.key.as_ref().map(|key| &*key.name))
            && same(self.gateway.as_deref(), node.gateway.as_ref().map(|gateway| &*gateway.name))
            && self.gid.is_none_or(|gid| gid == node.gid)
            && self.pool.as_ref().is_none_or(|pool| *pool == node.pool.name)
            && self.stack.is_none_or(|stack| stack == node.stack)
    }
}

/// A whole file or none.
fn write_new(dir: &Path, path: &Path, text: &str) -> std::io::Result<()> {
    fs::create_dir_all(dir)?;
    let mut file = OpenOptions::new().write(true).create_new(true).open(path)?;
    let written = file.write_all(text.as_bytes()).and_then(|()| file.sync_all());
    if written.is_err() {
        // It was not there before.
        let _ = fs::remove_file(path);
        let _ = fs::remove_dir(dir);
    }
    written
}
