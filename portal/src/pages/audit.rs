//! Audit: who changed what, when and why.

use axum::response::Response;
use ays_catalogue::{AuditOf, AuditRecord, AuditSubject};
use ays_operations as operations;
use serde_json::Value;

use super::listing::listing;
use super::stacks;
use crate::address;
use crate::failure::Failure;
use crate::frame::Frame;
use crate::table::{Cell, Column, Row, Rows, Table, column};
use crate::visitor::Visitor;

const COLUMNS: &[Column] = &[
    column("at", "When"),
    column("actor", "Who"),
    column("subject", "Of what"),
    column("name", "Name"),
    column("what", "What"),
    column("before", "Before"),
    column("after", "After"),
    column("reason", "Reason"),
    column("id", "ID"),
];

/// So many are searched and sorted.
const LIMIT: u32 = 2_000;

pub(crate) async fn page(visitor: Visitor) -> Result<Response, Failure> {
    let of = if visitor.may_admin() { AuditOf::All } else { AuditOf::AllButUsers };
    let records = operations::audit(visitor.controller().await?, of, LIMIT).await?;
    let note = if records.len() == LIMIT as usize {
        format!("These are the last {LIMIT} changes: `ays audit --limit` prints more.")
    } else {
        String::new()
    };
    let table = Table {
        id: "",
        title: "Audit",
        columns: COLUMNS,
        rows: Rows::All(records.iter().map(row).collect()),
        empty: "Nobody has changed anything yet.",
    };
    let frame = Frame::new(&visitor, "Audit", &[]).await?;
    listing(&visitor, frame, Vec::new(), note, vec![table])
}

fn row(record: &AuditRecord) -> Row {
    let name = Cell::text(&record.name);
    let name = match record.subject {
        AuditSubject::Image => name.to(address::to("/images", &record.name)),
        AuditSubject::Stack => name.to(stacks::path(&record.name)),
        AuditSubject::Pool | AuditSubject::User | AuditSubject::Account => name,
    };
    vec![
        Cell::time(Some(&record.at)),
        Cell::text(&record.actor),
        Cell::text(word(&record.subject)),
        name,
        Cell::text(word(&record.what)),
        short(record.before.as_ref()),
        short(record.after.as_ref()),
        record.reason.as_ref().map_or_else(Cell::nothing, Cell::text),
        Cell::number(record.id),
    ]
}

/// A value whose digests are cut short; on hover they are whole.
fn short(value: Option<&Value>) -> Cell {
    let whole = said(value);
    let is_digit = |c: char| c.is_ascii_hexdigit();
    let cut = |word: &str| match word.rfind(|c| !is_digit(c)).map_or(0, |at| at + 1) {
        // What is left of the digits is no digest's name.
        at if word.len() - at >= 32 => format!("{}…", &word[at..at + 12]),
        _ => word.to_owned(),
    };
    let words = whole.split(' ').map(|word| match word.strip_suffix(',') {
        Some(word) => format!("{},", cut(word)),
        None => cut(word),
    });
    let text = words.collect::<Vec<_>>().join(" ");
    let is_cut = text != whole;
    let cell = Cell { value: whole.clone().into(), ..Cell::text(text) };
    if is_cut { cell.hover(whole) } else { cell }
}

/// What JSON calls it.
fn word(value: &impl serde::Serialize) -> String {
    serde_json::to_value(value).map(|value| said(Some(&value))).unwrap_or_default()
}

/// A value as people read it.
fn said(value: Option<&Value>) -> String {
    match value {
        None | Some(Value::Null) => String::new(),
        Some(Value::String(text)) => text.clone(),
        Some(Value::Array(items)) => items.iter().map(|item| said(Some(item))).collect::<Vec<_>>().join(", "),
        Some(Value::Object(fields)) => fields
            .iter()
            .map(|(key, value)| format!("{key}: {}", said(Some(value))))
            .collect::<Vec<_>>()
            .join(", "),
        Some(other) => other.to_string(),
    }
}
