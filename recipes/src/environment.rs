//! The environment: one git repository with its templates and services.

use std::collections::{BTreeMap, HashMap};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, OnceLock};

use ays_grammar::Diagnostic;
use ays_grammar::hrd::{self, Hrd};
use ays_model::{InstanceName, Key, Node, NodeName, TemplateName};
use ays_repository::{
    Checkout, CheckoutError, NotFound, SERVICE_FILE, SERVICES, TEMPLATES, root_of, service_of,
};
use ays_secrets::Store;

use crate::names::{LookupError, Place};
use crate::node_error::NodeError;
use crate::settings::{Layers, Settings, SettingsError};
use crate::signing_keys::SigningKeys;
use crate::template::Template;
use crate::text::read_below;
use crate::value::string;
use crate::walk::directories_with;

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

/// Why an instance's file is not read.
#[derive(Debug, Clone)]
pub(crate) enum FileError {
    Unreadable { path: PathBuf, source: Arc<std::io::Error> },
    Syntax(Diagnostic),
}

/// A service instance's directory below `services/`.
#[derive(Debug, Clone)]
pub struct Instance {
    /// Its template's name.
    pub template: TemplateName,
    /// Its name.
    pub name: InstanceName,
    /// The directory.
    pub dir: PathBuf,
    file: OnceLock<Result<Arc<Hrd>, FileError>>,
}

impl Instance {
    /// The path of its file.
    pub(crate) fn path(&self) -> PathBuf {
        self.dir.join(SERVICE_FILE)
    }
}

/// A snapshot of an environment repository: what was found once, when it was asked for first, stays so. Directories are
/// walked once, and an instance's file is read once, however many others refer to it.
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
    templates: OnceLock<Templates>,
    services: OnceLock<Services>,
    signing_keys: OnceLock<SigningKeys>,
    /// See [`Environment::nodes`].
    pub(crate) nodes: OnceLock<Vec<(NodeName, Result<Node, NodeError>)>>,
    /// The keys of `sshkey` services, each read once, whatever the number of nodes that it lets in.
    pub(crate) keys: Arc<Mutex<HashMap<InstanceName, Result<Key, NodeError>>>>,
}

/// Sorted by name; of each name, which they are.
#[derive(Debug, Clone)]
struct Templates {
    all: Vec<Template>,
    by_name: HashMap<TemplateName, Vec<usize>>,
}

/// Sorted by directory; of each template and name, the first one.
#[derive(Debug, Clone)]
struct Services {
    all: Vec<Instance>,
    by_name: HashMap<(TemplateName, InstanceName), usize>,
    /// Those that are nodes, by name and directory.
    nodes: OnceLock<BTreeMap<InstanceName, Vec<usize>>>,
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
            templates: OnceLock::new(),
            services: OnceLock::new(),
            signing_keys: OnceLock::new(),
            nodes: OnceLock::new(),
            keys: Arc::default(),
        })
    }

    /// The same with the answers that have been written down since.
    pub fn with_new_answers(&self) -> Self {
        Self { services: OnceLock::new(), nodes: OnceLock::new(), ..self.clone() }
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
    pub fn templates(&self) -> &[Template] {
        &self.all_templates().all
    }

    /// The one template of this name.
    pub fn template(&self, name: &str) -> Result<&Template, LookupError> {
        let templates = self.all_templates();
        match templates.by_name.get(name).map_or(&[][..], Vec::as_slice) {
            [only] => Ok(&templates.all[*only]),
            [] => {
                let known = templates.all.iter().map(|template| template.name.as_str());
                Err(LookupError::unknown("template", name, known))
            }
            several => Err(LookupError::Several {
                what: "template",
                name: name.to_owned(),
                places: several.iter().map(|at| self.place(&templates.all[*at].dir)).collect(),
            }),
        }
    }

    /// The commit that a template's files are from, marked where they were changed since; none before the first.
    pub fn commit_of(&self, template: &Template) -> Result<Option<String>, CheckoutError> {
        self.checkout.commit_of(&template.dir)
    }

    /// Whether git leaves a path of the repository out.
    pub fn ignores(&self, path: &Path) -> bool {
        self.checkout.ignores(path)
    }

    /// The keys whose signatures of sources count.
    pub fn signing_keys(&self) -> &SigningKeys {
        self.signing_keys.get_or_init(|| SigningKeys::read(&self.root))
    }

    /// All service instances of the repository, sorted by directory.
    pub fn instances(&self) -> &[Instance] {
        &self.services().all
    }

    /// The instances of category `node`, by their names: the instance's own file says so, or its template, or, where the
    /// repository has neither (AYS kept `node.ssh` in a repository of its own), the template's name.
    pub(crate) fn node_instances(&self) -> impl Iterator<Item = (&InstanceName, Vec<&Instance>)> {
        let services = self.services();
        let nodes = services.nodes.get_or_init(|| self.find_nodes(services));
        nodes.iter().map(|(name, all)| (name, all.iter().map(|at| &services.all[*at]).collect()))
    }

    /// Those of this name; there should be one.
    pub(crate) fn node_instances_of(&self, name: &str) -> Vec<&Instance> {
        let services = self.services();
        let nodes = services.nodes.get_or_init(|| self.find_nodes(services));
        nodes.get(name).into_iter().flatten().map(|at| &services.all[*at]).collect()
    }

    /// The instance of a template that the repository has; of several the first.
    pub(crate) fn instance(&self, template: &TemplateName, name: &InstanceName) -> Option<&Instance> {
        let services = self.services();
        let found = services.by_name.get(&(template.clone(), name.clone()));
        found.map(|at| &services.all[*at])
    }

    /// What an instance's file says.
    pub(crate) fn file(&self, instance: &Instance) -> Result<Arc<Hrd>, FileError> {
        let read = || {
            let path = instance.path();
            let name = self.place(&path).to_string();
            let bytes = match self.read(&path) {
                Ok(bytes) => bytes,
                Err(source) => return Err(FileError::Unreadable { path, source: Arc::new(source) }),
            };
            let hrd = hrd::parse(&name, &bytes).and_then(|hrd| hrd.resolve(&name, &bytes));
            hrd.map(Arc::new).map_err(FileError::Syntax)
        };
        instance.file.get_or_init(read).clone()
    }

    /// A path of the repository as errors name it.
    pub(crate) fn place(&self, path: &Path) -> Place {
        Place(path.strip_prefix(&self.root).unwrap_or(path).to_owned())
    }

    fn all_templates(&self) -> &Templates {
        self.templates.get_or_init(|| {
            let all = Template::below(&self.root.join(TEMPLATES), &self.root);
            let mut by_name: HashMap<TemplateName, Vec<usize>> = HashMap::new();
            for (at, template) in all.iter().enumerate() {
                by_name.entry(template.name.clone()).or_default().push(at);
            }
            Templates { all, by_name }
        })
    }

    fn services(&self) -> &Services {
        self.services.get_or_init(|| {
            let instance = |(dir, _): (PathBuf, Vec<&str>)| {
                let (template, name) = service_of(&dir)?;
                let (template, name) = (template.into(), name.into());
                Some(Instance { template, name, dir, file: OnceLock::new() })
            };
            let found = directories_with(&self.root.join(SERVICES), &[SERVICE_FILE]);
            let all: Vec<Instance> = found.into_iter().filter_map(instance).collect();
            let mut by_name = HashMap::new();
            for (at, Instance { template, name, .. }) in all.iter().enumerate() {
                by_name.entry((template.clone(), name.clone())).or_insert(at);
            }
            Services { all, by_name, nodes: OnceLock::new() }
        })
    }

    fn find_nodes(&self, services: &Services) -> BTreeMap<InstanceName, Vec<usize>> {
        let mut of_templates: HashMap<&TemplateName, Option<String>> = HashMap::new();
        let mut nodes: BTreeMap<InstanceName, Vec<usize>> = BTreeMap::new();
        for (at, instance) in services.all.iter().enumerate() {
            let own = self.file(instance).ok().and_then(|hrd| string(&hrd, "service.category"));
            let of_template = || {
                let read = || {
                    let named = self.all_templates().by_name.get(&instance.template)?;
                    self.templates()[*named.first()?].category()
                };
                of_templates.entry(&instance.template).or_insert_with(read).clone()
            };
            let is_node = match own.or_else(of_template) {
                Some(category) => category == "node",
                None => instance.template.starts_with("node."),
            };
            if is_node {
                nodes.entry(instance.name.clone()).or_default().push(at);
            }
        }
        nodes
    }
}
