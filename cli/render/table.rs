//! Lists on standard output.

use std::io::Write;

use comfy_table::{Table, presets};
use serde::Serialize;

use super::{printable, printable_json};
use crate::failure::Failure;

/// Prints rows under a heading.
pub fn print(heading: &[&str], rows: impl IntoIterator<Item = Vec<String>>) -> Result<(), Failure> {
    let mut table = Table::new();
    table.load_style(presets::NOTHING).set_header(heading.to_vec());
    for row in rows {
        table.add_row(row);
    }
    let trimmed = table.trim_fmt();
    // The first column needs no space before it.
    let text: Vec<_> = trimmed.lines().map(|line| line.strip_prefix(' ').unwrap_or(line)).collect();
    line(&text.join("\n"))
}

/// Prints a value as JSON.
pub fn json(value: &(impl Serialize + ?Sized)) -> Result<(), Failure> {
    let text = serde_json::to_string_pretty(value).map_err(|error| Failure::Output(error.into()))?;
    write(&printable_json(&text))
}

/// Prints a value as JSON in one line.
pub fn json_line(value: &impl Serialize) -> Result<(), Failure> {
    let text = serde_json::to_string(value).map_err(|error| Failure::Output(error.into()))?;
    write(&printable_json(&text))
}

/// A value as JSON has it, without the quotes.
pub fn word(value: &impl Serialize) -> String {
    match serde_json::to_value(value) {
        Ok(serde_json::Value::String(text)) => text,
        Ok(other) => other.to_string(),
        Err(_) => String::new(),
    }
}

/// Prints a line.
pub fn line(text: &str) -> Result<(), Failure> {
    write(&printable(text))
}

/// Prints what other programs read, as it is.
pub fn raw(bytes: &[u8]) -> Result<(), Failure> {
    std::io::stdout().write_all(bytes).map_err(Failure::Output)
}

fn write(text: &str) -> Result<(), Failure> {
    writeln!(std::io::stdout(), "{text}").map_err(Failure::Output)
}
