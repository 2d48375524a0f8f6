//! Which part of a table an address asks for.

use super::{Column, Row};
use crate::fields::Fields;

/// How many rows a page may have; the first is the usual one.
pub(crate) const SIZES: [u32; 4] = [25, 10, 50, 100];

/// What a table can be had as.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Format {
    Csv,
    Json,
}

/// Which part of a table is asked for.
#[derive(Debug, Clone)]
pub(crate) struct Asked {
    /// Only rows that have this text in some column.
    pub search: Option<String>,
    /// Only rows that have the text in the column of this key.
    pub columns: Vec<(String, String)>,
    /// By which column they are sorted.
    pub sort: Option<String>,
    /// The last first.
    pub descending: bool,
    pub size: u32,
    /// From 1.
    pub page: u32,
    pub format: Option<Format>,
}

/// The name of a table's field in the address.
pub(super) fn name(id: &str, field: &str) -> String {
    if id.is_empty() { field.to_owned() } else { format!("{id}.{field}") }
}

/// The name of the field that searches in a column.
pub(super) fn of_column(id: &str, key: &str) -> String {
    name(id, &format!("in-{key}"))
}

impl Asked {
    /// Reads what an address says of the table `id`; what cannot be is taken as not said.
    pub fn read(id: &str, query: &Fields) -> Self {
        let one = |field: &str| query.one(&name(id, field));
        let number = |field: &str| one(field).and_then(|text| text.parse::<u32>().ok());
        let begins = name(id, "in-");
        let columns = query.0.iter().filter_map(|(key, value)| {
            let (key, value) = (key.strip_prefix(&begins)?, value.trim());
            (!value.is_empty()).then(|| (key.to_owned(), value.to_owned()))
        });
        let sort = one("sort");
        Self {
            search: one("search").map(str::to_owned),
            columns: columns.collect(),
            sort: sort.map(|sort| sort.trim_start_matches('-').to_owned()),
            descending: sort.is_some_and(|sort| sort.starts_with('-')),
            size: number("size").filter(|size| SIZES.contains(size)).unwrap_or(SIZES[0]),
            page: number("page").unwrap_or(1).max(1),
            format: match one("format") {
                Some("csv") => Some(Format::Csv),
                Some("json") => Some(Format::Json),
                _ => None,
            },
        }
    }

    /// Whether it leaves rows out.
    pub fn searches(&self) -> bool {
        self.search.is_some() || !self.columns.is_empty()
    }

    /// What is searched in a column.
    pub fn in_column(&self, key: &str) -> &str {
        self.columns.iter().find(|(column, _)| column == key).map_or("", |(_, text)| text)
    }

    /// How many rows are before the page.
    pub fn skip(&self) -> u32 {
        (self.page - 1).saturating_mul(self.size)
    }

    /// The rows that are meant, in their order.
    pub fn select<'a>(&self, columns: &[Column], rows: &'a [Row]) -> Vec<&'a Row> {
        let at = |key: &str| columns.iter().position(|column| column.key == key);
        let search = self.search.as_ref().map(|text| text.to_lowercase());
        let wanted: Vec<_> =
            self.columns.iter().filter_map(|(key, text)| Some((at(key)?, text.to_lowercase()))).collect();
        let is_meant = |row: &&Row| {
            search.as_ref().is_none_or(|text| row.iter().any(|cell| cell.has(text)))
                && wanted.iter().all(|(at, text)| row.get(*at).is_some_and(|cell| cell.has(text)))
        };
        let mut found: Vec<_> = rows.iter().filter(is_meant).collect();
        if let Some(at) = self.sort.as_deref().and_then(at) {
            found.sort_by_key(|row| row.get(at).map(|cell| &cell.key));
            if self.descending {
                found.reverse();
            }
        }
        found
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Cell, column};
    use super::*;

    const COLUMNS: [Column; 2] = [column("name", "Name"), column("size", "Size")];

    fn rows() -> Vec<Row> {
        [("b", 9), ("A", 10), ("ab", 1)].map(|(name, size)| vec![Cell::text(name), Cell::number(size)]).into()
    }

    fn select(query: &str) -> Vec<String> {
        let asked = Asked::read("", &Fields::parse(query));
        let rows = rows();
        asked.select(&COLUMNS, &rows).iter().map(|row| row[0].text.clone()).collect()
    }

    #[test]
    fn rows_are_searched_and_sorted() {
        assert_eq!(select(""), ["b", "A", "ab"]);
        assert_eq!(select("sort=name"), ["A", "ab", "b"]);
        assert_eq!(select("sort=-size"), ["A", "b", "ab"]);
        assert_eq!(select("search=B"), ["b", "ab"]);
        assert_eq!(select("search=1&in-name=a&sort=size"), ["ab", "A"]);
        assert_eq!(select("in-size=10"), ["A"]);
        assert_eq!(select("sort=nothing&in-nothing=x"), ["b", "A", "ab"]);
    }

    #[test]
    fn an_address_that_says_nonsense_says_nothing() {
        let asked = Asked::read("t", &Fields::parse("t.size=7&t.page=0&t.format=exe&size=50&t.search=+"));
        assert_eq!((asked.size, asked.page, asked.format, asked.search), (25, 1, None, None));
        let far = Asked::read("", &Fields::parse("page=4294967295&size=100"));
        assert_eq!(far.skip(), u32::MAX);
    }
}
