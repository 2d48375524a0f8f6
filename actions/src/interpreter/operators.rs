//! Operators between two values, and those before one.

use std::sync::Arc;

use ays_grammar::actions::{Comparison, Operator, Unary};
use num_bigint::{BigInt, Sign};
use num_integer::Integer;
use num_traits::{Signed, ToPrimitive, Zero};

use super::compare::{as_float, is_subset};
use super::heap::{Fault, Heap, Object, Pairs, Val};
use super::text::{Mixed, bytes_of};

/// How many bits a whole number may have.
const BITS: u64 = 8 * 1024 * 1024;

/// A whole number of either kind.
enum Whole {
    Int(i64),
    Long(BigInt),
}

impl Whole {
    fn big(self) -> BigInt {
        match self {
            Self::Int(number) => number.into(),
            Self::Long(number) => number,
        }
    }
}

fn whole(value: &Val) -> Option<Whole> {
    Some(match value {
        Val::Bool(value) => Whole::Int(i64::from(*value)),
        Val::Int(value) => Whole::Int(*value),
        Val::Long(value) => Whole::Long((**value).clone()),
        _ => return None,
    })
}

/// Any whole number as it was before it grew.
pub(super) fn big(value: &Val) -> Option<BigInt> {
    whole(value).map(Whole::big)
}

/// What shows a text that is only partly known.
fn shown(heap: &Heap, value: &Val) -> Result<String, Fault> {
    Ok(String::from_utf8_lossy(&heap.display(value)?).into_owned())
}

impl Heap {
    /// `left operator right`; with `true_division`, `/` of whole numbers has a fraction.
    pub(super) fn binary(
        &mut self,
        operator: Operator,
        left: &Val,
        right: &Val,
        true_division: bool,
    ) -> Result<Val, Fault> {
        if let Some(result) = self.unknown(operator, left, right)? {
            return Ok(result);
        }
        if let (Some(one), Some(other)) = (whole(left), whole(right)) {
            let both_bool = matches!((left, right), (Val::Bool(_), Val::Bool(_)));
            if both_bool && matches!(operator, Operator::And | Operator::Or | Operator::Xor) {
                let (one, other) = (self.truth(left) == Some(true), self.truth(right) == Some(true));
                return Ok(Val::Bool(match operator {
                    Operator::And => one & other,
                    Operator::Or => one | other,
                    _ => one ^ other,
                }));
            }
            if operator == Operator::Divide && true_division {
                return float_operation(operator, as_float(left), as_float(right));
            }
            return self.whole_operation(operator, one, other);
        }
        let decimal = matches!(left, Val::Float(_)) || matches!(right, Val::Float(_));
        if decimal && let (Some(one), Some(other)) = (as_float(left), as_float(right)) {
            return float_operation(operator, Some(one), Some(other));
        }
        match operator {
            Operator::Modulo if bytes_of(left).is_some() => return self.percent(left, right),
            Operator::Add => {
                if let Some(sum) = self.concatenate(left, right)? {
                    return Ok(sum);
                }
            }
            Operator::Multiply => {
                if let Some(product) = self.repeat(left, right)? {
                    return Ok(product);
                }
            }
            Operator::Subtract | Operator::And | Operator::Or | Operator::Xor => {
                if let Some(set) = self.set_operation(operator, left, right)? {
                    return Ok(set);
                }
            }
            _ => {}
        }
        if operator == Operator::Add && (bytes_of(left).is_some() && bytes_of(right).is_none()) {
            let message = format!("cannot concatenate 'str' and '{}' objects", self.type_name(right));
            return Err(Fault::type_error(message));
        }
        if let Some(message) = self.wrong_sequence(operator, left, right) {
            return Err(Fault::type_error(message));
        }
        let message = format!(
            "unsupported operand type(s) for {}: '{}' and '{}'",
            operator.as_str(),
            self.type_name(left),
            self.type_name(right)
        );
        Err(Fault::type_error(message))
    }

    /// What is said where a list or text meets something that it cannot be put together with.
    fn wrong_sequence(&self, operator: Operator, left: &Val, right: &Val) -> Option<String> {
        let is_sequence = |value: &Val| matches!(self.type_name(value), "list" | "tuple" | "str" | "unicode");
        let (one, other) = (self.type_name(left), self.type_name(right));
        match operator {
            Operator::Add if matches!(one, "list" | "tuple") => {
                Some(format!("can only concatenate {one} (not \"{other}\") to {one}"))
            }
            Operator::Multiply if is_sequence(left) => {
                Some(format!("can't multiply sequence by non-int of type '{other}'"))
            }
            Operator::Multiply if is_sequence(right) => {
                Some(format!("can't multiply sequence by non-int of type '{one}'"))
            }
            _ => None,
        }
    }

    /// What comes of a value that only a node can tell: a text shows what is known of it.
    fn unknown(&self, operator: Operator, left: &Val, right: &Val) -> Result<Option<Val>, Fault> {
        let in_right = |value: &Val| match value {
            Val::Unknown(_) => true,
            Val::Ref(id) => match self.get(*id) {
                Object::Tuple(items) => items.iter().any(|item| matches!(item, Val::Unknown(_))),
                Object::Dict(pairs) => pairs.values().any(|(_, item)| matches!(item, Val::Unknown(_))),
                _ => false,
            },
            _ => false,
        };
        Ok(match (operator, left, right) {
            (Operator::Add, Val::Unknown(_), other) | (Operator::Add, other, Val::Unknown(_))
                if bytes_of(other).is_some() || matches!(other, Val::Unknown(_)) =>
            {
                let (one, other) = (shown(self, left)?, shown(self, right)?);
                self.charge((one.len() + other.len()).saturating_mul(2))?;
                Some(Val::Unknown(format!("{one}{other}").into()))
            }
            // It is formatted as a text is.
            (Operator::Modulo, text, other) if bytes_of(text).is_some() && in_right(other) => None,
            (_, Val::Unknown(text), _) | (_, _, Val::Unknown(text)) => Some(Val::Unknown(Arc::clone(text))),
            _ => None,
        })
    }

    fn whole_operation(&mut self, operator: Operator, left: Whole, right: Whole) -> Result<Val, Fault> {
        if let (Whole::Int(one), Whole::Int(other)) = (&left, &right) {
            let (one, other) = (*one, *other);
            let small = match operator {
                Operator::Add => one.checked_add(other),
                Operator::Subtract => one.checked_sub(other),
                Operator::Multiply => one.checked_mul(other),
                Operator::Divide | Operator::FloorDivide if other != 0 => floor_divide(one, other),
                Operator::Modulo if other != 0 => floor_modulo(one, other),
                Operator::Power if other >= 0 => u32::try_from(other).ok().and_then(|n| one.checked_pow(n)),
                Operator::ShiftLeft if (0..63).contains(&other) => one
                    .checked_mul(1_i64.checked_shl(u32::try_from(other).unwrap_or(63)).unwrap_or(0))
                    .filter(|_| other < 62),
                Operator::ShiftRight if other >= 0 => Some(one >> other.min(63)),
                Operator::And => Some(one & other),
                Operator::Or => Some(one | other),
                Operator::Xor => Some(one ^ other),
                _ => None,
            };
            if let Some(small) = small {
                return Ok(Val::Int(small));
            }
        }
        let (one, other) = (left.big(), right.big());
        let bits = match operator {
            Operator::Multiply => one.bits().saturating_add(other.bits()),
            Operator::Power if other.is_negative() => one.bits(),
            // 0, 1 and -1 stay as small as they are, whatever their power; so does 0 wherever it is shifted to.
            Operator::Power if one.bits() <= 1 => 1,
            Operator::ShiftLeft if one.is_zero() => 0,
            Operator::Power => one.bits().saturating_mul(other.to_u64().unwrap_or(u64::MAX)),
            Operator::ShiftLeft => one.bits().saturating_add(other.to_u64().unwrap_or(u64::MAX)),
            _ => one.bits().max(other.bits()),
        };
        if bits > BITS {
            return Err(Fault::Ended(format!("this number has more than {BITS} bits")));
        }
        self.charge(usize::try_from(bits.min(BITS) / 8).unwrap_or_default() + 16)?;
        // Long multiplication and division take time that grows faster than the numbers.
        let words = (bits.min(BITS) / 64).max(1);
        self.step(words.saturating_mul(words) / 256)?;
        let result = match operator {
            Operator::Add => one + other,
            Operator::Subtract => one - other,
            Operator::Multiply => one * other,
            Operator::Divide | Operator::FloorDivide | Operator::Modulo if other.is_zero() => {
                let message = "integer division or modulo by zero";
                return Err(Fault::Raise("ZeroDivisionError", message.to_owned()));
            }
            Operator::Divide | Operator::FloorDivide => one.div_floor(&other),
            Operator::Modulo => one.mod_floor(&other),
            Operator::Power if other.is_negative() => {
                return float_operation(operator, one.to_f64(), other.to_f64());
            }
            Operator::Power => match other.to_u32() {
                Some(exponent) => one.pow(exponent),
                None if one.is_zero() || one == BigInt::from(1) => one,
                None if other.is_even() => BigInt::from(1),
                None => one,
            },
            Operator::ShiftLeft | Operator::ShiftRight if other.is_negative() => {
                return Err(Fault::value_error("negative shift count"));
            }
            Operator::ShiftLeft => match other.to_u64() {
                Some(count) if !one.is_zero() => one << count,
                _ => one,
            },
            Operator::ShiftRight => match other.to_u64() {
                Some(count) => one >> count,
                None if one.sign() == Sign::Minus => BigInt::from(-1),
                None => BigInt::zero(),
            },
            Operator::And => one & other,
            Operator::Or => one | other,
            Operator::Xor => one ^ other,
        };
        Ok(Val::Long(Arc::new(result)))
    }

    /// `left + right` of two texts, lists or tuples.
    fn concatenate(&mut self, left: &Val, right: &Val) -> Result<Option<Val>, Fault> {
        if bytes_of(left).is_some() && bytes_of(right).is_some() {
            let mut sum = Mixed::default();
            self.charge(bytes_of(left).map_or(0, <[u8]>::len) + bytes_of(right).map_or(0, <[u8]>::len))?;
            sum.push(left);
            sum.push(right);
            return sum.finish(self).map(Some);
        }
        let (Val::Ref(one), Val::Ref(other)) = (left, right) else { return Ok(None) };
        Ok(match (self.get(*one), self.get(*other)) {
            (Object::List(one), Object::List(other)) => {
                self.charge((one.len() + other.len()).saturating_mul(size_of::<Val>()))?;
                let items = one.iter().chain(other).cloned().collect();
                Some(self.list(items)?)
            }
            (Object::Tuple(one), Object::Tuple(other)) => {
                self.charge((one.len() + other.len()).saturating_mul(size_of::<Val>()))?;
                let items = one.iter().chain(other).cloned().collect();
                Some(self.tuple(items)?)
            }
            _ => None,
        })
    }

    /// `left * right` of a text, list or tuple and a whole number.
    fn repeat(&mut self, left: &Val, right: &Val) -> Result<Option<Val>, Fault> {
        let (items, count) = match (whole(left), whole(right)) {
            (None, Some(count)) => (left, count),
            (Some(count), None) => (right, count),
            _ => return Ok(None),
        };
        let count = match count {
            Whole::Int(count) => usize::try_from(count).unwrap_or(0),
            Whole::Long(count) => {
                count.to_usize().unwrap_or(if count.is_negative() { 0 } else { usize::MAX })
            }
        };
        if let Some(bytes) = bytes_of(items) {
            self.charge(bytes.len().saturating_mul(count))?;
            let mut product = Mixed::new(matches!(items, Val::Text(_)));
            product.push_bytes(&bytes.repeat(count));
            return product.finish(self).map(Some);
        }
        let Val::Ref(id) = items else { return Ok(None) };
        let (items, is_list) = match self.get(*id) {
            Object::List(items) => (items, true),
            Object::Tuple(items) => (items, false),
            _ => return Ok(None),
        };
        self.charge(items.len().saturating_mul(count).saturating_mul(size_of::<Val>()))?;
        let repeated: Vec<Val> = std::iter::repeat_n(items, count).flatten().cloned().collect();
        if is_list { self.list(repeated).map(Some) } else { self.tuple(repeated).map(Some) }
    }

    fn set_operation(&mut self, operator: Operator, left: &Val, right: &Val) -> Result<Option<Val>, Fault> {
        let (Val::Ref(one), Val::Ref(other)) = (left, right) else { return Ok(None) };
        let (Object::Set(one, frozen), Object::Set(other, _)) = (self.get(*one), self.get(*other)) else {
            return Ok(None);
        };
        let frozen = *frozen;
        let pairs = self.combine(operator, one, other)?;
        self.add(Object::Set(pairs, frozen)).map(Some)
    }

    /// What comes of two sets.
    pub(super) fn combine(&self, operator: Operator, one: &Pairs, other: &Pairs) -> Result<Pairs, Fault> {
        self.charge((one.len() + other.len()).saturating_mul(4 * size_of::<Val>()))?;
        let mut pairs: Pairs = one.clone();
        match operator {
            Operator::And => pairs.retain(|key, _| other.contains_key(key)),
            Operator::Subtract => pairs.retain(|key, _| !other.contains_key(key)),
            Operator::Or => {
                for (key, pair) in other {
                    pairs.entry(key.clone()).or_insert_with(|| pair.clone());
                }
            }
            _ => {
                pairs.retain(|key, _| !other.contains_key(key));
                let new = other.iter().filter(|(key, _)| !one.contains_key(*key));
                pairs.extend(new.map(|(key, pair)| (key.clone(), pair.clone())));
            }
        }
        Ok(pairs)
    }

    /// `left < right` and its like.
    pub(super) fn compare(&self, comparison: Comparison, left: &Val, right: &Val) -> Result<Val, Fault> {
        if let (Val::Unknown(text), _) | (_, Val::Unknown(text)) = (left, right)
            && !matches!(comparison, Comparison::Is | Comparison::IsNot)
        {
            return Ok(Val::Unknown(Arc::clone(text)));
        }
        if let (Val::Ref(one), Val::Ref(other)) = (left, right)
            && let (Object::Set(one, _), Object::Set(other, _)) = (self.get(*one), self.get(*other))
        {
            self.walk(one.len().min(other.len()))?;
            let result = match comparison {
                Comparison::Less => Some(one.len() < other.len() && is_subset(one, other)),
                Comparison::LessOrEqual => Some(is_subset(one, other)),
                Comparison::Greater => Some(one.len() > other.len() && is_subset(other, one)),
                Comparison::GreaterOrEqual => Some(is_subset(other, one)),
                _ => None,
            };
            if let Some(result) = result {
                return Ok(Val::Bool(result));
            }
        }
        let is_nan = |value: &Val| matches!(value, Val::Float(number) if number.is_nan());
        let never = is_nan(left) || is_nan(right);
        Ok(Val::Bool(match comparison {
            Comparison::Equal => self.equal(left, right)?,
            Comparison::NotEqual => !self.equal(left, right)?,
            Comparison::Less => !never && self.order(left, right)?.is_lt(),
            Comparison::LessOrEqual => !never && self.order(left, right)?.is_le(),
            Comparison::Greater => !never && self.order(left, right)?.is_gt(),
            Comparison::GreaterOrEqual => !never && self.order(left, right)?.is_ge(),
            Comparison::In => self.contains(right, left)?,
            Comparison::NotIn => !self.contains(right, left)?,
            Comparison::Is => self.is(left, right)?,
            Comparison::IsNot => !self.is(left, right)?,
        }))
    }

    /// Whether two values are one: small values that are equal are.
    fn is(&self, left: &Val, right: &Val) -> Result<bool, Fault> {
        match (left, right) {
            (Val::Ref(one), Val::Ref(other)) => Ok(one == other),
            _ if std::mem::discriminant(left) != std::mem::discriminant(right) => Ok(false),
            _ => self.equal(left, right),
        }
    }

    /// `-value` and its like; `not` is no business of this one.
    pub(super) fn unary(&mut self, operator: Unary, value: &Val) -> Result<Val, Fault> {
        let zero = Val::Int(0);
        match (operator, value) {
            (_, Val::Unknown(text)) => Ok(Val::Unknown(Arc::clone(text))),
            (Unary::Minus, Val::Float(number)) => Ok(Val::Float(-number)),
            (Unary::Plus, Val::Float(number)) => Ok(Val::Float(*number)),
            (Unary::Minus, _) if whole(value).is_some() => {
                self.binary(Operator::Subtract, &zero, value, false)
            }
            (Unary::Plus, _) if whole(value).is_some() => self.binary(Operator::Add, &zero, value, false),
            (Unary::Invert, _) if whole(value).is_some() => {
                self.binary(Operator::Subtract, &Val::Int(-1), value, false)
            }
            _ => {
                let operator = match operator {
                    Unary::Minus => "-",
                    Unary::Plus => "+",
                    _ => "~",
                };
                let message = format!("bad operand type for unary {operator}: '{}'", self.type_name(value));
                Err(Fault::type_error(message))
            }
        }
    }
}

fn floor_divide(one: i64, other: i64) -> Option<i64> {
    let quotient = one.checked_div(other)?;
    let is_below = (one % other != 0) && ((one < 0) != (other < 0));
    Some(quotient - i64::from(is_below))
}

fn floor_modulo(one: i64, other: i64) -> Option<i64> {
    let rest = one.checked_rem(other)?;
    Some(if rest != 0 && ((rest < 0) != (other < 0)) { rest + other } else { rest })
}

fn float_operation(operator: Operator, left: Option<f64>, right: Option<f64>) -> Result<Val, Fault> {
    let (Some(one), Some(other)) = (left, right) else {
        return Err(Fault::Raise("OverflowError", "long int too large to convert to float".to_owned()));
    };
    let zero = || Err(Fault::Raise("ZeroDivisionError", "float division by zero".to_owned()));
    Ok(Val::Float(match operator {
        Operator::Add => one + other,
        Operator::Subtract => one - other,
        Operator::Multiply => one * other,
        Operator::Divide if other == 0.0 => return zero(),
        Operator::Divide => one / other,
        Operator::FloorDivide if other == 0.0 => return zero(),
        Operator::FloorDivide => ((one - python_modulo(one, other)) / other).round(),
        Operator::Modulo if other == 0.0 => {
            return Err(Fault::Raise("ZeroDivisionError", "float modulo".to_owned()));
        }
        Operator::Modulo => python_modulo(one, other),
        Operator::Power if one == 0.0 && other < 0.0 => {
            let message = "0.0 cannot be raised to a negative power";
            return Err(Fault::Raise("ZeroDivisionError", message.to_owned()));
        }
        Operator::Power => one.powf(other),
        _ => {
            let message = format!("unsupported operand type(s) for {}: 'float'", operator.as_str());
            return Err(Fault::type_error(message));
        }
    }))
}

fn python_modulo(one: f64, other: f64) -> f64 {
    let rest = one % other;
    if rest != 0.0 && ((rest < 0.0) != (other < 0.0)) { rest + other } else { rest }
}
