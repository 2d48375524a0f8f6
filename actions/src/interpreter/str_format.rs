//! `'{} {name[0]!r:>5}'.format(..)`, and `format`.

use super::args::Args;
use super::heap::{Fault, Heap, Object, Val};
use super::text::{Mixed, bytes_of};

impl Heap {
    /// `'{} {name[0]!r:>5}'.format(..)`
    pub(super) fn format(&mut self, template: &Val, args: &Args) -> Result<Val, Fault> {
        let Some(text) = bytes_of(template).map(|bytes| String::from_utf8_lossy(bytes).into_owned()) else {
            return Ok(Val::None);
        };
        let mut out = Mixed::new(matches!(template, Val::Text(_)));
        let (mut unknown, mut next) = (false, 0);
        let mut rest = text.as_str();
        while let Some(at) = rest.find(['{', '}']) {
            out.push_str(&rest[..at]);
            let (brace, behind) = rest[at..].split_at(1);
            if let Some(after) = behind.strip_prefix(brace) {
                out.push_str(brace);
                rest = after;
                continue;
            }
            if brace == "}" {
                return Err(Fault::value_error("Single '}' encountered in format string"));
            }
            let mut open = 1_usize;
            let end = behind.find(|c| {
                match c {
                    '{' => open += 1,
                    '}' => open -= 1,
                    _ => {}
                }
                open == 0
            });
            let Some(end) = end else {
                return Err(Fault::value_error("Single '{' encountered in format string"));
            };
            let field = &behind[..end];
            rest = &behind[end + 1..];
            let (field, spec) = field.split_once(':').unwrap_or((field, ""));
            let (name, conversion) = field.split_once('!').unwrap_or((field, ""));
            let mut value = self.field(name, args, &mut next)?;
            // Widths may be fields themselves.
            let mut full = String::new();
            let mut left = spec;
            while let Some((before, after)) = left.split_once('{') {
                let (name, after) = after.split_once('}').unwrap_or((after, ""));
                let inner = self.field(name, args, &mut next)?;
                full += before;
                full += &String::from_utf8_lossy(&self.display(&inner)?);
                left = after;
            }
            full += left;
            if let Val::Unknown(text) = &value {
                self.charge(text.len())?;
                unknown = true;
                out.push_str(text);
                continue;
            }
            match conversion {
                "" => {}
                "r" => {
                    let shown = self.repr(&value)?;
                    value = self.str(&shown)?;
                }
                "s" => value = self.stringified(&value)?,
                _ => return Err(Fault::value_error("Unknown conversion specifier")),
            }
            let formatted = self.format_value(&value, &full)?;
            self.charge(bytes_of(&formatted).map_or(0, <[u8]>::len))?;
            out.push(&formatted);
        }
        out.push_str(rest);
        let formatted = out.finish(self)?;
        if unknown {
            let shown = String::from_utf8_lossy(bytes_of(&formatted).unwrap_or_default()).into_owned();
            return Ok(Val::Unknown(shown.into()));
        }
        Ok(formatted)
    }

    /// The value that a field of a format names: `0`, `name`, `name[key]`, nothing.
    fn field(&mut self, name: &str, args: &Args, next: &mut usize) -> Result<Val, Fault> {
        let (first, mut rest) = match name.find(['.', '[']) {
            Some(at) => name.split_at(at),
            None => (name, ""),
        };
        let mut value = if first.is_empty() {
            *next += 1;
            args.at(*next - 1)
                .cloned()
                .ok_or_else(|| Fault::Raise("IndexError", "tuple index out of range".to_owned()))?
        } else if let Ok(index) = first.parse::<usize>() {
            args.at(index)
                .cloned()
                .ok_or_else(|| Fault::Raise("IndexError", "tuple index out of range".to_owned()))?
        } else {
            match args.named(first) {
                Some(value) => value.clone(),
                None => return Err(Fault::NoKey(self.str(first)?)),
            }
        };
        while let Some(behind) = rest.strip_prefix('[') {
            let (key, after) =
                behind.split_once(']').ok_or_else(|| Fault::value_error("Missing ']' in format string"))?;
            let index = match key.parse::<i64>() {
                Ok(index) => Val::Int(index),
                Err(_) => self.str(key)?,
            };
            value = self.subscript(&value, &index)?;
            rest = after;
        }
        if let Some(attribute) = rest.strip_prefix('.') {
            let found = match &value {
                Val::Ref(id) => match self.get(*id) {
                    Object::Instance { attributes, .. } => attributes.get(attribute).cloned(),
                    _ => None,
                },
                _ => None,
            };
            let kind = self.type_name(&value);
            value = found.ok_or_else(|| {
                Fault::Raise("AttributeError", format!("'{kind}' object has no attribute '{attribute}'"))
            })?;
        }
        Ok(value)
    }

    /// `format(value, spec)`
    pub(super) fn format_value(&mut self, value: &Val, spec: &str) -> Result<Val, Fault> {
        if spec.is_empty() {
            return self.stringified(value);
        }
        super::format_spec::apply(self, value, spec)
    }
}
