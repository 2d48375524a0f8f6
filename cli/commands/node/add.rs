//! `ays node add`

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Arc;

use ays_engine::NodeProblem;
use ays_model::{Gid, InstanceName, Node, NodeName, PoolName, Target};
use ays_operations::{CheckedNode, check_targets};
use ays_recipes::NewNode;
use ays_transport::{Asking, ConnectError, InstallKey, InstallKeyError, KeyState, PublicKey, SshSettings};

use crate::failure::{Failure, eprint_line};
use crate::render::{check, table};
use crate::signals::stop_at_once;
use crate::{context, prompt};

/// Adds a node to the environment, once it is reached and lets us in
///
/// Its host key is asked about, and goes into known_hosts at the environment's root, so that the team knows it. What a
/// check of it finds is shown.
#[derive(clap::Args)]
pub struct Args {
    /// Its name
    name: NodeName,
    /// Its address, or its host name
    #[arg(long, value_name = "ADDRESS")]
    ip: String,
    /// The port of its sshd
    #[arg(long)]
    port: Option<u16>,
    /// The user to log in as; one that is not root needs sudo without a password
    #[arg(long, value_name = "USER")]
    login: Option<String>,
    /// The sshkey service that holds the key to log in with; without one, your agent and ssh's own keys
    #[arg(long, value_name = "NAME")]
    sshkey: Option<InstanceName>,
    /// The node to go through
    #[arg(long, value_name = "NODE")]
    gateway: Option<NodeName>,
    /// Its grid
    #[arg(long, value_name = "GRID")]
    gid: Option<Gid>,
    /// Where it keeps templates
    #[arg(long)]
    pool: Option<PoolName>,
    /// No machines start on it
    #[arg(long)]
    no_stack: bool,
    /// First put a public key there: this one, else the sshkey service's, your agent's first, or ~/.ssh/id_*.pub
    ///
    /// Where none of your keys is let in yet, ssh asks for the password on the terminal, once. ays never sees it.
    #[arg(long, value_name = "FILE.pub", num_args = 0..=1)]
    install_key: Option<Option<PathBuf>>,
    /// Learn its host key without a question
    #[arg(long)]
    accept_new_host_key: bool,
    /// Add it without connecting to it
    #[arg(long, conflicts_with_all = ["install_key", "accept_new_host_key"])]
    no_check: bool,
}

pub async fn run(args: Args, repo: Option<&Path>) -> Result<(), Failure> {
    let environment = Arc::new(context::environment(repo)?);
    let new = NewNode {
        name: args.name,
        host: args.ip,
        port: args.port,
        login: args.login,
        key: args.sshkey,
        gateway: args.gateway,
        gid: args.gid,
        pool: args.pool,
        stack: args.no_stack.then_some(false),
    };
    let node = new.node(&environment)?;
    if args.no_check {
        return added(&new.write(&environment)?.to_string(), &new.name);
    }
    let ssh = context::ssh(&environment, args.accept_new_host_key)?;
    let ssh = SshSettings { learned: ssh.known_hosts.clone(), ..ssh };
    if let Some(file) = args.install_key {
        put_key(&node, file, &ssh).await?;
    }
    let (targets, stop) = (vec![Target::Node(Box::new(node))], stop_at_once());
    let environment_now = Arc::clone(&environment);
    let mut found = check_targets(targets, None, environment_now, ssh, stop, Arc::new(|_| ())).await?;
    for checked in &mut found {
        if let Some(at) = checked.problems.iter().position(|found| matches!(found, NodeProblem::Connect(_)))
            && let NodeProblem::Connect(error) = checked.problems.remove(at)
        {
            return Err(not_added(&new.name, error.into(), None));
        }
    }
    added(&new.write(&environment)?.to_string(), &new.name)?;
    found.into_iter().try_for_each(|checked| table::line(&check::shown(&CheckedNode::from(checked))))
}

fn added(place: &str, name: &NodeName) -> Result<(), Failure> {
    table::line(&format!("{name}: added: {place}; ays env save shares it"))
}

async fn put_key(node: &Node, file: Option<PathBuf>, ssh: &SshSettings) -> Result<(), Failure> {
    let key = match file {
        Some(path) => read(&path)?,
        None => default_key(node, &ssh.home)?,
    };
    let asking = if prompt::possible() { Asking::OnTerminal } else { Asking::Nobody };
    let install = InstallKey { node, key: &key, asking, settings: ssh };
    match install.run().await {
        Ok(KeyState::Added) => eprint_line(&format!("{}: the public key was added", node.name)),
        Ok(KeyState::WasThere) => eprint_line(&format!("{}: the public key was there", node.name)),
        Err(error) => {
            let is_login = matches!(
                error,
                InstallKeyError::Connect(ConnectError::Refused { .. } | ConnectError::OnlyPassword { .. })
            );
            let cure = match asking {
                Asking::Nobody if is_login => {
                    Some("run it on a terminal, where ssh can ask for the password")
                }
                Asking::OnTerminal if is_login => Some("was the password right?"),
                _ => None,
            };
            return Err(not_added(&node.name, error, cure));
        }
    }
    Ok(())
}

fn not_added(node: &NodeName, error: InstallKeyError, cure: Option<&'static str>) -> Failure {
    let cure = cure.unwrap_or_else(|| match &error {
        InstallKeyError::Connect(error) => error.cure(),
        InstallKeyError::NotWritten { .. } => "let the login write into its own home there",
    });
    Failure::NotAdded { node: node.clone(), cure: cure.to_owned(), source: Box::new(error) }
}

fn read(path: &Path) -> Result<PublicKey, Failure> {
    let unreadable = |source| Failure::Unreadable { path: path.to_owned(), source };
    let text = std::fs::read_to_string(path).map_err(unreadable)?;
    PublicKey::parse(&text).map_err(|source| Failure::PublicKey { from: path.display().to_string(), source })
}

/// The key that ssh will log in with, as far as that can be told.
fn default_key(node: &Node, home: &Path) -> Result<PublicKey, Failure> {
    if let Some(key) = &node.key {
        let from = format!("instance.key.pub of sshkey service {}", key.name);
        let text = key.public.as_deref().unwrap_or_default();
        return PublicKey::parse(text).map_err(|source| Failure::PublicKey { from, source });
    }
    let agent = Command::new("ssh-add").arg("-L").stdin(Stdio::null()).output();
    let agent = agent.ok().and_then(|output| PublicKey::parse(&String::from_utf8_lossy(&output.stdout)).ok());
    if let Some(key) = agent {
        return Ok(key);
    }
    let files = ["id_ed25519.pub", "id_ecdsa.pub", "id_rsa.pub"].map(|name| home.join(".ssh").join(name));
    let file = files.iter().find(|path| path.is_file()).ok_or(Failure::NoPublicKey)?;
    read(file)
}
