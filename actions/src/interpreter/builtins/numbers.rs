//! `int`, `long` and `round`.

use std::sync::Arc;

use num_bigint::BigInt;
use num_traits::ToPrimitive;

use crate::interpreter::args::Args;
use crate::interpreter::compare::float_to_int;
use crate::interpreter::heap::{Fault, Heap, Val};
use crate::interpreter::operators::big;
use crate::interpreter::sequences::index_of;
use crate::interpreter::text::bytes_of;

impl Heap {
    /// `int` and `long`.
    pub(super) fn integer(&mut self, name: &str, args: &Args) -> Result<Val, Fault> {
        let value = args.at(0).cloned().unwrap_or(Val::Int(0));
        let long = name == "long";
        let number = if let Some(number) = big(&value) {
            number
        } else if let Val::Float(number) = value {
            if !number.is_finite() {
                let message = format!(
                    "cannot convert float {} to integer",
                    if number.is_nan() { "NaN" } else { "infinity" }
                );
                return Err(if number.is_nan() {
                    Fault::value_error(message)
                } else {
                    Fault::Raise("OverflowError", message)
                });
            }
            float_to_int(number)
        } else if let Some(bytes) = bytes_of(&value) {
            let text = String::from_utf8_lossy(bytes).into_owned();
            let base = args.or(1, "base", &Val::Int(10));
            let base = index_of(base).and_then(|base| u32::try_from(base).ok()).unwrap_or(10);
            self.charge(text.len())?;
            self.step(
                u64::try_from(text.len())
                    .unwrap_or(u64::MAX)
                    .saturating_mul(u64::try_from(text.len()).unwrap_or(u64::MAX))
                    / 4096,
            )?;
            parse_integer(&text, base).ok_or_else(|| {
                Fault::value_error(format!(
                    "invalid literal for {name}() with base {base}: {}",
                    self.repr(&Val::Bytes(bytes.into())).unwrap_or_default()
                ))
            })?
        } else {
            let kind = self.type_name(&value);
            let message = format!("{name}() argument must be a string or a number, not '{kind}'");
            return Err(Fault::type_error(message));
        };
        Ok(match number.to_i64() {
            Some(small) if !long => Val::Int(small),
            _ => Val::Long(Arc::new(number)),
        })
    }
}

fn parse_integer(text: &str, base: u32) -> Option<BigInt> {
    let text = text.trim();
    let (sign, digits) = match text.strip_prefix('-') {
        Some(digits) => (-1, digits),
        None => (1, text.strip_prefix('+').unwrap_or(text)),
    };
    let digits = digits.to_lowercase();
    let prefixed = |prefix: &str| digits.strip_prefix(prefix).map(str::to_owned);
    let (base, digits) = match base {
        16 => (16, prefixed("0x").unwrap_or(digits)),
        8 => (8, prefixed("0o").unwrap_or(digits)),
        2 => (2, prefixed("0b").unwrap_or(digits)),
        0 => match (prefixed("0x"), prefixed("0o"), prefixed("0b")) {
            (Some(digits), ..) => (16, digits),
            (_, Some(digits), _) => (8, digits),
            (.., Some(digits)) => (2, digits),
            _ if digits.len() > 1 && digits.starts_with('0') => (8, digits),
            _ => (10, digits),
        },
        3..=36 => (base, digits),
        _ => return None,
    };
    if digits.is_empty() || !digits.chars().all(|digit| digit.is_digit(base)) {
        return None;
    }
    BigInt::parse_bytes(digits.as_bytes(), base).map(|number| number * sign)
}

/// Halves go away from zero, as in Python 2.
pub(super) fn round(number: f64, digits: i32) -> f64 {
    if !number.is_finite() {
        return number;
    }
    if !(0..=15).contains(&digits) {
        let scale = 10f64.powi(digits);
        return if scale == 0.0 || !scale.is_finite() { number } else { (number * scale).round() / scale };
    }
    // What the number is to so many digits, its exact value looked at: 2.675 is a little less.
    let digits = usize::try_from(digits).unwrap_or(0);
    let exact = format!("{:.60}", number.abs());
    let Some((_, decimals)) = exact.split_once('.') else { return number };
    let is_half = decimals
        .get(digits..)
        .is_some_and(|rest| rest.starts_with('5') && rest[1..].bytes().all(|b| b == b'0'));
    let text = if is_half {
        let scale = 10f64.powi(i32::try_from(digits).unwrap_or(0));
        format!("{:.digits$}", (number.abs() * scale).round() / scale)
    } else {
        format!("{:.digits$}", number.abs())
    };
    text.parse::<f64>().unwrap_or(number).copysign(number)
}
