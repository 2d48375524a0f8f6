//! The other services of the environment, as the methods of a recipe see them.

use std::cell::Cell;

use ays_actions::{Script, Service, ServiceKey, Value};
use ays_grammar::hrd;

use crate::environment::Environment;
use crate::instance::InstanceValues;
use crate::own_values::own_values;
use crate::recipe_error::RecipeError;
use crate::request::Request;
use crate::secrets::Secrets;
use crate::template::Template;
use crate::values::{MOST, Values};
use crate::written::{self, Written};

/// What a script calls that asks for other services.
const ASKS: [&str; 8] = [
    "getAppInstanceHRD",
    "getAppHRDInstanceNames",
    "application.config.",
    "atyourservice.get(",
    "atyourservice.getService",
    "atyourservice.find",
    "atyourservice.exists",
    "getProducer",
];

/// The other services of the environment, and what holds for all of them.
#[derive(Debug, Clone, Default)]
pub struct Others {
    /// Those that the repository has answers for; then each template that needs none.
    services: Vec<Service>,
    /// How many of them the repository has answers for.
    written: usize,
    /// What the environment itself says.
    environment: Vec<(String, Value)>,
}

impl Others {
    /// Those that a script may ask for; none where it asks for none. What cannot be read is left out: it is no mistake of
    /// this recipe.
    pub(crate) fn of(environment: &Environment, script: &Script, secrets: &Secrets<'_>) -> Self {
        if !ASKS.iter().any(|call| script.text().contains(call)) {
            return Self::default();
        }
        let mut services = Vec::new();
        for instance in environment.instances() {
            if let Ok(template) = environment.template(&instance.template) {
                let request = Request::without_answers(instance.name.clone());
                services.extend(service(environment, template, &request, secrets));
            }
        }
        let written = services.len();
        for template in environment.templates() {
            let request = Request::without_answers("main".into());
            let is_written =
                |known: &Service| known.name == template.name.as_str() && known.instance == "main";
            if !services[..written].iter().any(is_written) {
                services.extend(service(environment, template, &request, secrets));
            }
        }
        let said = environment.settings.values();
        let environment = said.map(|(key, value)| (key.to_owned(), Value::Str(value.to_owned())));
        Self { services, written, environment: environment.collect() }
    }

    /// A value of a service; none: it has none, or there is no such service.
    pub fn value(&self, service: &ServiceKey, key: &str) -> Option<Value> {
        let values = match service {
            ServiceKey::System => &self.environment,
            ServiceKey::Own => return None,
            ServiceKey::Other { domain, name, instance } => {
                let (name, instance) = (Some(name.as_str()), Some(instance.as_str()));
                &self.services.iter().find(|known| fits(known, domain.as_deref(), name, instance))?.values
            }
        };
        let is_it = |known: &str| {
            let short = known.strip_prefix("service.").or_else(|| known.strip_prefix("instance."));
            known.eq_ignore_ascii_case(key) || short.is_some_and(|short| short.eq_ignore_ascii_case(key))
        };
        values.iter().find(|(known, _)| is_it(known)).map(|(_, value)| value.clone())
    }

    /// The services that the repository has answers for and that fit; a part that is not given fits all.
    pub fn find(&self, domain: Option<&str>, name: Option<&str>, instance: Option<&str>) -> Vec<ServiceKey> {
        let fitting =
            self.services[..self.written].iter().filter(|known| fits(known, domain, name, instance));
        let key = |known: &Service| ServiceKey::Other {
            domain: Some(known.domain.clone()),
            name: known.name.clone(),
            instance: known.instance.clone(),
        };
        let mut found: Vec<_> = fitting.map(key).collect();
        // One that several nodes have is one.
        found.dedup();
        found
    }

    /// Whether a word is in a value.
    pub(crate) fn may_use(&self, word: &str) -> bool {
        self.services.iter().flat_map(|service| &service.values).any(|(_, value)| value.holds(word))
    }
}

fn fits(known: &Service, domain: Option<&str>, name: Option<&str>, instance: Option<&str>) -> bool {
    let is = |asked: Option<&str>, known: &str| asked.is_none_or(|asked| asked.is_empty() || asked == known);
    is(domain, &known.domain) && is(name, &known.name) && is(instance, &known.instance)
}

/// A service with its values.
fn service(
    environment: &Environment,
    template: &Template,
    request: &Request,
    secrets: &Secrets<'_>,
) -> Result<Service, RecipeError> {
    let (service, _) = template.service()?;
    let written = Written::read(environment, template, request)?;
    let kept_as = |key: &str| written::secret_names(environment, template, request, key);
    let instance = InstanceValues::resolve(&template.instance()?, &request.answers, &written, &kept_as)?;
    let settings = &environment.settings;
    let values = Values { service: &service, instance: &instance, settings, secrets, left: Cell::new(MOST) };
    let own = own_values(&service, &|text| hrd::substitute(text, &|key| values.get(key)));
    Ok(Service {
        domain: environment.domain.clone(),
        name: template.name.to_string(),
        instance: request.instance.to_string(),
        values: own.into_iter().chain(values.of_instance()).collect(),
    })
}
