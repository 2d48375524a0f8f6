//! The recycle bin: deleted images, whose files are still there.

use axum::response::Response;
use ays_catalogue::{ImageColumn, ImageQuery};
use ays_operations as operations;

use super::images;
use super::listing::listing;
use crate::failure::Failure;
use crate::frame::Frame;
use crate::table::{Cell, Column, Row, Rows, Table, acting, column};
use crate::visitor::Visitor;

const COLUMNS: &[Column] = &[
    column("name", "Name"),
    column("type", "Type"),
    column("gid", "Grid ID"),
    column("lastModified", "Deleted"),
    acting("restore", "Restore"),
    acting("destroy", "Permanent delete"),
];

/// So many are searched and sorted.
const LIMIT: u32 = 10_000;

pub(crate) async fn page(visitor: Visitor) -> Result<Response, Failure> {
    let query = ImageQuery {
        columns: vec![(ImageColumn::Status, "DELETED".to_owned())],
        limit: LIMIT,
        ..ImageQuery::default()
    };
    let found = operations::image_page(visitor.controller().await?, query).await?;
    let may = visitor.may_operate();
    let rows = found.items.iter().map(|image| -> Row {
        let path = images::path(image);
        let mut row = vec![
            Cell::text(image.name.as_str()).to(&path),
            Cell::text(&image.category),
            Cell::number(image.gid.0),
            Cell::time(Some(&image.last_modified)),
        ];
        if may {
            row.push(Cell::text("Restore").to(format!("{path}/change/restore")));
            row.push(Cell::text("Permanent delete").to(format!("{path}/change/destroy")));
        }
        row
    });
    let table = Table {
        id: "",
        title: "Recycle bin",
        columns: if may { COLUMNS } else { &COLUMNS[..4] },
        rows: Rows::All(rows.collect()),
        empty: "The recycle bin is empty. An image that is deleted stays here, with its files, until it is deleted permanently.",
    };
    let frame = Frame::new(&visitor, "Recycle bin", &[]).await?;
    listing(&visitor, frame, Vec::new(), "", vec![table])
}
