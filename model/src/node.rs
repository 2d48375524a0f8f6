//! A node: a machine that is reached by SSH.

use secrecy::SecretString;

use crate::{Gid, InstanceName, NodeName, Pool, TemplateName};

/// The key pair of a `sshkey` service.
#[derive(Debug, Clone)]
pub struct Key {
    /// The service's instance name.
    pub name: InstanceName,
    /// `instance.key.priv`.
    pub private: SecretString,
    /// `instance.key.pub`, where it is said.
    pub public: Option<String>,
}

/// A node.
#[derive(Debug, Clone)]
pub struct Node {
    /// Its name: the instance's.
    pub name: NodeName,
    /// Its template (`node.ssh`).
    pub template: TemplateName,
    /// `instance.ip`: an address or a host name.
    pub host: String,
    /// `instance.ssh.port`; none: what ssh's own configuration says, else 22.
    pub port: Option<u16>,
    /// `instance.login`; none: what ssh's own configuration says, else `root`.
    pub login: Option<String>,
    /// Whether there is an `instance.password`. SSH here never uses one, so it is not kept.
    pub has_password: bool,
    /// `instance.sshkey`, read from its service; none: the agent and ssh's own configuration.
    pub key: Option<Key>,
    /// `instance.ssh.gateway`: the node to go through.
    pub gateway: Option<Box<Node>>,
    /// `instance.gid`: its grid; default 1.
    pub gid: Gid,
    /// `instance.pool`: where its templates are kept.
    pub pool: Pool,
    /// `instance.stack`: whether machines can start on it; default true.
    pub stack: bool,
}

impl Node {
    /// The name of the machine that `ays` itself runs on.
    pub const LOCAL: &str = "local";
}
