//! A table as a file.

use axum::http::header;
use axum::response::{IntoResponse, Response};
use ays_operations::{Error, Kind};
use serde_json::{Map, Value};

use super::asked::Format;
use super::{Cell, Column, Row};
use crate::failure::Failure;

/// The rows as a file of the table's name.
pub(super) fn file(
    title: &str,
    columns: &[Column],
    rows: Vec<&Row>,
    format: Format,
) -> Result<Response, Failure> {
    let name: String =
        title.to_lowercase().chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '-' }).collect();
    let (kind, ending, text) = match format {
        Format::Csv => ("text/csv; charset=utf-8", "csv", csv(columns, &rows)?),
        Format::Json => ("application/json", "json", json(columns, &rows)?),
    };
    let headers = [
        (header::CONTENT_TYPE, kind.to_owned()),
        (header::CONTENT_DISPOSITION, format!("attachment; filename=\"{name}.{ending}\"")),
    ];
    Ok((headers, text).into_response())
}

fn failed(error: impl std::error::Error + Send + Sync + 'static) -> Failure {
    Error::new(Kind::Failed, error).into()
}

fn csv(columns: &[Column], rows: &[&Row]) -> Result<Vec<u8>, Failure> {
    let mut writer = csv::Writer::from_writer(Vec::new());
    writer
        .write_record(columns.iter().filter(|column| !column.acts).map(|column| column.title))
        .map_err(failed)?;
    for row in rows {
        writer.write_record(said(columns, row).map(|(_, cell)| in_csv(&cell.value))).map_err(failed)?;
    }
    writer.into_inner().map_err(|error| failed(error.into_error()))
}

/// The cells that say something.
fn said<'a>(columns: &'a [Column], row: &'a Row) -> impl Iterator<Item = (&'a Column, &'a Cell)> {
    columns.iter().zip(row).filter(|(column, _)| !column.acts)
}

/// A text that a spreadsheet would take for a formula is made one that it takes for text.
fn in_csv(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::String(text) if text.starts_with(['=', '+', '-', '@', '\t', '\r']) => format!("'{text}"),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

fn json(columns: &[Column], rows: &[&Row]) -> Result<Vec<u8>, Failure> {
    let object = |row: &&Row| -> Map<String, Value> {
        said(columns, row).map(|(column, cell)| (column.key.to_owned(), cell.value.clone())).collect()
    };
    serde_json::to_vec_pretty(&rows.iter().map(object).collect::<Vec<_>>()).map_err(failed)
}

#[cfg(test)]
mod tests {
    use super::super::{Cell, column};
    use super::*;

    #[test]
    fn no_cell_is_a_formula() {
        let columns = [column("name", "Name"), column("size", "Size")];
        let row = vec![Cell::text("=HYPERLINK(\"x\"),\"y\""), Cell::number(-3)];
        let text = String::from_utf8(csv(&columns, &[&row]).unwrap()).unwrap();
        assert_eq!(text, "Name,Size\n\"'=HYPERLINK(\"\"x\"\"),\"\"y\"\"\",-3\n");
        let text = String::from_utf8(json(&columns, &[&row]).unwrap()).unwrap();
        assert_eq!(text.parse::<Value>().unwrap()[0]["size"], -3);
    }
}
