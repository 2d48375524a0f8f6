//! A cell of a table.

use ays_catalogue::Timestamp;
use serde_json::Value;

use crate::markup;
use crate::words::State;

/// What cells are sorted by.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Key {
    Nothing,
    Number(i128),
    Text(String),
}

/// A button in a cell, which sends a form.
#[derive(Debug, Clone)]
pub(crate) struct Button {
    pub title: String,
    /// What a screen reader says: which of all.
    pub label: String,
    pub action: String,
    pub fields: Vec<(String, String)>,
}

/// A cell.
#[derive(Debug, Clone)]
pub(crate) struct Cell {
    /// What it says: for people, and for searches.
    pub text: String,
    /// What is shown on hover.
    pub title: Option<String>,
    /// Where it leads.
    pub href: Option<String>,
    /// What it shows instead of its text: safe HTML.
    pub html: Option<String>,
    pub button: Option<Button>,
    pub key: Key,
    /// What JSON has of it.
    pub value: Value,
}

impl Cell {
    pub fn text(text: impl Into<String>) -> Self {
        let text = text.into();
        Self {
            key: Key::Text(text.to_lowercase()),
            value: text.clone().into(),
            text,
            title: None,
            href: None,
            html: None,
            button: None,
        }
    }

    /// Nothing is known.
    pub fn nothing() -> Self {
        Self { key: Key::Nothing, value: Value::Null, ..Self::text("") }
    }

    pub fn number(number: impl Into<i128> + Into<Value> + Copy + ToString) -> Self {
        Self { key: Key::Number(number.into()), value: number.into(), ..Self::text(number.to_string()) }
    }

    /// A number of bytes.
    pub fn bytes(bytes: u64) -> Self {
        let title = Some(format!("{bytes} bytes"));
        Self { key: Key::Number(bytes.into()), value: bytes.into(), title, ..Self::text(markup::size(bytes)) }
    }

    pub fn time(at: Option<&Timestamp>) -> Self {
        let Some(at) = at else { return Self::nothing() };
        let exact = at.to_string();
        Self {
            html: Some(markup::time(at)),
            key: Key::Text(exact.clone()),
            value: exact.clone().into(),
            ..Self::text(exact)
        }
    }

    pub fn state(state: impl Into<State>) -> Self {
        let state = state.into();
        Self { html: Some(markup::state(&state)), ..Self::text(state.word) }
    }

    pub fn button(button: Button) -> Self {
        Self { button: Some(button), value: Value::Null, ..Self::text("") }
    }

    /// The same, leading somewhere.
    pub fn to(self, href: impl Into<String>) -> Self {
        Self { href: Some(href.into()), ..self }
    }

    /// The same, with more on hover.
    pub fn hover(self, title: impl Into<String>) -> Self {
        Self { title: Some(title.into()), ..self }
    }

    /// Whether it has a text, which is in lower case.
    pub fn has(&self, text: &str) -> bool {
        self.text.to_lowercase().contains(text)
    }
}
