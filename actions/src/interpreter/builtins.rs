//! Built-in functions and types.

use std::sync::Arc;

use ays_grammar::Span;
use ays_grammar::actions::Operator;
use num_bigint::BigInt;
use num_traits::{Signed, ToPrimitive};

use super::args::Args;
use super::attributes::{EXCEPTION_INIT, OBJECT_INIT};
use super::compare::{as_float, float_to_int};
use super::heap::{Fault, Heap, Id, Object, Val, type_named};
use super::operators::big;
use super::sequences::index_of;
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

    /// `sorted`, `min` and `max`, with their `key` and `cmp`.
    async fn ordered(&mut self, name: &str, args: Args, span: Span) -> Result<Val, Stop> {
        let key = args.named("key").cloned().unwrap_or(Val::None);
        if let Some(text) = args.unknown() {
            return Ok(Val::Unknown(text));
        }
        if name == "sorted" {
            let values = args.at(0).cloned().unwrap_or(Val::None);
            let values = self.iterate(&values, span).await?;
            let values = self.sort(values, &args, 1, span).await?;
            let list = self.heap.list(values);
            return self.at(list, span);
        }
        let values = match &args.positional[..] {
            [one] => {
                let one = one.clone();
                self.iterate(&one, span).await?
            }
            several => several.to_vec(),
        };
        let mut best: Option<(Val, Val)> = None;
        for value in values {
            let rank = match &key {
                Val::None => value.clone(),
                key => self.call(key.clone(), Args::of(vec![value.clone()]), span).await?,
            };
            let better = match &best {
                None => true,
                Some((best, _)) => {
                    let order = self.heap.order(&rank, best);
                    let order = self.at(order, span)?;
                    if name == "min" { order.is_lt() } else { order.is_gt() }
                }
            };
            if better {
                best = Some((rank, value));
            }
        }
        match best {
            Some((_, value)) => Ok(value),
            None => Err(self.raise("ValueError", &format!("{name}() arg is an empty sequence"), span)),
        }
    }

    /// Sorts values by `cmp`, `key` and `reverse`; `at` is where these stand by position.
    async fn sort(&mut self, values: Vec<Val>, args: &Args, at: usize, span: Span) -> Result<Vec<Val>, Stop> {
        let compare = args.or(at, "cmp", &Val::None).clone();
        let key = args.or(at + 1, "key", &Val::None).clone();
        let reverse = self.heap.truth(args.or(at + 2, "reverse", &Val::None)) == Some(true);
        let mut ranked: Vec<(Val, Val)> = Vec::with_capacity(values.len());
        for value in values {
            let rank = match &key {
                Val::None => value.clone(),
                key => self.call(key.clone(), Args::of(vec![value.clone()]), span).await?,
            };
            ranked.push((rank, value));
        }
        // Equal values keep their order, also from the back.
        if reverse {
            ranked.reverse();
        }
        // What is compared need not be in any order at all, which the sort of the standard library does not take.
        let mut length = 1;
        while length < ranked.len() {
            let mut merged = Vec::with_capacity(ranked.len());
            for run in ranked.chunks(2 * length) {
                let (one, other) = run.split_at(length.min(run.len()));
                let (mut left, mut right) = (one.iter().peekable(), other.iter().peekable());
                while let (Some(first), Some(second)) = (left.peek(), right.peek()) {
                    let is_less = self.is_less(&compare, &second.0, &first.0, span).await?;
                    merged.extend(if is_less { right.next() } else { left.next() }.cloned());
                }
                merged.extend(left.chain(right).cloned());
            }
            ranked = merged;
            length *= 2;
        }
        if reverse {
            ranked.reverse();
        }
        Ok(ranked.into_iter().map(|(_, value)| value).collect())
    }

    async fn is_less(&mut self, compare: &Val, one: &Val, other: &Val, span: Span) -> Result<bool, Stop> {
        if let Val::None = compare {
            let order = self.heap.order(one, other);
            return Ok(self.at(order, span)?.is_lt());
        }
        let args = Args::of(vec![one.clone(), other.clone()]);
        let order = self.call(compare.clone(), args, span).await?;
        Ok(index_of(&order).unwrap_or(0) < 0)
    }

    pub(super) async fn sort_method(&mut self, id: Id, args: Args, span: Span) -> Result<Val, Stop> {
        let values = self.heap.items(&Val::Ref(id));
        let values = self.at(values, span)?;
        let sorted = self.sort(values, &args, 0, span).await?;
        if let Object::List(items) = self.heap.get_mut(id) {
            *items = sorted;
        }
        Ok(Val::None)
    }

    fn type_of(&self, value: &Val) -> Val {
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

    fn is_subclass(&self, class: Id, kind: &Val) -> bool {
        match kind {
            Val::Ref(id) => self.heap.lineage(class).contains(id),
            Val::Builtin("object") => true,
            _ => false,
        }
    }

    fn is_instance(&self, value: &Val, kind: &Val) -> bool {
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

    async fn get_attribute(&mut self, name: &str, args: &Args, span: Span) -> Result<Val, Stop> {
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

impl Heap {
    /// Calls a built-in function that calls nothing of the script.
    fn builtin(&mut self, name: &str, args: &Args) -> Result<Val, Fault> {
        let first = args.at(0).cloned();
        let needed = || args.needed(0, name).cloned();
        Ok(match name {
            "len" => {
                let value = needed()?;
                match self.length(&value)? {
                    Some(length) => Val::Int(i64::try_from(length).unwrap_or(i64::MAX)),
                    None => {
                        let message = format!("object of type '{}' has no len()", self.type_name(&value));
                        return Err(Fault::type_error(message));
                    }
                }
            }
            "range" | "xrange" => {
                let number = |value: &Val| {
                    index_of(value).ok_or_else(|| Fault::type_error("range() integer argument expected"))
                };
                let (start, stop, step) = match &args.positional[..] {
                    [stop] => (0, number(stop)?, 1),
                    [start, stop] => (number(start)?, number(stop)?, 1),
                    [start, stop, step] => (number(start)?, number(stop)?, number(step)?),
                    _ => return Err(Fault::type_error("range expected 1 to 3 arguments")),
                };
                if name == "xrange" && step != 0 {
                    return self.add(Object::Range { start, stop, step });
                }
                let numbers = self.range(start, stop, step)?;
                self.list(numbers)?
            }
            "str" | "bytes" => match first {
                None => self.str("")?,
                Some(Val::Text(text)) if !text.is_ascii() => {
                    let at = text.chars().position(|c| !c.is_ascii()).unwrap_or_default();
                    let code = text.chars().nth(at).map_or(0, u32::from);
                    let escape =
                        if code > 0xff { format!("\\u{code:04x}") } else { format!("\\x{code:02x}") };
                    let message = format!(
                        "'ascii' codec can't encode character u'{escape}' in position {at}: ordinal not in range(128)"
                    );
                    return Err(Fault::Raise("UnicodeEncodeError", message));
                }
                Some(Val::Text(text)) => self.str(&text)?,
                Some(value) => self.stringified(&value)?,
            },
            "unicode" => match first {
                None => Val::Text("".into()),
                Some(value) => {
                    let text = self.display(&value)?;
                    Val::Text(super::text::decode(&text)?)
                }
            },
            "repr" => {
                let shown = self.repr(&needed()?)?;
                self.str(&shown)?
            }
            "int" | "long" => self.integer(name, args)?,
            "float" => match needed()? {
                value if as_float(&value).is_some() => Val::Float(as_float(&value).unwrap_or_default()),
                value if bytes_of(&value).is_some() => {
                    let text = String::from_utf8_lossy(bytes_of(&value).unwrap_or_default()).into_owned();
                    let number = text.trim().parse().map_err(|_| {
                        Fault::value_error(format!("could not convert string to float: {}", text.trim()))
                    })?;
                    Val::Float(number)
                }
                value => {
                    let name = self.type_name(&value);
                    let message = format!("float() argument must be a string or a number, not '{name}'");
                    return Err(Fault::type_error(message));
                }
            },
            "bool" => Val::Bool(first.is_some_and(|value| self.truth(&value) == Some(true))),
            "list" | "tuple" => {
                let items = match first {
                    Some(value) => self.items(&value)?,
                    None => Vec::new(),
                };
                if name == "list" { self.list(items)? } else { self.tuple(items)? }
            }
            "set" | "frozenset" => {
                let pairs = match first {
                    Some(value) => self.set_of(&value)?,
                    None => super::heap::Pairs::new(),
                };
                self.add(Object::Set(pairs, name == "frozenset"))?
            }
            "dict" => {
                let mut pairs = match first {
                    Some(value) => self.pairs_of(&value)?,
                    None => Vec::new(),
                };
                for (name, value) in &args.named {
                    pairs.push((self.str(name)?, value.clone()));
                }
                self.dict(pairs)?
            }
            "enumerate" => {
                let start = index_of(args.or(1, "start", &Val::Int(0))).unwrap_or(0);
                let mut made = Vec::new();
                for (index, item) in self.items(&needed()?)?.into_iter().enumerate() {
                    let index = Val::Int(start.saturating_add(i64::try_from(index).unwrap_or(i64::MAX)));
                    made.push(self.tuple(vec![index, item])?);
                }
                self.add(Object::Iterator { items: made, at: 0 })?
            }
            "zip" => {
                let columns =
                    args.positional.iter().map(|value| self.items(value)).collect::<Result<Vec<_>, _>>()?;
                let shortest = columns.iter().map(Vec::len).min().unwrap_or(0);
                let mut rows = Vec::new();
                for index in 0..shortest {
                    rows.push(self.tuple(columns.iter().map(|column| column[index].clone()).collect())?);
                }
                self.list(rows)?
            }
            "reversed" => {
                let mut items = self.items(&needed()?)?;
                items.reverse();
                self.add(Object::Iterator { items, at: 0 })?
            }
            "iter" => {
                let items = self.items(&needed()?)?;
                self.add(Object::Iterator { items, at: 0 })?
            }
            "next" => match (self.next(&needed()?), args.at(1)) {
                (Err(Fault::Raise("StopIteration", _)), Some(default)) => default.clone(),
                (result, _) => result?,
            },
            "sum" => {
                let mut sum = args.at(1).cloned().unwrap_or(Val::Int(0));
                for item in self.items(&needed()?)? {
                    sum = self.binary(Operator::Add, &sum, &item, false)?;
                }
                sum
            }
            "any" | "all" => {
                let wanted = name == "any";
                let mut undecided = None;
                for item in self.items(&needed()?)? {
                    match self.truth(&item) {
                        Some(truth) if truth == wanted => return Ok(Val::Bool(wanted)),
                        Some(_) => {}
                        None => undecided = Some(item),
                    }
                }
                undecided.unwrap_or(Val::Bool(!wanted))
            }
            "abs" => match needed()? {
                Val::Float(number) => Val::Float(number.abs()),
                value => match big(&value) {
                    Some(number) if number.is_negative() => {
                        self.binary(Operator::Subtract, &Val::Int(0), &value, false)?
                    }
                    Some(_) => self.binary(Operator::Add, &Val::Int(0), &value, false)?,
                    None => {
                        let message = format!("bad operand type for abs(): '{}'", self.type_name(&value));
                        return Err(Fault::type_error(message));
                    }
                },
            },
            "ord" => {
                let value = needed()?;
                let code = match &value {
                    Val::Bytes(bytes) if bytes.len() == 1 => u32::from(bytes[0]),
                    Val::Text(text) if text.chars().count() == 1 => text.chars().next().map_or(0, u32::from),
                    _ => return Err(Fault::type_error("ord() expected a character")),
                };
                Val::Int(i64::from(code))
            }
            "chr" => {
                let byte = index_of(&needed()?).and_then(|code| u8::try_from(code).ok());
                let byte = byte.ok_or_else(|| Fault::value_error("chr() arg not in range(256)"))?;
                self.bytes(&[byte])?
            }
            "unichr" => {
                let code =
                    index_of(&needed()?).and_then(|code| u32::try_from(code).ok()).and_then(char::from_u32);
                let code = code.ok_or_else(|| Fault::value_error("unichr() arg not in range(0x110000)"))?;
                Val::Text(code.encode_utf8(&mut [0; 4]).into())
            }
            "hex" | "oct" | "bin" => {
                let value = needed()?;
                let number = big(&value).ok_or_else(|| {
                    Fault::type_error(format!("{name}() argument can't be converted to {name}"))
                })?;
                let (prefix, radix) = match name {
                    "hex" => ("0x", 16),
                    "oct" if number == BigInt::from(0) => ("", 8),
                    "oct" => ("0", 8),
                    _ => ("0b", 2),
                };
                let sign = if number.is_negative() { "-" } else { "" };
                let long = if matches!(value, Val::Long(_)) && name != "bin" { "L" } else { "" };
                let text = format!("{sign}{prefix}{}{long}", number.abs().to_str_radix(radix));
                self.str(&text)?
            }
            "pow" => {
                let result = self.binary(Operator::Power, &needed()?, args.needed(1, name)?, false)?;
                match args.at(2) {
                    Some(modulus) => self.binary(Operator::Modulo, &result, modulus, false)?,
                    None => result,
                }
            }
            "divmod" => {
                let (one, other) = (needed()?, args.needed(1, name)?.clone());
                let quotient = self.binary(Operator::FloorDivide, &one, &other, false)?;
                let rest = self.binary(Operator::Modulo, &one, &other, false)?;
                self.tuple(vec![quotient, rest])?
            }
            "round" => {
                let value = needed()?;
                let number = as_float(&value).ok_or_else(|| Fault::type_error("a float is required"))?;
                let digits = i32::try_from(args.at(1).and_then(index_of).unwrap_or(0)).unwrap_or(0);
                Val::Float(round(number, digits))
            }
            "cmp" => Val::Int(match self.order(&needed()?, args.needed(1, name)?)? {
                std::cmp::Ordering::Less => -1,
                std::cmp::Ordering::Equal => 0,
                std::cmp::Ordering::Greater => 1,
            }),
            "callable" => Val::Bool(match needed()? {
                Val::Builtin(_) | Val::Host(_) => true,
                Val::Ref(id) => matches!(
                    self.get(id),
                    Object::Function(_)
                        | Object::Method { .. }
                        | Object::ValueMethod { .. }
                        | Object::Class(_)
                ),
                _ => false,
            }),
            "format" => {
                let spec = args.at(1).and_then(bytes_of).unwrap_or_default();
                let spec = String::from_utf8_lossy(spec).into_owned();
                self.format_value(&needed()?, &spec)?
            }
            "hash" | "id" => {
                let key = self.key(&needed()?)?;
                let mut hasher = std::hash::DefaultHasher::new();
                std::hash::Hash::hash(&key, &mut hasher);
                Val::Int(i64::try_from(std::hash::Hasher::finish(&hasher) >> 1).unwrap_or(0))
            }
            _ => return Err(Fault::Ended(format!("`{name}` is not supported in actions"))),
        })
    }

    /// `int` and `long`.
    fn integer(&mut self, name: &str, args: &Args) -> Result<Val, Fault> {
        let value = args.at(0).cloned().unwrap_or(Val::Int(0));
        let long = name == "long";
        let number = if let Some(number) = big(&value) {
            number
        } else if let Val::Float(number) = value {
            if !number.is_finite() {
                let message = format!(
                    "cannot convert float {} to integer",
                    if number.is_nan() { "NaN" } else { "infinity" }
                );
                return Err(if number.is_nan() {
                    Fault::value_error(message)
                } else {
                    Fault::Raise("OverflowError", message)
                });
            }
            float_to_int(number)
        } else if let Some(bytes) = bytes_of(&value) {
            let text = String::from_utf8_lossy(bytes).into_owned();
            let base = args.or(1, "base", &Val::Int(10));
            let base = index_of(base).and_then(|base| u32::try_from(base).ok()).unwrap_or(10);
            self.charge(text.len())?;
            self.step(
                u64::try_from(text.len())
                    .unwrap_or(u64::MAX)
                    .saturating_mul(u64::try_from(text.len()).unwrap_or(u64::MAX))
                    / 4096,
            )?;
            parse_integer(&text, base).ok_or_else(|| {
                Fault::value_error(format!(
                    "invalid literal for {name}() with base {base}: {}",
                    self.repr(&Val::Bytes(bytes.into())).unwrap_or_default()
                ))
            })?
        } else {
            let kind = self.type_name(&value);
            let message = format!("{name}() argument must be a string or a number, not '{kind}'");
            return Err(Fault::type_error(message));
        };
        Ok(match number.to_i64() {
            Some(small) if !long => Val::Int(small),
            _ => Val::Long(Arc::new(number)),
        })
    }
}

fn parse_integer(text: &str, base: u32) -> Option<BigInt> {
    let text = text.trim();
    let (sign, digits) = match text.strip_prefix('-') {
        Some(digits) => (-1, digits),
        None => (1, text.strip_prefix('+').unwrap_or(text)),
    };
    let digits = digits.to_lowercase();
    let prefixed = |prefix: &str| digits.strip_prefix(prefix).map(str::to_owned);
    let (base, digits) = match base {
        16 => (16, prefixed("0x").unwrap_or(digits)),
        8 => (8, prefixed("0o").unwrap_or(digits)),
        2 => (2, prefixed("0b").unwrap_or(digits)),
        0 => match (prefixed("0x"), prefixed("0o"), prefixed("0b")) {
            (Some(digits), ..) => (16, digits),
            (_, Some(digits), _) => (8, digits),
            (.., Some(digits)) => (2, digits),
            _ if digits.len() > 1 && digits.starts_with('0') => (8, digits),
            _ => (10, digits),
        },
        3..=36 => (base, digits),
        _ => return None,
    };
    if digits.is_empty() || !digits.chars().all(|digit| digit.is_digit(base)) {
        return None;
    }
    BigInt::parse_bytes(digits.as_bytes(), base).map(|number| number * sign)
}

/// Halves go away from zero, as in Python 2.
fn round(number: f64, digits: i32) -> f64 {
    if !number.is_finite() {
        return number;
    }
    if !(0..=15).contains(&digits) {
        let scale = 10f64.powi(digits);
        return if scale == 0.0 || !scale.is_finite() { number } else { (number * scale).round() / scale };
    }
    // What the number is to so many digits, its exact value looked at: 2.675 is a little less.
    let digits = usize::try_from(digits).unwrap_or(0);
    let exact = format!("{:.60}", number.abs());
    let Some((_, decimals)) = exact.split_once('.') else { return number };
    let is_half = decimals
        .get(digits..)
        .is_some_and(|rest| rest.starts_with('5') && rest[1..].bytes().all(|b| b == b'0'));
    let text = if is_half {
        let scale = 10f64.powi(i32::try_from(digits).unwrap_or(0));
        format!("{:.digits$}", (number.abs() * scale).round() / scale)
    } else {
        format!("{:.digits$}", number.abs())
    };
    text.parse::<f64>().unwrap_or(number).copysign(number)
}
