//! Built-in functions that call nothing of the script.

use ays_grammar::actions::Operator;
use num_bigint::BigInt;
use num_traits::Signed;

use super::numbers::round;
use crate::interpreter::args::Args;
use crate::interpreter::compare::as_float;
use crate::interpreter::heap::{Fault, Heap, Object, Pairs, Val};
use crate::interpreter::operators::big;
use crate::interpreter::sequences::index_of;
use crate::interpreter::text::{bytes_of, decode};

impl Heap {
    /// Calls a built-in function that calls nothing of the script.
    pub(super) fn builtin(&mut self, name: &str, args: &Args) -> Result<Val, Fault> {
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
                    Val::Text(decode(&text)?)
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
                    None => Pairs::new(),
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
}
