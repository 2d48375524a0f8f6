//! What a value is, and what it has: `type`, `isinstance`, `getattr` and their like.

use std::sync::Arc;

use ays_grammar::Span;

use crate::interpreter::args::Args;
use crate::interpreter::heap::{Id, Object, Val, type_named};
use crate::interpreter::text::bytes_of;
use crate::interpreter::{Interpreter, Stop};

impl Interpreter {
    pub(super) fn type_of(&self, value: &Val) -> Val {
        if let Val::Ref(id) = value
            && let Object::Instance { class, .. } = self.heap.get(*id)
        {
            return Val::Ref(*class);
        }
        match value {
            Val::Unknown(text) => Val::Unknown(Arc::clone(text)),
            _ => type_named(self.heap.type_name(value)).map_or(Val::Builtin("type"), Val::Builtin),
        }
    }

    pub(super) fn is_subclass(&self, class: Id, kind: &Val) -> bool {
        match kind {
            Val::Ref(id) => self.heap.lineage(class).any(|above| above == *id),
            Val::Builtin("object") => true,
            _ => false,
        }
    }

    pub(super) fn is_instance(&self, value: &Val, kind: &Val) -> bool {
        if let Val::Ref(id) = value
            && let Object::Instance { class, .. } = self.heap.get(*id)
        {
            return self.is_subclass(*class, kind);
        }
        let Val::Builtin(kind) = kind else { return false };
        let name = self.heap.type_name(value);
        match *kind {
            "object" => true,
            "basestring" => matches!(name, "str" | "unicode"),
            "bytes" => name == "str",
            "int" => matches!(name, "int" | "bool"),
            kind => name == kind,
        }
    }

    pub(super) async fn get_attribute(&mut self, name: &str, args: &Args, span: Span) -> Result<Val, Stop> {
        let value = args.at(0).cloned().unwrap_or(Val::None);
        let attribute =
            String::from_utf8_lossy(args.at(1).and_then(bytes_of).unwrap_or_default()).into_owned();
        let found = match &value {
            Val::Host(path) => {
                let path = crate::table::full_name(&format!("{path}.{attribute}"));
                let known = crate::table::find(&path).is_some();
                known.then(|| self.host_value(&path).unwrap_or_else(|| Val::Host(path.into())))
            }
            _ => Box::pin(self.find_attribute(&value, &attribute, span)).await?,
        };
        match (name, found, args.at(2)) {
            ("hasattr", found, _) => Ok(Val::Bool(found.is_some())),
            (_, Some(found), _) => Ok(found),
            (_, None, Some(default)) => Ok(default.clone()),
            (_, None, None) => {
                let error = self.no_attribute(&value, &attribute);
                Err(self.stop(error, span))
            }
        }
    }
}
