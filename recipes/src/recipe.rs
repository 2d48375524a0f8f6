//! A recipe: one template with the answers for one instance, made into what the engine needs to install it.

use std::cell::Cell;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use ays_actions::Script;
use ays_grammar::Diagnostic;
use ays_grammar::hrd::{self, Entry, Hrd, Value};
use ays_model::{Download, InstanceName, Md5, Network, SecretUrl, Sha256, TemplateName};
use ays_secrets::Use;
use secrecy::{ExposeSecret, SecretString};
use sha2::Digest;

use crate::dependency::{self, Dependency};
use crate::environment::Environment;
use crate::export;
use crate::git_export::{self, GitExport};
use crate::instance::{self, InstanceValues};
use crate::others::Others;
use crate::own_values::own_values;
use crate::packages::{self, Packages};
use crate::process::{self, Process};
use crate::question::Question;
use crate::recipe_error::RecipeError;
use crate::request::Request;
use crate::secrets::{self, Secrets};
use crate::settings::Settings;
use crate::template::Template;
use crate::text::Text;
use crate::value::scalar;
use crate::values::{MOST, Values};
use crate::written::{self, Written};

/// All that installing a service on a node takes.
#[derive(Debug, Clone)]
pub struct Recipe {
    /// The template's name.
    pub template: TemplateName,
    /// The instance.
    pub instance: InstanceName,
    /// The template's checksum.
    pub checksum: Md5,
    /// A digest of the answers.
    pub answers_digest: Sha256,
    /// The commit that the template's files are from.
    pub commit: Option<String>,
    /// `platform.supported`; empty: all.
    pub platforms: Vec<String>,
    /// What an operator says of its image for people; none: what the catalogue has of it stays.
    pub description: Option<String>,
    /// `web.export`, in numeric order.
    pub downloads: Vec<Download>,
    /// `actions.py`.
    pub script: Option<Script>,
    /// What its methods need beside their text.
    pub methods: Methods,
    /// What makes it a service beside its downloads.
    pub parts: Parts,
}

/// What the methods of a recipe need beside their text.
#[derive(Debug, Clone, Default)]
pub struct Methods {
    /// The words that stand for secrets, each with its secret.
    secrets: Vec<(String, SecretString)>,
    settings: Option<Arc<Settings>>,
    /// The other services of the environment.
    pub others: Others,
}

impl Methods {
    /// A text with its secrets put in: for nodes only.
    pub fn reveal(&self, text: &str) -> String {
        let used = self.secrets.iter().filter(|(word, _)| text.contains(word));
        used.fold(text.to_owned(), |text, (word, secret)| text.replace(word, secret.expose_secret()))
    }

    /// What a node says, with the words in the place of their secrets: no method, and no event of it, gets a secret from there.
    pub fn conceal(&self, text: &str) -> String {
        // Shorter ones are parts of ordinary words.
        let told = self.secrets.iter().filter(|(_, secret)| secret.expose_secret().len() >= 4);
        told.fold(text.to_owned(), |text, (word, secret)| text.replace(secret.expose_secret(), word))
    }

    /// How an address is reached.
    pub fn network(&self, address: &SecretUrl) -> Network {
        self.settings.as_ref().map(|settings| settings.network(address)).unwrap_or_default()
    }
}

/// What makes a recipe a service, beside its downloads.
#[derive(Debug, Clone, Default)]
pub struct Parts {
    /// The environment's domain.
    pub domain: String,
    /// `dependencies`, in numeric order.
    pub dependencies: Vec<Dependency>,
    /// `ubuntu.*`; none: it needs nothing of apt.
    pub packages: Option<Packages>,
    /// `git.export`, in numeric order.
    pub exports: Vec<GitExport>,
    /// `git.build`, in numeric order.
    pub builds: Vec<GitExport>,
    /// `process`, in the order in which they are started.
    pub processes: Vec<Process>,
    /// `instances.maxnr`: the most instances of the template on a node.
    pub max_instances: Option<u32>,
}

impl Parts {
    /// Files from git: what is exported, then what is built.
    pub fn trees(&self) -> impl Iterator<Item = &GitExport> {
        self.exports.iter().chain(&self.builds)
    }

    /// Whether an install does more on a node than to write files below certain directories.
    pub fn changes_nodes(&self) -> bool {
        !self.processes.is_empty() || self.packages.is_some() || !self.exports.is_empty()
    }
}

/// What only a service has.
const OF_SERVICES: [&str; 5] = ["git.export.", "git.build.", "ubuntu.", "process.", "dependencies."];

impl Recipe {
    /// The questions of a template that have no answer yet, in the order of its file. Those with a default need none.
    pub fn questions(
        environment: &Environment,
        template: &Template,
        request: &Request,
    ) -> Result<Vec<Question>, RecipeError> {
        let written = Written::read(environment, template, request)?;
        instance::open_questions(&template.instance()?.0, &request.answers, &written)
    }

    /// Writes the operator's answers down, for each of the request's nodes, where the next run finds them; secrets among
    /// them go into the store. Gives the files that changed.
    pub fn write_answers(
        environment: &Environment,
        template: &Template,
        request: &Request,
    ) -> Result<Vec<PathBuf>, RecipeError> {
        written::write(environment, template, request)
    }

    /// Writes down that an instance consumes a service (`domain:template:instance`) of a category, where the next run finds
    /// it. Gives the files that changed.
    pub fn consume(
        environment: &Environment,
        template: &Template,
        request: &Request,
        category: &str,
        producer: &str,
    ) -> Result<Vec<PathBuf>, RecipeError> {
        written::consume(environment, template, request, category, producer)
    }

    /// Reads a template of an environment. Its secrets are allowed to go where it sends them.
    pub fn read(
        environment: &Environment,
        template: &Template,
        request: &Request,
    ) -> Result<Self, RecipeError> {
        let secrets = Secrets::new(&environment.secrets);
        let read = Self::read_with(environment, template, request, &secrets);
        let of_nodes = secrets.of_nodes();
        // What a secret that cannot be read has led to is not worth a word.
        let mut uses = secrets.finish(&template.name)?;
        let recipe = read?;
        uses.extend(environment.uses_on_nodes(&of_nodes, template, request));
        if !uses.is_empty() {
            let nodes = environment.carrying_nodes(&request.nodes);
            uses.iter_mut().for_each(|used| used.carriers.extend_from_slice(&nodes));
            environment.secrets.permit(&uses)?;
        }
        Ok(recipe)
    }

    /// Where the recipe sends secrets; they need not be there.
    pub fn uses(
        environment: &Environment,
        template: &Template,
        request: &Request,
    ) -> Result<Vec<Use>, RecipeError> {
        let secrets = Secrets::assumed();
        Self::read_with(environment, template, request, &secrets)?;
        Ok(secrets.finish(&template.name)?)
    }

    fn read_with(
        environment: &Environment,
        template: &Template,
        request: &Request,
        secrets: &Secrets<'_>,
    ) -> Result<Self, RecipeError> {
        let (service, service_text) = template.service()?;
        let written = Written::read(environment, template, request)?;
        let kept_as = |key: &str| written::secret_names(environment, template, request, key);
        let instance = InstanceValues::resolve(&template.instance()?, &request.answers, &written, &kept_as)?;
        let actions = template.actions()?;
        let producers = written.producers().into_iter();
        let of = ays_actions::Service {
            domain: environment.domain.clone(),
            name: template.name.to_string(),
            instance: request.instance.to_string(),
            values: producers.map(|(key, value)| (key, ays_actions::Value::Str(value))).collect(),
        };
        let texts = Texts { service: (&service, &service_text), actions: actions.as_ref(), of: Some(of) };
        let Meaning { platforms, downloads, script, parts } = texts.read(environment, &instance, secrets)?;
        let methods = match &script {
            None => Methods::default(),
            Some(script) => {
                let others = Others::of(environment, script, secrets);
                Methods {
                    secrets: secrets.of_methods(&|word| script.may_use(word) || others.may_use(word)),
                    settings: Some(Arc::new(environment.settings.clone())),
                    others,
                }
            }
        };
        // Those of other services, which have come since, among them.
        let script = script.map(|script| script.with_words(secrets.words()));
        Ok(Self {
            template: template.name.clone(),
            instance: request.instance.clone(),
            checksum: template.checksum()?,
            answers_digest: instance.digest(),
            commit: environment.commit_of(template)?,
            description: None,
            platforms,
            downloads,
            script,
            methods,
            parts,
        })
    }

    /// The same with all files that it makes below `root`.
    pub fn below(mut self, root: &Path) -> Self {
        let moved = |path: &Path| root.join(path.strip_prefix("/").unwrap_or(path));
        for download in &mut self.downloads {
            download.dest = moved(&download.dest);
        }
        self.script = self.script.map(|script| script.with_downloads_moved(&moved));
        // What nodes note lies elsewhere.
        self.parts.domain.clear();
        self
    }

    /// Its template, and its instance where that is not the usual one.
    pub fn title(&self) -> String {
        if self.instance == "main" {
            self.template.to_string()
        } else {
            format!("{} ({})", self.template, self.instance)
        }
    }

    /// Its script, where that has a method of this name.
    pub fn method(&self, name: &str) -> Option<&Script> {
        let has_it = |script: &&Script| script.methods().any(|(method, _)| method.name == name);
        self.script.as_ref().filter(has_it)
    }

    /// What its service is called on nodes: `<domain>__<template>__<instance>`, in plain characters. None: nothing of it is
    /// noted there.
    pub fn service(&self) -> Option<String> {
        self.name_on_nodes("__")
    }

    /// What systemd calls its processes, before their own names: `ays-<domain>-<template>-<instance>`.
    pub fn unit(&self) -> Option<String> {
        self.name_on_nodes("-").map(|name| format!("ays-{name}"))
    }

    fn name_on_nodes(&self, between: &str) -> Option<String> {
        let names = [&self.parts.domain, self.template.as_str(), self.instance.as_str()];
        (!self.parts.domain.is_empty()).then(|| plain_name(names, between))
    }

    /// Whether a node may have it: `os` and `arch` are what the node says of itself (`ubuntu`, `x86_64`).
    pub fn supports(&self, os: &str, arch: &str) -> bool {
        supports(&self.platforms, os, arch)
    }
}

/// Names as one, in plain characters. Where the parts cannot be told from it, what tells others apart stands behind it.
fn plain_name(names: [&str; 3], between: &str) -> String {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    let plain: String = names.join(between).chars().map(|c| if is_plain(c) { c } else { '-' }).collect();
    let plain = plain.trim_start_matches(['.', '-']);
    if plain.split(between).eq(names) {
        return plain.to_owned();
    }
    let digest = Sha256(sha2::Sha256::digest(names.join("\0")).into()).to_string();
    format!("{plain}{between}{}", &digest[..8])
}

/// Whether a platform is among those that are supported; none are named: all.
pub fn supports(platforms: &[String], os: &str, arch: &str) -> bool {
    let bits = if arch.ends_with("64") { "64" } else { "32" };
    let is = |platform: &str| {
        let family = ["generic", "unix", "linux"];
        family.contains(&platform)
            || platform == os
            || platform == format!("linux{bits}")
            || platform == format!("{os}{bits}")
    };
    platforms.is_empty() || platforms.iter().any(|platform| is(platform))
}

/// The texts of a recipe.
pub(crate) struct Texts<'a> {
    /// `service.hrd`.
    pub service: (&'a Hrd, &'a Text),
    /// `actions.py`.
    pub actions: Option<&'a Text>,
    /// Whose they are, with the values that are in none of them; none where no service is.
    pub of: Option<ays_actions::Service>,
}

/// What the texts of a recipe come to.
pub(crate) struct Meaning {
    pub platforms: Vec<String>,
    pub downloads: Vec<Download>,
    pub script: Option<Script>,
    pub parts: Parts,
}

impl Texts<'_> {
    /// Reads them, with what `$(..)` stands for.
    pub fn read(
        &self,
        environment: &Environment,
        instance: &InstanceValues,
        secrets: &Secrets<'_>,
    ) -> Result<Meaning, RecipeError> {
        let (service, service_text) = self.service;
        let settings = &environment.settings;
        let values = Values { service, instance, settings, secrets, left: Cell::new(MOST) };
        let substitute = |text: &str| hrd::substitute(text, &|key| values.get(key));
        let downloads: Vec<Download> = service
            .numbered("web.export")
            .into_iter()
            .map(|(_, entry)| {
                let keys = environment.signing_keys();
                export::read(entry, service_text, &substitute, secrets, settings, keys)
            })
            .collect::<Result<_, _>>()?;
        let script = match self.actions {
            None => None,
            Some(text) => {
                let source = text.utf8()?;
                let dests = downloads.iter().map(|download| download.dest.clone()).collect();
                let of = self.of.clone().map(|of| {
                    let own = own_values(service, &substitute).into_iter().chain(values.of_instance());
                    ays_actions::Service { values: own.chain(of.values).collect(), ..of }
                });
                let script = secrets::script(&text.name, source, &|key| values.get(key), secrets, dests)?;
                Some(match of {
                    Some(of) => script.with_service(of),
                    None => script,
                })
            }
        };
        let parts = Parts {
            domain: environment.domain.clone(),
            ..parts(service, service_text, &substitute, secrets, settings)?
        };
        Ok(Meaning { platforms: platforms(service, service_text, &substitute)?, downloads, script, parts })
    }
}

/// What makes a recipe a service; its domain is not known here.
pub(crate) fn parts(
    service: &Hrd,
    text: &Text,
    substitute: &dyn Fn(&str) -> String,
    secrets: &Secrets<'_>,
    settings: &Settings,
) -> Result<Parts, Diagnostic> {
    let trees = |key| git_export::read(key, service, text, substitute, secrets, settings);
    Ok(Parts {
        domain: String::new(),
        dependencies: dependency::read(service, text, substitute, secrets)?,
        packages: packages::read(service, text, substitute, secrets)?,
        exports: trees("git.export")?,
        builds: trees("git.build")?,
        processes: process::read(service, text, substitute, secrets)?,
        max_instances: max_instances(service, text, substitute)?,
    })
}

fn max_instances(
    service: &Hrd,
    text: &Text,
    substitute: &dyn Fn(&str) -> String,
) -> Result<Option<u32>, Diagnostic> {
    let Some(entry) = service.get("instances.maxnr") else { return Ok(None) };
    let number = scalar(&entry.value).map(|number| substitute(&number));
    let wrong = || text.diagnostic(entry.key_span, "`instances.maxnr` must be a whole number".to_owned());
    match number.as_deref().map(str::trim) {
        Some("") => Ok(None),
        // 0 stood for no limit.
        Some(number) => {
            number.parse::<u32>().map(|number| Some(number).filter(|most| *most > 0)).map_err(|_| wrong())
        }
        None => Err(wrong()),
    }
}

/// Whether it is more than a file that is fetched.
pub(crate) fn is_service(service: &Hrd) -> bool {
    service.entries.iter().any(|entry| {
        let key = entry.key.to_lowercase();
        !process::is_empty(entry) && OF_SERVICES.iter().any(|prefix| key.starts_with(prefix))
    })
}

pub(crate) fn platforms(
    service: &Hrd,
    text: &Text,
    substitute: &dyn Fn(&str) -> String,
) -> Result<Vec<String>, Diagnostic> {
    let wrong = |entry: &Entry| {
        text.diagnostic(entry.key_span, format!("`{}` must be a list of platforms", entry.key))
    };
    let Some(entry) = service.get("platform.supported") else { return Ok(Vec::new()) };
    let is_list = matches!(entry.value, Value::String(_) | Value::List(_));
    let listed = scalar(&entry.value).filter(|_| is_list).ok_or_else(|| wrong(entry))?;
    let listed = substitute(&listed);
    Ok(listed.split(',').map(|name| name.trim().to_lowercase()).filter(|name| !name.is_empty()).collect())
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn no_two_services_have_one_name_on_nodes() {
        assert_eq!(plain_name(["jumpscale", "web", "main"], "__"), "jumpscale__web__main");
        assert_eq!(plain_name(["jumpscale", "web", "main"], "-"), "jumpscale-web-main");
        let all = [
            ["d", "web", "main"],
            ["d", "web", "main-a"],
            ["d", "web-main", "a"],
            ["d-web", "main", "a"],
            ["d", "x__y", "main"],
            ["d", "x", "y__main"],
            ["d", "x_", "y"],
            ["d", "x", "_y"],
            ["d", "a b", "main"],
            ["d", "a-b", "main"],
            [".d", "a", "main"],
            ["d", "a", "main"],
        ];
        for between in ["__", "-"] {
            let names: BTreeSet<_> = all.iter().map(|names| plain_name(*names, between)).collect();
            assert_eq!(names.len(), all.len(), "{names:?}");
        }
        // With the name of a process behind it, it is none of these either.
        assert_ne!(plain_name(all[0], "-") + "-a", plain_name(all[1], "-"));
    }
}
