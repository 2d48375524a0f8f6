//! What stands behind the colon of `'{:>8.2f}'`.

use num_bigint::BigInt;
use num_traits::Signed;

use super::compare::as_float;
use super::heap::{Fault, Heap, Val};
use super::operators::big;
use super::percent::{MOST_DIGITS, WIDEST, decimal, too_many_digits};
use super::text::{Mixed, bytes_of};

/// Formats a value.
pub(super) fn apply(heap: &Heap, value: &Val, spec: &str) -> Result<Val, Fault> {
    let mut rest: Vec<char> = spec.chars().collect();
    let (mut fill, mut align) = (' ', None);
    if let [first, second, ..] = rest[..]
        && matches!(second, '<' | '>' | '^' | '=')
    {
        (fill, align) = (first, Some(second));
        rest.drain(..2);
    } else if let [first @ ('<' | '>' | '^' | '='), ..] = rest[..] {
        align = Some(first);
        rest.remove(0);
    }
    let mut sign = '-';
    if let [first @ ('+' | '-' | ' '), ..] = rest[..] {
        sign = first;
        rest.remove(0);
    }
    let alternate = take(&mut rest, '#');
    if take(&mut rest, '0') && align.is_none() {
        (fill, align) = ('0', Some('='));
    }
    let width = number(&mut rest).unwrap_or(0);
    let comma = take(&mut rest, ',');
    let precision = if take(&mut rest, '.') { number(&mut rest) } else { None };
    if width > WIDEST || precision.is_some_and(|count| count > WIDEST) {
        return Err(Fault::Ended(format!("a field is wider than {WIDEST}")));
    }
    let kind = match rest[..] {
        [] => None,
        [kind] => Some(kind),
        _ => return Err(Fault::value_error("Invalid conversion specification")),
    };
    if precision.is_some_and(|digits| digits > MOST_DIGITS) && bytes_of(value).is_none() {
        return Err(too_many_digits());
    }
    heap.charge(width.saturating_add(precision.unwrap_or(0)))?;
    let (mut digits, negative, prefix, numeric) = match (kind, big(value), as_float(value)) {
        (None | Some('d' | 'n' | 'x' | 'X' | 'o' | 'b'), Some(whole), _)
            if !matches!(value, Val::Bool(_)) || kind.is_some() =>
        {
            let (digits, prefix) = integer(heap, &whole, kind.unwrap_or('d'))?;
            (digits, whole.is_negative(), if alternate { prefix } else { "" }, true)
        }
        (Some('c'), Some(whole), _) => {
            let code = u32::try_from(whole).ok().and_then(char::from_u32).unwrap_or_default();
            (code.to_string(), false, "", false)
        }
        (Some(kind @ ('e' | 'E' | 'f' | 'F' | 'g' | 'G' | '%')), _, Some(float)) => {
            let percent = kind == '%';
            let float = if percent { float * 100.0 } else { float };
            let kind = if percent { 'f' } else { kind };
            let mut digits = decimal(float.abs(), kind, precision.unwrap_or(6), alternate);
            if percent {
                digits.push('%');
            }
            (digits, float.is_sign_negative() && !float.is_nan(), "", true)
        }
        (None, None, Some(float)) => {
            let digits = match precision {
                Some(precision) => decimal(float.abs(), 'g', precision, alternate),
                None => super::text::float(float.abs(), 12),
            };
            (digits, float.is_sign_negative() && !float.is_nan(), "", true)
        }
        (None | Some('s'), _, _) => {
            let text = heap.stringified(value)?;
            let shown = String::from_utf8_lossy(bytes_of(&text).unwrap_or_default()).into_owned();
            let cut = shown.chars().take(precision.unwrap_or(usize::MAX)).collect();
            (cut, false, "", false)
        }
        (Some(kind), ..) => {
            let name = heap.type_name(value);
            let message = format!("Unknown format code '{kind}' for object of type '{name}'");
            return Err(Fault::value_error(message));
        }
    };
    if comma {
        digits = grouped(&digits);
    }
    let sign = match (negative, sign) {
        (true, _) => "-",
        (false, '+') if numeric => "+",
        (false, ' ') if numeric => " ",
        _ => "",
    };
    let missing = width.saturating_sub(digits.chars().count() + sign.len() + prefix.len());
    // A fill may have four bytes; grouped digits have a third more.
    heap.charge(missing.saturating_mul(4).saturating_add(digits.len().saturating_mul(2)))?;
    let fills = |count: usize| fill.to_string().repeat(count);
    let text = match align.unwrap_or(if numeric { '>' } else { '<' }) {
        '<' => format!("{sign}{prefix}{digits}{}", fills(missing)),
        '^' => format!("{}{sign}{prefix}{digits}{}", fills(missing / 2), fills(missing - missing / 2)),
        '=' => format!("{sign}{prefix}{}{digits}", fills(missing)),
        _ => format!("{}{sign}{prefix}{digits}", fills(missing)),
    };
    let mut out = Mixed::new(matches!(value, Val::Text(_)));
    out.push_str(&text);
    out.finish(heap)
}

fn take(rest: &mut Vec<char>, wanted: char) -> bool {
    let found = rest.first() == Some(&wanted);
    if found {
        rest.remove(0);
    }
    found
}

fn number(rest: &mut Vec<char>) -> Option<usize> {
    let digits: String = rest.iter().take_while(|c| c.is_ascii_digit()).collect();
    rest.drain(..digits.len());
    if digits.is_empty() { None } else { Some(digits.parse().unwrap_or(usize::MAX)) }
}

fn integer(heap: &Heap, number: &BigInt, kind: char) -> Result<(String, &'static str), Fault> {
    let (radix, prefix) = match kind {
        'x' => (16, "0x"),
        'X' => (16, "0X"),
        'o' => (8, "0o"),
        'b' => (2, "0b"),
        _ => (10, ""),
    };
    let digits = heap.digits(&number.abs(), radix)?;
    Ok((if kind == 'X' { digits.to_uppercase() } else { digits }, prefix))
}

/// `1,234,567.89`
fn grouped(digits: &str) -> String {
    let (whole, rest) = match digits.find(|c: char| !c.is_ascii_digit()) {
        Some(at) => digits.split_at(at),
        None => (digits, ""),
    };
    let mut out = String::new();
    for (index, digit) in whole.chars().enumerate() {
        if index > 0 && (whole.len() - index) % 3 == 0 {
            out.push(',');
        }
        out.push(digit);
    }
    out + rest
}
