//! Images: the table of all of them.

use axum::response::Response;
use ays_catalogue::{Image, ImageColumn, ImageQuery};
use ays_operations as operations;

use super::listing::{Action, listing};
use crate::address;
use crate::failure::Failure;
use crate::frame::Frame;
use crate::table::{Asked, Cell, Column, Row, Rows, Table, column, file};
use crate::visitor::Visitor;

const COLUMNS: &[Column] = &[
    column("name", "Name"),
    column("type", "Type"),
    column("size", "Size"),
    column("status", "Status"),
    column("gid", "Grid ID"),
    column("lastModified", "Last modified"),
    column("id", "ID"),
];

/// No more rows are in a file.
const MOST: u32 = 1_000_000;

pub(crate) async fn page(visitor: Visitor) -> Result<Response, Failure> {
    let asked = Asked::read("", &visitor.query);
    let controller = visitor.controller().await?;
    let of_word = |word: &str| word.parse::<ImageColumn>().ok();
    let (skip, limit) = if asked.format.is_some() { (0, MOST) } else { (asked.skip(), asked.size) };
    let query = ImageQuery {
        search: asked.search.clone(),
        columns: asked.columns.iter().filter_map(|(key, text)| Some((of_word(key)?, text.clone()))).collect(),
        destroyed: false,
        sort: asked.sort.as_deref().and_then(of_word).unwrap_or_default(),
        descending: asked.descending,
        skip,
        limit,
    };
    let found = operations::image_page(controller, query).await?;
    let rows: Vec<Row> = found.items.iter().map(row).collect();
    if let Some(format) = asked.format {
        return file("Images", COLUMNS, &rows, format);
    }
    let table = Table {
        id: "",
        title: "Images",
        columns: COLUMNS,
        rows: Rows::Part(rows, found.total),
        empty: "There is no image yet. <a href=\"/recipes\">Install a recipe</a> to bring one, or add one by its address.",
    };
    let frame = Frame::new(&visitor, "Images", &[]).await?;
    let actions =
        if visitor.may_operate() { vec![Action::to("Add Image", "plus", "/images/new")] } else { Vec::new() };
    listing(&visitor, frame, actions, "", vec![table])
}

/// An image in a row.
fn row(image: &Image) -> Row {
    vec![
        Cell::text(image.name.as_str()).to(path(image)),
        Cell::text(&image.category),
        Cell { text: format!("{} GB", image.size_gb), ..Cell::number(image.size_gb) },
        Cell::state(image.status),
        Cell::number(image.gid.0),
        Cell::time(Some(&image.last_modified)),
        Cell::number(image.id.0),
    ]
}

/// Where an image's page is.
pub(crate) fn path(image: &Image) -> String {
    address::to("/images", &image.id.0.to_string())
}
