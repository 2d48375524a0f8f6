//! Values that go out, and that come in.

use std::sync::Arc;

use crate::value::Value;

use super::deep::deeper;
use super::heap::{Fault, Heap, Object, Val};

/// How deep values that go out may lie in each other.
const DEPTH: usize = 32;

impl Heap {
    /// A value as whoever runs the script sees it.
    pub(super) fn to_value(&self, value: &Val) -> Result<Value, Fault> {
        self.to_value_at(value, 0)
    }

    fn to_value_at(&self, value: &Val, depth: usize) -> Result<Value, Fault> {
        let other = || self.repr(value).map(Value::Other);
        let size = match value {
            Val::Bytes(bytes) => bytes.len(),
            Val::Text(text) | Val::Unknown(text) => text.len(),
            _ => 0,
        };
        self.charge(size_of::<Value>() + size)?;
        if depth > DEPTH {
            return other();
        }
        let inner = |value: &Val| deeper(|| self.to_value_at(value, depth + 1));
        Ok(match value {
            Val::None => Value::None,
            Val::Bool(value) => Value::Bool(*value),
            Val::Int(value) => Value::Int(*value),
            Val::Long(number) => match i64::try_from(&**number) {
                Ok(small) => Value::Int(small),
                Err(_) => other()?,
            },
            Val::Float(value) => Value::Float(*value),
            Val::Bytes(bytes) => Value::Str(String::from_utf8_lossy(bytes).into_owned()),
            Val::Text(text) => Value::Str(text.to_string()),
            Val::Unknown(text) => Value::Unknown(text.to_string()),
            Val::Host(_) | Val::Builtin(_) => other()?,
            Val::Ref(id) => match self.get(*id) {
                Object::Tuple(items) | Object::List(items) => {
                    Value::List(items.iter().map(inner).collect::<Result<_, _>>()?)
                }
                Object::Dict(pairs) => {
                    let out = |(key, value): &(Val, Val)| Ok((inner(key)?, inner(value)?));
                    Value::Dict(pairs.values().map(out).collect::<Result<_, _>>()?)
                }
                _ => other()?,
            },
        })
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
