//! The ways to log in to a remote, each tried once.

use std::collections::VecDeque;
use std::fmt;
use std::path::{Path, PathBuf};

use git2::Cred;
use secrecy::{ExposeSecret, SecretString};

use crate::access::{Access, Question};
use crate::address::{Address, Kind};
use crate::key_file::KeyFile;
use crate::needs::Need;
use crate::remote_error::Tried;
use crate::ssh::SshHost;
use crate::user_git::{UserGit, UserGitError};

/// One way.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Way {
    Agent,
    Key { file: PathBuf, kind: KeyFile },
    InAddress,
    Token,
    Helper,
    Question,
}

impl fmt::Display for Way {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Agent => f.write_str("the SSH agent"),
            Self::Key { file, .. } => write!(f, "{}", file.display()),
            Self::InAddress => f.write_str("the address"),
            Self::Token => f.write_str("AYS_GIT_TOKEN"),
            Self::Helper => f.write_str("git's credential helpers"),
            Self::Question => f.write_str("asking"),
        }
    }
}

/// What is left to try, and what was tried.
pub(crate) struct Ways<'a> {
    address: &'a Address,
    access: &'a Access,
    root: &'a Path,
    /// Who logs in over ssh.
    user: String,
    left: VecDeque<Way>,
    /// Given to the server, which did not say what it thinks of it.
    current: Option<Way>,
    tried: Vec<Tried>,
}

/// Why a way is not one here.
type NoWay = String;

impl<'a> Ways<'a> {
    pub fn new(address: &'a Address, ssh: Option<&SshHost>, root: &'a Path, access: &'a Access) -> Self {
        let left = match (&address.kind, ssh) {
            (Kind::Ssh(_), Some(ssh)) => over_ssh(ssh),
            (Kind::Web { is_encrypted, .. }, _) => {
                let mut ways = VecDeque::new();
                ways.extend(address.password.is_some().then_some(Way::InAddress));
                // It may be meant for another server, but is never sent in the clear.
                ways.extend((*is_encrypted && access.token.is_some()).then_some(Way::Token));
                ways.extend([Way::Helper, Way::Question]);
                ways
            }
            _ => VecDeque::new(),
        };
        let user = ssh.map(|ssh| ssh.user.clone()).unwrap_or_default();
        Self { address, access, root, user, left, current: None, tried: Vec::new() }
    }

    /// The next way; none is left when there is no answer.
    pub fn next(&mut self) -> Option<Cred> {
        self.refused("it was not accepted");
        while let Some(way) = self.left.pop_front() {
            match self.credential(&way) {
                Ok(credential) => {
                    self.current = Some(way);
                    return Some(credential);
                }
                Err(outcome) => self.tried.push(Tried { way: way.to_string(), outcome }),
            }
        }
        None
    }

    /// The server takes nothing of the kind.
    pub fn none_taken(&mut self) -> Option<Cred> {
        self.refused("it was not accepted");
        let way = if self.user.is_empty() { "passwords and tokens" } else { "keys" };
        self.tried.push(Tried { way: way.to_owned(), outcome: "the server takes none".to_owned() });
        None
    }

    /// The way that was tried last did not lead in.
    pub fn refused(&mut self, outcome: &str) {
        let way = self.current.take();
        self.tried.extend(way.map(|way| Tried { way: way.to_string(), outcome: outcome.to_owned() }));
    }

    pub fn is_trying(&self) -> bool {
        self.current.is_some()
    }

    pub fn are_left(&self) -> bool {
        !self.left.is_empty()
    }

    pub fn tried(&self) -> Vec<Tried> {
        self.tried.clone()
    }

    fn credential(&self, way: &Way) -> Result<Cred, NoWay> {
        let no_way = |error: git2::Error| error.message().trim().to_owned();
        match way {
            Way::Agent if !self.access.ssh_agent => Err("there is none (SSH_AUTH_SOCK)".to_owned()),
            Way::Agent => Cred::ssh_key_from_agent(&self.user).map_err(no_way),
            Way::Key { kind: KeyFile::Missing, .. } => Err("there is no such file".to_owned()),
            Way::Key { file, kind } => {
                let passphrase = match kind {
                    KeyFile::Encrypted => Some(
                        self.access
                            .ask(&Question::Passphrase { file: file.clone() })
                            .ok_or("its passphrase was not given (ssh-add gives it to the SSH agent)")?,
                    ),
                    _ => None,
                };
                let passphrase = passphrase.as_ref().map(ExposeSecret::expose_secret);
                Cred::ssh_key(&self.user, None, file, passphrase).map_err(no_way)
            }
            Way::InAddress => self.plain(self.address.password.as_ref()),
            Way::Token => self.plain(self.access.token.as_ref()),
            Way::Helper => {
                let (user, password) = self.said_by_helpers()?;
                Cred::userpass_plaintext(&user, &password).map_err(no_way)
            }
            Way::Question => {
                let Kind::Web { host, user, .. } = &self.address.kind else { return Err(String::new()) };
                let not_given = || "nobody is there to be asked".to_owned();
                let ask = |question: &Question| self.access.ask(question).ok_or_else(not_given);
                let user = match user {
                    Some(user) => user.clone(),
                    None => ask(&Question::User { host: host.clone() })?.expose_secret().to_owned(),
                };
                let password = ask(&Question::Password { user: user.clone(), host: host.clone() })?;
                Cred::userpass_plaintext(&user, password.expose_secret()).map_err(no_way)
            }
        }
    }

    /// A name and a password. git knows which helper is for which address.
    fn said_by_helpers(&self) -> Result<(String, String), NoWay> {
        let git = UserGit { root: self.root, need: Need::Credentials, stop: &self.access.stop };
        let asked = format!("url={}\n\n", self.address);
        // Whoever is there is asked by us.
        let nobody = [("GIT_TERMINAL_PROMPT", "0")];
        let output =
            git.run_with(&["credential", "fill"], asked.as_bytes(), &nobody).map_err(
                |error| match error {
                    UserGitError::Missing { .. } => "they need git, which is not installed here",
                    _ => "they have nothing for this address",
                },
            )?;
        let text = String::from_utf8_lossy(&output);
        let value = |key: &str| text.lines().find_map(|line| line.strip_prefix(key)).map(str::to_owned);
        let said = value("username=").zip(value("password="));
        Ok(said.ok_or("they have nothing for this address")?)
    }

    /// Servers that take a token in place of a password do not look at the name.
    fn plain(&self, password: Option<&SecretString>) -> Result<Cred, NoWay> {
        let password = password.map(ExposeSecret::expose_secret).unwrap_or_default();
        Cred::userpass_plaintext(self.web_user().unwrap_or("git"), password)
            .map_err(|error| error.message().trim().to_owned())
    }

    fn web_user(&self) -> Option<&str> {
        match &self.address.kind {
            Kind::Web { user, .. } => user.as_deref(),
            _ => None,
        }
    }
}

/// The agent and the keys, those that ask for something last. Where the configuration wants certain keys only, they
/// go before the agent, which may have more than a server has patience for.
fn over_ssh(ssh: &SshHost) -> VecDeque<Way> {
    let key = |file: &PathBuf| Way::Key { file: file.clone(), kind: KeyFile::look(file) };
    let (encrypted, mut first): (Vec<_>, Vec<_>) = ssh
        .key_files
        .iter()
        .map(key)
        .partition(|way| matches!(way, Way::Key { kind: KeyFile::Encrypted, .. }));
    if ssh.keys_only {
        first.push(Way::Agent);
    } else {
        first.insert(0, Way::Agent);
    }
    first.into_iter().chain(encrypted).collect()
}
