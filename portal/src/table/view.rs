//! How a table is shown.

use askama::Template;

use super::asked::{Asked, SIZES, name, of_column};
use super::{Cell, Rows, Table};
use crate::address;
use crate::fields::Fields;
use crate::protection;
use crate::visitor::Visitor;

/// A heading of a column.
struct Heading {
    title: &'static str,
    href: String,
    /// Which way it is sorted by this column.
    sorted: Option<&'static str>,
    field: String,
    text: String,
    acts: bool,
}

/// A table as a page has it.
#[derive(Template)]
#[template(path = "table.html")]
pub(crate) struct TableView {
    id: String,
    title: &'static str,
    path: String,
    headings: Vec<Heading>,
    rows: Vec<Vec<Cell>>,
    empty: &'static str,
    searches: bool,
    search_field: String,
    search: String,
    size_field: String,
    sizes: Vec<(u32, bool)>,
    /// The size that nobody has to say.
    usual: u32,
    /// Fields that the form keeps: the order, and those of other tables.
    kept: Vec<(String, String)>,
    from: u64,
    to: u64,
    total: u64,
    pages: Vec<(&'static str, &'static str, Option<String>)>,
    without_search: String,
    csv: String,
    json: String,
    proof_field: &'static str,
    proof: String,
}

/// The part of a table that the address asks for.
pub(crate) fn view(visitor: &Visitor, table: Table) -> TableView {
    let Table { id, title, columns, rows, empty } = table;
    let (query, path) = (&visitor.query, &visitor.path);
    let asked = Asked::read(id, query);
    let (rows, total) = match rows {
        Rows::Part(rows, total) => (rows, total),
        Rows::All(rows) => {
            let found = asked.select(columns, &rows);
            let skip = asked.skip() as usize;
            (
                found.iter().skip(skip).take(asked.size as usize).map(|&row| row.clone()).collect(),
                found.len() as u64,
            )
        }
    };
    let last = u32::try_from(total.div_ceil(u64::from(asked.size))).unwrap_or(u32::MAX).max(1);
    let page = |number: u32| {
        let is_other = number != asked.page && (1..=last).contains(&number);
        is_other.then(|| link(path, &query.with(&name(id, "page"), Some(&number.to_string())), id))
    };
    let headings = columns.iter().map(|column| {
        let is_sorted = asked.sort.as_deref() == Some(column.key);
        let next =
            if is_sorted && !asked.descending { format!("-{}", column.key) } else { column.key.to_owned() };
        let fields = query.with(&name(id, "sort"), Some(&next)).with(&name(id, "page"), None);
        Heading {
            title: column.title,
            href: link(path, &fields, id),
            sorted: is_sorted.then_some(if asked.descending { "descending" } else { "ascending" }),
            field: of_column(id, column.key),
            text: asked.in_column(column.key).to_owned(),
            acts: column.acts,
        }
    });
    let headings: Vec<_> = headings.collect();
    let search_field = name(id, "search");
    let size_field = name(id, "size");
    let own = |key: &str| {
        key == search_field
            || key == size_field
            || key == name(id, "page")
            || key.starts_with(&name(id, "in-"))
    };
    let kept: Vec<_> = query.0.iter().filter(|(key, _)| !own(key)).cloned().collect();
    let export = |format| address::with(path, &query.with(&name(id, "format"), Some(format)));
    TableView {
        id: if id.is_empty() { "table".to_owned() } else { format!("table-{id}") },
        title,
        searches: asked.searches(),
        search: asked.search.clone().unwrap_or_default(),
        sizes: {
            let mut sizes = SIZES;
            sizes.sort_unstable();
            sizes.map(|size| (size, size == asked.size)).into()
        },
        usual: SIZES[0],
        without_search: link(path, &Fields(kept.clone()), id),
        kept,
        from: if rows.is_empty() { 0 } else { u64::from(asked.skip()) + 1 },
        to: u64::from(asked.skip()) + rows.len() as u64,
        total,
        pages: vec![
            ("First page", "chevrons-left", page(1)),
            ("Previous page", "chevron-left", page(asked.page.saturating_sub(1))),
            ("Next page", "chevron-right", page(asked.page.saturating_add(1))),
            ("Last page", "chevrons-right", page(last)),
        ],
        csv: export("csv"),
        json: export("json"),
        path: path.clone(),
        headings,
        rows,
        empty,
        search_field,
        size_field,
        proof_field: protection::FIELD,
        proof: visitor.proof(),
    }
}

/// An address that leads to the table, where it is one of several of a page.
fn link(path: &str, fields: &Fields, id: &str) -> String {
    let href = address::with(path, fields);
    if id.is_empty() { href } else { format!("{href}#table-{id}") }
}
