//! Attributes of values.

use ays_grammar::Span;

use ays_model::Fact;

use crate::action::ServiceKey;

use super::args::Args;
use super::heap::{Fault, Id, Object, Val};
use super::{Interpreter, Stop};

/// What makes an instance of a class that has no `__init__` of its own.
pub(super) const EXCEPTION_INIT: &str = "BaseException.__init__";
pub(super) const OBJECT_INIT: &str = "object.__init__";

/// Whether values of a type have a method.
fn has_method(kind: &str, name: &str) -> bool {
    const TEXT: &str = "lower upper swapcase capitalize title strip lstrip rstrip split rsplit splitlines partition \
                        rpartition join replace find index rfind rindex count startswith endswith isdigit isalpha \
                        isalnum isspace islower isupper ljust rjust center zfill expandtabs encode decode format";
    const DICT: &str = "keys iterkeys values itervalues items iteritems get has_key setdefault pop popitem update copy \
                        clear";
    const SET: &str = "union update intersection intersection_update difference difference_update \
                       symmetric_difference symmetric_difference_update issubset issuperset isdisjoint copy add \
                       remove discard pop clear";
    let known = match kind {
        "str" | "unicode" => TEXT,
        "list" => "append extend insert remove pop reverse index count sort",
        "tuple" => "index count",
        "dict" => DICT,
        "set" | "frozenset" => SET,
        "iterator" => "next",
        "file" => "close flush write writelines read readline readlines xreadlines",
        "_sre.SRE_Pattern" => "match search findall finditer split sub",
        "_sre.SRE_Match" => "group groups groupdict start end span",
        // What these have, the table says.
        "Service" | "HRD" | "Actions" => return true,
        _ => "",
    };
    known.split_whitespace().any(|known| known == name)
}

impl Interpreter {
    pub(super) async fn attribute(&mut self, value: &Val, name: &str, span: Span) -> Result<Val, Stop> {
        match self.find_attribute(value, name, span).await? {
            Some(found) => Ok(found),
            None => {
                let error = self.no_attribute(value, name);
                Err(self.stop(error, span))
            }
        }
    }

    pub(super) fn no_attribute(&self, value: &Val, name: &str) -> Fault {
        let message = match value {
            Val::Ref(id) => match self.heap.get(*id) {
                Object::Class(class) if self.heap.is_kind_of(*id, "object") => {
                    format!("type object '{}' has no attribute '{name}'", class.name)
                }
                Object::Class(class) => format!("class {} has no attribute '{name}'", class.name),
                Object::Instance { class, .. } if !self.heap.is_kind_of(*class, "object") => {
                    format!("{} instance has no attribute '{name}'", self.heap.type_name(value))
                }
                _ => format!("'{}' object has no attribute '{name}'", self.heap.type_name(value)),
            },
            _ => format!("'{}' object has no attribute '{name}'", self.heap.type_name(value)),
        };
        Fault::Raise("AttributeError", message)
    }

    /// The attribute, where the value has it.
    pub(super) async fn find_attribute(
        &mut self,
        value: &Val,
        name: &str,
        span: Span,
    ) -> Result<Option<Val>, Stop> {
        let id = match value {
            Val::Unknown(text) => return Ok(Some(Val::Unknown(text.clone()))),
            Val::Host(path) => {
                let path = crate::table::full_name(&format!("{path}.{name}"));
                if path == "j.do.TYPE" {
                    return self.fact(Fact::Platform, span).await.map(Some);
                }
                return Ok(Some(self.host_value(&path).unwrap_or_else(|| Val::Host(path.into()))));
            }
            Val::Ref(id) => *id,
            Val::Builtin(builtin) if name == "__name__" => {
                return Ok(Some(Val::Bytes(builtin.as_bytes().into())));
            }
            Val::Builtin(builtin) if super::heap::is_type(builtin) => {
                return Ok(Some(Val::Host(format!("{builtin}.{name}").into())));
            }
            _ => return self.value_method(value, name, span),
        };
        match self.heap.get(id) {
            Object::Instance { class, attributes } => {
                if let Some(found) = attributes.get(name) {
                    return Ok(Some(found.clone()));
                }
                let class = *class;
                if name == "__class__" {
                    return Ok(Some(Val::Ref(class)));
                }
                if name == "__dict__" {
                    let pairs: Vec<_> = attributes
                        .iter()
                        .map(|(name, value)| (Val::Bytes(name.as_bytes().into()), value.clone()))
                        .collect();
                    let dict = self.heap.dict(pairs);
                    return self.at(dict, span).map(Some);
                }
                let Some((_, found)) = self.class_value(class, name) else { return Ok(None) };
                self.bind(value, class, found, span).await.map(Some)
            }
            Object::Class(class) => match name {
                "__name__" => Ok(Some(Val::Bytes(class.name.as_bytes().into()))),
                "__doc__" => Ok(Some(class.attributes.get(name).cloned().unwrap_or(Val::None))),
                _ => match self.class_value(id, name) {
                    Some((_, found)) => self.bind_to_class(id, found, span).map(Some),
                    None => Ok(None),
                },
            },
            Object::Super { class, this } => {
                let (class, this) = (*class, this.clone());
                let own = match &this {
                    Val::Ref(instance) => match self.heap.get(*instance) {
                        Object::Instance { class, .. } => *class,
                        _ => class,
                    },
                    _ => class,
                };
                let behind = self.heap.lineage(own).skip_while(|id| *id != class).skip(1).collect::<Vec<_>>();
                for id in behind {
                    if let Some((_, found)) = self.class_value(id, name) {
                        return self.bind(&this, own, found, span).await.map(Some);
                    }
                }
                Ok(None)
            }
            Object::Function(function) => Ok(match name {
                "__name__" | "func_name" => Some(Val::Bytes(function.def.name.as_bytes().into())),
                "__doc__" => Some(Val::None),
                _ => None,
            }),
            Object::Method { this, function } => {
                let (this, function) = (this.clone(), function.clone());
                match name {
                    "im_self" | "__self__" => Ok(Some(this)),
                    "im_func" | "__func__" => Ok(Some(function)),
                    _ => {
                        // A method may be one of a method.
                        let mut function = function;
                        while let Val::Ref(id) = function
                            && let Object::Method { function: inner, .. } = self.heap.get(id)
                        {
                            let step = self.heap.step(1);
                            function = inner.clone();
                            self.at(step, span)?;
                        }
                        Box::pin(self.find_attribute(&function, name, span)).await
                    }
                }
            }
            Object::File(file) => match name {
                "name" => Ok(Some(Val::Bytes(file.path.as_bytes().into()))),
                "closed" => Ok(Some(Val::Bool(file.closed))),
                _ => self.value_method(value, name, span),
            },
            Object::Service(key) => {
                let key = key.clone();
                self.service_attribute(value, &key, name, span)
            }
            Object::Regex { source, .. } if name == "pattern" => {
                Ok(Some(Val::Bytes(source.as_bytes().into())))
            }
            _ => self.value_method(value, name, span),
        }
    }

    /// A method of a value of the language.
    fn value_method(&mut self, value: &Val, name: &str, span: Span) -> Result<Option<Val>, Stop> {
        if matches!(value, Val::None | Val::Bool(_) | Val::Int(_) | Val::Long(_) | Val::Float(_)) {
            return Ok(None);
        }
        if !has_method(self.heap.type_name(value), name) {
            return Ok(None);
        }
        let method = Object::ValueMethod { this: value.clone(), name: name.into() };
        let method = self.heap.add(method);
        self.at(method, span).map(Some)
    }

    /// What a class or its bases have under a name: of the base class of recipes, a function of the table.
    pub(super) fn class_value(&self, class: Id, name: &str) -> Option<(Id, Val)> {
        if let Some(found) = self.heap.class_attribute(class, name) {
            return Some(found);
        }
        if name == "__init__" {
            let kind = if self.heap.is_exception(class) { EXCEPTION_INIT } else { OBJECT_INIT };
            return Some((class, Val::Builtin(kind)));
        }
        let base = self.base.filter(|base| self.heap.lineage(class).any(|id| id == *base))?;
        let path = format!("ActionsBase.{name}");
        crate::table::find(&path).map(|_| (base, Val::Host(path.into())))
    }

    /// Whether an instance's class has a method.
    pub(super) fn has_method(&self, value: &Val, name: &str) -> bool {
        let Val::Ref(id) = value else { return false };
        match self.heap.get(*id) {
            Object::Instance { class, .. } => self.heap.class_attribute(*class, name).is_some(),
            _ => false,
        }
    }

    /// A function of a class as a method of an instance.
    async fn bind(&mut self, this: &Val, class: Id, found: Val, span: Span) -> Result<Val, Stop> {
        let is_function = match &found {
            Val::Host(path) => path.starts_with("ActionsBase."),
            Val::Builtin(name) => [EXCEPTION_INIT, OBJECT_INIT].contains(name),
            Val::Ref(id) => match self.heap.get(*id) {
                Object::Function(_) => true,
                Object::Decorated { kind, function } => {
                    let (kind, function) = (*kind, function.clone());
                    return match kind {
                        "property" => self.call(function, Args::of(vec![this.clone()]), span).await,
                        "staticmethod" => Ok(function),
                        _ => {
                            let method = Object::Method { this: Val::Ref(class), function };
                            let method = self.heap.add(method);
                            self.at(method, span)
                        }
                    };
                }
                _ => false,
            },
            _ => false,
        };
        if !is_function {
            return Ok(found);
        }
        let method = self.heap.add(Object::Method { this: this.clone(), function: found });
        self.at(method, span)
    }

    fn bind_to_class(&mut self, class: Id, found: Val, span: Span) -> Result<Val, Stop> {
        let Val::Ref(id) = &found else { return Ok(found) };
        let Object::Decorated { kind, function } = self.heap.get(*id) else { return Ok(found) };
        let (kind, function) = (*kind, function.clone());
        if kind != "classmethod" {
            return Ok(function);
        }
        let method = self.heap.add(Object::Method { this: Val::Ref(class), function });
        self.at(method, span)
    }

    fn service_attribute(
        &mut self,
        value: &Val,
        key: &ServiceKey,
        name: &str,
        span: Span,
    ) -> Result<Option<Val>, Stop> {
        let object = match name {
            "hrd" => Object::Hrd(key.clone()),
            "actions" | "action_methods" => Object::ServiceActions(key.clone()),
            "name" | "instance" | "domain" => {
                let known = match (key, name) {
                    (ServiceKey::Other { name, .. }, "name") => Some(name.clone()),
                    (ServiceKey::Other { instance, .. }, "instance") => Some(instance.clone()),
                    (ServiceKey::Other { domain, .. }, _) => domain.clone(),
                    (ServiceKey::System, _) => None,
                    (ServiceKey::Own, _) => self.source.service.as_ref().map(|service| match name {
                        "name" => service.name.clone(),
                        "instance" => service.instance.clone(),
                        _ => service.domain.clone(),
                    }),
                };
                return Ok(Some(match known {
                    Some(text) => Val::Bytes(text.as_bytes().into()),
                    None => Val::Unknown(format!("<{name} of {key}>").into()),
                }));
            }
            _ => return self.value_method(value, name, span),
        };
        let object = self.heap.add(object);
        self.at(object, span).map(Some)
    }

    pub(super) fn set_attribute(
        &mut self,
        owner: &Val,
        name: &str,
        value: Val,
        span: Span,
    ) -> Result<(), Stop> {
        let charged = self.heap.charge(4 * size_of::<Val>());
        self.at(charged, span)?;
        if let Val::Ref(id) = owner
            && let Object::Instance { attributes, .. } | Object::Class(super::heap::Class { attributes, .. }) =
                self.heap.get_mut(*id)
        {
            attributes.insert(name.into(), value);
            return Ok(());
        }
        if matches!(owner, Val::Unknown(_)) {
            return Ok(());
        }
        let kind = self.heap.type_name(owner).to_owned();
        Err(self.unsupported(span, &format!("giving `.{name}` of a {kind} a value")))
    }

    pub(super) fn delete_attribute(&mut self, owner: &Val, name: &str, span: Span) -> Result<(), Stop> {
        let removed = match owner {
            Val::Ref(id) => match self.heap.get_mut(*id) {
                Object::Instance { attributes, .. } => attributes.shift_remove(name).is_some(),
                Object::Class(class) => class.attributes.shift_remove(name).is_some(),
                _ => false,
            },
            _ => false,
        };
        if removed {
            return Ok(());
        }
        let error = self.no_attribute(owner, name);
        Err(self.stop(error, span))
    }
}
