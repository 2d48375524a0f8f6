//! The matrix of images by stacks: what is where. A sign, a word on hover and a colour say the same.

use std::collections::{BTreeMap, BTreeSet};

use askama::Template;
use axum::response::Response;
use ays_catalogue::{Holding, HoldingFilter};
use ays_operations as operations;

use super::stacks;
use crate::address;
use crate::failure::Failure;
use crate::frame::{Frame, shown};
use crate::visitor::Visitor;
use crate::words::Tone;

/// So many images are on a page.
const ROWS: usize = 100;

/// A sign with its class and words.
type Sign = (&'static str, &'static str, String);

#[derive(Template)]
#[template(path = "matrix.html")]
struct Page {
    frame: Frame,
    image: String,
    stack: String,
    wrong: bool,
    searches: bool,
    legend: Vec<(&'static str, &'static str, &'static str, usize)>,
    /// Their names and paths.
    stacks: Vec<(String, String)>,
    rows: Vec<Line>,
    from: usize,
    to: usize,
    total: usize,
    previous: Option<String>,
    next: Option<String>,
}

struct Line {
    name: String,
    href: String,
    cells: Vec<Sign>,
}

const SIGNS: [(&str, &str, &str); 6] = [
    ("●", "good", "offered"),
    ("◐", "busy", "arriving"),
    ("▲", "warn", "older generation"),
    ("✕", "bad", "damaged"),
    ("○", "off", "wanted, not offered"),
    ("·", "none", "not wanted"),
];

fn sign(holding: Option<&Holding>) -> usize {
    match holding.map(|holding| stacks::state(holding).tone) {
        Some(Tone::Good) => 0,
        Some(Tone::Busy) => 1,
        Some(Tone::Warn) => 2,
        Some(Tone::Bad) => 3,
        Some(Tone::Off) => 4,
        None => 5,
    }
}

/// What an image has on stacks, by their grids and names.
type OnStacks<'a> = BTreeMap<(u32, &'a str), &'a Holding>;

pub(crate) async fn page(visitor: Visitor) -> Result<Response, Failure> {
    let text = |name: &str| visitor.query.one(name).unwrap_or("").to_owned();
    let (image, stack, wrong) = (text("image"), text("stack"), visitor.query.has("wrong"));
    let has = |name: &str, text: &str| name.to_lowercase().contains(&text.to_lowercase());
    let controller = visitor.controller().await?;
    let mut all = operations::stacks(controller.clone()).await?;
    all.retain(|known| known.in_environment && has(&known.name, &stack));
    let mut holdings = operations::holdings(controller, HoldingFilter::default()).await?;
    holdings.retain(|held| has(&held.image_name, &image) && has(&held.stack_name, &stack));
    let mut counts = [0; SIGNS.len()];
    for holding in &holdings {
        counts[sign(Some(holding))] += 1;
    }
    // Images of several grids may have one name.
    let mut images: BTreeMap<(&str, i64), OnStacks<'_>> = BTreeMap::new();
    let columns: BTreeSet<_> = all.iter().map(|known| (known.gid.0, known.name.as_str())).collect();
    for held in &holdings {
        let stack = (held.gid.0, held.stack_name.as_str());
        images.entry((held.image_name.as_str(), held.image.0)).or_default().insert(stack, held);
    }
    if wrong {
        images.retain(|_, on| on.values().any(|held| sign(Some(held)) != 0));
    }
    let page: usize = visitor.query.one("page").and_then(|text| text.parse().ok()).unwrap_or(1).max(1);
    let skip = (page - 1).saturating_mul(ROWS);
    let rows: Vec<Line> = images
        .iter()
        .skip(skip)
        .take(ROWS)
        .map(|((name, id), on)| Line {
            name: (*name).to_owned(),
            href: address::to("/images", &id.to_string()),
            cells: columns.iter().map(|stack| cell(stack.1, on.get(stack).copied())).collect(),
        })
        .collect();
    let link = |page: usize| address::with("/matrix", &visitor.query.with("page", Some(&page.to_string())));
    let shows = Page {
        frame: Frame::new(&visitor, "Matrix", &[]).await?,
        searches: !image.is_empty() || !stack.is_empty() || wrong,
        legend: SIGNS
            .iter()
            .zip(counts)
            .take(5)
            .map(|(&(sign, class, word), count)| (sign, class, word, count))
            .collect(),
        stacks: columns.iter().map(|(_, name)| ((*name).to_owned(), stacks::path(name))).collect(),
        from: if rows.is_empty() { 0 } else { skip + 1 },
        to: skip + rows.len(),
        total: images.len(),
        previous: (page > 1).then(|| link(page - 1)),
        next: (skip.saturating_add(ROWS) < images.len()).then(|| link(page + 1)),
        rows,
        image,
        stack,
        wrong,
    };
    shown(&shows)
}

fn cell(stack: &str, holding: Option<&Holding>) -> Sign {
    let (sign, class, word) = SIGNS[sign(holding)];
    let generation = holding.and_then(|held| held.offers).map(|number| format!(", generation {number}"));
    (sign, class, format!("{stack}: {word}{}", generation.unwrap_or_default()))
}
