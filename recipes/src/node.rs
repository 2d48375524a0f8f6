//! A node: a machine that is reached by SSH, as `services/**/*__node.ssh__NAME/service.hrd` describes it.

use std::sync::{Arc, PoisonError};

use ays_grammar::hrd::{self, Hrd};
use ays_model::{Key, Node, NodeName, TemplateName};
use secrecy::{ExposeSecret, SecretString};

use crate::environment::{Environment, FileError, Instance};
use crate::names::LookupError;
use crate::node_error::NodeError;
use crate::secrets::{self, Secrets};
use crate::value::string;

/// The template of key pairs.
const SSHKEY: &str = "sshkey";

impl Environment {
    /// All nodes by their names; one whose file is wrong is an error of its own.
    pub fn nodes(&self) -> &[(NodeName, Result<Node, NodeError>)] {
        self.nodes.get_or_init(|| {
            let read =
                |instance: &Instance| (instance.name.as_str().into(), read(self, instance, &mut Vec::new()));
            self.node_instances().flat_map(|(_, instances)| instances).map(read).collect()
        })
    }

    /// The one node of this name, of this template (`node.ssh`) where one is given.
    pub fn node(&self, template: Option<&str>, name: &str) -> Result<Node, NodeError> {
        let of_type = |instance: &&Instance| template.is_none_or(|template| instance.template == *template);
        // Records know nodes by their names, so two of one name cannot be told apart, whatever their templates.
        match self.node_instances_of(name)[..] {
            [instance] if of_type(&instance) => read(self, instance, &mut Vec::new()),
            [_] | [] => {
                let instances = self.node_instances().flat_map(|(_, instances)| instances).filter(of_type);
                Err(LookupError::unknown("node", name, instances.map(|instance| instance.name.as_str()))
                    .into())
            }
            ref several => Err(LookupError::Several {
                what: "node",
                name: name.to_owned(),
                places: several.iter().map(|instance| self.place(&instance.dir)).collect(),
            }
            .into()),
        }
    }
}

/// The node of this name and template that a text would make, were it the file of one. `file` is what errors
/// call it.
pub(crate) fn of_text(
    environment: &Environment,
    (template, name): (&TemplateName, &NodeName),
    file: &str,
    text: &[u8],
) -> Result<Node, NodeError> {
    let hrd = Arc::new(hrd::parse(file, text)?.resolve(file, text)?);
    of(environment, (template, name), &Keys { file: file.to_owned(), hrd }, &mut Vec::new())
}

fn read(environment: &Environment, instance: &Instance, passed: &mut Vec<String>) -> Result<Node, NodeError> {
    let name = instance.name.as_str().into();
    of(environment, (&instance.template, &name), &Keys::read(environment, instance)?, passed)
}

fn of(
    environment: &Environment,
    (template, name): (&TemplateName, &NodeName),
    file: &Keys,
    passed: &mut Vec<String>,
) -> Result<Node, NodeError> {
    passed.push(name.to_string());
    if *name == Node::LOCAL {
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
            let instance = environment.instance(template, &gateway.as_str().into()).ok_or_else(|| {
                file.wrong("instance.ssh.gateway", &format!("names `{gateway}`, which is no node"))
            })?;
            Some(Box::new(read(environment, instance, passed)?))
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
        name: name.clone(),
        template: template.clone(),
        host,
        port: file.number("instance.ssh.port")?,
        login,
        has_password: file.text("instance.password").is_some(),
        key: file.text("instance.sshkey").map(|key| file.key(environment, &key)).transpose()?,
        gateway,
        gid: file.number("instance.gid")?.unwrap_or_default(),
        pool,
        stack: file.truth("instance.stack")?.unwrap_or(true),
    })
}

/// The keys of one instance's file.
struct Keys {
    file: String,
    hrd: Arc<Hrd>,
}

impl Keys {
    fn read(environment: &Environment, instance: &Instance) -> Result<Self, NodeError> {
        let file = environment.place(&instance.path()).to_string();
        let hrd = environment.file(instance).map_err(|error| match error {
            FileError::Unreadable { path, source } => NodeError::Unreadable { path, source },
            FileError::Syntax(error) => error.into(),
        })?;
        Ok(Self { file, hrd })
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
        let instance = environment.instance(&SSHKEY.into(), &name.into()).ok_or_else(|| {
            self.wrong("instance.sshkey", &format!("names `{name}`, which is no sshkey service"))
        })?;
        let mut keys = environment.keys.lock().unwrap_or_else(PoisonError::into_inner);
        keys.entry(instance.name.clone()).or_insert_with(|| read_key(environment, instance)).clone()
    }

    fn wrong(&self, key: &str, problem: &str) -> NodeError {
        NodeError::Value { file: self.file.clone(), key: key.to_owned(), problem: problem.to_owned() }
    }
}

fn read_key(environment: &Environment, instance: &Instance) -> Result<Key, NodeError> {
    let key = Keys::read(environment, instance)?;
    let private = string(&key.hrd, "instance.key.priv")
        .filter(|text| !text.trim().is_empty())
        .ok_or_else(|| key.wrong("instance.key.priv", "is missing"))?;
    let secrets = Secrets::new(&environment.secrets);
    // It is given to ssh, which proves with it who logs in, and sends it nowhere.
    let private = secrets.reveal(&private);
    secrets.finish("").map_err(Arc::new)?;
    if let Some((_, secret)) = secrets::missing(private.expose_secret()) {
        return Err(NodeError::NoSecret { file: key.file, name: secret.to_owned() });
    }
    // OpenSSH reads a key file only when its last line ends.
    let private = SecretString::from(format!("{}\n", private.expose_secret().trim()));
    Ok(Key { name: instance.name.clone(), private, public: key.text("instance.key.pub") })
}
