//! Items of values: one after the other, by index, and in slices.

use std::sync::Arc;

use num_traits::ToPrimitive;

use super::heap::{Fault, Heap, Object, TEXT, Val};

/// The bounds of a slice, as they were given.
#[derive(Debug, Clone)]
pub(super) struct Slice {
    pub(super) start: Option<i64>,
    pub(super) stop: Option<i64>,
    pub(super) step: Option<i64>,
}

impl Slice {
    /// The first index and the end, of so many items.
    fn bounds(&self, length: usize) -> (i64, i64, i64) {
        let step = self.step.unwrap_or(1);
        let length = i64::try_from(length).unwrap_or(i64::MAX);
        let bound = |given: Option<i64>, default: i64| match given {
            None => default,
            Some(at) if at < 0 => at.saturating_add(length).max(if step < 0 { -1 } else { 0 }),
            Some(at) => at.min(if step < 0 { length - 1 } else { length }),
        };
        if step > 0 {
            (bound(self.start, 0), bound(self.stop, length), step)
        } else {
            (bound(self.start, length - 1), bound(self.stop, -1), step)
        }
    }

    /// How many indices the slice stands for.
    fn count(&self, length: usize) -> usize {
        let (first, end, step) = self.bounds(length);
        let distance = if step > 0 { end.saturating_sub(first) } else { first.saturating_sub(end) };
        let count = u64::try_from(distance).unwrap_or(0).div_ceil(step.unsigned_abs().max(1));
        usize::try_from(count).unwrap_or(usize::MAX)
    }

    /// The indices that the slice stands for, of so many items.
    fn indices(&self, length: usize) -> Result<Vec<usize>, Fault> {
        let (first, _, step) = self.bounds(length);
        if step == 0 {
            return Err(Fault::value_error("slice step cannot be zero"));
        }
        let count = self.count(length);
        let at = |index: usize| {
            first.saturating_add(step.saturating_mul(i64::try_from(index).unwrap_or(i64::MAX)))
        };
        Ok((0..count).map(|index| usize::try_from(at(index)).unwrap_or_default()).collect())
    }

    /// The part of a list that a value is put in place of; none for a slice with a step.
    fn part(&self, length: usize) -> Option<(usize, usize)> {
        if self.step.is_some_and(|step| step != 1) {
            return None;
        }
        let size = i64::try_from(length).unwrap_or(i64::MAX);
        let bound = |given: Option<i64>, default: i64| match given {
            None => default,
            Some(at) if at < 0 => at.saturating_add(size).max(0),
            Some(at) => at.min(size),
        };
        let start = usize::try_from(bound(self.start, 0)).unwrap_or(0);
        let stop = usize::try_from(bound(self.stop, size)).unwrap_or(0);
        Some((start, stop.max(start)))
    }
}

/// A whole number that fits, as indices do.
pub(super) fn index_of(value: &Val) -> Option<i64> {
    match value {
        Val::Bool(value) => Some(i64::from(*value)),
        Val::Int(value) => Some(*value),
        Val::Long(value) => Some(value.to_i64().unwrap_or(if value.sign() == num_bigint::Sign::Minus {
            i64::MIN
        } else {
            i64::MAX
        })),
        _ => None,
    }
}

impl Heap {
    /// All items of a value that a `for` can go through.
    pub(super) fn items(&mut self, value: &Val) -> Result<Vec<Val>, Fault> {
        // An item of a text is a text of its own.
        match value {
            Val::Bytes(bytes) => self.charge(bytes.len().saturating_mul(TEXT))?,
            Val::Text(text) => self.charge(text.len().saturating_mul(TEXT))?,
            Val::Ref(id) => match self.get(*id) {
                Object::Tuple(items) | Object::List(items) | Object::Iterator { items, .. } => {
                    self.charge(items.len().saturating_mul(size_of::<Val>()))?;
                }
                Object::Dict(pairs) | Object::Set(pairs, _) => {
                    self.charge(pairs.len().saturating_mul(size_of::<Val>()))?;
                }
                Object::File(file) => {
                    let content = file.content.as_deref().unwrap_or_default();
                    let lines = memchr::memchr_iter(b'\n', content).count() + 1;
                    self.charge(lines.saturating_mul(TEXT).saturating_add(content.len()))?;
                }
                _ => {}
            },
            _ => {}
        }
        let items = match value {
            Val::Bytes(bytes) => bytes.iter().map(|byte| Val::Bytes([*byte].into())).collect(),
            Val::Text(text) => text.chars().map(|c| Val::Text(c.encode_utf8(&mut [0; 4]).into())).collect(),
            Val::Ref(id) => match self.get_mut(*id) {
                Object::Tuple(items) | Object::List(items) => items.clone(),
                Object::Dict(pairs) | Object::Set(pairs, _) => {
                    pairs.values().map(|(key, _)| key.clone()).collect()
                }
                Object::Iterator { items, at } => {
                    let left = items.get(*at..).unwrap_or_default().to_vec();
                    *at = items.len();
                    left
                }
                Object::Range { start, stop, step } => {
                    let (start, stop, step) = (*start, *stop, *step);
                    return self.range(start, stop, step);
                }
                Object::File(file) => {
                    let content = file.content.clone().unwrap_or_default();
                    let rest = content.get(file.at..).unwrap_or_default();
                    file.at = content.len();
                    rest.split_inclusive(|byte| *byte == b'\n').map(|line| Val::Bytes(line.into())).collect()
                }
                _ => return Err(self.not_iterable(value)),
            },
            _ => return Err(self.not_iterable(value)),
        };
        Ok(items)
    }

    fn not_iterable(&self, value: &Val) -> Fault {
        Fault::type_error(format!("'{}' object is not iterable", self.type_name(value)))
    }

    /// The numbers of a `range`.
    pub(super) fn range(&mut self, start: i64, stop: i64, step: i64) -> Result<Vec<Val>, Fault> {
        if step == 0 {
            return Err(Fault::value_error("range() step argument must not be zero"));
        }
        let object = self.add(Object::Range { start, stop, step })?;
        let count = self.length(&object)?.unwrap_or(0);
        self.charge(count.saturating_mul(size_of::<Val>()))?;
        let mut numbers = Vec::with_capacity(count);
        let mut at = start;
        for _ in 0..count {
            numbers.push(Val::Int(at));
            at = at.saturating_add(step);
        }
        Ok(numbers)
    }

    /// `value[index]`
    pub(super) fn subscript(&mut self, value: &Val, index: &Val) -> Result<Val, Fault> {
        if let Val::Unknown(text) = value {
            return Ok(Val::Unknown(Arc::clone(text)));
        }
        if let Val::Unknown(text) = index {
            return Ok(Val::Unknown(Arc::clone(text)));
        }
        if let Val::Ref(id) = value
            && let Object::Dict(pairs) = self.get(*id)
        {
            return match pairs.get(&self.key(index)?) {
                Some((_, found)) => Ok(found.clone()),
                None => Err(Fault::NoKey(index.clone())),
            };
        }
        let Some(length) = self.length(value)?.filter(|_| !self.is_set(value)) else {
            let message = format!("'{}' object has no attribute '__getitem__'", self.type_name(value));
            return Err(Fault::type_error(message));
        };
        let at = self.position(value, index, length)?;
        Ok(match value {
            Val::Bytes(bytes) => Val::Bytes([bytes[at]].into()),
            Val::Text(text) => {
                let character = if text.is_ascii() {
                    text.as_bytes().get(at).copied().map(char::from)
                } else {
                    self.walk(at)?;
                    text.chars().nth(at)
                };
                let character = character.unwrap_or_default();
                Val::Text(character.encode_utf8(&mut [0; 4]).into())
            }
            Val::Ref(id) => match self.get(*id) {
                Object::Tuple(items) | Object::List(items) => items[at].clone(),
                Object::Range { start, step, .. } => {
                    Val::Int(start.saturating_add(step.saturating_mul(i64::try_from(at).unwrap_or(i64::MAX))))
                }
                _ => Val::None,
            },
            _ => Val::None,
        })
    }

    fn is_set(&self, value: &Val) -> bool {
        matches!(value, Val::Ref(id) if matches!(self.get(*id), Object::Set(..)))
    }

    /// An index, from the end where it is negative, as a place among so many items.
    fn position(&self, value: &Val, index: &Val, length: usize) -> Result<usize, Fault> {
        let kind = match value {
            Val::Bytes(_) | Val::Text(_) => "string",
            _ => self.type_name(value),
        };
        let Some(at) = index_of(index) else {
            let message = format!("{kind} indices must be integers, not {}", self.type_name(index));
            return Err(Fault::type_error(message));
        };
        let from_end = i64::try_from(length).unwrap_or(i64::MAX);
        let at = if at < 0 { at.saturating_add(from_end) } else { at };
        usize::try_from(at)
            .ok()
            .filter(|at| *at < length)
            .ok_or_else(|| Fault::Raise("IndexError", format!("{kind} index out of range")))
    }

    /// `value[start:stop:step]`
    pub(super) fn slice(&mut self, value: &Val, slice: &Slice) -> Result<Val, Fault> {
        let length = if matches!(value, Val::Unknown(_)) { None } else { self.length(value)? };
        self.charge(slice.count(length.unwrap_or(0)).saturating_mul(size_of::<usize>() + size_of::<Val>()))?;
        match value {
            Val::Unknown(text) => Ok(Val::Unknown(Arc::clone(text))),
            Val::Bytes(bytes) => {
                let bytes = Arc::clone(bytes);
                let part: Vec<u8> = slice.indices(bytes.len())?.into_iter().map(|at| bytes[at]).collect();
                self.bytes(&part)
            }
            Val::Text(text) => {
                self.charge(text.len().saturating_mul(size_of::<char>()))?;
                let characters: Vec<char> = text.chars().collect();
                let part: String =
                    slice.indices(characters.len())?.into_iter().map(|at| characters[at]).collect();
                self.charge(part.len() + TEXT)?;
                Ok(Val::Text(part.into()))
            }
            Val::Ref(id) => {
                let (items, is_list) = match self.get(*id) {
                    Object::List(items) => (items, true),
                    Object::Tuple(items) => (items, false),
                    _ => return Err(Fault::type_error("unhashable type: 'slice'")),
                };
                let part: Vec<Val> =
                    slice.indices(items.len())?.into_iter().map(|at| items[at].clone()).collect();
                if is_list { self.list(part) } else { self.tuple(part) }
            }
            _ => {
                let message = format!("'{}' object has no attribute '__getitem__'", self.type_name(value));
                Err(Fault::type_error(message))
            }
        }
    }

    /// `container[index] = value`
    pub(super) fn set_item(&mut self, container: &Val, index: &Val, value: Val) -> Result<(), Fault> {
        let refused = || {
            let message = format!("'{}' object does not support item assignment", self.type_name(container));
            Err(Fault::type_error(message))
        };
        let Val::Ref(id) = container else { return refused() };
        match self.get(*id) {
            Object::List(items) => {
                let at = self
                    .position(container, index, items.len())
                    .map_err(|fault| assignment(fault, "list assignment index out of range"))?;
                if let Object::List(items) = self.get_mut(*id) {
                    items[at] = value;
                }
                Ok(())
            }
            Object::Dict(_) => {
                let key = self.key(index)?;
                self.charge(4 * size_of::<Val>())?;
                if let Object::Dict(pairs) = self.get_mut(*id) {
                    match pairs.get_mut(&key) {
                        Some((_, old)) => *old = value,
                        None => _ = pairs.insert(key, (index.clone(), value)),
                    }
                }
                Ok(())
            }
            _ => refused(),
        }
    }

    /// `container[slice] = values`
    pub(super) fn set_slice(&mut self, container: &Val, slice: &Slice, values: &Val) -> Result<(), Fault> {
        let values = self.items(values)?;
        let Val::Ref(id) = container else {
            return Err(Fault::type_error("object does not support slice assignment"));
        };
        self.walk(self.length(container)?.unwrap_or(0))?;
        let Object::List(items) = self.get_mut(*id) else {
            return Err(Fault::type_error("object does not support slice assignment"));
        };
        if let Some((start, stop)) = slice.part(items.len()) {
            items.splice(start..stop, values);
            return Ok(());
        }
        let indices = slice.indices(items.len())?;
        if indices.len() != values.len() {
            let (given, wanted) = (values.len(), indices.len());
            let message =
                format!("attempt to assign sequence of size {given} to extended slice of size {wanted}");
            return Err(Fault::value_error(message));
        }
        for (at, value) in indices.into_iter().zip(values) {
            items[at] = value;
        }
        Ok(())
    }

    /// `del container[index]`
    pub(super) fn delete_item(&mut self, container: &Val, index: &Val) -> Result<(), Fault> {
        let Val::Ref(id) = container else {
            return Err(Fault::type_error("object doesn't support item deletion"));
        };
        match self.get(*id) {
            Object::List(items) => {
                let at = self
                    .position(container, index, items.len())
                    .map_err(|fault| assignment(fault, "list assignment index out of range"))?;
                self.walk(items.len())?;
                if let Object::List(items) = self.get_mut(*id) {
                    items.remove(at);
                }
                Ok(())
            }
            Object::Dict(_) => {
                let key = self.key(index)?;
                let Object::Dict(pairs) = self.get(*id) else { return Ok(()) };
                self.walk(pairs.len())?;
                let Object::Dict(pairs) = self.get_mut(*id) else { return Ok(()) };
                pairs.shift_remove(&key).map(|_| ()).ok_or_else(|| Fault::NoKey(index.clone()))
            }
            _ => Err(Fault::type_error("object doesn't support item deletion")),
        }
    }

    /// `del container[slice]`
    pub(super) fn delete_slice(&mut self, container: &Val, slice: &Slice) -> Result<(), Fault> {
        let Val::Ref(id) = container else {
            return Err(Fault::type_error("object doesn't support slice deletion"));
        };
        self.charge(self.length(container)?.unwrap_or(0).saturating_mul(size_of::<usize>() + 1))?;
        let Object::List(items) = self.get_mut(*id) else {
            return Err(Fault::type_error("object doesn't support slice deletion"));
        };
        let length = items.len();
        let mut goes = vec![false; length];
        slice.indices(length)?.into_iter().for_each(|at| goes[at] = true);
        let mut goes = goes.into_iter();
        items.retain(|_| !goes.next().unwrap_or(false));
        Ok(())
    }
}

fn assignment(fault: Fault, message: &str) -> Fault {
    match fault {
        Fault::Raise("IndexError", _) => Fault::Raise("IndexError", message.to_owned()),
        other => other,
    }
}
