//! The values of numbers and strings, as Python 2 writes them.

use num_bigint::BigUint;

use super::ExprKind;

/// How many digits a number may have: what they come to takes longer than they are many.
const DIGITS: usize = 10_000;

/// A number's value, or what is wrong with it.
pub(super) fn number(text: &str) -> Result<ExprKind, &'static str> {
    let lower = text.to_ascii_lowercase();
    if lower.ends_with('j') && !lower.starts_with("0x") {
        return Ok(ExprKind::Unsupported { construct: "a complex number".to_owned() });
    }
    let (whole, long) = match lower.strip_suffix('l') {
        Some(whole) => (whole, true),
        None => (&*lower, false),
    };
    let (digits, radix) = match whole.as_bytes() {
        [b'0', b'x', ..] => (&whole[2..], 16),
        [b'0', b'o', ..] => (&whole[2..], 8),
        [b'0', b'b', ..] => (&whole[2..], 2),
        // 0777 is octal, 0.5 and 0e1 are not.
        [b'0', rest @ ..] if !rest.is_empty() && rest.iter().all(u8::is_ascii_digit) => (&whole[1..], 8),
        _ => (whole, 10),
    };
    if !digits.is_empty() && digits.chars().all(|digit| digit.is_digit(radix)) {
        if let (Ok(number), false) = (i64::from_str_radix(digits, radix), long) {
            return Ok(ExprKind::Int(number));
        }
        if digits.len() > DIGITS {
            return Err("this number has more than 10000 digits");
        }
        let number = BigUint::parse_bytes(digits.as_bytes(), radix).ok_or("this is not a number")?;
        return Ok(ExprKind::Long(number.to_string()));
    }
    let decimal =
        radix == 10 && lower.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'.' | b'e' | b'+' | b'-'));
    match lower.parse::<f64>() {
        Ok(number) if decimal => Ok(ExprKind::Float(number)),
        _ if radix == 8 => Err("an octal number has the digits 0 to 7"),
        _ => Err("this is not a number"),
    }
}

/// The value of adjacent string literals; a text where one of them is, and where plain ones are.
pub(super) fn string(literals: &[&str], plain_is_text: bool) -> ExprKind {
    let (mut bytes, mut text) = (Vec::new(), false);
    for literal in literals {
        let prefix = prefix(literal);
        let unicode = prefix.contains('u') || (plain_is_text && !prefix.contains('b'));
        text |= unicode;
        append(&mut bytes, literal, unicode);
    }
    match String::from_utf8(bytes) {
        Ok(characters) if text => ExprKind::Text(characters.into()),
        Ok(characters) => ExprKind::Bytes(characters.into_bytes().into()),
        Err(_) if text => {
            ExprKind::Unsupported { construct: "a string of bytes and characters at once".to_owned() }
        }
        Err(bytes) => ExprKind::Bytes(bytes.into_bytes().into()),
    }
}

/// The letters before the quotes.
fn prefix(literal: &str) -> String {
    literal.chars().take_while(char::is_ascii_alphabetic).collect::<String>().to_ascii_lowercase()
}

fn append(out: &mut Vec<u8>, literal: &str, unicode: bool) {
    let quoted = literal.trim_start_matches(|c: char| c.is_ascii_alphabetic());
    let raw = prefix(literal).contains('r');
    let quotes = if quoted.starts_with("'''") || quoted.starts_with("\"\"\"") { 3 } else { 1 };
    let body = &quoted[quotes..quoted.len() - quotes];
    let mut rest = body;
    while let Some(at) = rest.find(['\\', '\r']) {
        out.extend_from_slice(&rest.as_bytes()[..at]);
        let special = &rest[at..];
        rest = if let Some(behind) = special.strip_prefix('\r') {
            out.push(b'\n');
            behind.strip_prefix('\n').unwrap_or(behind)
        } else if raw {
            out.push(b'\\');
            &special[1..]
        } else {
            escape(out, &special[1..], unicode)
        };
    }
    out.extend_from_slice(rest.as_bytes());
}

/// Appends what a backslash and the text behind it stand for; the rest of the text.
fn escape<'a>(out: &mut Vec<u8>, text: &'a str, unicode: bool) -> &'a str {
    let Some(first) = text.chars().next() else { return text };
    let rest = &text[first.len_utf8()..];
    let simple = match first {
        'n' => b'\n',
        't' => b'\t',
        'r' => b'\r',
        'a' => 0x07,
        'b' => 0x08,
        'f' => 0x0c,
        'v' => 0x0b,
        '\\' | '\'' | '"' => first as u8,
        '\n' => return rest,
        '\r' => return rest.strip_prefix('\n').unwrap_or(rest),
        '0'..='7' => {
            let digits = text.bytes().take(3).take_while(|byte| (b'0'..=b'7').contains(byte)).count();
            return code(out, &text[..digits], 8, unicode, &text[digits..]).unwrap_or(text);
        }
        'x' | 'u' | 'U' if first == 'x' || unicode => {
            let length = match first {
                'x' => 2,
                'u' => 4,
                _ => 8,
            };
            let digits =
                rest.get(..length).filter(|digits| digits.bytes().all(|byte| byte.is_ascii_hexdigit()));
            if let Some(rest) = digits.and_then(|digits| code(out, digits, 16, unicode, &rest[length..])) {
                return rest;
            }
            b'\\'
        }
        _ => b'\\',
    };
    out.push(simple);
    if simple == b'\\' && first != '\\' { text } else { rest }
}

/// Appends a character, or in a string of bytes a byte, by its number.
fn code<'a>(out: &mut Vec<u8>, digits: &str, radix: u32, unicode: bool, rest: &'a str) -> Option<&'a str> {
    let number = u32::from_str_radix(digits, radix).ok()?;
    if unicode {
        let mut buffer = [0; 4];
        out.extend_from_slice(char::from_u32(number)?.encode_utf8(&mut buffer).as_bytes());
    } else {
        out.push(u8::try_from(number & 0xff).ok()?);
    }
    Some(rest)
}
