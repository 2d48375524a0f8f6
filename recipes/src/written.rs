//! Answers that the repository has written down: `services/**/<domain>__<template>__<instance>/service.hrd`, below the
//! node that the instance is for.

use std::collections::HashMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use ays_files::{Readers, replace};
use ays_grammar::hrd::{self, Hrd, Value, edit};
use ays_model::{NodeName, is_secret_name};
use ays_repository::{SERVICE_FILE, SERVICES};
use ays_secrets::{SecretName, SecretsError};
use secrecy::{ExposeSecret, SecretString};

use crate::environment::{Environment, FileError, Instance};
use crate::names::Place;
use crate::question::Question;
use crate::recipe_error::RecipeError;
use crate::request::{Request, Stored};
use crate::secrets::{SECRET, Secrets};
use crate::template::Template;
use crate::value::{scalar, short};

/// The instance files that count for a request.
pub(crate) struct Written<'a> {
    environment: &'a Environment,
    files: Vec<(Place, Arc<Hrd>)>,
}

impl<'a> Written<'a> {
    /// Those of the request's nodes; a node that has none of its own takes the one that lies below no node. Without nodes
    /// the first that there is.
    pub fn read(
        environment: &'a Environment,
        template: &Template,
        request: &Request,
    ) -> Result<Self, RecipeError> {
        let mut files = Vec::new();
        if request.stored == Stored::Forgotten {
            return Ok(Self { environment, files });
        }
        let mut instances: Vec<&Instance> = if request.nodes.is_empty() {
            environment.instance(&template.name, &request.instance).into_iter().collect()
        } else {
            places(environment, template, request).into_iter().filter_map(|place| place.instance).collect()
        };
        instances.dedup_by_key(|instance| instance.path());
        for instance in instances {
            let file = environment.file(instance).map_err(|error| match error {
                FileError::Unreadable { path, source } => RecipeError::Unreadable { path, source },
                FileError::Syntax(error) => error.into(),
            })?;
            files.push((environment.place(&instance.path()), file));
        }
        Ok(Self { environment, files })
    }

    /// The answer for a key, which must be one for all nodes.
    pub fn get(&self, key: &str) -> Result<Option<String>, RecipeError> {
        let answers = self.files.iter().filter_map(|(place, hrd)| Some((place, value(hrd, key)?)));
        let mut answers = answers.peekable();
        let Some((place, answer)) = answers.next() else { return Ok(None) };
        match answers.find(|(_, other)| !self.same(&answer, other)) {
            None => Ok(Some(answer)),
            Some((other, _)) => {
                Err(RecipeError::Differ { key: key.to_owned(), places: [place.clone(), other.clone()] })
            }
        }
    }

    /// What it consumes, by the keys `producer.CATEGORY`: those of the first node that says so.
    pub fn producers(&self) -> Vec<(String, String)> {
        let mut all: Vec<(String, String)> = Vec::new();
        for entry in self.files.iter().flat_map(|(_, hrd)| &hrd.entries) {
            let is_new = all.iter().all(|(known, _)| *known != entry.key);
            if let (true, true, Some(value)) = (entry.key.starts_with(PRODUCER), is_new, scalar(&entry.value))
            {
                all.push((entry.key.clone(), value));
            }
        }
        all
    }

    /// Each node has a secret of its own, which may be the same.
    fn same(&self, one: &str, other: &str) -> bool {
        let reveal = |text| Secrets::new(&self.environment.secrets).reveal(text);
        one == other || reveal(one).expose_secret() == reveal(other).expose_secret()
    }
}

/// What the keys begin with that say what an instance consumes.
const PRODUCER: &str = "producer.";

/// Writes the operator's answers for the template's parameters where the next run finds them, secrets into the store.
/// Gives the files that changed. A template without parameters has none.
pub(crate) fn write(
    environment: &Environment,
    template: &Template,
    request: &Request,
) -> Result<Vec<PathBuf>, RecipeError> {
    let (parameters, _) = template.instance()?;
    if parameters.entries.is_empty() {
        return Ok(Vec::new());
    }
    check_instance(request)?;
    if let Some(parent) = &request.parent
        && parent_of(environment, parent).is_none()
    {
        return Err(RecipeError::NoParent { parent: parent.clone() });
    }
    let mut changed = Vec::new();
    for place in places(environment, template, request) {
        let (before, hrd) = place.read(environment)?;
        let mut text = String::from_utf8_lossy(&before).into_owned();
        for entry in &parameters.entries {
            let key = short(&entry.key);
            let old = value(&hrd, &key);
            let question = match &entry.value {
                Value::Ask(ask) => Some(Question { key: key.clone(), ask: ask.clone() }),
                _ => None,
            };
            let forgotten = || {
                let default = question.as_ref()?.ask.default.clone();
                default.filter(|_| request.stored == Stored::Forgotten && old.is_some())
            };
            let Some(answer) = request.answers.get(&key).map(str::to_owned).or_else(forgotten) else {
                continue;
            };
            let is_secret = question.is_some_and(|question| question.is_secret()) || is_secret_name(&key);
            let is_reference = answer.starts_with("$(") && answer.find(')') == Some(answer.len() - 1);
            let answer = if is_secret && !answer.is_empty() && !is_reference {
                keep(environment, &secret_name(&place, template, request, &key)?, answer)?
            } else {
                answer
            };
            if old.as_ref() != Some(&answer) {
                text = edit::set(&text, &format!("instance.{key}"), &answer)?;
            }
        }
        if place.write(&before, &text)? {
            changed.push(place.file);
        }
    }
    Ok(changed)
}

/// Writes down, for each of the request's nodes, that an instance consumes a service of a category. Gives the files that
/// changed.
pub(crate) fn consume(
    environment: &Environment,
    template: &Template,
    request: &Request,
    category: &str,
    producer: &str,
) -> Result<Vec<PathBuf>, RecipeError> {
    check_instance(request)?;
    let mut changed = Vec::new();
    for place in places(environment, template, request) {
        let (before, hrd) = place.read(environment)?;
        let key = format!("{PRODUCER}{category}");
        let known = hrd.get(&key).and_then(|entry| scalar(&entry.value)).unwrap_or_default();
        let mut all: Vec<&str> = known.split(',').map(str::trim).filter(|known| !known.is_empty()).collect();
        if all.contains(&producer) {
            continue;
        }
        all.push(producer);
        let text = edit::set(&String::from_utf8_lossy(&before), &key, &all.join(", "))?;
        if place.write(&before, &text)? {
            changed.push(place.file);
        }
    }
    Ok(changed)
}

fn check_instance(request: &Request) -> Result<(), RecipeError> {
    if request.instance.contains('/') || request.instance.contains(char::is_control) {
        return Err(RecipeError::Instance { instance: request.instance.clone() });
    }
    Ok(())
}

/// An instance's file for one node.
struct InstancePlace<'e> {
    /// None: it lies below no node.
    node: Option<NodeName>,
    file: PathBuf,
    /// None: it is to be made.
    instance: Option<&'e Instance>,
}

impl InstancePlace<'_> {
    /// Its file's bytes, and what they say; nothing where it is to be made.
    fn read(&self, environment: &Environment) -> Result<(Vec<u8>, Hrd), RecipeError> {
        let name = environment.place(&self.file).to_string();
        let unreadable =
            |source| RecipeError::Unreadable { path: self.file.clone(), source: Arc::new(source) };
        let bytes = match self.instance {
            Some(_) => fs::read(&self.file).map_err(unreadable)?,
            None => Vec::new(),
        };
        let hrd = hrd::parse(&name, &bytes)?.resolve(&name, &bytes)?;
        Ok((bytes, hrd))
    }

    /// Writes the file where its text is another one; whether it was.
    fn write(&self, before: &[u8], text: &str) -> Result<bool, RecipeError> {
        if text.as_bytes() == before {
            return Ok(false);
        }
        let made = fs::create_dir_all(self.file.parent().unwrap_or(Path::new(".")));
        made.and_then(|()| replace(&self.file, text.as_bytes(), Readers::AsBefore))
            .map_err(|source| RecipeError::Unwritable { path: self.file.clone(), source })?;
        Ok(true)
    }
}

/// For each node of the request the file that there is, or the one that is to be made.
fn places<'e>(
    environment: &'e Environment,
    template: &Template,
    request: &Request,
) -> Vec<InstancePlace<'e>> {
    let name = format!("{}__{}__{}", environment.domain, template.name, request.instance);
    let nodes = environment.node_instances().flat_map(|(_, instances)| instances);
    let nodes: HashMap<&Path, &str> = nodes.map(|node| (node.dir.as_path(), node.name.as_str())).collect();
    let directories: HashMap<&str, &Path> =
        nodes.iter().map(|(directory, node)| (*node, *directory)).collect();
    let (mut own, mut free) = (HashMap::new(), None);
    for instance in environment.instances() {
        if instance.template == template.name && instance.name == request.instance {
            match instance.dir.ancestors().skip(1).find_map(|directory| nodes.get(directory)) {
                Some(node) => _ = own.entry(*node).or_insert(instance),
                None => _ = free.get_or_insert(instance),
            }
        }
    }
    let there = |node: Option<&NodeName>, instance: &'e Instance| InstancePlace {
        node: node.cloned(),
        file: instance.path(),
        instance: Some(instance),
    };
    let new = |node: Option<&NodeName>, directory: &Path| InstancePlace {
        node: node.cloned(),
        file: directory.join(&name).join(SERVICE_FILE),
        instance: None,
    };
    let parent = request.parent.as_deref().and_then(|parent| parent_of(environment, parent));
    let place = |node: &NodeName| match (own.get(node.as_str()), free, directories.get(node.as_str())) {
        (Some(instance), ..) => there(Some(node), instance),
        (None, Some(instance), _) => there(None, instance),
        (None, None, directory) if parent.is_some() || directory.is_some() => {
            new(Some(node), parent.or(directory.copied()).unwrap_or(&environment.root))
        }
        (None, None, _) => new(None, &environment.root.join(SERVICES)),
    };
    request.nodes.iter().map(place).collect()
}

/// The directory of an instance, by its name and those of the ones that it lies below: `domain__name__instance:..`.
fn parent_of<'e>(environment: &'e Environment, named: &str) -> Option<&'e Path> {
    let names: Vec<_> = named.split(':').map(str::trim).collect();
    let is_meant = |directory: &&Path| {
        let mut above = directory.ancestors();
        // Other directories may lie between two instances.
        names.iter().all(|name| above.any(|directory| directory.ends_with(name)))
            && directory.ends_with(names.first().copied().unwrap_or_default())
    };
    environment.instances().iter().map(|instance| instance.dir.as_path()).find(is_meant)
}

fn value(hrd: &Hrd, key: &str) -> Option<String> {
    scalar(&hrd.get(&format!("instance.{key}"))?.value)
}

/// Keeps a secret where the store does not have it yet; gives the reference to it.
fn keep(environment: &Environment, name: &SecretName, secret: String) -> Result<String, RecipeError> {
    let known = match environment.secrets.get(name) {
        // The command that is asked first does not have it.
        Err(SecretsError::NotGiven { .. }) => None,
        known => known?,
    };
    if known.is_none_or(|known| known.expose_secret() != secret) {
        environment.secrets.set(name, SecretString::from(secret))?;
    }
    Ok(format!("$({SECRET}{name})"))
}

/// What the secret that answers a key is called in the store, for each of the request's nodes.
pub(crate) fn secret_names(
    environment: &Environment,
    template: &Template,
    request: &Request,
    key: &str,
) -> Result<Vec<SecretName>, RecipeError> {
    let mut places = places(environment, template, request);
    if places.is_empty() {
        places.push(InstancePlace { node: None, file: PathBuf::new(), instance: None });
    }
    places.iter().map(|place| secret_name(place, template, request, key)).collect()
}

/// `n1.redis.main.password`: the node, the template, the instance and the key.
fn secret_name(
    place: &InstancePlace<'_>,
    template: &Template,
    request: &Request,
    key: &str,
) -> Result<SecretName, RecipeError> {
    let parts = place.node.iter().map(NodeName::as_str).chain([&*template.name, &*request.instance, key]);
    let name = parts.collect::<Vec<_>>().join(".");
    let plain = |c: char| if c.is_ascii_alphanumeric() || matches!(c, '_' | '.') { c } else { '-' };
    name.chars().map(plain).collect::<String>().parse().map_err(|_| RecipeError::SecretName { name })
}
