//! Changed files as what they mean: templates and services.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use ays_model::{InstanceName, TemplateName};
use git2::Tree;

use crate::layout::{SERVICE_FILE, SERVICES, TEMPLATE_FILES, TEMPLATES, service_of};

/// What became of something.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum How {
    /// It was not there before.
    Added,
    /// Some of its files are others.
    Changed,
    /// It is there no more.
    Removed,
}

/// What changed.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, serde::Serialize)]
#[serde(rename_all = "lowercase", tag = "what")]
pub enum What {
    /// A template.
    Template {
        /// Its name.
        name: TemplateName,
    },
    /// A service instance, such as a node.
    Service {
        /// Its template, such as `node.ssh`.
        template: TemplateName,
        /// Its name.
        name: InstanceName,
    },
    /// A file that is part of neither.
    File {
        /// Its path from the root.
        path: PathBuf,
    },
}

/// One change.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Change {
    /// What changed.
    #[serde(flatten)]
    pub what: What,
    /// What became of it.
    pub change: How,
}

/// Changes in the order of their names: templates, services, files.
pub type Changes = Vec<Change>;

/// One of the two states that are compared.
pub(crate) enum State<'a> {
    /// A commit's; none before the first.
    Tree(Option<&'a Tree<'a>>),
    /// That of the files below a root.
    Files(&'a Path),
}

impl State<'_> {
    fn has(&self, path: &Path) -> bool {
        match self {
            Self::Tree(tree) => tree.is_some_and(|tree| tree.get_path(path).is_ok()),
            Self::Files(root) => root.join(path).symlink_metadata().is_ok(),
        }
    }

    fn has_template(&self, dir: &Path) -> bool {
        TEMPLATE_FILES.iter().any(|name| self.has(&dir.join(name)))
    }

    fn has_service(&self, dir: &Path) -> bool {
        self.has(&dir.join(SERVICE_FILE))
    }
}

/// What these paths that differ between the states mean.
pub(crate) fn changes<'a>(old: &State, new: &State, paths: impl IntoIterator<Item = &'a Path>) -> Changes {
    let how = |was: bool, is: bool| match (was, is) {
        (false, _) => How::Added,
        (true, true) => How::Changed,
        (true, false) => How::Removed,
    };
    let mut found = BTreeMap::new();
    for path in paths {
        let template = part_of(path, TEMPLATES, |dir| old.has_template(dir) || new.has_template(dir));
        let service = part_of(path, SERVICES, |dir| old.has_service(dir) || new.has_service(dir));
        let (what, change) = match (template, service.and_then(|dir| Some((dir, service_of(dir)?)))) {
            (Some(dir), _) => {
                let name = dir.file_name().map(|name| name.display().to_string()).unwrap_or_default();
                (What::Template { name: name.into() }, how(old.has_template(dir), new.has_template(dir)))
            }
            (None, Some((dir, (template, name)))) => {
                let (template, name) = (template.into(), name.into());
                (What::Service { template, name }, how(old.has_service(dir), new.has_service(dir)))
            }
            (None, None) => (What::File { path: path.to_owned() }, how(old.has(path), new.has(path))),
        };
        found.insert(what, change);
    }
    found.into_iter().map(|(what, change)| Change { what, change }).collect()
}

/// The nearest directory above `path`, below `top`, of which `is` holds.
fn part_of<'a>(path: &'a Path, top: &str, is: impl Fn(&Path) -> bool) -> Option<&'a Path> {
    let below = |dir: &&Path| dir.strip_prefix(top).is_ok_and(|rest| rest != Path::new(""));
    path.ancestors().skip(1).take_while(below).find(|dir| is(dir))
}
