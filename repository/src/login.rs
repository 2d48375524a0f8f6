//! The ways to log in to a remote, each tried once.

use std::collections::VecDeque;
use std::fmt;
use std::path::PathBuf;

use git2::{Config, Cred};
use secrecy::{ExposeSecret, SecretString};

use crate::access::{Access, Question};
use crate::address::{Address, Kind};
use crate::key_file::KeyFile;
use crate::remote_error::Tried;
use crate::ssh::SshHost;

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
    config: Config,
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
    pub fn new(address: &'a Address, ssh: Option<&SshHost>, config: Config, access: &'a Access) -> Self {
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
        Self { address, access, config, user, left, current: None, tried: Vec::new() }
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
            Way::Helper => Cred::credential_helper(&self.config, self.address.as_str(), self.web_user())
                .map_err(|_| "they have nothing for this address".to_owned()),
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
