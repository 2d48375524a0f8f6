//! An image: its facts, what can be done with it, which stacks have it, what uses it.

use askama::Template;
use axum::extract::Path;
use axum::response::Response;
use ays_catalogue::{
    Copy, CopyState, Generation, Image, ImageDetail, ImageMove, ImageStatus, Next, StackOffer, StackStatus,
    next_image_status,
};
use ays_operations as operations;

use super::image_use::uses;
use super::{images, publications};
use crate::address;
use crate::failure::Failure;
use crate::frame::{Frame, shown};
use crate::markup;
use crate::table::{Cell, Column, Row, Rows, Table, TableView, column, view};
use crate::visitor::Visitor;
use crate::words::{State, Tone};

/// What can be done with an image.
struct Choice {
    title: String,
    href: String,
    icon: &'static str,
}

/// Something to know before all else: how it is meant, what, and where to go.
type Notice = (&'static str, String, Option<(&'static str, String)>);

#[derive(Template)]
#[template(path = "image.html")]
struct Page {
    frame: Frame,
    image: Image,
    choices: Vec<Choice>,
    notices: Vec<Notice>,
    facts: Vec<(&'static str, String)>,
    tables: Vec<TableView>,
    dialog: Option<String>,
}

#[derive(Template)]
#[template(source = "{{ text }}", ext = "html")]
struct Text<'a> {
    text: &'a str,
}

/// A text as HTML.
pub(super) fn text(text: &str) -> String {
    Text { text }.render().unwrap_or_default()
}

pub(crate) async fn page(visitor: Visitor, Path(image): Path<String>) -> Result<Response, Failure> {
    let detail = operations::image(visitor.controller().await?, image).await?;
    with_dialog(visitor, detail, None).await
}

/// The page, with a dialog (HTML) over it.
pub(super) async fn with_dialog(
    visitor: Visitor,
    detail: ImageDetail,
    dialog: Option<String>,
) -> Result<Response, Failure> {
    let path = images::path(&detail.image);
    let visitor = Visitor { path: path.clone(), ..visitor };
    let controller = visitor.controller().await?;
    let tables = vec![
        stacks(&detail.stacks),
        generations(&detail),
        copies(&detail.generations),
        uses(&controller, &detail.image).await?,
        publications::table(&controller, Some(detail.image.id), visitor.may_operate()).await?,
    ];
    if let Some(file) = tables.iter().find_map(|table| table.export(&visitor.query)) {
        return file;
    }
    let frame =
        Frame::new(&visitor, format!("Image: {}", detail.image.name), &[("Images", "/images")]).await?;
    let choices = if visitor.may_operate() { choices(&detail, &path) } else { Vec::new() };
    let tables = tables.into_iter().map(|table| view(&visitor, table)).collect();
    let page = Page {
        frame,
        choices,
        notices: notices(&detail, &path),
        facts: facts(&detail),
        tables,
        dialog,
        image: detail.image,
    };
    shown(&page)
}

/// The entries of "Choose Action": those that can follow what is.
fn choices(detail: &ImageDetail, path: &str) -> Vec<Choice> {
    let status = detail.image.status;
    let choice =
        |title: &str, icon, to: &str| Choice { title: title.to_owned(), href: format!("{path}/{to}"), icon };
    let may = |step| matches!(next_image_status(status, step), Next::Becomes(_));
    let mut choices = Vec::new();
    if matches!(status, ImageStatus::Creating | ImageStatus::Created | ImageStatus::Disabled) {
        choices.push(choice("Image Availability", "stack-2", "availability"));
        choices.push(choice("Publish", "cloud-upload", "publish"));
        choices.push(choice("Edit", "pencil", "edit"));
        choices.push(choice("Delete", "trash", "change/delete"));
    }
    if may(ImageMove::Enable) && status == ImageStatus::Disabled {
        choices.push(choice("Enable", "player-play", "change/enable"));
    }
    if may(ImageMove::Disable) {
        choices.push(choice("Disable", "ban", "change/disable"));
    }
    if let Some(before) = before(detail) {
        choices.push(choice(&format!("Undo to generation {before}"), "arrow-back-up", "change/undo"));
    }
    if status == ImageStatus::Deleted {
        choices.push(choice("Restore", "arrow-back-up", "change/restore"));
        choices.push(choice("Permanent delete", "trash-x", "change/destroy"));
    }
    choices
}

/// The number of the generation that an undo goes back to.
pub(super) fn before(detail: &ImageDetail) -> Option<u32> {
    let current = detail.current()?.number;
    let is_usable = matches!(detail.image.status, ImageStatus::Created | ImageStatus::Disabled);
    let older =
        detail.generations.iter().map(|generation| generation.number).filter(|number| *number < current);
    older.max().filter(|_| is_usable)
}

fn notices(detail: &ImageDetail, path: &str) -> Vec<Notice> {
    let mut notices = Vec::new();
    if detail.image.status == ImageStatus::Deleted {
        notices.push((
            "off",
            "It is in the recycle bin: nothing offers it, and its files are kept.".to_owned(),
            None,
        ));
    }
    let state =
        |of: CopyState| detail.current().is_some_and(|now| now.copies.iter().any(|copy| copy.state == of));
    if state(CopyState::Damaged) {
        let what = "A copy of its current generation is damaged.".to_owned();
        notices.push(("bad", what, Some(("Bring it again", format!("{path}/availability")))));
    }
    let lacking: Vec<_> =
        detail.stacks.iter().filter(|on| on.wanted && on.offered_generation.is_none()).collect();
    if !lacking.is_empty() && detail.image.status == ImageStatus::Created {
        let names = lacking.iter().map(|on| format!("{} ({})", on.stack.name, why_not(on, detail)));
        let names = names.collect::<Vec<_>>().join(", ");
        let what = format!("It is wanted, and not offered yet, on: {names}.");
        notices.push(("warn", what, Some(("Image Availability", format!("{path}/availability")))));
    }
    notices
}

/// Why a stack does not offer an image that is wanted there.
fn why_not(on: &StackOffer, detail: &ImageDetail) -> &'static str {
    match on.stack.status {
        StackStatus::Maintenance => "in maintenance",
        StackStatus::Disabled => "disabled",
        StackStatus::Enabled => match copy_on(on, detail).map(|copy| copy.state) {
            Some(CopyState::Arriving) => "arriving",
            Some(CopyState::Damaged) => "damaged",
            _ => "its pool lacks it",
        },
    }
}

/// The current generation's copy in the pool of a stack.
pub(super) fn copy_on<'a>(on: &StackOffer, detail: &'a ImageDetail) -> Option<&'a Copy> {
    let of_stack = |copy: &&Copy| match &copy.pool.node {
        Some(node) => *node == on.stack.name,
        None => on.stack.descr == format!("pool {}, {}", copy.pool.name, copy.pool.path),
    };
    detail.current()?.copies.iter().find(of_stack)
}

fn facts(detail: &ImageDetail) -> Vec<(&'static str, String)> {
    let ImageDetail { image, .. } = detail;
    let mut facts = vec![
        ("Type", text(&image.category)),
        ("Size", format!("{} GB", image.size_gb)),
        ("UNCPath", image.unc_path.as_deref().map_or("no pool has it".to_owned(), text)),
        ("Status", markup::state(&image.status.into())),
        ("Hot Resize", if image.hot_resize { "yes" } else { "no" }.to_owned()),
        ("Account", if image.account_id == 0 { "public".to_owned() } else { image.account_id.to_string() }),
        ("Boot type", text(image.boot_type.as_str())),
        ("Login", image.username.as_deref().map_or("not known".to_owned(), text)),
        ("Description", text(&image.description)),
        ("Source", text(&image.url)),
        ("Grid ID", image.gid.to_string()),
        ("Last modified", markup::time(&image.last_modified)),
    ];
    if let Some(current) = detail.current() {
        let system = [&current.disk.os, &current.disk.os_version].into_iter().flatten().map(String::as_str);
        let system = system.collect::<Vec<_>>().join(" ");
        let proof = if current.signed_by.is_some() {
            State::new(Tone::Good, "proven")
        } else if current.verified_at_source {
            State::new(Tone::Good, "verified")
        } else {
            State::new(Tone::Warn, "unverified at source")
        };
        facts.push(("Current generation", current.number.to_string()));
        facts.push(("Source checked", markup::state(&proof)));
        if !system.is_empty() {
            facts.push(("System in it", text(&system)));
        }
    }
    facts.retain(|(_, value)| !value.is_empty());
    facts
}

fn stacks(stacks: &[StackOffer]) -> Table {
    const COLUMNS: &[Column] = &[
        column("id", "ID"),
        column("gid", "Grid ID"),
        column("name", "Name"),
        column("status", "Status"),
        column("referenceId", "Reference ID"),
        column("type", "Type"),
        column("descr", "Description"),
        column("generation", "Generation"),
    ];
    let row = |on: &StackOffer| -> Option<Row> {
        let stack = &on.stack;
        let generation = on.offered_generation?;
        Some(vec![
            Cell::number(stack.id.0),
            Cell::number(stack.gid.0),
            Cell::text(stack.name.as_str()).to(address::to("/stacks", stack.name.as_str())),
            Cell::state(stack.status),
            Cell::text(&stack.reference_id),
            Cell::text(&stack.kind),
            Cell::text(&stack.descr),
            Cell::number(generation),
        ])
    };
    Table {
        id: "stacks",
        title: "Stacks which have this Image",
        columns: COLUMNS,
        rows: Rows::All(stacks.iter().filter_map(row).collect()),
        empty: "No stack offers this image. Choose Image Availability to make it available.",
    }
}

fn generations(detail: &ImageDetail) -> Table {
    const COLUMNS: &[Column] = &[
        column("number", "Generation"),
        column("state", "State"),
        column("madeAt", "Made"),
        column("madeBy", "By"),
        column("virtualSize", "Disk"),
        column("storedSize", "Stored"),
        column("template", "Recipe"),
        column("content", "Content"),
    ];
    let path = images::path(&detail.image);
    let row = |generation: &Generation| -> Row {
        let state = match (generation.current, generation.undone_at.is_some()) {
            (true, _) => State::new(Tone::Good, "current"),
            (false, true) => State::new(Tone::Off, "undone"),
            (false, false) => State::new(Tone::Off, "earlier"),
        };
        let content = generation.content.to_string();
        let short: String = content.rsplit(':').next().unwrap_or("").chars().take(12).collect();
        vec![
            Cell::number(generation.number).to(format!("{path}/generations?b={}", generation.number)),
            Cell::state(state),
            Cell::time(Some(&generation.made_at)),
            Cell::text(&generation.made_by),
            Cell::bytes(generation.virtual_size),
            Cell::bytes(generation.stored_size),
            Cell::text(generation.template.as_str()),
            Cell { value: content.clone().into(), ..Cell::text(short) }.hover(content),
        ]
    };
    Table {
        id: "generations",
        title: "Generations",
        columns: COLUMNS,
        rows: Rows::All(detail.generations.iter().map(row).collect()),
        empty: "Nothing was registered yet: install its recipe.",
    }
}

fn copies(generations: &[Generation]) -> Table {
    const COLUMNS: &[Column] = &[
        column("pool", "Pool"),
        column("node", "Node"),
        column("generation", "Generation"),
        column("state", "State"),
        column("size", "Size"),
        column("file", "File"),
        column("verifiedAt", "Verified"),
        column("scrubbedAt", "Read again"),
    ];
    let row = |generation: &Generation, copy: &Copy| -> Row {
        vec![
            Cell::text(copy.pool.name.as_str()),
            Cell::text(copy.pool.node.as_ref().map_or("shared", |node| node.as_str())),
            Cell::number(generation.number),
            Cell::state(copy.state),
            Cell::bytes(copy.size),
            Cell::text(&copy.file).hover(format!("{}/{}", copy.pool.path, copy.file)),
            Cell::time(copy.verified_at.as_ref()),
            Cell::time(copy.scrubbed_at.as_ref()),
        ]
    };
    let of = |generation| move |copy| row(generation, copy);
    Table {
        id: "copies",
        title: "Copies",
        columns: COLUMNS,
        rows: Rows::All(
            generations.iter().flat_map(|generation| generation.copies.iter().map(of(generation))).collect(),
        ),
        empty: "No pool has a copy of it.",
    }
}
