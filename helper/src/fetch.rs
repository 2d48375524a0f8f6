//! A file brought from its source: verified and synced before it takes its name.

mod access;
mod artifact;
mod blob;
mod body;
mod connecting;
pub(crate) mod expected;
mod fault;
mod ftp;
mod ftp_body;
mod http;
pub(crate) mod identity;
pub(crate) mod kept;
mod listing;
mod local;
mod local_body;
mod look;
mod names;
mod opened;
mod partial;
mod proxies;
mod reading;
mod registry;
mod room;
mod signed;
mod slowness;
mod small;
mod source;
mod stream;
mod tls;
mod transfer;
mod tries;
mod waiting;

use std::path::Path;
use std::sync::mpsc::{Receiver, channel};

use ays_model::Download;
use ays_protocol::{Failure, Fetch, Fetched};

use self::expected::wanted;
use self::transfer::Transfer;
use crate::Limits;
use crate::disk::{check_path, make_directory, on_thread, refused};
use crate::lanes::{OnPiece, PieceHash};
use crate::report::Report;
use crate::share::lead::Lead;
use crate::unpack::Unpackings;

pub(crate) use self::access::Access;
pub(crate) use self::expected::Wanted;
pub(crate) use self::http::Http;
pub(crate) use self::identity::Identity;
pub(crate) use self::kept::{Kept, keep};
pub(crate) use self::look::look;
pub(crate) use self::partial::{Partial, boot};
pub(crate) use self::room::room;

/// Brings the file; keeps the one that is there when it is what the source says.
pub(crate) async fn fetch(
    order: &Fetch,
    limits: &Limits,
    report: &Report,
    unpackings: &Unpackings,
) -> Result<Fetched, Failure> {
    let mut partial = prepare(order).await?;
    let fetched = bring(&order.download, limits, report, &mut partial, None).await?;
    unpackings.keep(&order.download.dest, partial.take_unpacking());
    Ok(fetched)
}

/// Brings it from the source, and when that fails, from each mirror in turn. The failure of the first one is told.
pub(crate) async fn bring(
    order: &Download,
    limits: &Limits,
    report: &Report,
    partial: &mut Partial,
    lead: Option<&Lead>,
) -> Result<Fetched, Failure> {
    let mut told: Option<Failure> = None;
    let mut is_nowhere = true;
    for number in 0..=order.mirrors.len() {
        match bring_from(&of_address(order, number), limits, report, partial, lead).await {
            Ok(fetched) => return Ok(fetched),
            Err(
                failure @ (Failure::Refused { .. }
                | Failure::Unreachable { .. }
                | Failure::NoChecksum { .. }
                | Failure::Checksum { .. }
                | Failure::Signature { .. }
                | Failure::Stream { .. }
                | Failure::Artifact { .. }),
            ) => {
                is_nowhere &= matches!(failure, Failure::Refused { .. });
                told.get_or_insert(failure);
            }
            Err(failure) => return Err(failure),
        }
    }
    if is_nowhere {
        // Nobody will resume what no source has any more.
        partial.give_up();
    }
    Err(told.unwrap_or_else(|| refused(&order.dest, "it has no source")))
}

/// The order with another of its addresses as the first one.
fn of_address(order: &Download, number: usize) -> Download {
    let mut order = order.clone();
    if let Some(mirror) = number.checked_sub(1).and_then(|number| order.mirrors.get_mut(number)) {
        std::mem::swap(mirror, &mut order.url);
    }
    order
}

async fn bring_from(
    order: &Download,
    limits: &Limits,
    report: &Report,
    partial: &mut Partial,
    lead: Option<&Lead>,
) -> Result<Fetched, Failure> {
    let access = Access { network: &order.network, limits };
    let mut wanted = wanted(&order.url, &order.check, access).await?;
    let source = wanted.source(&order.url, access)?;
    let elsewhere = wanted.address.take().map(|url| Download { url, ..order.clone() });
    let order = elsewhere.as_ref().unwrap_or(order);
    let (on_piece, pieces) = lead.map(|_| collect()).unzip();
    if let Some(kept) = keep(order, Some(&source), &mut wanted, on_piece, report).await? {
        partial.give_up();
        if let (Some(lead), Some(pieces)) = (lead, pieces) {
            lead.has_all(&kept, pieces.iter().chain(kept.last_piece).collect(), &wanted);
        }
        return Ok(kept.fetched);
    }
    Transfer::new(order, source, wanted, access, report, partial, lead).run().await
}

/// Keeps the hashes of a present file's pieces until it is known to be the one that is wanted.
fn collect() -> (OnPiece, Receiver<PieceHash>) {
    let (sender, pieces) = channel();
    let on_piece = move |hash| {
        // Nobody waits for them any more when it is not.
        let _ = sender.send(hash);
    };
    (Box::new(on_piece), pieces)
}

/// Refuses what no step may replace; locks the partial file beside `dest`, and has it unpacked as it comes.
pub(crate) async fn prepare(order: &Fetch) -> Result<Partial, Failure> {
    let dest = order.download.dest.clone();
    check_path(&dest)?;
    let mut partial = on_thread(move || {
        check_destination(&dest)?;
        make_directory(dest.parent().unwrap_or(Path::new("/")))?;
        Partial::lock(&dest)
    })
    .await?;
    if let Some(directory) = &order.unpack {
        check_path(directory)?;
        partial.unpack(directory, order.download.member.as_ref())?;
    }
    Ok(partial)
}

/// Only a file, a link to one, or nothing may be replaced.
fn check_destination(dest: &Path) -> Result<(), Failure> {
    if dest.file_name().is_none() {
        return Err(refused(dest, "it is not a file name"));
    }
    match dest.metadata() {
        Ok(found) if found.is_dir() => Err(refused(dest, "it is a directory")),
        Ok(found) if !found.is_file() => Err(refused(dest, "it is a device or a pipe, not a file")),
        _ => Ok(()),
    }
}
