//! Built-in functions and types.

mod kinds;
mod numbers;
mod order;
mod values;

use std::sync::Arc;

use ays_grammar::Span;

use super::args::Args;
use super::attributes::{EXCEPTION_INIT, OBJECT_INIT};
use super::heap::{Object, Val};
use super::text::bytes_of;
use super::{Interpreter, Stop};

const NAMES: [&str; 67] = [
    "abs",
    "all",
    "any",
    "apply",
    "basestring",
    "bin",
    "bool",
    "bytes",
    "callable",
    "chr",
    "classmethod",
    "cmp",
    "delattr",
    "dict",
    "divmod",
    "enumerate",
    "file",
    "filter",
    "float",
    "format",
    "frozenset",
    "getattr",
    "hasattr",
    "hash",
    "hex",
    "id",
    "int",
    "isinstance",
    "issubclass",
    "iter",
    "len",
    "list",
    "long",
    "map",
    "max",
    "min",
    "next",
    "object",
    "oct",
    "open",
    "ord",
    "pow",
    "print",
    "property",
    "range",
    "reduce",
    "repr",
    "reversed",
    "round",
    "set",
    "setattr",
    "slice",
    "sorted",
    "staticmethod",
    "str",
    "sum",
    "super",
    "tuple",
    "type",
    "unichr",
    "unicode",
    "vars",
    "xrange",
    "zip",
    "globals",
    "locals",
    "dir",
];

/// Built-in functions of Python that recipes have no use for here, or must not have.
const LEFT_OUT: [&str; 10] =
    ["eval", "exec", "compile", "execfile", "__import__", "input", "raw_input", "reload", "exit", "quit"];

/// The built-in of a name.
pub(super) fn named(name: &str) -> Option<&'static str> {
    NAMES.into_iter().chain(LEFT_OUT).find(|known| *known == name)
}

impl Interpreter {
    pub(super) async fn call_builtin(&mut self, name: &str, args: Args, span: Span) -> Result<Val, Stop> {
        if LEFT_OUT.contains(&name) || matches!(name, "globals" | "locals" | "dir" | "vars" | "slice") {
            return Err(self.unsupported(span, &format!("`{name}`")));
        }
        let first = args.at(0).cloned().unwrap_or(Val::None);
        match name {
            EXCEPTION_INIT => {
                let mut rest = args.positional;
                let this = if rest.is_empty() { Val::None } else { rest.remove(0) };
                let message = match &rest[..] {
                    [one] => one.clone(),
                    _ => Val::Bytes(b""[..].into()),
                };
                let args = self.heap.tuple(rest);
                let args = self.at(args, span)?;
                self.set_attribute(&this, "args", args, span)?;
                self.set_attribute(&this, "message", message, span)?;
                return Ok(Val::None);
            }
            OBJECT_INIT => return Ok(Val::None),
            "print" => return self.print_function(args, span).await,
            "open" | "file" => return self.open(&args, span).await,
            "map" | "filter" | "reduce" => return self.apply_all(name, args, span).await,
            "sorted" | "min" | "max" => return self.ordered(name, args, span).await,
            "isinstance" | "issubclass" => {
                let kind = args.needed(1, name).cloned();
                let kind = self.at(kind, span)?;
                let kinds = self.heap.classes_in(&kind);
                let kinds = self.at(kinds, span)?;
                let is_one = |kind: &Val| match &first {
                    Val::Ref(id) if name == "issubclass" => self.is_subclass(*id, kind),
                    _ => self.is_instance(&first, kind),
                };
                return Ok(match &first {
                    Val::Unknown(text) => Val::Unknown(Arc::clone(text)),
                    _ => Val::Bool(kinds.iter().any(is_one)),
                });
            }
            "getattr" | "hasattr" => return self.get_attribute(name, &args, span).await,
            "setattr" | "delattr" => {
                let attribute =
                    String::from_utf8_lossy(args.at(1).and_then(bytes_of).unwrap_or_default()).into_owned();
                match args.at(2) {
                    Some(value) if name == "setattr" => {
                        let value = value.clone();
                        self.set_attribute(&first, &attribute, value, span)?;
                    }
                    _ => self.delete_attribute(&first, &attribute, span)?,
                }
                return Ok(Val::None);
            }
            "apply" => {
                let rest = match args.at(1) {
                    Some(rest) => {
                        let rest = rest.clone();
                        self.iterate(&rest, span).await?
                    }
                    None => Vec::new(),
                };
                return self.call(first, Args::of(rest), span).await;
            }
            "super" => {
                let (Val::Ref(class), Some(this)) = (&first, args.at(1)) else {
                    return Err(self.unsupported(span, "`super` without a class and an instance"));
                };
                let object = Object::Super { class: *class, this: this.clone() };
                let object = self.heap.add(object);
                return self.at(object, span);
            }
            "type" if args.positional.len() == 1 => return Ok(self.type_of(&first)),
            "type" => return Err(self.unsupported(span, "making a class with `type`")),
            "property" | "staticmethod" | "classmethod" => {
                let kind = named(name).unwrap_or("property");
                let object = self.heap.add(Object::Decorated { kind, function: first });
                return self.at(object, span);
            }
            "str" | "unicode" | "repr" if !args.positional.is_empty() => {
                let method = if name == "repr" { "__repr__" } else { "__str__" };
                if self.has_method(&first, method) {
                    return self.call_named(&first, method, Args::default(), span).await;
                }
                if name != "repr" && self.has_method(&first, "__repr__") {
                    return self.call_named(&first, "__repr__", Args::default(), span).await;
                }
            }
            "len" if self.has_method(&first, "__len__") => {
                return self.call_named(&first, "__len__", Args::default(), span).await;
            }
            "object" => {
                let class = self.exceptions.get("object").copied();
                let object = class.map(|class| {
                    let attributes = super::heap::Names::new();
                    self.heap.add(Object::Instance { class, attributes })
                });
                return match object {
                    Some(object) => self.at(object, span),
                    None => Ok(Val::None),
                };
            }
            _ => {}
        }
        if let Some(text) = args.unknown()
            && !matches!(name, "dict" | "callable" | "id" | "repr")
        {
            return Ok(Val::Unknown(text));
        }
        let result = self.heap.builtin(name, &args);
        self.at(result, span)
    }

    /// A method of a type, called with its value: `str.upper('a')`, `dict.fromkeys(..)`.
    pub(super) async fn call_of_type(
        &mut self,
        kind: &str,
        method: &str,
        args: Args,
        span: Span,
    ) -> Result<Val, Stop> {
        if (kind, method) == ("dict", "fromkeys") {
            let value = args.at(1).cloned().unwrap_or(Val::None);
            let keys = args.at(0).cloned().unwrap_or(Val::None);
            let keys = self.iterate(&keys, span).await?;
            let dict = self.heap.dict(keys.into_iter().map(|key| (key, value.clone())).collect());
            return self.at(dict, span);
        }
        let mut args = args;
        if args.positional.is_empty() {
            let message = format!("descriptor '{method}' of '{kind}' object needs an argument");
            return Err(self.raise("TypeError", &message, span));
        }
        let this = args.positional.remove(0);
        self.call_named(&this, method, args, span).await
    }

    /// `print` as a function of Python 3.
    async fn print_function(&mut self, args: Args, span: Span) -> Result<Val, Stop> {
        let args = self.plain_args(args, span).await?;
        let text = |value: Option<&Val>, default: &str| match value {
            Some(value) if bytes_of(value).is_some() => bytes_of(value).unwrap_or_default().to_vec(),
            _ => default.as_bytes().to_vec(),
        };
        let (between, end) = (text(args.named("sep"), " "), text(args.named("end"), "\n"));
        let mut out = Vec::new();
        for (index, value) in args.positional.iter().enumerate() {
            if index > 0 {
                out.extend_from_slice(&between);
            }
            let shown = self.heap.display(value);
            out.extend(self.at(shown, span)?);
        }
        out.extend(end);
        match args.named("file") {
            Some(Val::Ref(id)) if matches!(self.heap.get(*id), Object::File(_)) => {
                let id = *id;
                self.write_file(id, &out, span)?;
            }
            _ => self.print(&out, span).await?,
        }
        Ok(Val::None)
    }

    async fn apply_all(&mut self, name: &str, args: Args, span: Span) -> Result<Val, Stop> {
        let mut args = args.positional.into_iter();
        let function = args.next().unwrap_or(Val::None);
        if name == "reduce" {
            let items = args.next().unwrap_or(Val::None);
            let mut items = self.iterate(&items, span).await?.into_iter();
            let Some(mut value) = args.next().or_else(|| items.next()) else {
                let message = "reduce() of empty sequence with no initial value";
                return Err(self.raise("TypeError", message, span));
            };
            for item in items {
                value = self.call(function.clone(), Args::of(vec![value, item]), span).await?;
            }
            return Ok(value);
        }
        let mut columns = Vec::new();
        for container in args {
            if matches!(container, Val::Unknown(_)) {
                return Ok(container);
            }
            columns.push((container.clone(), self.iterate(&container, span).await?));
        }
        let longest = columns.iter().map(|(_, items)| items.len()).max().unwrap_or(0);
        let mut made = Vec::new();
        for index in 0..longest {
            let row: Vec<Val> =
                columns.iter().map(|(_, items)| items.get(index).cloned().unwrap_or(Val::None)).collect();
            let value = match &function {
                Val::None if name == "filter" || row.len() == 1 => row[0].clone(),
                Val::None => {
                    let tuple = self.heap.tuple(row.clone());
                    self.at(tuple, span)?
                }
                function => self.call(function.clone(), Args::of(row.clone()), span).await?,
            };
            if name == "map" {
                made.push(value);
            } else if self.heap.truth(&value) == Some(true) {
                made.push(row[0].clone());
            }
        }
        let result = match columns.first() {
            Some((container @ (Val::Bytes(_) | Val::Text(_)), _)) if name == "filter" => {
                let items = self.heap.list(made);
                let items = self.at(items, span)?;
                let empty = match container {
                    Val::Text(_) => Val::Text("".into()),
                    _ => Val::Bytes(b""[..].into()),
                };
                return self.call_named(&empty, "join", Args::of(vec![items]), span).await;
            }
            Some((Val::Ref(id), _)) if name == "filter" && matches!(self.heap.get(*id), Object::Tuple(_)) => {
                self.heap.tuple(made)
            }
            _ => self.heap.list(made),
        };
        self.at(result, span)
    }
}
