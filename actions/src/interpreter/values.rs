//! Values that go out, and that come in.

use std::sync::Arc;

use crate::value::Value;

use super::heap::{Fault, Heap, Object, Val};

/// How deep values that go out may lie in each other.
const DEPTH: usize = 32;

impl Heap {
    /// A value as whoever runs the script sees it. Where the budget does not reach, the rest is left out: the next step of the
    /// script ends it.
    pub(super) fn to_value(&self, value: &Val) -> Value {
        self.to_value_at(value, 0)
    }

    fn to_value_at(&self, value: &Val, depth: usize) -> Value {
        let other = || Value::Other(self.repr(value).unwrap_or_default());
        let size = match value {
            Val::Bytes(bytes) => bytes.len(),
            Val::Text(text) | Val::Unknown(text) => text.len(),
            _ => 0,
        };
        if self.charge(size_of::<Value>() + size).is_err() {
            return Value::Other("...".to_owned());
        }
        if depth > DEPTH {
            return other();
        }
        match value {
            Val::None => Value::None,
            Val::Bool(value) => Value::Bool(*value),
            Val::Int(value) => Value::Int(*value),
            Val::Long(number) => i64::try_from(&**number).map_or_else(|_| other(), Value::Int),
            Val::Float(value) => Value::Float(*value),
            Val::Bytes(bytes) => Value::Str(String::from_utf8_lossy(bytes).into_owned()),
            Val::Text(text) => Value::Str(text.to_string()),
            Val::Unknown(text) => Value::Unknown(text.to_string()),
            Val::Host(_) | Val::Builtin(_) => other(),
            Val::Ref(id) => match self.get(*id) {
                Object::Tuple(items) | Object::List(items) => {
                    Value::List(items.iter().map(|item| self.to_value_at(item, depth + 1)).collect())
                }
                Object::Dict(pairs) => {
                    let out = |(key, value): &(Val, Val)| {
                        (self.to_value_at(key, depth + 1), self.to_value_at(value, depth + 1))
                    };
                    Value::Dict(pairs.values().map(out).collect())
                }
                _ => other(),
            },
        }
    }

    pub(super) fn take_value(&mut self, value: &Value) -> Result<Val, Fault> {
        Ok(match value {
            Value::None => Val::None,
            Value::Bool(value) => Val::Bool(*value),
            Value::Int(value) => Val::Int(*value),
            Value::Float(value) => Val::Float(*value),
            Value::Str(text) | Value::Other(text) => self.str(text)?,
            Value::Unknown(text) => Val::Unknown(Arc::from(text.as_str())),
            Value::List(items) => {
                let items = items.iter().map(|item| self.take_value(item)).collect::<Result<_, _>>()?;
                self.list(items)?
            }
            Value::Dict(pairs) => {
                let mut made = Vec::new();
                for (key, value) in pairs {
                    made.push((self.take_value(key)?, self.take_value(value)?));
                }
                self.dict(made)?
            }
        })
    }
}
