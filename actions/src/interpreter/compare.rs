//! Comparisons, truth and membership, as Python 2 has them: any two values can be ordered.

use std::cmp::Ordering;

use num_bigint::BigInt;
use num_traits::{ToPrimitive, Zero};

use super::deep::at_depth;
use super::heap::{Fault, Heap, Key, Object, Pairs, Val};
use super::text::bytes_of;

impl Heap {
    /// Whether a value counts as true; none for one that only a node can tell.
    pub(super) fn truth(&self, value: &Val) -> Option<bool> {
        Some(match value {
            Val::None => false,
            Val::Bool(value) => *value,
            Val::Int(value) => *value != 0,
            Val::Long(value) => !value.is_zero(),
            Val::Float(value) => *value != 0.0,
            Val::Bytes(bytes) => !bytes.is_empty(),
            Val::Text(text) => !text.is_empty(),
            Val::Unknown(_) => return None,
            Val::Host(_) | Val::Builtin(_) => true,
            Val::Ref(id) => match self.get(*id) {
                Object::Tuple(items) | Object::List(items) => !items.is_empty(),
                Object::Dict(pairs) | Object::Set(pairs, _) => !pairs.is_empty(),
                Object::Range { .. } => self.length(value).ok()?? > 0,
                _ => true,
            },
        })
    }

    /// How many items a value has; none for one that has no length.
    pub(super) fn length(&self, value: &Val) -> Result<Option<usize>, Fault> {
        Ok(Some(match value {
            Val::Bytes(bytes) => bytes.len(),
            Val::Text(text) => {
                self.pass(text.len())?;
                text.chars().count()
            }
            Val::Ref(id) => match self.get(*id) {
                Object::Tuple(items) | Object::List(items) => items.len(),
                Object::Dict(pairs) | Object::Set(pairs, _) => pairs.len(),
                Object::Range { start, stop, step } => {
                    let (distance, step) = if *step > 0 {
                        (i128::from(*stop) - i128::from(*start), i128::from(*step))
                    } else {
                        (i128::from(*start) - i128::from(*stop), -i128::from(*step))
                    };
                    let count = if distance <= 0 { 0 } else { (distance - 1) / step + 1 };
                    usize::try_from(count).unwrap_or(usize::MAX)
                }
                _ => return Ok(None),
            },
            _ => return Ok(None),
        }))
    }

    /// Whether two values are equal; none where only a node can tell.
    pub(super) fn equal(&self, left: &Val, right: &Val) -> Result<bool, Fault> {
        self.equal_at(left, right, 0)
    }

    fn equal_at(&self, left: &Val, right: &Val, depth: usize) -> Result<bool, Fault> {
        self.walk(4)?;
        at_depth(depth, || self.equal_values(left, right, depth))
    }

    fn equal_values(&self, left: &Val, right: &Val, depth: usize) -> Result<bool, Fault> {
        if let Some(order) = self.numbers(left, right)? {
            return Ok(order == Some(Ordering::Equal));
        }
        if let (Some(one), Some(other)) = (bytes_of(left), bytes_of(right)) {
            self.pass(one.len().min(other.len()))?;
            let alike = std::mem::discriminant(left) == std::mem::discriminant(right);
            return Ok(one == other && (alike || one.is_ascii()));
        }
        let (Val::Ref(one), Val::Ref(other)) = (left, right) else {
            return Ok(match (left, right) {
                (Val::None, Val::None) => true,
                (Val::Host(one), Val::Host(other)) => one == other,
                (Val::Builtin(one), Val::Builtin(other)) => one == other,
                _ => false,
            });
        };
        if one == other {
            return Ok(true);
        }
        match (self.get(*one), self.get(*other)) {
            (Object::Tuple(one), Object::Tuple(other)) | (Object::List(one), Object::List(other)) => {
                if one.len() != other.len() {
                    return Ok(false);
                }
                for (one, other) in one.iter().zip(other) {
                    if !self.equal_at(one, other, depth + 1)? {
                        return Ok(false);
                    }
                }
                Ok(true)
            }
            (Object::Dict(one), Object::Dict(other)) => {
                if one.len() != other.len() {
                    return Ok(false);
                }
                for (key, (_, value)) in one {
                    match other.get(key) {
                        Some((_, same)) if self.equal_at(value, same, depth + 1)? => {}
                        _ => return Ok(false),
                    }
                }
                Ok(true)
            }
            (Object::Set(one, _), Object::Set(other, _)) => {
                self.walk(one.len())?;
                Ok(one.len() == other.len() && one.keys().all(|key| other.contains_key(key)))
            }
            (Object::Service(one), Object::Service(other)) => Ok(one == other),
            _ => Ok(false),
        }
    }

    /// The order of two numbers: none where one of them is none, no order where one is not a number (`nan`).
    #[expect(clippy::option_option, reason = "the two are different")]
    fn numbers(&self, left: &Val, right: &Val) -> Result<Option<Option<Ordering>>, Fault> {
        if let (Val::Int(one), Val::Int(other)) = (left, right) {
            return Ok(Some(Some(one.cmp(other))));
        }
        for value in [left, right] {
            if let Val::Long(number) = value {
                self.pass(usize::try_from(number.bits() / 8).unwrap_or(usize::MAX))?;
            }
        }
        let (Some(one), Some(other)) = (number(left), number(right)) else { return Ok(None) };
        Ok(Some(match (one, other) {
            (Number::Int(one), Number::Int(other)) => Some(one.cmp(&other)),
            (Number::Float(one), Number::Float(other)) => one.partial_cmp(&other),
            (Number::Int(one), Number::Float(other)) => order_of(&one, other),
            (Number::Float(one), Number::Int(other)) => order_of(&other, one).map(Ordering::reverse),
        }))
    }

    /// The order of two values.
    pub(super) fn order(&self, left: &Val, right: &Val) -> Result<Ordering, Fault> {
        self.order_at(left, right, 0)
    }

    fn order_at(&self, left: &Val, right: &Val, depth: usize) -> Result<Ordering, Fault> {
        self.walk(4)?;
        at_depth(depth, || self.order_values(left, right, depth))
    }

    fn order_values(&self, left: &Val, right: &Val, depth: usize) -> Result<Ordering, Fault> {
        if let Some(order) = self.numbers(left, right)? {
            return Ok(order.unwrap_or(Ordering::Equal));
        }
        if let (Some(one), Some(other)) = (bytes_of(left), bytes_of(right)) {
            self.pass(one.len().min(other.len()))?;
            return Ok(one.cmp(other));
        }
        if let (Val::Ref(one), Val::Ref(other)) = (left, right) {
            match (self.get(*one), self.get(*other)) {
                (Object::Tuple(one), Object::Tuple(other)) | (Object::List(one), Object::List(other)) => {
                    for (one, other) in one.iter().zip(other) {
                        if !self.equal_at(one, other, depth + 1)? {
                            return self.order_at(one, other, depth + 1);
                        }
                    }
                    return Ok(one.len().cmp(&other.len()));
                }
                (Object::Dict(one), Object::Dict(other)) => {
                    if one.len() != other.len() {
                        return Ok(one.len().cmp(&other.len()));
                    }
                    for (key, (_, value)) in one {
                        match other.get(key) {
                            Some((_, same)) if self.equal_at(value, same, depth + 1)? => {}
                            Some((_, same)) => return self.order_at(value, same, depth + 1),
                            None => return Ok(Ordering::Less),
                        }
                    }
                    return Ok(Ordering::Equal);
                }
                _ if self.type_name(left) == self.type_name(right) => return Ok(one.cmp(other)),
                _ => {}
            }
        }
        // None comes first, then numbers, then all else by the names of the types.
        let rank = |value: &Val| match value {
            Val::None => (0, ""),
            Val::Bool(_) | Val::Int(_) | Val::Long(_) | Val::Float(_) => (1, ""),
            _ => (2, self.type_name(value)),
        };
        let by_name = |value: &Val| match value {
            Val::Builtin(name) => (*name).to_owned(),
            Val::Host(name) => name.to_string(),
            _ => String::new(),
        };
        let (one, other) = (rank(left), rank(right));
        let order = one.0.cmp(&other.0).then_with(|| one.1.cmp(other.1));
        Ok(order.then_with(|| by_name(left).cmp(&by_name(right))))
    }

    /// Whether `value in container`.
    pub(super) fn contains(&self, container: &Val, value: &Val) -> Result<bool, Fault> {
        if let Some(text) = bytes_of(container) {
            let Some(part) = bytes_of(value) else {
                let message =
                    format!("'in <string>' requires string as left operand, not {}", self.type_name(value));
                return Err(Fault::type_error(message));
            };
            self.pass(text.len() + part.len())?;
            return Ok(find_bytes(text, part).is_some());
        }
        let not_iterable = || {
            let message = format!("argument of type '{}' is not iterable", self.type_name(container));
            Err(Fault::type_error(message))
        };
        let Val::Ref(id) = container else { return not_iterable() };
        match self.get(*id) {
            Object::Tuple(items) | Object::List(items) => {
                for item in items {
                    if self.equal(item, value)? {
                        return Ok(true);
                    }
                }
                Ok(false)
            }
            Object::Dict(pairs) | Object::Set(pairs, _) => Ok(pairs.contains_key(&self.key(value)?)),
            Object::Range { start, stop, step } => {
                let Key::Int(number) = self.key(value)? else { return Ok(false) };
                let within = if *step > 0 {
                    (*start..*stop).contains(&number)
                } else {
                    number <= *start && number > *stop
                };
                Ok(within && (i128::from(number) - i128::from(*start)) % i128::from(*step) == 0)
            }
            Object::Iterator { items, at } => {
                for item in items.get(*at..).unwrap_or_default() {
                    if self.equal(item, value)? {
                        return Ok(true);
                    }
                }
                Ok(false)
            }
            _ => not_iterable(),
        }
    }
}

/// Whether all of one set are in the other.
pub(super) fn is_subset(one: &Pairs, other: &Pairs) -> bool {
    one.keys().all(|key| other.contains_key(key))
}

/// Where a part begins in a text.
pub(super) fn find_bytes(text: &[u8], part: &[u8]) -> Option<usize> {
    if part.is_empty() {
        return Some(0);
    }
    memchr::memmem::find(text, part)
}

fn order_of(whole: &BigInt, decimal: f64) -> Option<Ordering> {
    if decimal.is_nan() {
        return None;
    }
    if decimal.is_infinite() {
        return Some(if decimal > 0.0 { Ordering::Less } else { Ordering::Greater });
    }
    let floor = decimal.floor();
    let order = whole.cmp(&float_to_int(floor));
    // 3 is less than 3.5, though it is 3.5 without its fraction.
    Some(if order == Ordering::Equal && floor < decimal { Ordering::Less } else { order })
}

/// A float without its fraction; 0 for one that is not finite.
pub(super) fn float_to_int(number: f64) -> BigInt {
    num_traits::FromPrimitive::from_f64(number.trunc()).unwrap_or_default()
}

enum Number {
    Int(BigInt),
    Float(f64),
}

fn number(value: &Val) -> Option<Number> {
    Some(match value {
        Val::Bool(value) => Number::Int(i64::from(*value).into()),
        Val::Int(value) => Number::Int((*value).into()),
        Val::Long(value) => Number::Int((**value).clone()),
        Val::Float(value) => Number::Float(*value),
        _ => return None,
    })
}

/// A number as a float.
pub(super) fn as_float(value: &Val) -> Option<f64> {
    #[expect(clippy::cast_precision_loss, reason = "as Python does")]
    Some(match value {
        Val::Bool(value) => f64::from(u8::from(*value)),
        Val::Int(value) => *value as f64,
        Val::Long(value) => value.to_f64()?,
        Val::Float(value) => *value,
        _ => return None,
    })
}
