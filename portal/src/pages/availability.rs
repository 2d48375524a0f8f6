//! Image Availability: on which stacks an image is to be.

use std::collections::{BTreeMap, BTreeSet};

use askama::Template;
use axum::extract::Path;
use axum::response::Response;
use ays_catalogue::{CopyState, ImageDetail, StackOffer, StackStatus};
use ays_model::Gid;
use ays_operations::{self as operations, Canary, SetAvailability, Wanted};

use super::arriving::{Arriving, arriving};
use super::checked_nodes::{CheckedNodes, checked_nodes};
use super::image::{copy_on, with_dialog};
use super::images;
use super::queue::queue;
use crate::failure::Failure;
use crate::fields::Fields;
use crate::form::Form;
use crate::markup;
use crate::visitor::Visitor;
use crate::words::{State, Tone};

#[derive(Template)]
#[template(path = "availability.html")]
struct Dialog {
    proof: String,
    action: String,
    close: String,
    /// The numbers of the stacks that the image was wanted on when this was shown.
    seen: String,
    grids: Vec<Grid>,
    problem: Option<String>,
    canary: String,
    canary_problem: bool,
    reason: String,
}

struct Grid {
    gid: Gid,
    stacks: Vec<OnStack>,
}

struct OnStack {
    id: i64,
    name: String,
    checked: bool,
    /// What has the keyboard when the dialog opens.
    is_first: bool,
    /// HTML.
    state: String,
    progress: Option<(u64, u64)>,
    free: Option<String>,
}

/// What somebody has chosen so far.
struct Chosen<'a> {
    stacks: BTreeSet<i64>,
    fields: &'a Fields,
    problem: Option<String>,
    canary_problem: bool,
}

pub(crate) async fn page(visitor: Visitor, Path(image): Path<String>) -> Result<Response, Failure> {
    visitor.must_operate()?;
    let detail = operations::image(visitor.controller().await?, image).await?;
    let chosen =
        Chosen { stacks: wanted(&detail), fields: &Fields::default(), problem: None, canary_problem: false };
    ask(visitor, detail, chosen).await
}

pub(crate) async fn confirm(
    Path(image): Path<String>,
    Form { visitor, fields }: Form,
) -> Result<Response, Failure> {
    visitor.must_operate()?;
    let detail = operations::image(visitor.controller().await?, image).await?;
    let said: BTreeSet<i64> = fields.all("stack").filter_map(|id| id.parse().ok()).collect();
    let known: BTreeSet<i64> = detail.stacks.iter().map(|on| on.stack.id.0).collect();
    let mut chosen = Chosen { stacks: said, fields: &fields, problem: None, canary_problem: false };
    match fields.one("select") {
        Some("all") => chosen.stacks = known,
        Some(_) => chosen.stacks.clear(),
        None if fields.one("seen").unwrap_or("") != list(&wanted(&detail)) => {
            chosen.problem = Some(
                "Somebody else has changed where this image is wanted since you opened this. What each stack has is \
                 shown as it is now, and your choice is kept: look at it, and confirm again."
                    .to_owned(),
            );
        }
        None if !chosen.stacks.is_subset(&known) => {
            chosen.problem = Some("A stack that was shown is not there any more: choose again.".to_owned());
        }
        None => match fields.one("canary").map(str::parse::<Canary>).transpose() {
            Err(_) => chosen.canary_problem = true,
            Ok(canary) => {
                let names = |ids: &BTreeSet<i64>| {
                    let among = detail.stacks.iter().filter(|on| ids.contains(&on.stack.id.0));
                    among.map(|on| on.stack.name.clone()).collect()
                };
                let set = SetAvailability {
                    image: detail.image.id.0.to_string(),
                    gid: None,
                    wanted: Wanted::Set(names(&chosen.stacks)),
                    // Another job that does the same to it may wait.
                    seen: Some(names(&wanted(&detail))),
                    canary,
                    check: None,
                    reason: fields.one("reason").map(str::to_owned),
                };
                return queue(&visitor, set).await;
            }
        },
    }
    ask(visitor, detail, chosen).await
}

async fn ask(visitor: Visitor, detail: ImageDetail, chosen: Chosen<'_>) -> Result<Response, Failure> {
    let controller = visitor.controller().await?;
    let (arriving, nodes) = (arriving(&controller, &detail.image).await?, checked_nodes(&controller).await?);
    let mut grids: BTreeMap<Gid, Vec<OnStack>> = BTreeMap::new();
    for on in &detail.stacks {
        let checked = chosen.stacks.contains(&on.stack.id.0);
        grids.entry(on.stack.gid).or_default().push(on_stack(on, checked, &detail, &arriving, &nodes));
    }
    if let Some(first) = grids.values_mut().flatten().next() {
        first.is_first = true;
    }
    let path = images::path(&detail.image);
    let text = |name: &str| chosen.fields.one(name).unwrap_or("").to_owned();
    let dialog = Dialog {
        proof: visitor.proof(),
        action: format!("{path}/availability"),
        close: path,
        seen: list(&wanted(&detail)),
        grids: grids.into_iter().map(|(gid, stacks)| Grid { gid, stacks }).collect(),
        canary: text("canary"),
        canary_problem: chosen.canary_problem,
        reason: text("reason"),
        problem: chosen.problem,
    };
    let dialog = dialog.render()?;
    with_dialog(visitor, detail, Some(dialog)).await
}

fn on_stack(
    on: &StackOffer,
    checked: bool,
    detail: &ImageDetail,
    arriving: &Arriving,
    nodes: &CheckedNodes,
) -> OnStack {
    let copy = copy_on(on, detail).map(|copy| copy.state);
    let current = detail.current().map(|current| current.number);
    let state = match (on.offered_generation, copy) {
        (_, Some(CopyState::Damaged)) => State::new(Tone::Bad, "damaged"),
        (None, Some(CopyState::Arriving)) => State::new(Tone::Busy, "arriving"),
        (Some(number), Some(CopyState::Arriving)) => {
            State::new(Tone::Busy, format!("offers generation {number}, a newer one arrives"))
        }
        (Some(number), _) if Some(number) == current => {
            State::new(Tone::Good, format!("offers generation {number}"))
        }
        (Some(number), _) => State::new(Tone::Warn, format!("offers generation {number}, an older one")),
        (None, _) if on.stack.status == StackStatus::Maintenance => State::new(Tone::Warn, "in maintenance"),
        (None, _) if on.stack.status == StackStatus::Disabled => State::new(Tone::Off, "disabled"),
        (None, Some(CopyState::Verified)) if !on.wanted => {
            State::new(Tone::Off, "not wanted, its pool has it")
        }
        (None, _) if on.wanted => State::new(Tone::Warn, "wanted, its pool lacks it"),
        (None, _) => State::new(Tone::Off, "not wanted"),
    };
    OnStack {
        id: on.stack.id.0,
        name: on.stack.name.as_str().to_owned(),
        checked,
        is_first: false,
        state: markup::state(&state),
        progress: arriving.get(on.stack.name.as_str()).copied(),
        free: nodes
            .get(on.stack.name.as_str())
            .and_then(|(node, _)| node.pool_free)
            .map(|free| format!("{} free", markup::size(free))),
    }
}

fn wanted(detail: &ImageDetail) -> BTreeSet<i64> {
    detail.stacks.iter().filter(|on| on.wanted).map(|on| on.stack.id.0).collect()
}

fn list(ids: &BTreeSet<i64>) -> String {
    ids.iter().map(i64::to_string).collect::<Vec<_>>().join(",")
}
