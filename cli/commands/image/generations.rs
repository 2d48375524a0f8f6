//! `ays image generations`

use std::path::Path;

use ays_catalogue::{Copy, Generation, ImageDetail, StackOffer, Timestamp};

use crate::failure::Failure;
use crate::render::{pools, table};
use crate::site::Site;

/// Shows an image's generations: which one is current, which stacks offer which, and where copies are
#[derive(clap::Args)]
pub struct Args {
    /// Its name or id
    image: String,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

#[derive(serde::Serialize)]
#[serde(rename_all = "camelCase")]
struct Row<'a> {
    number: u32,
    current: bool,
    made_at: &'a Timestamp,
    made_by: &'a str,
    /// What the source calls it, where it has versions.
    source_version: Option<&'a str>,
    content: String,
    /// When an operator went back from it.
    undone_at: Option<&'a Timestamp>,
    undone_by: Option<&'a str>,
    /// The stacks that offer it.
    offered_by: Vec<&'a str>,
    copies: &'a [Copy],
}

pub async fn run(args: Args, repo: Option<&Path>) -> Result<(), Failure> {
    let ImageDetail { generations, stacks, .. } = Site::find(repo)?.image(&args.image).await?;
    let rows: Vec<_> = generations.iter().map(|generation| row(generation, &stacks)).collect();
    if args.json { table::json(&rows) } else { rows.iter().try_for_each(show) }
}

fn row<'a>(generation: &'a Generation, stacks: &'a [StackOffer]) -> Row<'a> {
    let offered_by = stacks.iter().filter(|on| on.offered_generation == Some(generation.number));
    Row {
        number: generation.number,
        current: generation.current,
        made_at: &generation.made_at,
        made_by: &generation.made_by,
        source_version: generation.source_version.as_deref(),
        content: generation.content.to_string(),
        undone_at: generation.undone_at.as_ref(),
        undone_by: generation.undone_by.as_deref(),
        offered_by: offered_by.map(|on| on.stack.name.as_str()).collect(),
        copies: &generation.copies,
    }
}

fn show(row: &Row<'_>) -> Result<(), Failure> {
    let current = if row.current { ", current" } else { "" };
    let version = row.source_version.map(|version| format!(", version {version}")).unwrap_or_default();
    table::line(&format!(
        "{}{current}: from {} UTC by {}{version}",
        row.number,
        row.made_at.to_the_second(),
        row.made_by
    ))?;
    if let (Some(at), Some(by)) = (row.undone_at, row.undone_by) {
        table::line(&format!("   undone   {} UTC by {by}", at.to_the_second()))?;
    }
    if !row.offered_by.is_empty() {
        table::line(&format!("   offered  by {}", row.offered_by.join(", ")))?;
    }
    if row.copies.is_empty() {
        table::line("   copies   none: it was pruned, or never verified")?;
    }
    for Copy { pool, state, file, .. } in row.copies {
        table::line(&format!("   copy     {} in pool {}/{file}", table::word(state), pools::pool(pool)))?;
    }
    Ok(())
}
