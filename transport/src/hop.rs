//! One machine on the way to a node, and the ssh configuration for it.
//!
//! Configuration and keys are files in memory that ssh opens through `/proc`: nothing of them is ever on disk, and
//! they end with this process, however it ends.

use std::fs::Permissions;
use std::io::Write;
use std::os::fd::AsRawFd;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use ays_model::{Node, NodeName};
use rustix::fs::MemfdFlags;
use secrecy::ExposeSecret;
use tempfile::TempDir;

use crate::run_directory::{own_directory, usable};
use crate::settings::SshSettings;

/// A file in memory that a child of ours can open by its path.
struct MemoryFile(std::fs::File);

impl MemoryFile {
    fn new(name: &str, content: &[u8]) -> std::io::Result<Self> {
        let mut file = std::fs::File::from(rustix::fs::memfd_create(name, MemfdFlags::CLOEXEC)?);
        // ssh refuses a key that others may read.
        file.set_permissions(Permissions::from_mode(0o600))?;
        file.write_all(content)?;
        Ok(Self(file))
    }

    fn path(&self) -> String {
        format!("/proc/{}/fd/{}", std::process::id(), self.0.as_raw_fd())
    }
}

/// The way to a node.
pub(crate) struct Way {
    /// Machines to go through, the nearest first.
    pub gateways: Vec<Hop>,
    pub node: Hop,
    /// A directory of its own, for what ssh says of the machines.
    pub directory: TempDir,
}

impl Way {
    pub fn to(node: &Node, settings: &SshSettings) -> std::io::Result<Self> {
        let directory = own_directory(usable(&settings.run))?;
        let mut through = Vec::new();
        let mut next = node.gateway.as_deref();
        while let Some(gateway) = next {
            through.push(gateway);
            next = gateway.gateway.as_deref();
        }
        let mut gateways: Vec<Hop> = Vec::new();
        for gateway in through.into_iter().rev() {
            let log = directory.path().join(format!("gateway-{}.log", gateways.len()));
            let hop = Hop::new(gateway, gateways.last(), settings, Some(log))?;
            gateways.push(hop);
        }
        let node = Hop::new(node, gateways.last(), settings, None)?;
        Ok(Self { gateways, node, directory })
    }
}

/// A machine on the way.
pub(crate) struct Hop {
    /// The node's name.
    pub name: NodeName,
    /// What ssh is told to connect to.
    pub host: String,
    pub has_password: bool,
    /// Where ssh says why it failed; only gateways have one, a master has its own.
    pub log: Option<PathBuf>,
    config: MemoryFile,
    _key: Option<MemoryFile>,
}

impl Hop {
    /// The path of its configuration, for `ssh -F`.
    pub fn config(&self) -> String {
        self.config.path()
    }

    fn new(
        node: &Node,
        gateway: Option<&Self>,
        settings: &SshSettings,
        log: Option<PathBuf>,
    ) -> std::io::Result<Self> {
        let key = node.key.as_ref();
        let key =
            key.map(|key| MemoryFile::new("ays-key", key.private.expose_secret().as_bytes())).transpose()?;
        let config = config(node, gateway, key.as_ref(), settings);
        Ok(Self {
            name: node.name.clone(),
            host: node.host.clone(),
            has_password: node.has_password,
            log,
            config: MemoryFile::new("ays-ssh-config", config.as_bytes())?,
            _key: key,
        })
    }
}

/// For every option ssh takes the first value that it finds: the node's own, then the user's, then the fallbacks.
fn config(node: &Node, gateway: Option<&Hop>, key: Option<&MemoryFile>, settings: &SshSettings) -> String {
    let mut text = format!("Host {}\n", node.host);
    let mut line = |option: &str, value: &str| text.push_str(&format!("  {option} {value}\n"));
    if let Some(login) = &node.login {
        line("User", login);
    }
    if let Some(port) = node.port {
        line("Port", &port.to_string());
    }
    if let Some(key) = key {
        line("IdentityFile", &key.path());
        line("IdentitiesOnly", "yes");
    }
    if let Some(gateway) = gateway {
        line("ProxyCommand", &proxy_command(gateway));
    }
    line("BatchMode", "yes");
    // What ssh says is read here: errors, and neither banners nor the user's own choice of more or less.
    line("LogLevel", "ERROR");
    line("ConnectTimeout", "10");
    // The login itself has this long: a master is watched by frames only once it is there.
    line("ServerAliveInterval", "4");
    line("ServerAliveCountMax", "3");
    line("Compression", "yes");
    line("StrictHostKeyChecking", "yes");
    line("ControlMaster", "no");
    line("ControlPath", "none");
    line("RemoteCommand", "none");
    line("RequestTTY", "no");
    line("ForwardX11", "no");
    line("PermitLocalCommand", "no");
    line("ClearAllForwardings", "yes");
    let ssh = settings.home.join(".ssh");
    // Keys that were learned here count, whatever file the user's configuration names for known hosts.
    let own = [settings.known_hosts.clone(), ssh.join("known_hosts")].map(|path| quoted(&path)).join(" ");
    line("GlobalKnownHostsFile", &format!("/etc/ssh/ssh_known_hosts /etc/ssh/ssh_known_hosts2 {own}"));
    text.push_str(&format!(
        "Host *\nInclude {}\nInclude /etc/ssh/ssh_config\nHost *\n",
        quoted(&ssh.join("config"))
    ));
    let mut line = |option: &str, value: &str| text.push_str(&format!("  {option} {value}\n"));
    line("User", "root");
    let hosts = ["known_hosts", "known_hosts2"].map(|name| quoted(&ssh.join(name))).join(" ");
    line("UserKnownHostsFile", &hosts);
    for name in ["id_ed25519", "id_ecdsa", "id_rsa"].map(|name| ssh.join(name)) {
        // Named here because ssh looks below the home directory of the password file, whatever HOME says.
        if name.exists() {
            line("IdentityFile", &quoted(&name));
        }
    }
    text
}

/// How ssh goes through a gateway. ssh replaces what follows a `%` and gives `exec` and this to a shell.
fn proxy_command(gateway: &Hop) -> String {
    let log = gateway.log.as_ref().map(|log| log.display().to_string());
    let log = log.filter(|log| !log.contains(['\'', '\n'])).unwrap_or_else(|| "/dev/null".to_owned());
    let (log, host) = (log.replace('%', "%%"), gateway.host.replace('%', "%%"));
    format!("ssh -F {} -E '{log}' -W [%h]:%p -- {host}", gateway.config())
}

/// A path as ssh's configuration takes it.
pub(crate) fn quoted(path: &Path) -> String {
    format!("\"{}\"", path.display().to_string().replace('%', "%%").replace(['"', '\n'], "?"))
}
