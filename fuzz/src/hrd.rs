//! HRD files: read, references resolved, formatted, and what was read written and read again.

use ays_grammar::Diagnostic;
use ays_grammar::hrd::{self, Hrd, Item, Substituted, Value};

/// How many bytes references may add to a file.
const GROWTH: usize = 16 << 20;

/// See the module.
pub fn check(data: &[u8]) {
    let text = std::str::from_utf8(data);
    let in_place = |error: &Diagnostic| {
        // Places in a file that is not text are places in what is shown of it.
        if let Ok(text) = text {
            crate::diagnostic::check(error, text.strip_prefix('\u{feff}').unwrap_or(text));
        }
    };
    if let Ok(text) = text {
        substitutes(text);
    }
    match hrd::parse("fuzz", data) {
        Err(error) => in_place(&error),
        Ok(read) => {
            stands_in_place(&read, data);
            is_read_again(&read);
            is_formatted(&read, data);
            match read.clone().resolve("fuzz", data) {
                Err(error) => in_place(&error),
                Ok(resolved) => is_resolved(&read, &resolved, data),
            }
        }
    }
}

/// Keys and values stand where they say, one behind the other.
fn stands_in_place(read: &Hrd, data: &[u8]) {
    let mut at = 0;
    for entry in &read.entries {
        let (key, value) = (entry.key_span, entry.value_span);
        assert!(at <= key.start && key.end < value.start && value.start <= value.end, "{entry:?} after {at}");
        assert_eq!(&data[key.start..key.end], entry.key.as_bytes());
        let written = &data[value.start..value.end];
        if !matches!(entry.value, Value::Bytes(_)) {
            let Ok(written) = std::str::from_utf8(written) else {
                return assert_eq!(written, b"", "{entry:?}");
            };
            assert_eq!(written, written.trim_matches([' ', '\t']), "{entry:?} has blanks at its ends");
            if !data[key.end..value.start].contains(&b'\n') {
                // Indented, or `b` would begin a block of bytes.
                let again = hrd::parse("again", format!(" key = {written}").as_bytes());
                let again = again.ok().and_then(|mut again| again.entries.pop()).map(|entry| entry.value);
                assert_eq!(again.as_ref(), Some(&entry.value), "{written:?} alone");
            }
        }
        at = value.end;
    }
}

/// A formatted file says the same, and is not changed any more.
fn is_formatted(read: &Hrd, data: &[u8]) {
    let formatted = hrd::format("fuzz", data).unwrap_or_default();
    let again = hrd::parse("formatted", &formatted).unwrap_or_default();
    assert_eq!(read.entries.len(), again.entries.len(), "{formatted:?}");
    for (before, after) in read.entries.iter().zip(&again.entries) {
        assert_eq!(
            (&before.key, &before.value, &before.comments),
            (&after.key, &after.value, &after.comments)
        );
    }
    assert_eq!(hrd::format("formatted", &formatted).as_ref(), Ok(&formatted));
}

fn is_resolved(read: &Hrd, resolved: &Hrd, data: &[u8]) {
    let mut grown = 0;
    assert_eq!(read.entries.len(), resolved.entries.len());
    for (before, after) in read.entries.iter().zip(&resolved.entries) {
        assert_eq!(
            (&before.key, before.key_span, before.value_span, &before.comments),
            (&after.key, after.key_span, after.value_span, &after.comments)
        );
        grown += size(&after.value);
    }
    assert!(grown <= data.len() + GROWTH, "{} bytes became {grown}", data.len());
    if !data.windows(2).any(|two| two == b"$(") {
        assert_eq!(read, resolved);
    }
}

/// The bytes of all texts of a value.
fn size(value: &Value) -> usize {
    fn item(of: &Item) -> usize {
        match of {
            Item::String(text) => text.len(),
            Item::List(items) => items.iter().map(item).sum(),
            Item::Int(_) | Item::Float(_) => 0,
        }
    }
    match value {
        Value::String(text) => text.len(),
        Value::List(items) => items.iter().map(item).sum(),
        Value::Dict(pairs) => pairs.iter().map(|(key, value)| key.len() + item(value)).sum(),
        Value::Ask(ask) => ask.default.as_ref().map_or(0, String::len),
        Value::Bytes(bytes) => bytes.len(),
    }
}

/// Each character of what references became is that of its place, or a reference stands there.
fn substitutes(text: &str) {
    let lookup = |key: &str| key.len().is_multiple_of(2).then(|| format!("<é{key}>"));
    assert_eq!(hrd::substitute(text, &|_| None), text);
    let substituted = Substituted::new(text, &lookup);
    for (start, character) in substituted.text.char_indices() {
        let place = substituted.place(ays_grammar::Span::new(start, start + character.len_utf8()));
        let before = text.get(place.start..place.end);
        let is_reference =
            |before: &str| before.strip_prefix("$(").is_some_and(|before| before.ends_with(')'));
        assert!(
            before.is_some_and(|before| before.chars().eq([character]) || is_reference(before)),
            "{character:?} at {start} of {:?} was {before:?}",
            substituted.text
        );
    }
}

/// What HRD can say is the same when it is written and read once more.
fn is_read_again(read: &Hrd) {
    // Not from its start: a key may begin as a byte order mark does.
    let (mut text, mut wanted) = ("\n".to_owned(), Vec::new());
    for entry in &read.entries {
        if let Some(value) = written(&entry.value) {
            text.push_str(&format!("{} = {value}\n", entry.key));
            wanted.push((&entry.key, &entry.value));
        }
    }
    let again = match hrd::parse("again", text.as_bytes()) {
        Ok(again) => again,
        Err(error) => return assert_eq!(error.to_string(), "", "{text:?}"),
    };
    let got: Vec<_> = again.entries.iter().map(|entry| (&entry.key, &entry.value)).collect();
    assert_eq!(got, wanted, "{text:?}");
}

/// A value as HRD writes it; none for what cannot be written (there is no escape for a quote).
fn written(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => quoted(text, '\''),
        Value::List(items) => {
            let items: Option<String> = items.iter().map(|item| Some(written_item(item)? + ",")).collect();
            items.map(|items| if items.is_empty() { ",".to_owned() } else { items })
        }
        Value::Dict(pairs) => {
            let pair = |(key, value): &(String, Item)| {
                Some(format!("{}:{},", quoted(key, '\'')?, written_item(value)?))
            };
            let pairs: Option<String> = pairs.iter().map(pair).collect();
            pairs.map(|pairs| if pairs.is_empty() { ":".to_owned() } else { pairs })
        }
        Value::Ask(ask) => {
            let whole = format!("{}{}", ask.prefix, ask.text);
            (!whole.contains(['\'', '"', '#'])).then_some(whole)
        }
        Value::Bytes(bytes) => {
            let lines = bytes.chunks(25).map(|line| line.iter().map(|byte| format!("={byte:02X}")).collect());
            let body = lines.collect::<Vec<String>>().join("=\n");
            Some(format!("bqp\n{body}\n#BINARYEND#########"))
        }
    }
}

fn written_item(item: &Item) -> Option<String> {
    match item {
        // What looks like a list is one, in quotes too.
        Item::String(text) => quoted(text, '\'').filter(|_| !text.contains(['[', ']'])),
        Item::List(items) => nested(items),
        // They stand in nested lists alone.
        Item::Int(_) | Item::Float(_) => None,
    }
}

fn nested(items: &[Item]) -> Option<String> {
    let item = |item: &Item| match item {
        // Single quotes around it would be taken off twice.
        Item::String(text) => quoted(text, '"'),
        Item::Int(number) => Some(number.to_string()),
        Item::Float(number) if number.is_finite() && number.fract() != 0.0 => Some(number.to_string()),
        Item::Float(number) => number.is_finite().then(|| format!("{number}.0")),
        Item::List(items) => nested(items),
    };
    let items: Option<Vec<String>> = items.iter().map(item).collect();
    items.map(|items| format!("[{}]", items.join(",")))
}

fn quoted(text: &str, quote: char) -> Option<String> {
    let plain = !text.contains(['\'', '"', '\\', '\n', '\r']) && !text.contains("{{");
    let asks = text.to_ascii_lowercase().contains("@ask");
    (plain && !asks).then(|| format!("{quote}{text}{quote}"))
}
