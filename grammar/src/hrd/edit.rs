//! One entry of a file's text changed, and nothing else of it.

use super::format::KEY_WIDTH;
use super::{Entry, Value, parse};
use crate::Diagnostic;

/// Why an entry cannot be set. It holds nothing of the value, which may be a password.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum EditError {
    /// The text is no HRD.
    #[error(transparent)]
    Text(#[from] Diagnostic),
    /// HRD has no escapes, so some values, and some keys, have no form in it; or comments stand between the lines of
    /// the old value.
    #[error("`{key}` cannot be set to this value without a loss: write it by hand")]
    Unwritable {
        /// The key.
        key: String,
    },
}

/// The text with `key` set to a text. Where the file has the key, the bytes of its value alone are replaced, of the
/// last one where it stands twice; else it is appended. Newlines are written as `\n`.
pub fn set(text: &str, key: &str, value: &str) -> Result<String, EditError> {
    let before = parse("text", text.as_bytes())?;
    let old = before.entries.iter().rposition(|entry| entry.key.to_lowercase() == key.to_lowercase());
    let inner = value.replace('\n', "\\n");
    let quotes = if value.contains('\'') { ['"', '\''] } else { ['\'', '"'] };
    for quote in quotes {
        let written = format!("{quote}{inner}{quote}");
        let edited = match old.map(|old| &before.entries[old]) {
            Some(Entry { value: Value::Bytes(_), .. }) => break,
            Some(entry) => replaced(text, entry, &written),
            None => appended(text, key, &written),
        };
        let Ok(mut after) = parse("text", edited.as_bytes()) else { continue };
        let Some(set) = after.entries.get_mut(old.unwrap_or(before.entries.len())) else { continue };
        if set.value != Value::String(value.to_owned()) {
            continue;
        }
        // What else the file said must be as it was.
        match old {
            Some(old) => set.value = before.entries[old].value.clone(),
            None if set.key == key => _ = after.entries.pop(),
            None => continue,
        }
        let same =
            |(a, b): (&Entry, &Entry)| a.key == b.key && a.value == b.value && a.comments == b.comments;
        if after.entries.len() == before.entries.len() && after.entries.iter().zip(&before.entries).all(same)
        {
            return Ok(edited);
        }
    }
    Err(EditError::Unwritable { key: key.to_owned() })
}

fn replaced(text: &str, entry: &Entry, written: &str) -> String {
    let (key, value) = (entry.key_span, entry.value_span);
    let equals = text[key.end..].find('=').map_or(key.end, |at| key.end + at + 1);
    // Nothing stands behind the `=`, so what stood in the lines below, if anything, comes there.
    let on_the_line = value.start < value.end && !text[equals..value.start].contains('\n');
    if on_the_line {
        format!("{}{written}{}", &text[..value.start], &text[value.end..])
    } else {
        format!("{} {written}{}", &text[..equals], &text[value.end..])
    }
}

fn appended(text: &str, key: &str, written: &str) -> String {
    let newline = if text.ends_with("\r\n") { "\r\n" } else { "\n" };
    let end = if text.is_empty() || text.ends_with('\n') { "" } else { newline };
    format!("{text}{end}{key:KEY_WIDTH$} = {written}{newline}")
}
