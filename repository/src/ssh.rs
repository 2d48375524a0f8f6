//! What ssh's own configuration says of a host: aliases, users, ports, keys.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::address::SshAddress;
use crate::remote_error::RemoteError;

/// A machine as ssh's configuration resolves it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct SshHost {
    pub host: String,
    pub port: u16,
    pub user: String,
    /// Private keys that may be tried, those of the configuration or the usual ones.
    pub key_files: Vec<PathBuf>,
    /// Only these keys, whatever else an agent has.
    pub keys_only: bool,
    /// The machine's name in files of known hosts.
    pub known_as: String,
    pub known_hosts: Vec<PathBuf>,
    /// What only ssh itself does of what the configuration says.
    pub way: Option<String>,
}

/// What libgit2's ssh does not do.
const ONLY_SSH: [&str; 6] =
    ["ProxyJump", "ProxyCommand", "IdentityAgent", "CertificateFile", "KnownHostsCommand", "PKCS11Provider"];

impl SshHost {
    /// Has `ssh -G` resolve an address, with the configuration below this home directory and the system's.
    pub fn resolve(address: &SshAddress, home: &Path) -> Result<Self, RemoteError> {
        let mut command = Command::new("ssh");
        command.args(["-G", "-T", "-F", "/dev/stdin"]);
        if let Some(user) = &address.user {
            command.args(["-l", user]);
        }
        if let Some(port) = address.port {
            command.args(["-p", &port.to_string()]);
        }
        command.args(["--", &address.host]);
        let started = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn();
        let output = started.and_then(|mut child| {
            if let Some(mut stdin) = child.stdin.take() {
                stdin.write_all(configuration(home).as_bytes())?;
            }
            child.wait_with_output()
        });
        let output = output.map_err(RemoteError::NoSsh)?;
        if !output.status.success() {
            let said = String::from_utf8_lossy(&output.stderr).trim().to_owned();
            return Err(RemoteError::SshConfiguration { host: address.host.clone(), said });
        }
        Self::read(&String::from_utf8_lossy(&output.stdout), address, home)
    }

    fn read(text: &str, address: &SshAddress, home: &Path) -> Result<Self, RemoteError> {
        let values = |key: &str| {
            let lines = text.lines().filter_map(|line| line.split_once(' '));
            lines.filter(|(name, _)| *name == key).map(|(_, value)| value).collect::<Vec<_>>()
        };
        let value =
            |key: &str| values(key).first().map(|value| (*value).to_owned()).filter(|value| value != "none");
        let host = value("hostname").unwrap_or_else(|| address.host.clone());
        let port = value("port").and_then(|port| port.parse().ok()).unwrap_or(22);
        let known_as = value("hostkeyalias").unwrap_or_else(|| match port {
            22 => host.clone(),
            port => format!("[{host}]:{port}"),
        });
        // Keys that were learned count, whatever file the configuration names.
        let mut known_hosts = vec![home.join(".ssh/known_hosts")];
        for key in ["userknownhostsfile", "globalknownhostsfile"] {
            known_hosts
                .extend(values(key).iter().flat_map(|files| files.split(' ')).map(|file| below(home, file)));
        }
        known_hosts.dedup();
        let key_files: Vec<_> = values("identityfile").iter().map(|file| below(home, file)).collect();
        let configured =
            ONLY_SSH.iter().find_map(|key| Some(format!("{key} {}", value(&key.to_lowercase())?)));
        let certificate = || key_files.iter().map(|file| certificate_of(file)).find(|file| file.is_file());
        Ok(Self {
            port,
            way: configured.or_else(|| Some(format!("the certificate {}", certificate()?.display()))),
            user: value("user").unwrap_or_else(|| "git".to_owned()),
            key_files,
            keys_only: value("identitiesonly").as_deref() == Some("yes"),
            known_as,
            known_hosts,
            host,
        })
    }

    /// The address that libgit2 connects to.
    pub fn url(&self, path: &str) -> String {
        let host = if self.host.contains(':') { format!("[{}]", self.host) } else { self.host.clone() };
        let Self { user, port, .. } = self;
        match path.starts_with('/') {
            true => format!("ssh://{user}@{host}:{port}{}", path.replace('%', "%25")),
            // A URL has no paths below the login's home; this has no need to quote anything.
            false => format!("[{user}@{host}:{port}]:{path}"),
        }
    }
}

/// The user's configuration, then the system's, then where the user's files are: ssh itself would look below the home
/// directory of the password file.
pub(crate) fn configuration(home: &Path) -> String {
    let ssh = home.join(".ssh");
    let quoted = |path: PathBuf| {
        format!("\"{}\"", path.display().to_string().replace('%', "%%").replace(['"', '\n'], "?"))
    };
    let mut text = format!(
        "Host *\nInclude {}\nInclude /etc/ssh/ssh_config\nHost *\nUserKnownHostsFile {} {}\n",
        quoted(ssh.join("config")),
        quoted(ssh.join("known_hosts")),
        quoted(ssh.join("known_hosts2"))
    );
    for key in ["id_ed25519", "id_ecdsa", "id_rsa"].map(|name| ssh.join(name)) {
        if key.exists() {
            text.push_str(&format!("IdentityFile {}\n", quoted(key)));
        }
    }
    text
}

/// The certificate that belongs to a key where there is one: ssh shows it without being told.
fn certificate_of(key: &Path) -> PathBuf {
    let mut name = key.as_os_str().to_owned();
    name.push("-cert.pub");
    PathBuf::from(name)
}

/// A file as the configuration names it.
fn below(home: &Path, file: &str) -> PathBuf {
    match file.strip_prefix("~/").or_else(|| file.strip_prefix("%d/")) {
        Some(rest) => home.join(rest),
        None => PathBuf::from(file),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(host: &str) -> SshAddress {
        SshAddress { user: None, host: host.to_owned(), port: None, path: "g8".to_owned() }
    }

    #[test]
    fn an_alias_is_what_the_configuration_says() {
        let home = tempfile::tempdir().unwrap();
        let home = home.path();
        std::fs::create_dir(home.join(".ssh")).unwrap();
        let text = "Host forge\n HostName 10.0.0.1\n User git\n Port 2222\n IdentityFile ~/deploy\n IdentitiesOnly yes\n\
                    Host far\n ProxyJump gate\n";
        std::fs::write(home.join(".ssh/config"), text).unwrap();
        std::fs::write(home.join(".ssh/id_rsa"), "").unwrap();
        let found = SshHost::resolve(&address("forge"), home).unwrap();
        let system = ["/etc/ssh/ssh_known_hosts", "/etc/ssh/ssh_known_hosts2"].map(PathBuf::from);
        let own = ["known_hosts", "known_hosts2"].map(|name| home.join(".ssh").join(name));
        let expected = SshHost {
            host: "10.0.0.1".to_owned(),
            port: 2222,
            user: "git".to_owned(),
            key_files: vec![home.join("deploy"), home.join(".ssh/id_rsa")],
            keys_only: true,
            known_as: "[10.0.0.1]:2222".to_owned(),
            known_hosts: [own, system].concat(),
            way: None,
        };
        assert_eq!(found, expected);
        assert_eq!(found.url("envs/g8.git"), "[git@10.0.0.1:2222]:envs/g8.git");
        assert_eq!(found.url("/envs/g8.git"), "ssh://git@10.0.0.1:2222/envs/g8.git");

        // What the address says wins.
        let asked = SshAddress { user: Some("bob".to_owned()), port: Some(23), ..address("forge") };
        let found = SshHost::resolve(&asked, home).unwrap();
        assert_eq!((found.user.as_str(), found.port), ("bob", 23));
        let found = SshHost::resolve(&address("far"), home).unwrap();
        assert_eq!(found.way.as_deref(), Some("ProxyJump gate"));
        std::fs::write(home.join(".ssh/id_rsa-cert.pub"), "").unwrap();
        let found = SshHost::resolve(&address("forge"), home).unwrap();
        let certificate = home.join(".ssh/id_rsa-cert.pub");
        assert_eq!(found.way, Some(format!("the certificate {}", certificate.display())));
    }
}
