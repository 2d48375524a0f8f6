//! The environment: one git repository with its templates and services.

use std::path::{Path, PathBuf};

use ays_grammar::hrd::{self, Hrd};
use ays_model::Node;
use ays_repository::{Checkout, CheckoutError, NotFound, root_of};
use ays_secrets::Store;
use walkdir::WalkDir;

use crate::names::{LookupError, Place};
use crate::node::{self, NodeError};
use crate::settings::{Layers, Settings, SettingsError};
use crate::template::{Template, read_below};

/// Why there is no environment here.
#[derive(Debug, thiserror::Error)]
pub enum EnvironmentError {
    /// There is none.
    #[error(transparent)]
    NotFound(#[from] NotFound),
    /// Git does not read it.
    #[error(transparent)]
    Git(#[from] CheckoutError),
    /// Its settings are wrong.
    #[error(transparent)]
    Settings(#[from] SettingsError),
}

/// A service instance's directory below `services/`.
#[derive(Debug, Clone)]
pub struct Instance {
    /// Its template's name.
    pub template: String,
    /// Its name.
    pub name: String,
    /// The directory.
    pub dir: PathBuf,
}

/// An environment repository.
#[derive(Debug, Clone)]
pub struct Environment {
    /// Its directory.
    pub root: PathBuf,
    /// Its `ays.toml` among the other layers.
    pub settings: Settings,
    /// The repository's name from its remote, else its directory's.
    pub domain: String,
    /// Where its recipes' secrets are: nowhere, where nobody says.
    pub secrets: Store,
    /// What git says of its files.
    pub checkout: Checkout,
}

impl Environment {
    /// The environment that `start` lies in, with its `ays.toml` among these layers of settings.
    pub fn find(start: &Path, layers: &Layers) -> Result<Self, EnvironmentError> {
        let root = root_of(start)?;
        let checkout = Checkout::open(&root)?;
        Ok(Self {
            settings: Settings::read(layers, Some(&root.join("ays.toml")))?,
            domain: checkout.name(),
            secrets: Store::default(),
            checkout,
            root,
        })
    }

    /// The name that its catalogue has: from `ays.toml`, else the domain.
    pub fn name(&self) -> &str {
        self.settings.name.as_deref().unwrap_or(&self.domain)
    }

    /// The bytes of one of its files; a link that leads out of it is refused.
    pub fn read(&self, path: &Path) -> std::io::Result<Vec<u8>> {
        read_below(&self.root, path)
    }

    /// All templates, sorted by name. None of them has been read, so a broken one harms nobody.
    pub fn templates(&self) -> Vec<Template> {
        Template::below(&self.root.join("servicetemplates"), &self.root)
    }

    /// The one template of this name.
    pub fn template(&self, name: &str) -> Result<Template, LookupError> {
        let templates = self.templates();
        let mut found: Vec<_> = templates.iter().filter(|template| template.name == name).collect();
        match (found.pop(), found.is_empty()) {
            (Some(template), true) => Ok(template.clone()),
            (Some(last), false) => Err(LookupError::Several {
                what: "template",
                name: name.to_owned(),
                places: found.into_iter().chain([last]).map(|template| self.place(&template.dir)).collect(),
            }),
            (None, _) => {
                Err(LookupError::unknown("template", name, templates.iter().map(|t| t.name.as_str())))
            }
        }
    }

    /// All nodes by their names; one whose file is wrong is an error of its own.
    pub fn nodes(&self) -> Vec<(String, Result<Node, NodeError>)> {
        let mut instances = self.node_instances();
        instances.sort_by(|a, b| (&a.name, &a.dir).cmp(&(&b.name, &b.dir)));
        instances.iter().map(|instance| (instance.name.clone(), node::read(self, instance))).collect()
    }

    /// The one node of this name, of this template (`node.ssh`) where one is given.
    pub fn node(&self, template: Option<&str>, name: &str) -> Result<Node, NodeError> {
        let instances = self.node_instances();
        // Records know nodes by their names, so two of one name cannot be told apart, whatever their templates.
        let found: Vec<_> = instances.iter().filter(|instance| instance.name == name).collect();
        let of_type = |instance: &&Instance| template.is_none_or(|template| instance.template == template);
        match found[..] {
            [instance] if of_type(&instance) => node::read(self, instance),
            [_] | [] => {
                let known = instances.iter().filter(of_type).map(|instance| instance.name.as_str());
                Err(LookupError::unknown("node", name, known).into())
            }
            _ => Err(LookupError::Several {
                what: "node",
                name: name.to_owned(),
                places: found.iter().map(|instance| self.place(&instance.dir)).collect(),
            }
            .into()),
        }
    }

    /// The commit that a template's files are from, marked where they were changed since; none before the first.
    pub fn commit_of(&self, template: &Template) -> Result<Option<String>, EnvironmentError> {
        Ok(self.checkout.commit_of(&template.dir)?)
    }

    /// Whether git leaves a path of the repository out.
    pub fn ignores(&self, path: &Path) -> bool {
        self.checkout.ignores(path)
    }

    /// The instances of a template that the repository has, with the values written there.
    pub(crate) fn instance(&self, template: &str, name: &str) -> Option<Instance> {
        self.instances().into_iter().find(|instance| instance.template == template && instance.name == name)
    }

    /// A path of the repository as errors name it.
    pub(crate) fn place(&self, path: &Path) -> Place {
        Place(path.strip_prefix(&self.root).unwrap_or(path).to_owned())
    }

    /// All service instances of the repository.
    pub fn instances(&self) -> Vec<Instance> {
        directories(&self.root.join("services"))
            .filter(|dir| dir.join("service.hrd").is_file())
            .filter_map(|dir| {
                let directory = dir.file_name()?.to_str()?.to_owned();
                let mut parts = directory.splitn(3, "__");
                let (_domain, template, name) = (parts.next()?, parts.next()?, parts.next()?);
                Some(Instance { template: template.to_owned(), name: name.to_owned(), dir })
            })
            .collect()
    }

    /// Instances of category `node`: the instance's own file says so, or its template, or, where the repository
    /// has neither (AYS kept `node.ssh` in a repository of its own), the template's name.
    pub(crate) fn node_instances(&self) -> Vec<Instance> {
        let templates = self.templates();
        let is_node = |instance: &Instance| {
            let own = self
                .read(&instance.dir.join("service.hrd"))
                .ok()
                .and_then(|bytes| hrd::parse("service.hrd", &bytes).ok())
                .and_then(|hrd| string(&hrd, "service.category"));
            let of_template =
                || templates.iter().find(|t| t.name == instance.template).and_then(Template::category);
            match own.or_else(of_template) {
                Some(category) => category == "node",
                None => instance.template.starts_with("node."),
            }
        };
        let mut instances = self.instances();
        instances.retain(is_node);
        instances
    }
}

/// A key's text, where it is a string.
pub(crate) fn string(hrd: &Hrd, key: &str) -> Option<String> {
    match &hrd.get(key)?.value {
        hrd::Value::String(text) => Some(text.clone()),
        _ => None,
    }
}

/// All directories below `top`, sorted; hidden ones and links are left out.
pub(crate) fn directories(top: &Path) -> impl Iterator<Item = PathBuf> {
    WalkDir::new(top)
        .min_depth(1)
        .sort_by_file_name()
        .into_iter()
        .filter_entry(|entry| !entry.file_name().as_encoded_bytes().starts_with(b"."))
        .filter_map(Result::ok)
        .filter(|entry| entry.file_type().is_dir())
        .map(walkdir::DirEntry::into_path)
}
