//! A page that is a table, or several.

use askama::Template;
use axum::response::Response;

use crate::failure::Failure;
use crate::frame::{Frame, shown};
use crate::table::{Table, TableView, view};
use crate::visitor::Visitor;

/// What one can do on a page as a whole.
pub(crate) struct Action {
    pub title: &'static str,
    pub href: String,
    pub icon: &'static str,
    pub class: &'static str,
    /// It is done by sending a form, and not by going there.
    pub is_post: bool,
}

impl Action {
    /// Somewhere to go.
    pub fn to(title: &'static str, icon: &'static str, href: impl Into<String>) -> Self {
        Self { title, href: href.into(), icon, class: "", is_post: false }
    }

    /// Something to do.
    pub fn post(title: &'static str, icon: &'static str, href: impl Into<String>) -> Self {
        Self { is_post: true, ..Self::to(title, icon, href) }
    }
}

#[derive(Template)]
#[template(path = "listing.html")]
struct Page {
    frame: Frame,
    actions: Vec<Action>,
    note: String,
    tables: Vec<TableView>,
}

/// The page, or one of its tables as a file where the address asks for that.
pub(crate) fn listing(
    visitor: &Visitor,
    frame: Frame,
    actions: Vec<Action>,
    note: impl Into<String>,
    tables: Vec<Table>,
) -> Result<Response, Failure> {
    if let Some(file) = tables.iter().find_map(|table| table.export(&visitor.query)) {
        return file;
    }
    let tables = tables.into_iter().map(|table| view(visitor, table)).collect();
    shown(&Page { frame, actions, note: note.into(), tables })
}
