//! How results and events look.

pub mod events;
pub mod table;
pub mod units;

/// A text that may hold a repository's, a server's or a node's words, without what would steer a terminal.
pub fn printable(text: &str) -> String {
    text.chars().map(|c| if c.is_control() && c != '\n' { '\u{fffd}' } else { c }).collect()
}
