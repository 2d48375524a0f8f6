//! Values as keys of dicts and sets.

use std::sync::Arc;

use super::deep::at_depth;
use super::heap::{Fault, Heap, Key, Object, Val};

impl Heap {
    /// A value as a key.
    pub(super) fn key(&self, value: &Val) -> Result<Key, Fault> {
        Ok(match value {
            Val::None => Key::None,
            Val::Bool(value) => Key::Int(i64::from(*value)),
            Val::Int(value) => Key::Int(*value),
            Val::Long(value) => {
                i64::try_from(&**value).map_or_else(|_| Key::Long(Arc::clone(value)), Key::Int)
            }
            #[expect(clippy::cast_possible_truncation, reason = "only whole numbers within i64")]
            Val::Float(value) if value.fract() == 0.0 && value.abs() < 9e18 => Key::Int(*value as i64),
            Val::Float(value) => Key::Float(value.to_bits()),
            Val::Bytes(bytes) => {
                self.pass(bytes.len())?;
                Key::Bytes(Arc::clone(bytes))
            }
            Val::Text(text) if text.is_ascii() => {
                self.charge(text.len())?;
                Key::Bytes(text.as_bytes().into())
            }
            Val::Text(text) => {
                self.pass(text.len())?;
                Key::Text(Arc::clone(text))
            }
            Val::Host(name) | Val::Unknown(name) => {
                self.pass(name.len())?;
                Key::Name(Arc::clone(name))
            }
            Val::Builtin(name) => Key::Name((*name).into()),
            Val::Ref(id) => match self.get(*id) {
                Object::Tuple(_) | Object::Set(_, true) => {
                    let mut written = Vec::new();
                    self.write_key(value, 0, &mut written)?;
                    Key::Several(written.into())
                }
                Object::List(_) | Object::Dict(_) | Object::Set(..) => {
                    let message = format!("unhashable type: '{}'", self.type_name(value));
                    return Err(Fault::type_error(message));
                }
                _ => Key::Object(*id),
            },
        })
    }

    /// Appends a value to what is written of a key. Two values are written alike where they are equal.
    fn write_key(&self, value: &Val, depth: usize, out: &mut Vec<u8>) -> Result<(), Fault> {
        self.step(1)?;
        at_depth(depth, || {
            if let Val::Ref(id) = value {
                match self.get(*id) {
                    Object::Tuple(items) => {
                        self.write_part(b't', &items.len().to_be_bytes(), out)?;
                        return items.iter().try_for_each(|item| self.write_key(item, depth + 1, out));
                    }
                    Object::Set(pairs, true) => {
                        let mut keys = Vec::new();
                        for (item, _) in pairs.values() {
                            let mut key = Vec::new();
                            self.write_key(item, depth + 1, &mut key)?;
                            keys.push(key);
                        }
                        // The items of a set have no order.
                        keys.sort();
                        self.write_part(b's', &keys.len().to_be_bytes(), out)?;
                        return keys.iter().try_for_each(|key| self.write_part(b'k', key, out));
                    }
                    _ => {}
                }
            }
            match self.key(value)? {
                Key::None => self.write_part(b'0', &[], out),
                Key::Int(number) => self.write_part(b'i', &number.to_be_bytes(), out),
                Key::Long(number) => self.write_part(b'l', &number.to_signed_bytes_be(), out),
                Key::Float(bits) => self.write_part(b'f', &bits.to_be_bytes(), out),
                Key::Bytes(bytes) => self.write_part(b'b', &bytes, out),
                Key::Text(text) => self.write_part(b'u', text.as_bytes(), out),
                Key::Name(name) => self.write_part(b'n', name.as_bytes(), out),
                Key::Object(id) => self.write_part(b'o', &id.0.to_be_bytes(), out),
                Key::Several(written) => self.write_part(b'k', &written, out),
            }
        })
    }

    /// What it is, and how long, stands before it: no two keys run into each other.
    fn write_part(&self, kind: u8, bytes: &[u8], out: &mut Vec<u8>) -> Result<(), Fault> {
        self.charge(bytes.len() + 1 + size_of::<usize>())?;
        out.push(kind);
        out.extend(bytes.len().to_be_bytes());
        out.extend(bytes);
        Ok(())
    }
}
