//! A node: a machine that is reached by SSH, as `services/**/*__node.ssh__NAME/service.hrd` describes it.

use std::path::PathBuf;

use ays_grammar::Diagnostic;
use ays_grammar::hrd::{self, Hrd};
use ays_model::{Key, Node};
use ays_secrets::SecretsError;
use secrecy::{ExposeSecret, SecretString};

use crate::environment::{Environment, Instance, string};
use crate::names::LookupError;
use crate::secrets::{self, Secrets};

/// Why a node cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum NodeError {
    /// No node, or several, have the name.
    #[error(transparent)]
    Lookup(#[from] LookupError),
    /// Its file cannot be read.
    #[error("{path} cannot be read", path = .path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// Its file is no HRD.
    #[error(transparent)]
    Syntax(#[from] Diagnostic),
    /// A key that has no value, or one that it cannot have.
    #[error("{file}: `{key}` {problem}")]
    Value {
        /// The file.
        file: String,
        /// The key.
        key: String,
        /// What is wrong.
        problem: String,
    },
    /// A secret that it names cannot be had.
    #[error(transparent)]
    Secrets(#[from] SecretsError),
    /// The secret that its key is, is not kept.
    #[error("{file}: `instance.key.priv` names the secret `{name}`, which is not kept: {}", secrets::how_to_keep(.name))]
    NoSecret {
        /// The key's file.
        file: String,
        /// The secret.
        name: String,
    },
    /// Its gateways lead back to itself.
    #[error("node `{name}`: its gateways lead in a circle: {chain}")]
    GatewayCircle {
        /// The node.
        name: String,
        /// The names, in order.
        chain: String,
    },
}

pub(crate) fn read(environment: &Environment, instance: &Instance) -> Result<Node, NodeError> {
    read_through(environment, instance, &mut Vec::new())
}

/// The node of this name and template that a text would make, were it the file of one. `file` is what errors
/// call it.
pub(crate) fn of_text(
    environment: &Environment,
    (template, name): (&str, &str),
    file: &str,
    text: &str,
) -> Result<Node, NodeError> {
    of(environment, (template, name), &Keys::parse(file, text.as_bytes())?, &mut Vec::new())
}

fn read_through(
    environment: &Environment,
    instance: &Instance,
    passed: &mut Vec<String>,
) -> Result<Node, NodeError> {
    let file = Keys::read(environment, instance)?;
    of(environment, (&instance.template, &instance.name), &file, passed)
}

fn of(
    environment: &Environment,
    (template, name): (&str, &str),
    file: &Keys,
    passed: &mut Vec<String>,
) -> Result<Node, NodeError> {
    passed.push(name.to_owned());
    if name == Node::LOCAL {
        return Err(file.wrong("instance.ip", "is of a node named `local`, which is this machine's own name"));
    }
    let host = file.text("instance.ip").ok_or_else(|| file.wrong("instance.ip", "is missing"))?;
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | ':' | '_' | '%');
    if host.starts_with('-') || !host.chars().all(plain) {
        return Err(file.wrong("instance.ip", "is neither an address nor a host name"));
    }
    let login = file.text("instance.login");
    let bad = |c: char| !(c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-' | '@' | '+'));
    if login.as_ref().is_some_and(|login| login.starts_with('-') || login.contains(bad)) {
        return Err(file.wrong("instance.login", "is no user name"));
    }
    let gateway = match file.text("instance.ssh.gateway") {
        None => None,
        Some(gateway) if passed.contains(&gateway) => {
            passed.push(gateway);
            return Err(NodeError::GatewayCircle { name: passed[0].clone(), chain: passed.join(" -> ") });
        }
        Some(gateway) => {
            let instance = environment.instance(template, &gateway).ok_or_else(|| {
                file.wrong("instance.ssh.gateway", &format!("names `{gateway}`, which is no node"))
            })?;
            Some(Box::new(read_through(environment, &instance, passed)?))
        }
    };
    let pool = file.text("instance.pool").unwrap_or_else(|| "local".to_owned());
    let settings = &environment.settings;
    let unknown = || {
        let error = LookupError::unknown("pool", &pool, settings.pool_names());
        file.wrong("instance.pool", &format!("is of no pool that the settings name: {error}"))
    };
    let pool = settings.pool(&pool).ok_or_else(unknown)?.clone();
    Ok(Node {
        name: name.to_owned(),
        template: template.to_owned(),
        host,
        port: file.number("instance.ssh.port")?,
        login,
        has_password: file.text("instance.password").is_some(),
        key: file.text("instance.sshkey").map(|key| file.key(environment, &key)).transpose()?,
        gateway,
        gid: file.number("instance.gid")?.unwrap_or(1),
        pool,
        stack: file.truth("instance.stack")?.unwrap_or(true),
    })
}

/// The keys of one instance's file.
struct Keys {
    file: String,
    hrd: Hrd,
}

impl Keys {
    fn read(environment: &Environment, instance: &Instance) -> Result<Self, NodeError> {
        let path = instance.dir.join("service.hrd");
        let file = environment.place(&path).to_string();
        let bytes = environment.read(&path).map_err(|source| NodeError::Unreadable { path, source })?;
        Self::parse(&file, &bytes)
    }

    fn parse(file: &str, bytes: &[u8]) -> Result<Self, NodeError> {
        let hrd = hrd::parse(file, bytes)?.resolve(file, bytes)?;
        Ok(Self { file: file.to_owned(), hrd })
    }

    /// A key's text; an empty one counts as missing.
    fn text(&self, key: &str) -> Option<String> {
        string(&self.hrd, key).map(|text| text.trim().to_owned()).filter(|text| !text.is_empty())
    }

    fn number<T: std::str::FromStr>(&self, key: &str) -> Result<Option<T>, NodeError> {
        let Some(text) = self.text(key) else { return Ok(None) };
        text.parse()
            .map(Some)
            .map_err(|_| self.wrong(key, &format!("is `{text}`, which is no number that fits")))
    }

    fn truth(&self, key: &str) -> Result<Option<bool>, NodeError> {
        match self.text(key).map(|text| text.to_lowercase()).as_deref() {
            None => Ok(None),
            Some("true" | "1") => Ok(Some(true)),
            Some("false" | "0") => Ok(Some(false)),
            Some(_) => Err(self.wrong(key, "is neither true nor false")),
        }
    }

    fn key(&self, environment: &Environment, name: &str) -> Result<Key, NodeError> {
        let instance = environment.instance("sshkey", name).ok_or_else(|| {
            self.wrong("instance.sshkey", &format!("names `{name}`, which is no sshkey service"))
        })?;
        let key = Self::read(environment, &instance)?;
        let private = string(&key.hrd, "instance.key.priv")
            .filter(|text| !text.trim().is_empty())
            .ok_or_else(|| key.wrong("instance.key.priv", "is missing"))?;
        let secrets = Secrets::new(&environment.secrets);
        let private = secrets.reveal(&private);
        secrets.finish()?;
        if let Some((_, secret)) = secrets::missing(private.expose_secret()) {
            return Err(NodeError::NoSecret { file: key.file, name: secret.to_owned() });
        }
        // OpenSSH reads a key file only when its last line ends.
        let private = SecretString::from(format!("{}\n", private.expose_secret().trim()));
        Ok(Key { name: name.to_owned(), private, public: key.text("instance.key.pub") })
    }

    fn wrong(&self, key: &str, problem: &str) -> NodeError {
        NodeError::Value { file: self.file.clone(), key: key.to_owned(), problem: problem.to_owned() }
    }
}
