//! How results and events look.

pub mod catalogue_check;
pub mod check;
pub mod counts;
pub mod disk;
pub mod events;
pub mod lint;
pub mod pools;
pub mod rehearsal;
pub mod rollout;
pub mod scrub;
pub mod table;
pub mod units;

use indicatif::{ProgressBar, ProgressStyle};

/// A bar of bytes, with their rate and what is left; one that is not to be shown is hidden.
pub fn bytes_bar(what: &str, shows: bool) -> ProgressBar {
    let bar = if shows { ProgressBar::no_length() } else { ProgressBar::hidden() };
    let template =
        format!("  {what} [{{bar:30}}] {{bytes}} of {{total_bytes}}, {{bytes_per_sec}}, {{eta}} left");
    let style = ProgressStyle::with_template(&template).unwrap_or_else(|_| ProgressStyle::default_bar());
    bar.set_style(style.progress_chars("=> "));
    bar
}

/// JSON that means the same and holds nothing that would steer a terminal: serde leaves some controls as they are.
pub fn printable_json(json: &str) -> String {
    let mut shown = String::with_capacity(json.len());
    for c in json.chars() {
        match c {
            '\u{7f}'..='\u{9f}' => shown.push_str(&format!("\\u{:04x}", u32::from(c))),
            c => shown.push(c),
        }
    }
    shown
}

/// A text that may hold a repository's, a server's or a node's words, without what would steer a terminal.
pub fn printable(text: &str) -> String {
    text.chars().map(|c| if c.is_control() && !matches!(c, '\n' | '\t') { '\u{fffd}' } else { c }).collect()
}

/// A word as a shell takes it.
pub fn quoted(word: &str) -> String {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "-_./,:=@%+".contains(c);
    if !word.is_empty() && word.chars().all(is_plain) {
        word.to_owned()
    } else {
        format!("'{}'", word.replace('\'', "'\\''"))
    }
}
