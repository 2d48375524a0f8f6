//! `json`.

use std::sync::Arc;

use num_bigint::BigInt;
use serde_json::Value as Json;

use super::deep::{at_depth, deeper, on_own_stack};
use super::functions::Bound;
use super::heap::{Fault, Heap, Object, Val};
use super::sequences::index_of;
use super::text::{bytes_of, float};

impl Heap {
    pub(super) fn json_loads(&mut self, text: &str) -> Result<Val, Fault> {
        self.charge(text.len())?;
        let json: Json = on_own_stack(|| serde_json::from_str(text))
            .map_err(|error| Fault::value_error(format!("No JSON object could be decoded: {error}")))?;
        self.of_json(&json)
    }

    fn of_json(&mut self, json: &Json) -> Result<Val, Fault> {
        Ok(match json {
            Json::Null => Val::None,
            Json::Bool(value) => Val::Bool(*value),
            Json::Number(number) => match (number.as_i64(), number.to_string().parse::<BigInt>()) {
                (Some(small), _) => Val::Int(small),
                (None, Ok(big)) => Val::Long(Arc::new(big)),
                _ => Val::Float(number.as_f64().unwrap_or_default()),
            },
            Json::String(text) => {
                self.charge(text.len())?;
                Val::Text(text.as_str().into())
            }
            Json::Array(items) => {
                let items = items.iter().map(|item| deeper(|| self.of_json(item)));
                let items = items.collect::<Result<_, _>>()?;
                self.list(items)?
            }
            Json::Object(pairs) => {
                let mut made = Vec::new();
                for (key, value) in pairs {
                    made.push((Val::Text(key.as_str().into()), deeper(|| self.of_json(value))?));
                }
                self.dict(made)?
            }
        })
    }

    pub(super) fn json_dumps(&mut self, bound: &Bound) -> Result<Val, Fault> {
        let indent = index_of(&bound.get(&["indent"])).and_then(|count| usize::try_from(count).ok());
        let sorted = bound.is_true(self, &["sort_keys"]);
        let (mut between, mut behind) =
            (if indent.is_some() { "," } else { ", " }.to_owned(), ": ".to_owned());
        if let Val::Ref(id) = bound.get(&["separators"])
            && let Object::Tuple(parts) = self.get(id)
            && let [one, other] = &parts[..]
        {
            let text =
                |value: &Val| String::from_utf8_lossy(bytes_of(value).unwrap_or_default()).into_owned();
            (between, behind) = (text(one), text(other));
        }
        // Python 2 leaves the blank behind a comma at a line's end.
        if indent.is_some() && between == "," {
            between = ", ".to_owned();
        }
        let style = Style { indent: indent.map(|count| count.min(64)), sorted, between, behind };
        let text = self.to_json(&bound.get(&["obj"]), &style, 0)?;
        self.str(&text)
    }

    fn to_json(&self, value: &Val, style: &Style, depth: usize) -> Result<String, Fault> {
        self.step(1)?;
        let shown = at_depth(depth, || self.to_json_text(value, style, depth))?;
        // Each of its bytes is copied once more where it lies in something.
        self.charge(shown.len())?;
        Ok(shown)
    }

    fn to_json_text(&self, value: &Val, style: &Style, depth: usize) -> Result<String, Fault> {
        if let Some(bytes) = bytes_of(value) {
            self.charge(bytes.len().saturating_mul(6))?;
        }
        Ok(match value {
            Val::None => "null".to_owned(),
            Val::Bool(value) => value.to_string(),
            Val::Int(number) => number.to_string(),
            Val::Long(number) => number.to_string(),
            Val::Float(number) if number.is_nan() => "NaN".to_owned(),
            Val::Float(number) if number.is_infinite() => {
                if *number > 0.0 {
                    "Infinity".to_owned()
                } else {
                    "-Infinity".to_owned()
                }
            }
            Val::Float(number) => float(*number, 17),
            _ if bytes_of(value).is_some() => {
                string(&String::from_utf8_lossy(bytes_of(value).unwrap_or_default()))
            }
            Val::Ref(id) => match self.get(*id) {
                Object::List(items) | Object::Tuple(items) => {
                    let items = items.iter().map(|item| self.to_json(item, style, depth + 1));
                    let items = items.collect::<Result<Vec<_>, _>>()?;
                    self.charge(style.size(items.len(), depth))?;
                    style.bracketed('[', &items, ']', depth)
                }
                Object::Dict(pairs) => {
                    let mut made = Vec::new();
                    for (key, value) in pairs.values() {
                        let name = match key {
                            _ if bytes_of(key).is_some() => {
                                String::from_utf8_lossy(bytes_of(key).unwrap_or_default()).into_owned()
                            }
                            Val::None | Val::Bool(_) | Val::Int(_) | Val::Long(_) | Val::Float(_) => {
                                self.to_json(key, style, depth + 1)?
                            }
                            _ => return Err(Fault::type_error("keys must be a string")),
                        };
                        made.push((name, self.to_json(value, style, depth + 1)?));
                    }
                    if style.sorted {
                        made.sort();
                    }
                    self.charge(style.size(made.len(), depth))?;
                    let pairs =
                        made.iter().map(|(key, value)| format!("{}{}{value}", string(key), style.behind));
                    style.bracketed('{', &pairs.collect::<Vec<_>>(), '}', depth)
                }
                _ => {
                    return Err(Fault::type_error(format!("{} is not JSON serializable", self.repr(value)?)));
                }
            },
            _ => return Err(Fault::type_error(format!("{} is not JSON serializable", self.repr(value)?))),
        })
    }
}

struct Style {
    indent: Option<usize>,
    sorted: bool,
    between: String,
    behind: String,
}

impl Style {
    /// How many bytes stand between so many items, and around them.
    fn size(&self, items: usize, depth: usize) -> usize {
        let line = self.indent.unwrap_or(0).saturating_mul(depth + 1);
        let one = self.between.len().saturating_add(self.behind.len()).saturating_add(line);
        one.saturating_mul(items + 1)
    }

    fn bracketed(&self, open: char, items: &[String], close: char, depth: usize) -> String {
        match self.indent {
            Some(indent) if !items.is_empty() => {
                let line = |depth: usize| format!("\n{}", " ".repeat(indent * depth));
                let between = format!("{}{}", self.between, line(depth + 1));
                format!("{open}{}{}{}{close}", line(depth + 1), items.join(&between), line(depth))
            }
            _ => format!("{open}{}{close}", items.join(&self.between)),
        }
    }
}

/// A text as Python writes it: all that is not ASCII is escaped.
fn string(text: &str) -> String {
    let mut out = String::from('"');
    for unit in text.encode_utf16() {
        match char::from_u32(u32::from(unit)) {
            Some('"') => out.push_str("\\\""),
            Some('\\') => out.push_str("\\\\"),
            Some('\n') => out.push_str("\\n"),
            Some('\r') => out.push_str("\\r"),
            Some('\t') => out.push_str("\\t"),
            Some('\u{8}') => out.push_str("\\b"),
            Some('\u{c}') => out.push_str("\\f"),
            Some(c) if (' '..='\u{7f}').contains(&c) => out.push(c),
            _ => out.push_str(&format!("\\u{unit:04x}")),
        }
    }
    out.push('"');
    out
}
