//! The environment: one git repository with its templates and services.

use std::path::{Path, PathBuf};

use ays_grammar::hrd::{self, Hrd};
use ays_model::Node;
use ays_secrets::Store;
use git2::Repository;
use walkdir::WalkDir;

use crate::names::{LookupError, Place};
use crate::node::{self, NodeError};
use crate::settings::{Layers, Settings, SettingsError};
use crate::template::{Template, read_below};

/// Why there is no environment here.
#[derive(Debug, thiserror::Error)]
pub enum EnvironmentError {
    /// No directory from `start` upwards holds both `.git` and `servicetemplates/`.
    #[error("no environment: neither {start} nor a directory above it holds both .git and servicetemplates/", start = .start.display())]
    NotFound {
        /// Where the search began.
        start: PathBuf,
    },
    /// Git does not read it.
    #[error("{root} cannot be read as a git repository", root = .root.display())]
    Git {
        /// The repository.
        root: PathBuf,
        /// Why.
        source: git2::Error,
    },
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
}

impl Environment {
    /// The environment that `start` lies in, with its `ays.toml` among these layers of settings.
    pub fn find(start: &Path, layers: &Layers) -> Result<Self, EnvironmentError> {
        let root = Self::root_of(start)?;
        let repository = open(&root)?;
        let remote = repository.find_remote("origin").ok();
        let domain = remote.as_ref().and_then(|remote| remote.url().ok()).and_then(repository_name);
        let directory =
            || root.file_name().map_or("environment".to_owned(), |name| name.display().to_string());
        Ok(Self {
            settings: Settings::read(layers, Some(&root.join("ays.toml")))?,
            domain: domain.unwrap_or_else(directory),
            secrets: Store::default(),
            root,
        })
    }

    /// The root of the environment that `start` lies in.
    pub fn root_of(start: &Path) -> Result<PathBuf, EnvironmentError> {
        let not_found = || EnvironmentError::NotFound {
            start: std::path::absolute(start).unwrap_or_else(|_| start.to_owned()),
        };
        let absolute = start.canonicalize().map_err(|_| not_found())?;
        let is_root = |dir: &&Path| dir.join(".git").exists() && dir.join("servicetemplates").is_dir();
        absolute.ancestors().find(is_root).map(Path::to_owned).ok_or_else(not_found)
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
        let git = |source| EnvironmentError::Git { root: self.root.clone(), source };
        let repository = open(&self.root)?;
        let Ok(head) = repository.head().and_then(|head| head.peel_to_commit()) else {
            return Ok(None);
        };
        let relative = template.dir.strip_prefix(&self.root).unwrap_or(&template.dir);
        let mut options = git2::StatusOptions::new();
        options
            .include_untracked(true)
            .recurse_untracked_dirs(true)
            .disable_pathspec_match(true)
            .pathspec(relative);
        let changed = !repository.statuses(Some(&mut options)).map_err(git)?.is_empty();
        Ok(Some(format!("{}{}", head.id(), if changed { " with local changes" } else { "" })))
    }

    /// Whether git leaves a path of the repository out.
    pub fn ignores(&self, path: &Path) -> bool {
        open(&self.root)
            .and_then(|repository| {
                repository
                    .is_path_ignored(path)
                    .map_err(|source| EnvironmentError::Git { root: self.root.clone(), source })
            })
            .unwrap_or(false)
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

fn open(root: &Path) -> Result<Repository, EnvironmentError> {
    Repository::open(root).map_err(|source| EnvironmentError::Git { root: root.to_owned(), source })
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

/// `https://host/a/name.git`, `git@host:a/name.git` and `/path/name` are all `name`.
fn repository_name(url: &str) -> Option<String> {
    let name = url.trim_end_matches('/').rsplit(['/', ':']).next()?.trim_end_matches(".git");
    (!name.is_empty()).then(|| name.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_domain_is_the_name_of_the_remote_repository() {
        for (url, name) in [
            ("https://git.aydo.com/openvcloudEnvironments/g8.git", "g8"),
            ("git@git.aydo.com:openvcloudEnvironments/g8.git", "g8"),
            ("/srv/git/g8/", "g8"),
        ] {
            assert_eq!(repository_name(url).as_deref(), Some(name));
        }
    }
}
