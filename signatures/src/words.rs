//! What keys and signatures say of themselves, made fit to be shown.

use ays_model::Fingerprint;
use pgp::types::{Fingerprint as Digits, KeyId};

/// The most characters of such a text that are shown.
const MOST: usize = 160;

/// A text without anything that would change a terminal, of a length that can be read.
pub(crate) fn shown(text: &[u8]) -> String {
    let text = String::from_utf8_lossy(text);
    let plain = text
        .trim()
        .chars()
        .take(MOST)
        .map(|c| if c.is_control() || is_invisible(c) { '\u{fffd}' } else { c });
    let plain: String = plain.collect();
    if plain.is_empty() { "without a name".to_owned() } else { plain }
}

/// Characters that turn the direction of a text, or take no room: they let one name look like another.
fn is_invisible(c: char) -> bool {
    matches!(c, '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}')
}

pub(crate) fn fingerprint(digits: &Digits) -> Fingerprint {
    format!("{digits:X}").into()
}

pub(crate) fn key_id(id: &KeyId) -> Fingerprint {
    id.as_ref().iter().map(|byte| format!("{byte:02X}")).collect::<String>().into()
}
