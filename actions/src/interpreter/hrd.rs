//! The values of a service: those of this one are known, others are asked for.

use std::sync::Arc;

use ays_grammar::Span;
use ays_grammar::hrd::substitute;

use ays_model::{FileAction, NodeAction};

use crate::action::{Action, Outcome, ServiceKey};
use crate::table::Hrd;
use crate::value::Value;

use super::functions::Bound;
use super::heap::{Fault, Object, Val};
use super::text::bytes_of;
use super::{Interpreter, Stop};

/// What is known of a key.
enum Known {
    Value(Value),
    Missing,
    Unknown(Arc<str>),
}

impl Interpreter {
    pub(super) async fn hrd(
        &mut self,
        does: Hrd,
        service: ServiceKey,
        bound: Bound,
        span: Span,
    ) -> Result<Val, Stop> {
        match does {
            Hrd::Get | Hrd::GetInt | Hrd::GetFloat | Hrd::GetBool | Hrd::GetList | Hrd::GetDict => {
                let key = bound.text(&self.heap, &["key"]);
                let key = self.at(key, span)?;
                let value = match self.known(&service, &key, span).await? {
                    Known::Value(value) => value,
                    Known::Unknown(text) => return Ok(Val::Unknown(text)),
                    Known::Missing => {
                        return match bound.get(&["default"]) {
                            Val::None if !self.was_given(&bound) => {
                                let message = format!("{service} has no value `{key}`");
                                Err(self.raise("RuntimeError", &message, span))
                            }
                            default => Ok(default),
                        };
                    }
                };
                let value = self.converted(does, &key, &value);
                self.at(value, span)
            }
            Hrd::Exists => {
                let key = bound.text(&self.heap, &["key"]);
                let key = self.at(key, span)?;
                Ok(match self.known(&service, &key, span).await? {
                    Known::Value(_) => Val::Bool(true),
                    Known::Missing => Val::Bool(false),
                    Known::Unknown(text) => Val::Unknown(text),
                })
            }
            Hrd::Set | Hrd::Delete => {
                let key = bound.text(&self.heap, &["key"]);
                let key = self.at(key, span)?;
                let value = (does == Hrd::Set).then(|| self.heap.to_value(&bound.get(&["data"])));
                let value = self.at(value.transpose(), span)?;
                if service == ServiceKey::Own {
                    self.values.retain(|(known, _)| !known.eq_ignore_ascii_case(&key));
                    self.values.extend(value.clone().map(|value| (key.clone(), value)));
                }
                self.done(Action::WriteHrd { service, key, value }, span).await
            }
            Hrd::GetDictFromPrefix | Hrd::GetListFromPrefix | Hrd::Keys | Hrd::AsDict => {
                let prefix = bound.text_or_none(&self.heap, &["key", "prefix"]);
                let prefix = self.at(prefix, span)?.unwrap_or_default();
                if service != ServiceKey::Own || self.source.service.is_none() {
                    return Ok(self.unknown(format!("{prefix}* of {service}")));
                }
                let made = self.with_prefix(does, &prefix);
                self.at(made, span)
            }
            Hrd::OnContent => {
                let content = bound.text(&self.heap, &["content"]);
                let content = self.at(content, span)?;
                let replaced = self.applied(&content, &bound);
                let replaced = self.at(replaced, span)?;
                let text = self.heap.str(&replaced);
                self.at(text, span)
            }
            Hrd::OnFile => {
                let path = bound.text(&self.heap, &["path"]);
                let path = self.at(path, span)?;
                self.apply_on_file(&path, &bound, span).await?;
                Ok(Val::None)
            }
            Hrd::OnDir => self.apply_on_dir(&bound, span).await,
            Hrd::OfInstance => {
                let name = bound.text(&self.heap, &["name"]);
                let instance = bound.text_or_none(&self.heap, &["instance"]);
                let domain = bound.text_or_none(&self.heap, &["domain"]);
                let (name, domain) = (self.at(name, span)?, self.at(domain, span)?);
                let instance = self.at(instance, span)?.unwrap_or_else(|| "main".to_owned());
                let hrd = self.heap.add(Object::Hrd(ServiceKey::Other { domain, name, instance }));
                self.at(hrd, span)
            }
        }
    }

    /// Whether a default was given that is not `None`: `get(key, None)` asks for none, too.
    fn was_given(&self, bound: &Bound) -> bool {
        bound.is_false(&self.heap, &["default"]) && !matches!(bound.get(&["default"]), Val::None)
    }

    async fn known(&mut self, service: &ServiceKey, key: &str, span: Span) -> Result<Known, Stop> {
        if *service == ServiceKey::Own && self.source.service.is_some() {
            return Ok(match self.own(key) {
                Some(value) => Known::Value(value),
                None => Known::Missing,
            });
        }
        let action = Action::ReadHrd { service: service.clone(), key: key.to_owned() };
        Ok(match self.perform(action, span).await? {
            Outcome::Value(Some(value)) => Known::Value(value),
            Outcome::Value(None) => Known::Missing,
            _ => Known::Unknown(format!("<{key} of {service}>").into()),
        })
    }

    /// A value of this service, also by a key that names no part: `port` for `instance.port`.
    fn own(&self, key: &str) -> Option<Value> {
        let of = |key: &str| {
            self.values
                .iter()
                .rev()
                .find(|(known, _)| known.eq_ignore_ascii_case(key))
                .map(|(_, value)| value.clone())
        };
        of(key).or_else(|| ["instance.", "service."].iter().find_map(|part| of(&format!("{part}{key}"))))
    }

    /// A value as a getter gives it.
    fn converted(&mut self, does: Hrd, key: &str, value: &Value) -> Result<Val, Fault> {
        let wrong = |kind: &str| Fault::Raise("RuntimeError", format!("`{key}` is no {kind}"));
        let text = match value {
            Value::Str(text) => Some(text.trim()),
            _ => None,
        };
        Ok(match (does, value) {
            (Hrd::GetInt, Value::Int(number)) => Val::Int(*number),
            (Hrd::GetInt, _) => {
                Val::Int(text.and_then(|text| text.parse().ok()).ok_or_else(|| wrong("whole number"))?)
            }
            (Hrd::GetFloat, Value::Float(number)) => Val::Float(*number),
            (Hrd::GetFloat, _) => {
                Val::Float(text.and_then(|text| text.parse().ok()).ok_or_else(|| wrong("decimal number"))?)
            }
            (Hrd::GetBool, Value::Bool(value)) => Val::Bool(*value),
            (Hrd::GetBool, Value::Int(number)) => Val::Bool(*number != 0),
            (Hrd::GetBool, _) => Val::Bool(
                text.is_some_and(|text| matches!(&*text.to_lowercase(), "true" | "1" | "yes" | "y")),
            ),
            (Hrd::GetList, Value::List(_)) | (Hrd::GetDict, Value::Dict(_)) => self.heap.take_value(value)?,
            (Hrd::GetList, _) => match text {
                Some("") => self.heap.list(Vec::new())?,
                Some(text) => {
                    let items = text.split(',').map(|item| self.heap.str(item.trim()));
                    let items = items.collect::<Result<_, _>>()?;
                    self.heap.list(items)?
                }
                None => return Err(wrong("list")),
            },
            (Hrd::GetDict, _) => match text {
                Some("") => self.heap.dict(Vec::new())?,
                _ => return Err(wrong("dict")),
            },
            _ => self.heap.take_value(value)?,
        })
    }

    fn with_prefix(&mut self, does: Hrd, prefix: &str) -> Result<Val, Fault> {
        let begin = if prefix.is_empty() {
            String::new()
        } else {
            format!("{}.", prefix.trim_end_matches('.').to_lowercase())
        };
        let mut found: Vec<(String, String, Value)> = Vec::new();
        for (key, value) in &self.values {
            if let Some(rest) = key.to_lowercase().strip_prefix(&begin) {
                found.push((key.clone(), rest.to_owned(), value.clone()));
            }
        }
        // Numbers behind a prefix count as numbers.
        found.sort_by_key(|(_, rest, _)| (rest.parse::<u64>().unwrap_or(u64::MAX), rest.clone()));
        let mut pairs = Vec::new();
        for (key, rest, value) in found {
            let name = if does == Hrd::AsDict || does == Hrd::Keys { &key } else { &rest };
            pairs.push((self.heap.str(name)?, self.heap.take_value(&value)?));
        }
        match does {
            Hrd::Keys => self.heap.list(pairs.into_iter().map(|(key, _)| key).collect()),
            Hrd::GetListFromPrefix => self.heap.list(pairs.into_iter().map(|(_, value)| value).collect()),
            _ => self.heap.dict(pairs),
        }
    }

    /// A text with each `$(key)` that is known replaced.
    fn applied(&mut self, text: &str, bound: &Bound) -> Result<String, Fault> {
        let mut values: Vec<(String, String)> = self.additional(bound)?;
        for (key, value) in self.values.clone() {
            let value = self.heap.take_value(&value)?;
            values.push((key, String::from_utf8_lossy(&self.heap.display(&value)?).into_owned()));
        }
        let lookup = |key: &str| {
            let of = |wanted: &str| {
                values
                    .iter()
                    .find(|(known, _)| known.eq_ignore_ascii_case(wanted))
                    .map(|(_, value)| value.clone())
            };
            of(key).or_else(|| of(&format!("instance.{key}"))).or_else(|| of(&format!("service.{key}")))
        };
        let replaced = substitute(text, &lookup);
        self.heap.charge(replaced.len())?;
        Ok(replaced)
    }

    /// Replaces in a file of the node. What it holds then is known only when it was read.
    async fn apply_on_file(&mut self, path: &str, bound: &Bound, span: Span) -> Result<(), Stop> {
        let read = NodeAction::File(FileAction::Read { path: path.to_owned() });
        let content = match self.perform(read, span).await? {
            Outcome::Bytes(content) => content,
            _ => {
                self.unsure.push(format!("<content of {path}>").into());
                let write = FileAction::Write { path: path.to_owned(), content: Vec::new(), append: false };
                let result = self.perform(NodeAction::File(write), span).await;
                self.unsure.pop();
                return result.map(|_| ());
            }
        };
        // What is not text holds no `$(key)`.
        let Ok(text) = String::from_utf8(content) else { return Ok(()) };
        let replaced = self.applied(&text, bound);
        let replaced = self.at(replaced, span)?;
        if replaced != text {
            let write =
                FileAction::Write { path: path.to_owned(), content: replaced.into_bytes(), append: false };
            self.perform(NodeAction::File(write), span).await?;
        }
        Ok(())
    }

    async fn apply_on_dir(&mut self, bound: &Bound, span: Span) -> Result<Val, Stop> {
        let path = bound.text(&self.heap, &["path"]);
        let path = self.at(path, span)?;
        let filter = match bound.get(&["filter"]) {
            Val::None => None,
            value => bytes_of(&value).map(|text| String::from_utf8_lossy(text).into_owned()),
        };
        let list =
            FileAction::List { path: path.clone(), recursive: true, files: true, directories: false, filter };
        let Outcome::Paths(paths) = self.perform(NodeAction::File(list), span).await? else {
            self.unsure.push(format!("<files in {path}>").into());
            let result = self.apply_on_file(&format!("{path}/*"), bound, span).await;
            self.unsure.pop();
            return result.map(|()| Val::None);
        };
        for path in paths {
            if !bound.is_false(&self.heap, &["changeContent"]) {
                self.apply_on_file(&path, bound, span).await?;
            }
            let renamed = self.applied(&path, bound);
            let to = self.at(renamed, span)?;
            if to != path && !bound.is_false(&self.heap, &["changeFileName"]) {
                self.done(NodeAction::File(FileAction::Move { from: path, to }), span).await?;
            }
        }
        Ok(Val::None)
    }
}
