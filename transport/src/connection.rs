//! Connections: to a node by ssh, or to this machine itself.

use std::path::Path;
use std::process::Stdio;
use std::sync::Arc;

use ays_model::{NodeName, Target};
use rustix::process::Pid;
use tempfile::TempDir;
use tokio::process::Command;

use crate::connect_error::ConnectError;
use crate::helper_error::HelperError;
use crate::login_shell;
use crate::remote::Remote;
use crate::scripted::Scripted;
use crate::settings::Transport;
use crate::ssh::SshNode;

/// A way to start processes on a node. Clones share it.
#[derive(Clone)]
pub struct Connection(Arc<Side>);

/// What is at the other end.
enum Side {
    /// This machine. With a directory, that stands for the home directory, and goes with the connection.
    Local(Option<TempDir>),
    /// A node that goes away with the connection; the directory is where it lies in memory.
    Throwaway {
        place: TempDir,
        network: Network,
    },
    Ssh(Box<SshNode>),
    /// A test's.
    Scripted {
        /// How its nodes answer.
        nodes: Scripted,
        /// The node.
        name: NodeName,
    },
}

/// Which network a node that goes away has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Network {
    /// None but its own loopback.
    None,
    /// This machine's.
    Shared,
}

/// Makes a node that goes away, in name spaces of its own: what this machine has below an overlay in memory. `$1` is the
/// directory for that, the rest is what is run there: a script, its name and its arguments.
const THROWAWAY: &str = r#"
set -eu
dir=$1
shift
mount -t tmpfs -o mode=755 ays "$dir"
cd "$dir"
mkdir upper work root
mount -t overlay -o "lowerdir=/,upperdir=$dir/upper,workdir=$dir/work" overlay root
cd root
mount -t proc proc proc
mount -t tmpfs -o mode=755 ays dev
mkdir dev/pts dev/shm
for device in null zero full random urandom tty; do
  : >"dev/$device"
  mount --bind "/dev/$device" "dev/$device"
done
ln -s /proc/self/fd dev/fd
# It may be a link to where nothing is here.
resolv=$(cat /etc/resolv.conf 2>/dev/null) && rm -f etc/resolv.conf && printf '%s\n' "$resolv" >etc/resolv.conf || :
mount -t tmpfs -o mode=755 ays run
mount -t tmpfs -o mode=1777 ays tmp
ip link set lo up 2>/dev/null || :
exec chroot . /bin/sh -c "$@"
"#;

/// Runs a script as root: `$1` is the script, `$2` its name, the rest its arguments. A login that is not root uses sudo,
/// which asks for nothing. What the node's tools say is read here, so they say it in English.
const AS_ROOT: &str = r#"
LC_ALL=C; export LC_ALL
if [ "$(id -u)" != 0 ]; then
  exec sudo -n -H -- env LC_ALL=C SSH_CONNECTION="$SSH_CONNECTION" sh -c "$@"
fi
script=$1
shift 2
eval "$script"
"#;

impl Connection {
    /// Opens a connection to a target, or takes one that was kept.
    pub async fn open(target: &Target, transport: &Transport) -> Result<Self, ConnectError> {
        let side = match (target, transport) {
            (_, Transport::Scripted(nodes)) => {
                Side::Scripted { nodes: nodes.clone(), name: target.name().to_owned() }
            }
            (Target::Node(node), Transport::Ssh(settings)) => {
                Side::Ssh(Box::new(SshNode::open(node, settings).await?))
            }
            (Target::Local(_), Transport::Ssh(_)) => Side::Local(None),
        };
        Ok(Self(Arc::new(side)))
    }

    /// How many more processes can be started at once, up to `most`, without a login for each.
    pub async fn sessions(&self, most: usize) -> usize {
        match &*self.0 {
            Side::Local(_) | Side::Throwaway { .. } | Side::Scripted { .. } => most,
            Side::Ssh(node) => node.sessions(most).await,
        }
    }

    /// This machine, of which nothing is kept: not even the helper.
    pub fn throwaway(temporary: &Path) -> std::io::Result<Self> {
        tempfile::tempdir_in(temporary).map(|home| Self(Arc::new(Side::Local(Some(home)))))
    }

    /// A node that is made of this machine, and goes away: nothing that is done to its files, and to its processes, is done
    /// to this machine's. What lies on other file systems than that of `/` is not there. It needs root, and util-linux's `unshare`.
    pub fn throwaway_node(temporary: &Path, network: Network) -> std::io::Result<Self> {
        let place = tempfile::Builder::new().prefix("ays-node-").tempdir_in(temporary)?;
        Ok(Self(Arc::new(Side::Throwaway { place, network })))
    }

    /// Starts a constant shell script, as root, with arguments that are given as such.
    pub(crate) async fn script(
        &self,
        script: &'static str,
        arguments: &[&str],
    ) -> Result<Remote, HelperError> {
        match &*self.0 {
            Side::Scripted { nodes, name } => Ok(nodes.start(name)),
            Side::Local(home) => {
                let mut command = Command::new("sh");
                // What is done on this machine is done as who we are.
                command.arg("-c").arg(script).arg("ays").args(arguments);
                if let Some(home) = home {
                    command.env("HOME", home.path());
                }
                here(command)
            }
            Side::Throwaway { place, network } => {
                let mut command = Command::new("unshare");
                if *network == Network::None {
                    command.arg("--net");
                }
                command.args(["--mount", "--pid", "--ipc", "--uts", "--fork", "--kill-child"]);
                command.args(["sh", "-c", THROWAWAY, "ays"]).arg(place.path());
                command.args([script, "ays"]).args(arguments);
                // What this process knows is not the method's affair.
                command.env_clear().env("HOME", "/root");
                command.env("PATH", "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin");
                here(command)
            }
            Side::Ssh(node) => {
                let arguments = [&[script, "ays"], arguments].concat();
                node.start(&login_shell::command(AS_ROOT, &arguments)).await
            }
        }
    }

    /// Where notes about the node may lie as long as the connection stays.
    pub(crate) fn notes(&self) -> Option<&Path> {
        match &*self.0 {
            Side::Local(_) | Side::Throwaway { .. } | Side::Scripted { .. } => None,
            Side::Ssh(node) => node.notes(),
        }
    }
}

/// Starts a process of this machine.
fn here(mut command: Command) -> Result<Remote, HelperError> {
    command.kill_on_drop(true).env("LC_ALL", "C");
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().map_err(|error| HelperError::Spawn(error.into()))?;
    let (stdin, stdout, stderr) = (child.stdin.take(), child.stdout.take(), child.stderr.take());
    let id = child.id().and_then(|id| Pid::from_raw(id.try_into().ok()?));
    Ok(Remote { id, ..Remote::new(stdin, stdout, stderr, child)? })
}
