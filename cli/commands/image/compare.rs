//! `ays image compare`

use std::path::Path;

use ays_engine::{Compared, PieceRange};
use ays_model::{Digest, NodeName};
use ays_operations::{CompareImages, ComparedGeneration, ComparedImages};

use crate::context;
use crate::failure::Failure;
use crate::render::events::Style;
use crate::render::{rollout, table, units};
use crate::signals::stop_at_once;

/// Shows in which pieces of 512 KiB two images differ, as a machine sees them
///
/// Each is read by a node that has a verified copy of it, at the rate of a scrub (setting scrub.rate); no byte of them moves.
/// Holes and zeros are the same. Two that have one content are not read.
#[derive(clap::Args)]
pub struct Args {
    /// An image's name or id; NAME:N is its generation N, else its current one is meant
    #[arg(value_name = "NAME[:N]")]
    one: String,
    /// The other one
    #[arg(value_name = "NAME[:N]")]
    other: String,
    /// Learn the host keys of nodes that have never been seen
    #[arg(long)]
    accept_new_host_key: bool,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

#[derive(serde::Serialize)]
#[serde(rename_all = "camelCase")]
struct Report<'a> {
    /// They have the same content.
    same: bool,
    one: Side<'a>,
    other: Side<'a>,
    /// The length of a piece in bytes; only a disk's last one is shorter.
    piece_size: u64,
    /// How many pieces the larger disk has.
    pieces: u64,
    /// How many of them differ.
    different_pieces: u64,
    /// How long those are, in bytes.
    different_bytes: u64,
    ranges: Vec<Range>,
}

#[derive(serde::Serialize)]
#[serde(rename_all = "camelCase")]
struct Side<'a> {
    image: &'a str,
    generation: u32,
    content: Digest,
    virtual_size: u64,
    /// The node that has read it; null: it had not to be read.
    node: Option<&'a NodeName>,
}

/// Pieces that follow each other.
#[derive(serde::Serialize)]
struct Range {
    /// The number of the first one, from 0.
    first: u64,
    count: u64,
    /// Where it begins, in bytes of the disk.
    at: u64,
    /// In bytes.
    length: u64,
}

/// How many ranges people are shown.
const SHOWN: usize = 20;

pub async fn run(args: Args, repo: Option<&Path>) -> Result<(), Failure> {
    let controller = context::controller_of(repo).await?;
    let ssh = context::ssh(&controller.environment, args.accept_new_host_key)?;
    let compare = CompareImages { one: args.one, other: args.other };
    let tell = rollout::tell(if args.json { Style::Quiet } else { Style::Summary });
    let done = compare.run(controller, ssh, stop_at_once(), tell).await?;
    if args.json { table::json(&report(&done)) } else { show(&done) }
}

fn show(ComparedImages { one, other, compared }: &ComparedImages) -> Result<(), Failure> {
    let named = |side: &ComparedGeneration| format!("{}:{}", side.image, side.generation);
    let (first, second) = (named(one), named(other));
    if one.content == other.content {
        return table::line(&format!("{first} and {second} have the same content"));
    }
    if one.virtual_size != other.virtual_size {
        let sizes = [one.virtual_size, other.virtual_size].map(units::bytes);
        table::line(&format!("{first} has a disk of {}, {second} one of {}", sizes[0], sizes[1]))?;
    }
    let (count, bytes) = sums(compared);
    table::line(&format!(
        "{first} and {second} differ in {count} of {} pieces, {}",
        compared.pieces,
        units::bytes(bytes)
    ))?;
    let rows = compared.ranges.iter().take(SHOWN).map(|PieceRange { first, count, at, length }| {
        vec![first.to_string(), count.to_string(), at.to_string(), units::bytes(*length)]
    });
    if !compared.ranges.is_empty() {
        table::print(&["PIECE", "COUNT", "AT BYTE", "LENGTH"], rows)?;
    }
    match compared.ranges.len().saturating_sub(SHOWN) {
        0 => Ok(()),
        more => table::line(&format!("and {more} more: --json prints all")),
    }
}

/// How many pieces differ, and how many bytes those have.
fn sums(compared: &Compared) -> (u64, u64) {
    let ranges = &compared.ranges;
    (ranges.iter().map(|range| range.count).sum(), ranges.iter().map(|range| range.length).sum())
}

fn report(ComparedImages { one, other, compared }: &ComparedImages) -> Report<'_> {
    let (different_pieces, different_bytes) = sums(compared);
    let (first, second) = match &compared.nodes {
        Some((first, second)) => (Some(first), Some(second)),
        None => (None, None),
    };
    let ranges = compared.ranges.iter();
    Report {
        same: one.content == other.content,
        one: side(one, first),
        other: side(other, second),
        piece_size: compared.piece_size,
        pieces: compared.pieces,
        different_pieces,
        different_bytes,
        ranges: ranges
            .map(|PieceRange { first, count, at, length }| Range {
                first: *first,
                count: *count,
                at: *at,
                length: *length,
            })
            .collect(),
    }
}

fn side<'a>(side: &'a ComparedGeneration, node: Option<&'a NodeName>) -> Side<'a> {
    Side {
        image: &side.image,
        generation: side.generation,
        content: side.content,
        virtual_size: side.virtual_size,
        node,
    }
}
