//! Values as text: `str` and `repr`, as Python 2.7 writes them.

use std::sync::Arc;

use super::deep::at_depth;
use super::heap::{Fault, Heap, Object, Val, is_type};

/// A text in the making: bytes, or, once a `unicode` has come in, characters.
#[derive(Debug, Default)]
pub(super) struct Mixed {
    bytes: Vec<u8>,
    is_text: bool,
}

impl Mixed {
    pub(super) fn new(is_text: bool) -> Self {
        Self { bytes: Vec::new(), is_text }
    }

    pub(super) fn push_str(&mut self, text: &str) {
        self.bytes.extend_from_slice(text.as_bytes());
    }

    pub(super) fn push_bytes(&mut self, bytes: &[u8]) {
        self.bytes.extend_from_slice(bytes);
    }

    /// Appends a `str` or `unicode` as it is.
    pub(super) fn push(&mut self, value: &Val) {
        match value {
            Val::Bytes(bytes) => self.push_bytes(bytes),
            Val::Text(text) => {
                self.is_text = true;
                self.push_str(text);
            }
            _ => {}
        }
    }

    pub(super) fn finish(self, heap: &mut Heap) -> Result<Val, Fault> {
        if self.is_text {
            heap.charge(self.bytes.len())?;
            return Ok(Val::Text(decode(&self.bytes)?));
        }
        heap.bytes(&self.bytes)
    }
}

/// Bytes as the characters they stand for.
pub(super) fn decode(bytes: &[u8]) -> Result<Arc<str>, Fault> {
    let text = std::str::from_utf8(bytes).map_err(|error| {
        let at = error.valid_up_to();
        let message = format!(
            "'utf8' codec can't decode byte 0x{:02x} in position {at}: invalid start byte",
            bytes.get(at).copied().unwrap_or_default()
        );
        Fault::Raise("UnicodeDecodeError", message)
    })?;
    Ok(text.into())
}

/// The bytes of a `str` or `unicode`.
pub(super) fn bytes_of(value: &Val) -> Option<&[u8]> {
    match value {
        Val::Bytes(bytes) => Some(bytes),
        Val::Text(text) => Some(text.as_bytes()),
        _ => None,
    }
}

impl Heap {
    /// What `str(value)` gives; a `unicode` stays one.
    pub(super) fn stringified(&mut self, value: &Val) -> Result<Val, Fault> {
        match value {
            Val::Bytes(_) | Val::Text(_) | Val::Unknown(_) => Ok(value.clone()),
            _ => {
                let text = self.display(value)?;
                self.bytes(&text)
            }
        }
    }

    /// A value as `print` shows it.
    pub(super) fn display(&self, value: &Val) -> Result<Vec<u8>, Fault> {
        self.display_at(value, &mut Vec::new())
    }

    fn display_at(&self, value: &Val, within: &mut Vec<Val>) -> Result<Vec<u8>, Fault> {
        self.step(1)?;
        at_depth(within.len(), || self.display_value(value, within))
    }

    fn display_value(&self, value: &Val, within: &mut Vec<Val>) -> Result<Vec<u8>, Fault> {
        Ok(match value {
            Val::Bytes(bytes) => {
                self.charge(bytes.len())?;
                bytes.to_vec()
            }
            Val::Text(text) | Val::Unknown(text) => {
                self.charge(text.len())?;
                text.as_bytes().to_vec()
            }
            Val::Long(number) => number.to_string().into_bytes(),
            Val::Float(number) => float(*number, 12).into_bytes(),
            Val::Ref(id) => match self.get(*id) {
                Object::Instance { class, attributes } if self.is_exception(*class) => {
                    let args = match attributes.get("args") {
                        Some(Val::Ref(args)) => match self.get(*args) {
                            Object::Tuple(args) => args.as_slice(),
                            _ => &[],
                        },
                        _ => &[],
                    };
                    let is_key = self.type_name(value) == "KeyError";
                    // An exception may hold itself.
                    within.push(value.clone());
                    let shown = match args {
                        [] => Vec::new(),
                        [key] if is_key => self.repr_at(key, within)?.into_bytes(),
                        [arg] => self.display_at(arg, within)?,
                        [Val::Int(number), text] if self.is_kind_of(*class, "EnvironmentError") => {
                            let text = self.display_at(text, within)?;
                            format!("[Errno {number}] {}", String::from_utf8_lossy(&text)).into_bytes()
                        }
                        _ => format!("({})", self.repr_all(args, within)?.join(", ")).into_bytes(),
                    };
                    within.pop();
                    shown
                }
                _ => self.repr_at(value, within)?.into_bytes(),
            },
            _ => self.repr_at(value, within)?.into_bytes(),
        })
    }

    /// What `repr(value)` gives.
    pub(super) fn repr(&self, value: &Val) -> Result<String, Fault> {
        self.repr_at(value, &mut Vec::new())
    }

    fn repr_at(&self, value: &Val, within: &mut Vec<Val>) -> Result<String, Fault> {
        self.step(1)?;
        // Each of its bytes may need ten.
        if let Some(bytes) = bytes_of(value) {
            self.charge(bytes.len().saturating_mul(10))?;
        }
        Ok(match value {
            Val::None => "None".to_owned(),
            Val::Bool(true) => "True".to_owned(),
            Val::Bool(false) => "False".to_owned(),
            Val::Int(number) => number.to_string(),
            Val::Long(number) => format!("{number}L"),
            Val::Float(number) => float(*number, 17),
            Val::Bytes(bytes) => quoted(bytes),
            Val::Text(text) => quoted_text(text),
            Val::Unknown(text) => text.to_string(),
            Val::Host(name) => format!("<module '{name}'>"),
            Val::Builtin(name) if is_type(name) => format!("<type '{name}'>"),
            Val::Builtin(name) => format!("<built-in function {name}>"),
            Val::Ref(id) => {
                let shown = at_depth(within.len(), || self.repr_object(value, *id, within))?;
                self.charge(shown.len())?;
                return Ok(shown);
            }
        })
    }

    fn repr_object(&self, value: &Val, id: super::heap::Id, within: &mut Vec<Val>) -> Result<String, Fault> {
        let is_within = within.iter().any(|outer| matches!(outer, Val::Ref(outer) if *outer == id));
        within.push(value.clone());
        let shown = match self.get(id) {
            Object::Tuple(_) if is_within => "(...)".to_owned(),
            Object::List(_) if is_within => "[...]".to_owned(),
            Object::Dict(_) if is_within => "{...}".to_owned(),
            Object::Tuple(items) => match &self.repr_all(items, within)?[..] {
                [one] => format!("({one},)"),
                items => format!("({})", items.join(", ")),
            },
            Object::List(items) => format!("[{}]", self.repr_all(items, within)?.join(", ")),
            Object::Dict(pairs) => {
                let mut shown = Vec::new();
                for (key, value) in pairs.values() {
                    shown.push(format!("{}: {}", self.repr_at(key, within)?, self.repr_at(value, within)?));
                }
                format!("{{{}}}", shown.join(", "))
            }
            Object::Set(pairs, frozen) => {
                let items: Vec<Val> = pairs.values().map(|(key, _)| key.clone()).collect();
                let name = if *frozen { "frozenset" } else { "set" };
                format!("{name}([{}])", self.repr_all(&items, within)?.join(", "))
            }
            Object::Function(function) => format!("<function {}>", function.def.name),
            Object::Class(class) => format!("<class '{}'>", class.name),
            Object::Range { start, stop, step } => match (start, step) {
                (0, 1) => format!("xrange({stop})"),
                (_, 1) => format!("xrange({start}, {stop})"),
                _ => format!("xrange({start}, {stop}, {step})"),
            },
            Object::Instance { .. } if is_within => format!("<{} object>", self.type_name(value)),
            Object::Instance { class, attributes } if self.is_exception(*class) => {
                let args = match attributes.get("args") {
                    Some(args) => self.repr_at(args, within)?,
                    None => "()".to_owned(),
                };
                format!("{}{args}", self.type_name(value))
            }
            Object::File(file) => format!("<file '{}'>", file.path),
            Object::Service(service) => service.to_string(),
            _ => format!("<{} object>", self.type_name(value)),
        };
        within.pop();
        Ok(shown)
    }

    fn repr_all(&self, items: &[Val], within: &mut Vec<Val>) -> Result<Vec<String>, Fault> {
        items.iter().map(|item| self.repr_at(item, within)).collect()
    }

    /// Whether a class is one of exceptions.
    pub(super) fn is_exception(&self, class: super::heap::Id) -> bool {
        self.is_kind_of(class, "BaseException")
    }

    /// Whether a class, or one of its bases, has a name.
    pub(super) fn is_kind_of(&self, class: super::heap::Id, name: &str) -> bool {
        self.lineage(class).any(|id| matches!(self.get(id), Object::Class(class) if &*class.name == name))
    }
}

/// A `str` with quotes, as Python writes it.
fn quoted(bytes: &[u8]) -> String {
    let quote = if bytes.contains(&b'\'') && !bytes.contains(&b'"') { '"' } else { '\'' };
    let mut out = String::from(quote);
    for byte in bytes {
        push_escaped(&mut out, u32::from(*byte), quote);
    }
    out.push(quote);
    out
}

fn quoted_text(text: &str) -> String {
    let quote = if text.contains('\'') && !text.contains('"') { '"' } else { '\'' };
    let mut out = format!("u{quote}");
    for character in text.chars() {
        push_escaped(&mut out, u32::from(character), quote);
    }
    out.push(quote);
    out
}

fn push_escaped(out: &mut String, code: u32, quote: char) {
    match char::from_u32(code) {
        Some('\n') => out.push_str("\\n"),
        Some('\r') => out.push_str("\\r"),
        Some('\t') => out.push_str("\\t"),
        Some('\\') => out.push_str("\\\\"),
        Some(character) if character == quote => out.extend(['\\', character]),
        Some(character) if matches!(character, ' '..='~') => out.push(character),
        _ if code > 0xffff => out.push_str(&format!("\\U{code:08x}")),
        _ if code > 0xff => out.push_str(&format!("\\u{code:04x}")),
        _ => out.push_str(&format!("\\x{code:02x}")),
    }
}

/// A float as `str` (12 digits) or `repr` (17: as many as are needed) writes it.
pub(super) fn float(number: f64, digits: usize) -> String {
    if number.is_nan() {
        return "nan".to_owned();
    }
    if number.is_infinite() {
        return if number > 0.0 { "inf".to_owned() } else { "-inf".to_owned() };
    }
    // Rust writes as many digits as tell the number from its neighbours, as `repr` does.
    let scientific =
        if digits >= 17 { format!("{number:e}") } else { format!("{number:.*e}", digits.saturating_sub(1)) };
    let Some((mantissa, exponent)) = scientific.split_once('e') else { return scientific };
    let exponent: i32 = exponent.parse().unwrap_or_default();
    // Python writes an exponent where `.0` would be one digit too many.
    let limit = if digits >= 17 { 16 } else { i32::try_from(digits).unwrap_or(12) - 1 };
    let negative = mantissa.starts_with('-');
    let mut figures: String = mantissa.chars().filter(char::is_ascii_digit).collect();
    let kept = figures.trim_end_matches('0').len().max(1);
    figures.truncate(kept);
    let body = if exponent < -4 || exponent >= limit {
        let (first, rest) = figures.split_at(1);
        let dot = if rest.is_empty() { "" } else { "." };
        let sign = if exponent < 0 { '-' } else { '+' };
        format!("{first}{dot}{rest}e{sign}{:02}", exponent.abs())
    } else if exponent < 0 {
        let zeros = usize::try_from(-exponent - 1).unwrap_or_default();
        format!("0.{}{figures}", "0".repeat(zeros))
    } else {
        let whole = usize::try_from(exponent).unwrap_or_default() + 1;
        if figures.len() <= whole {
            format!("{figures}{}.0", "0".repeat(whole - figures.len()))
        } else {
            let (before, behind) = figures.split_at(whole);
            format!("{before}.{behind}")
        }
    };
    if negative { format!("-{body}") } else { body }
}
