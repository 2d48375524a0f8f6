//! Recipes: the templates of the environment, and lint's findings in each.

use std::collections::HashMap;
use std::sync::Arc;

use axum::response::Response;
use ays_lint::Mistake;
use ays_model::Severity;
use ays_operations::{self as operations, LintScope};

use super::listing::listing;
use crate::address;
use crate::failure::Failure;
use crate::frame::Frame;
use crate::table::{Cell, Column, Row, Rows, Table, column};
use crate::visitor::Visitor;
use crate::words::{State, Tone};

const COLUMNS: &[Column] = &[
    column("name", "Name"),
    column("category", "Category"),
    column("path", "Directory"),
    column("lint", "Lint"),
    column("nodes", "Installed on"),
];

/// Where a recipe's page is.
pub(super) fn path(name: &str) -> String {
    address::to("/recipes", name)
}

pub(crate) async fn page(visitor: Visitor) -> Result<Response, Failure> {
    let controller = visitor.controller().await?;
    let templates = operations::templates(Arc::clone(&controller.environment)).await?;
    let scope = LintScope::Environment(Arc::clone(&controller.environment));
    let mistakes = operations::lint(scope, Vec::new()).await?;
    let mut nodes: HashMap<String, usize> = HashMap::new();
    for on in operations::installed_images(controller).await? {
        *nodes.entry(on.service.service.as_str().to_owned()).or_default() += 1;
    }
    let rows = templates.iter().map(|template| -> Row {
        let below = format!("{}/", template.path);
        let found: Vec<_> = mistakes.iter().filter(|mistake| mistake.file.starts_with(&below)).collect();
        vec![
            Cell::text(template.name.as_str()).to(path(template.name.as_str())),
            template.category.as_ref().map_or_else(Cell::nothing, Cell::text),
            Cell::text(&template.path),
            Cell::state(state(&found)),
            Cell::number(nodes.get(template.name.as_str()).copied().unwrap_or(0) as u64),
        ]
    });
    let table = Table {
        id: "",
        title: "Recipes",
        columns: COLUMNS,
        rows: Rows::All(rows.collect()),
        empty: "The environment has no recipe: <code>ays new image URL</code> writes one.",
    };
    let frame = Frame::new(&visitor, "Recipes", &[]).await?;
    listing(&visitor, frame, Vec::new(), "", vec![table])
}

/// What lint found, in a word.
pub(super) fn state(found: &[&Mistake]) -> State {
    let errors = found.iter().filter(|mistake| mistake.finding.severity == Severity::Error).count();
    let number = |count: usize, word: &str| format!("{count} {word}{}", if count == 1 { "" } else { "s" });
    match (errors, found.len()) {
        (0, 0) => State::new(Tone::Good, "nothing found"),
        (0, warnings) => State::new(Tone::Warn, number(warnings, "warning")),
        (errors, _) => State::new(Tone::Bad, number(errors, "error")),
    }
}
