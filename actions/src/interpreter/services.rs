//! Other services, and what the base class does of this one.

use ays_grammar::Span;

use crate::action::{Action, Outcome, ServiceKey};
use crate::table::Services;
use crate::value::Value;

use super::functions::Bound;
use super::heap::{Fault, Object, Val};
use super::{Interpreter, Stop};

/// What `process.N` says where it does not, as AYS has it.
const PROCESS: [(&str, &str); 13] = [
    ("name", ""),
    ("cmd", ""),
    ("args", ""),
    ("env", ""),
    ("cwd", ""),
    ("user", "root"),
    ("prio", "10"),
    ("ports", ""),
    ("timeout_start", "10"),
    ("timeout_stop", "10"),
    ("startupmanager", "tmux"),
    ("filterstr", ""),
    ("platform", ""),
];

/// The service that `producer.CATEGORY` names: `domain:name:instance`, also with `__` between them; the instance alone, of
/// a template that is called as the category is; nothing: its main one.
fn producer(category: &str, named: &str) -> ServiceKey {
    let named = named.trim().replace("__", ":");
    let mut parts = named.rsplit(':').map(str::to_owned).filter(|part| !part.is_empty());
    let instance = parts.next().unwrap_or_else(|| "main".to_owned());
    let name = parts.next().unwrap_or_else(|| category.to_owned());
    ServiceKey::Other { domain: parts.next(), name, instance }
}

impl Interpreter {
    pub(super) async fn services(
        &mut self,
        does: Services,
        service: ServiceKey,
        bound: Bound,
        span: Span,
    ) -> Result<Val, Stop> {
        let bound = &bound;
        match does {
            Services::Get | Services::New => {
                let key = self.service_key(bound, span)?;
                if does == Services::New {
                    let args = self.heap.pairs_of(&bound.get(&["args"]));
                    for (key_name, value) in self.at(args, span)? {
                        let name = self.heap.display(&key_name);
                        let name = String::from_utf8_lossy(&self.at(name, span)?).into_owned();
                        let value = self.heap.to_value(&value);
                        let value = Some(self.at(value, span)?);
                        let write = Action::WriteHrd { service: key.clone(), key: name, value };
                        self.done(write, span).await?;
                    }
                }
                let service = self.heap.add(Object::Service(key));
                self.at(service, span)
            }
            Services::Find | Services::Exists | Services::Names => {
                let domain = self.text_or_none(bound, &["domain"], span)?;
                let name = self.text_or_none(bound, &["name"], span)?;
                let instance = self.text_or_none(bound, &["instance"], span)?;
                let find = Action::FindServices { domain, name, instance };
                let what = find.to_string();
                let Outcome::Services(found) = self.perform(find, span).await? else {
                    return Ok(self.unknown(what));
                };
                if does == Services::Exists {
                    return Ok(Val::Bool(!found.is_empty()));
                }
                let made = self.listed(found, does == Services::Names);
                self.at(made, span)
            }
            Services::Remove => {
                let service = self.service_key(bound, span)?;
                self.yes_or_no(Action::Service { service, verb: "uninstall", args: Vec::new() }, span).await
            }
            Services::Templates => {
                let key = self.service_key(bound, span)?;
                let template = self.heap.add(Object::Service(key)).and_then(|key| self.heap.list(vec![key]));
                self.at(template, span)
            }
            Services::Install => {
                let pairs = self.heap.pairs_of(&bound.get(&["args"]));
                let mut args = Vec::new();
                for (name, value) in self.at(pairs, span)? {
                    let name = self.heap.display(&name);
                    let name = String::from_utf8_lossy(&self.at(name, span)?).into_owned();
                    let value = self.heap.to_value(&value);
                    args.push((name, self.at(value, span)?));
                }
                let service = match (service, self.text_or_none(bound, &["instance"], span)?) {
                    (ServiceKey::Other { domain, name, .. }, Some(instance)) => {
                        ServiceKey::Other { domain, name, instance }
                    }
                    (service, _) => service,
                };
                self.yes_or_no(Action::Service { service, verb: "install", args }, span).await
            }
            Services::Do(verb) => {
                self.yes_or_no(Action::Service { service, verb, args: Vec::new() }, span).await
            }
            Services::Own(verb) => self.yes_or_no(Action::OwnProcesses(verb), span).await,
            Services::ProcessDicts => {
                let dicts = self.process_dicts();
                self.at(dicts, span)
            }
            Services::Ports => {
                let ports = self.ports();
                self.at(ports, span)
            }
            Services::Producer => {
                let category = self.text(bound, &["category"], span)?;
                let consumed = self.values.iter().find(|(key, _)| *key == format!("producer.{category}"));
                let consumed = consumed.and_then(|(_, value)| match value {
                    Value::Str(text) => text.split(',').next().map(str::to_owned),
                    Value::List(items) => match items.first() {
                        Some(Value::Str(text)) => Some(text.clone()),
                        _ => None,
                    },
                    _ => None,
                });
                let key = producer(&category, consumed.as_deref().unwrap_or_default());
                let service = self.heap.add(Object::Service(key));
                self.at(service, span)
            }
            Services::LogPath => {
                let path = match &self.source.service {
                    Some(service) => {
                        format!("/var/log/ays-{}-{}-{}.log", service.domain, service.name, service.instance)
                    }
                    None => return Ok(self.unknown("path of the log".to_owned())),
                };
                let text = self.heap.str(&path);
                self.at(text, span)
            }
        }
    }

    fn listed(&mut self, found: Vec<ServiceKey>, names: bool) -> Result<Val, Fault> {
        let mut made = Vec::new();
        for key in found {
            made.push(match &key {
                ServiceKey::Other { instance, .. } if names => self.heap.str(instance)?,
                _ => self.heap.add(Object::Service(key))?,
            });
        }
        self.heap.list(made)
    }

    fn service_key(&mut self, bound: &Bound, span: Span) -> Result<ServiceKey, Stop> {
        let domain = self.text_or_none(bound, &["domain"], span)?;
        let instance = self.text_or_none(bound, &["instance"], span)?.unwrap_or_else(|| "main".to_owned());
        match self.text_or_none(bound, &["name"], span)? {
            Some(name) => Ok(ServiceKey::Other { domain, name, instance }),
            None => Err(self.raise("RuntimeError", "the name of a service is missing", span)),
        }
    }

    /// Calling a method of another service's recipe.
    pub(super) fn call_service_action(
        &mut self,
        key: &ServiceKey,
        name: &str,
        span: Span,
    ) -> Result<Val, Stop> {
        Err(self.unsupported(span, &format!("calling `{name}` of the recipe of {key}")))
    }

    /// The values of `process.N`, in numeric order.
    fn processes(&self) -> Vec<Vec<(String, Value)>> {
        let mut found: Vec<(u64, Vec<(String, Value)>)> = Vec::new();
        for (key, value) in &self.values {
            let key = key.strip_prefix("service.").unwrap_or(key);
            if let (Some(Ok(number)), Value::Dict(pairs)) =
                (key.strip_prefix("process.").map(str::parse), value)
            {
                let text = |(key, value): &(Value, Value)| match key {
                    Value::Str(key) => Some((key.clone(), value.clone())),
                    _ => None,
                };
                found.push((number, pairs.iter().filter_map(text).collect()));
            }
        }
        found.sort_by_key(|(number, _)| *number);
        found.into_iter().map(|(_, pairs)| pairs).collect()
    }

    fn process_dicts(&mut self) -> Result<Val, Fault> {
        let mut dicts = Vec::new();
        for process in self.processes() {
            let mut pairs = Vec::new();
            for (name, default) in PROCESS {
                if !process.iter().any(|(known, _)| known == name) {
                    pairs.push((self.heap.str(name)?, self.heap.str(default)?));
                }
            }
            for (name, value) in &process {
                pairs.push((self.heap.str(name)?, self.heap.take_value(value)?));
            }
            dicts.push(self.heap.dict(pairs)?);
        }
        self.heap.list(dicts)
    }

    fn ports(&mut self) -> Result<Val, Fault> {
        let mut ports = Vec::new();
        for (_, value) in self.processes().into_iter().flatten().filter(|(name, _)| name == "ports") {
            let texts = match value {
                Value::List(items) => items,
                other => vec![other],
            };
            for text in texts {
                match text {
                    Value::Int(port) => ports.push(Val::Int(port)),
                    Value::Str(text) => {
                        let numbers =
                            text.split([';', ',', ' ', '[', ']']).filter_map(|port| port.trim().parse().ok());
                        ports.extend(numbers.map(Val::Int));
                    }
                    _ => {}
                }
            }
        }
        self.heap.list(ports)
    }
}
