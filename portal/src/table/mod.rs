//! Tables: searched, sorted and cut into pages on the server; all of that is in the address. Each can be had as CSV and JSON.

mod asked;
mod cell;
mod export;
mod view;

pub(crate) use asked::{Asked, Format};
pub(crate) use cell::{Button, Cell};
pub(crate) use view::{TableView, view};

use axum::response::Response;

use crate::failure::Failure;
use crate::fields::Fields;

/// A column.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Column {
    /// What the address calls it.
    pub key: &'static str,
    /// Its heading.
    pub title: &'static str,
    /// It has buttons, which nobody searches, sorts or exports.
    pub acts: bool,
}

/// The columns of these keys and headings.
pub(crate) const fn column(key: &'static str, title: &'static str) -> Column {
    Column { key, title, acts: false }
}

/// A column of buttons and links that do something.
pub(crate) const fn acting(key: &'static str, title: &'static str) -> Column {
    Column { key, title, acts: true }
}

/// A row.
pub(crate) type Row = Vec<Cell>;

/// A table.
#[derive(Debug)]
pub(crate) struct Table {
    /// What the address calls it, where a page has several; empty: the only one.
    pub id: &'static str,
    /// Its heading.
    pub title: &'static str,
    pub columns: &'static [Column],
    pub rows: Rows,
    /// What is said where it has no row: what to do next. It is HTML, and so has nothing of anybody's.
    pub empty: &'static str,
}

/// The rows of a table.
#[derive(Debug)]
pub(crate) enum Rows {
    /// All that there are.
    All(Vec<Row>),
    /// Those of the page that is asked for, and how many there are in all.
    Part(Vec<Row>, u64),
}

impl Table {
    /// The table as a file, where the address asks for one.
    pub fn export(&self, query: &Fields) -> Option<Result<Response, Failure>> {
        let asked = Asked::read(self.id, query);
        let format = asked.format?;
        let Rows::All(rows) = &self.rows else { return None };
        Some(export::file(self.title, self.columns, asked.select(self.columns, rows), format))
    }
}

/// A table's rows as a file; for one that has only a part of them at hand.
pub(crate) fn file(
    title: &str,
    columns: &[Column],
    rows: &[Row],
    format: Format,
) -> Result<Response, Failure> {
    export::file(title, columns, rows.iter().collect(), format)
}
