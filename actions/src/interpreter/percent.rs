//! `'%s and %d' % values`, and the numbers' forms that `format` has, too.

use std::sync::Arc;

use num_bigint::BigInt;
use num_traits::Signed;

use super::compare::{as_float, float_to_int};
use super::heap::{Fault, Heap, Object, Val};
use super::operators::big;
use super::text::{Mixed, bytes_of};

/// How wide a field may be.
pub(super) const WIDEST: usize = 1_000_000;
/// How many digits a number may be written with: the standard library counts them in 16 bits.
pub(super) const MOST_DIGITS: usize = 60_000;

/// One `%..` of a text.
#[derive(Default)]
struct Directive {
    left: bool,
    sign: bool,
    space: bool,
    zero: bool,
    alternate: bool,
    width: usize,
    precision: Option<usize>,
}

/// Where the values come from.
struct Values {
    items: Vec<Val>,
    at: usize,
}

impl Values {
    fn next(&mut self) -> Result<Val, Fault> {
        let value = self.items.get(self.at).cloned();
        self.at += 1;
        value.ok_or_else(|| Fault::type_error("not enough arguments for format string"))
    }
}

impl Heap {
    /// `text % values`. What only a node can tell makes a text that only a node can tell.
    pub(super) fn percent(&mut self, text: &Val, values: &Val) -> Result<Val, Fault> {
        let is_text = matches!(text, Val::Text(_));
        let template: Arc<[u8]> = bytes_of(text).unwrap_or_default().into();
        let (items, is_tuple) = match values {
            Val::Ref(id) => match self.get(*id) {
                Object::Tuple(items) => (items.clone(), true),
                _ => (vec![values.clone()], false),
            },
            _ => (vec![values.clone()], false),
        };
        let is_dict = matches!(values, Val::Ref(id) if matches!(self.get(*id), Object::Dict(_)));
        let mut values_left = Values { items, at: 0 };
        let (mut out, mut unknown) = (Mixed::new(is_text), false);
        let (mut at, mut keyed) = (0, false);
        self.charge(template.len())?;
        while let Some(offset) = template[at..].iter().position(|byte| *byte == b'%') {
            out.push_bytes(&template[at..at + offset]);
            at += offset + 1;
            let mut key = None;
            if template.get(at) == Some(&b'(') {
                let end =
                    closing(&template[at..]).ok_or_else(|| Fault::value_error("incomplete format key"))?;
                let name = self.bytes(&template[at + 1..at + end])?;
                let Val::Ref(id) = values else { return Err(Fault::type_error("format requires a mapping")) };
                let Object::Dict(pairs) = self.get(*id) else {
                    return Err(Fault::type_error("format requires a mapping"));
                };
                let found = pairs.get(&self.key(&name)?).map(|(_, value)| value.clone());
                key = Some(found.ok_or(Fault::NoKey(name))?);
                keyed = true;
                at += end + 1;
            }
            let mut directive = Directive::default();
            while let Some(flag) = template.get(at) {
                match flag {
                    b'-' => directive.left = true,
                    b'+' => directive.sign = true,
                    b' ' => directive.space = true,
                    b'0' => directive.zero = true,
                    b'#' => directive.alternate = true,
                    _ => break,
                }
                at += 1;
            }
            directive.width = match self.count(&template, &mut at, &mut values_left)? {
                Some(width) if width < 0 => {
                    directive.left = true;
                    usize::try_from(width.unsigned_abs()).unwrap_or(usize::MAX)
                }
                width => usize::try_from(width.unwrap_or(0)).unwrap_or(0),
            };
            if template.get(at) == Some(&b'.') {
                at += 1;
                let precision = self.count(&template, &mut at, &mut values_left)?.unwrap_or(0);
                directive.precision = Some(usize::try_from(precision).unwrap_or(0));
            }
            if directive.width > WIDEST || directive.precision.is_some_and(|count| count > WIDEST) {
                return Err(Fault::Ended(format!("a field is wider than {WIDEST}")));
            }
            self.charge(directive.width.saturating_add(directive.precision.unwrap_or(0)))?;
            while matches!(template.get(at), Some(b'l' | b'h' | b'L')) {
                at += 1;
            }
            let Some(conversion) = template.get(at) else {
                return Err(Fault::value_error("incomplete format"));
            };
            at += 1;
            if *conversion == b'%' {
                out.push_bytes(b"%");
                continue;
            }
            let value = match key {
                Some(value) => value,
                None => values_left.next()?,
            };
            unknown |= matches!(value, Val::Unknown(_));
            self.convert(&mut out, &directive, char::from(*conversion), &value)?;
        }
        out.push_bytes(&template[at..]);
        if !keyed && !is_dict && values_left.at < values_left.items.len() && (is_tuple || values_left.at == 0)
        {
            return Err(Fault::type_error("not all arguments converted during string formatting"));
        }
        let formatted = out.finish(self)?;
        if unknown {
            let shown = String::from_utf8_lossy(bytes_of(&formatted).unwrap_or_default()).into_owned();
            return Ok(Val::Unknown(shown.into()));
        }
        Ok(formatted)
    }

    /// A width or precision: digits, or `*` for a value.
    fn count(&self, text: &[u8], at: &mut usize, values: &mut Values) -> Result<Option<i64>, Fault> {
        if text.get(*at) == Some(&b'*') {
            *at += 1;
            return match values.next()? {
                Val::Int(count) => Ok(Some(count)),
                _ => Err(Fault::type_error("* wants int")),
            };
        }
        let digits = text[*at..].iter().take_while(|byte| byte.is_ascii_digit()).count();
        let number = std::str::from_utf8(&text[*at..*at + digits]).ok().and_then(|text| text.parse().ok());
        *at += digits;
        if digits > 0 && number.is_none() {
            return Err(Fault::value_error("width too big"));
        }
        Ok(number)
    }

    fn convert(
        &mut self,
        out: &mut Mixed,
        directive: &Directive,
        conversion: char,
        value: &Val,
    ) -> Result<(), Fault> {
        if let Val::Unknown(text) = value {
            self.charge(text.len())?;
            out.push_str(text);
            return Ok(());
        }
        let is_decimal = matches!(conversion, 'e' | 'E' | 'f' | 'F' | 'g' | 'G');
        if is_decimal && directive.precision.is_some_and(|digits| digits > MOST_DIGITS) {
            return Err(too_many_digits());
        }
        let (text, numeric) = match conversion {
            's' => {
                let text = self.stringified(value)?;
                if let Some(precision) = directive.precision {
                    (self.cut(&text, precision)?, false)
                } else {
                    (text, false)
                }
            }
            'r' => {
                let shown = self.repr(value)?;
                let cut: String = match directive.precision {
                    Some(precision) => shown.chars().take(precision).collect(),
                    None => shown,
                };
                (self.str(&cut)?, false)
            }
            'c' => match value {
                Val::Int(code) => {
                    let byte = u8::try_from(*code)
                        .map_err(|_| Fault::Raise("OverflowError", "%c arg not in range(256)".to_owned()))?;
                    (self.bytes(&[byte])?, false)
                }
                _ if self.length(value)? == Some(1) && bytes_of(value).is_some() => (value.clone(), false),
                _ => return Err(Fault::type_error("%c requires int or char")),
            },
            'd' | 'i' | 'u' | 'x' | 'X' | 'o' => {
                let number = match value {
                    Val::Float(number) if number.is_finite() && !matches!(conversion, 'x' | 'X' | 'o') => {
                        float_to_int(*number)
                    }
                    _ => big(value).ok_or_else(|| {
                        let name = self.type_name(value);
                        Fault::type_error(format!("%{conversion} format: a number is required, not {name}"))
                    })?,
                };
                (self.str(&self.integer_field(&number, conversion, directive)?)?, true)
            }
            'e' | 'E' | 'f' | 'F' | 'g' | 'G' => {
                let number = as_float(value).ok_or_else(|| Fault::type_error("float argument required"))?;
                let digits =
                    decimal(number.abs(), conversion, directive.precision.unwrap_or(6), directive.alternate);
                (self.str(&format!("{}{digits}", sign(number.is_sign_negative(), directive)))?, true)
            }
            _ => {
                let code = u32::from(conversion);
                let message = format!("unsupported format character '{conversion}' (0x{code:x}) at index");
                return Err(Fault::value_error(message));
            }
        };
        self.charge(bytes_of(&text).map_or(0, <[u8]>::len))?;
        pad(self, out, directive, &text, numeric)
    }

    fn integer_field(
        &self,
        number: &BigInt,
        conversion: char,
        directive: &Directive,
    ) -> Result<String, Fault> {
        let (radix, prefix) = match conversion {
            'x' => (16, "0x"),
            'X' => (16, "0X"),
            'o' => (8, "0"),
            _ => (10, ""),
        };
        let mut digits = self.digits(&number.abs(), radix)?;
        if conversion == 'X' {
            digits = digits.to_uppercase();
        }
        let missing = directive.precision.unwrap_or(0).saturating_sub(digits.len());
        let prefix = if directive.alternate { prefix } else { "" };
        let sign = sign(number.is_negative(), directive);
        Ok(format!("{sign}{prefix}{}{digits}", "0".repeat(missing)))
    }

    fn cut(&self, text: &Val, count: usize) -> Result<Val, Fault> {
        match text {
            Val::Text(text) => Ok(Val::Text(text.chars().take(count).collect::<String>().into())),
            _ => {
                let bytes: Vec<u8> = bytes_of(text).unwrap_or_default().iter().take(count).copied().collect();
                self.bytes(&bytes)
            }
        }
    }
}

/// Where the bracket that begins a text is closed.
fn closing(text: &[u8]) -> Option<usize> {
    let mut open = 0_usize;
    for (at, byte) in text.iter().enumerate() {
        match byte {
            b'(' => open += 1,
            b')' => open -= 1,
            _ => {}
        }
        if open == 0 {
            return Some(at);
        }
    }
    None
}

pub(super) fn too_many_digits() -> Fault {
    Fault::Ended(format!("a number is written with more than {MOST_DIGITS} digits"))
}

fn sign(negative: bool, directive: &Directive) -> &'static str {
    match directive {
        _ if negative => "-",
        Directive { sign: true, .. } => "+",
        Directive { space: true, .. } => " ",
        _ => "",
    }
}

fn pad(heap: &Heap, out: &mut Mixed, directive: &Directive, text: &Val, numeric: bool) -> Result<(), Fault> {
    let length = heap.length(text)?.unwrap_or(0);
    let missing = directive.width.saturating_sub(length);
    if directive.left {
        out.push(text);
        out.push_str(&" ".repeat(missing));
    } else if numeric && directive.zero && missing > 0 {
        let bytes = bytes_of(text).unwrap_or_default();
        let signs = bytes.iter().take_while(|byte| matches!(byte, b'-' | b'+' | b' ')).count();
        let signs = if bytes[signs..].starts_with(b"0x") || bytes[signs..].starts_with(b"0X") {
            signs + 2
        } else {
            signs
        };
        out.push_bytes(&bytes[..signs]);
        out.push_str(&"0".repeat(missing));
        out.push_bytes(&bytes[signs..]);
    } else {
        out.push_str(&" ".repeat(missing));
        out.push(text);
    }
    Ok(())
}

/// A float that is not negative, as `e`, `f` or `g` says.
pub(super) fn decimal(number: f64, conversion: char, precision: usize, alternate: bool) -> String {
    let text = if number.is_nan() {
        "nan".to_owned()
    } else if number.is_infinite() {
        "inf".to_owned()
    } else {
        match conversion.to_ascii_lowercase() {
            'e' => exponential(number, precision),
            'f' => format!("{number:.precision$}"),
            _ => general(number, precision.max(1), alternate),
        }
    };
    if conversion.is_ascii_uppercase() { text.to_uppercase() } else { text }
}

/// `1.5e+03`: Python writes the exponent with a sign and two digits.
fn exponential(number: f64, precision: usize) -> String {
    let text = format!("{number:.precision$e}");
    let Some((mantissa, exponent)) = text.split_once('e') else { return text };
    let (sign, digits) = match exponent.strip_prefix('-') {
        Some(digits) => ('-', digits),
        None => ('+', exponent),
    };
    format!("{mantissa}e{sign}{digits:0>2}")
}

fn general(number: f64, precision: usize, alternate: bool) -> String {
    let scientific = exponential(number, precision - 1);
    let exponent = scientific.split_once('e').and_then(|(_, exponent)| exponent.parse::<i64>().ok());
    let exponent = exponent.unwrap_or_default();
    let limit = i64::try_from(precision).unwrap_or(i64::MAX);
    if exponent < -4 || exponent >= limit {
        let Some((mantissa, rest)) = scientific.split_once('e') else { return scientific };
        let mantissa = if alternate { mantissa } else { trimmed(mantissa) };
        return format!("{mantissa}e{rest}");
    }
    let digits = usize::try_from(limit - 1 - exponent).unwrap_or_default();
    let text = format!("{number:.digits$}");
    if alternate { text } else { trimmed(&text).to_owned() }
}

fn trimmed(digits: &str) -> &str {
    if digits.contains('.') { digits.trim_end_matches('0').trim_end_matches('.') } else { digits }
}
