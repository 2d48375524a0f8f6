//! Publications: what is at clouds, with which accounts, and what becomes of each.

use axum::extract::Path;
use axum::response::{IntoResponse, Redirect, Response};
use ays_catalogue::{
    CloudAccount, ImageId, Publication, PublicationFilter, PublicationId, PublicationStatus,
};
use ays_operations::{self as operations, Controller, Recover, RemovePublication, RetryPublication};

use super::images;
use super::listing::{Action, listing};
use super::queue::queue;
use crate::address;
use crate::failure::Failure;
use crate::form::Form;
use crate::frame::Frame;
use crate::table::{Button, Cell, Column, Row, Rows, Table, acting, column};
use crate::visitor::Visitor;
use crate::words::{State, Tone};

const COLUMNS: &[Column] = &[
    column("id", "Publication"),
    column("image", "Image"),
    column("generation", "Generation"),
    column("account", "Account"),
    column("status", "Status"),
    column("cloudId", "Cloud ID"),
    column("location", "Location"),
    column("created", "Asked for"),
    column("problem", "Problem"),
    acting("act", "What to do"),
];

/// So many characters of what a cloud calls an image are shown; the whole is shown on hover, and in files.
const SHOWN: usize = 22;

const ACCOUNTS: &[Column] = &[
    column("name", "Account"),
    column("target", "Type"),
    column("tested", "Tested"),
    column("problem", "Problem"),
    column("actor", "Who"),
];

pub(crate) async fn page(visitor: Visitor) -> Result<Response, Failure> {
    let controller = visitor.controller().await?;
    let may = visitor.may_operate();
    let accounts = operations::accounts(controller.clone()).await?;
    let tables = vec![table(&controller, None, may).await?, accounts_table(&accounts)];
    let frame = Frame::new(&visitor, "Publications", &[]).await?;
    let actions = match may {
        true => {
            vec![Action { class: "secondary", ..Action::post("Recover", "refresh", "/publications/recover") }]
        }
        false => Vec::new(),
    };
    let note = "An image is published from its own page. Recover removes what publications have left that came to no end.";
    listing(&visitor, frame, actions, note, tables)
}

/// The publications, of an image or of all.
pub(super) async fn table(
    controller: &Controller,
    image: Option<ImageId>,
    may: bool,
) -> Result<Table, Failure> {
    let filter = PublicationFilter { image, ..PublicationFilter::default() };
    let all = operations::publications(controller.clone(), filter).await?;
    Ok(Table {
        id: "publications",
        title: "Publications",
        columns: if may { COLUMNS } else { &COLUMNS[..COLUMNS.len() - 1] },
        rows: Rows::All(all.iter().map(|of| row(of, may)).collect()),
        empty: "Nothing was published yet. Choose an image, and Publish.",
    })
}

fn accounts_table(accounts: &[CloudAccount]) -> Table {
    let row = |account: &CloudAccount| {
        vec![
            Cell::text(&account.name),
            Cell::text(&account.target),
            Cell::time(account.tested_at.as_ref()),
            Cell::text(account.problem.as_deref().unwrap_or("")),
            Cell::text(&account.created_by),
        ]
    };
    Table {
        id: "accounts",
        title: "Accounts",
        columns: ACCOUNTS,
        rows: Rows::All(accounts.iter().map(row).collect()),
        empty: "There is no account yet: ays account create TYPE, on the server's machine.",
    }
}

fn row(of: &Publication, may: bool) -> Row {
    let mut row = vec![
        Cell::number(of.id.0),
        Cell::text(of.image.as_str()).to(address::to("/images", of.image.as_str())),
        Cell::number(of.generation),
        Cell::text(&of.account),
        Cell::state(state(of)),
        cloud_id(of.cloud_id.as_deref().unwrap_or("")),
        Cell::text(of.location.as_deref().unwrap_or("")),
        Cell::time(Some(&of.created_at)),
        Cell::text(of.problem.as_deref().unwrap_or("")),
    ];
    if may {
        let button = |title: &str, verb: &str| {
            Cell::button(Button {
                title: title.to_owned(),
                label: format!("{title} publication {}", of.id),
                action: address::to("/publications", &of.id.to_string()) + "/" + verb,
                fields: Vec::new(),
            })
        };
        row.push(match of.status {
            PublicationStatus::Running => button("Cancel", "cancel"),
            PublicationStatus::Failed | PublicationStatus::Cancelled => button("Retry", "retry"),
            PublicationStatus::Done => button("Remove there", "remove"),
            PublicationStatus::Removed => Cell::nothing(),
        });
    }
    row
}

/// What the cloud calls it: a long one is shown as its beginning, and whole on hover and in files.
fn cloud_id(id: &str) -> Cell {
    if id.chars().count() <= SHOWN {
        return Cell::text(id);
    }
    let begin: String = id.chars().take(SHOWN - 1).collect();
    Cell { title: Some(id.to_owned()), value: id.into(), ..Cell::text(format!("{begin}\u{2026}")) }
}

/// Where it is, in the words of UForge; never 100% for what failed.
fn state(of: &Publication) -> State {
    match (of.status, of.bytes_total) {
        (PublicationStatus::Done, _) => State::new(Tone::Good, "Done"),
        (PublicationStatus::Failed, _) => State::new(Tone::Bad, "Error"),
        (PublicationStatus::Cancelled, _) => State::new(Tone::Off, "Canceled"),
        (PublicationStatus::Removed, _) => State::new(Tone::Off, "Removed"),
        (PublicationStatus::Running, Some(total)) if total > 0 => {
            let percent = of.bytes_done.saturating_mul(100) / total;
            State::new(Tone::Busy, format!("In progress {}%", percent.min(99)))
        }
        (PublicationStatus::Running, _) => State::new(Tone::Busy, "In progress"),
    }
}

pub(crate) async fn act(
    Path((id, verb)): Path<(i64, String)>,
    Form { visitor, .. }: Form,
) -> Result<Response, Failure> {
    visitor.must_operate()?;
    let id = PublicationId(id);
    let controller = visitor.controller().await?;
    // Before anything: one that is there.
    operations::publication(&controller, id).await?;
    match verb.as_str() {
        "cancel" => {
            operations::cancel_publication(controller, id).await?;
            Ok(Redirect::to("/publications").into_response())
        }
        "retry" => queue(&visitor, RetryPublication { id }).await,
        "remove" => queue(&visitor, RemovePublication { id, remote: true }).await,
        _ => Err(Failure::unknown(format!("`{verb}` is nothing that can become of a publication"))),
    }
}

pub(crate) async fn recover(Form { visitor, .. }: Form) -> Result<Response, Failure> {
    queue(&visitor, Recover { account: None }).await
}

/// Where an image is published.
pub(super) fn publish_path(image: &ays_catalogue::Image) -> String {
    format!("{}/publish", images::path(image))
}
