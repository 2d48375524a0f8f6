//! One that brings a stored file from other nodes, which have it already.

use std::fs::File;
use std::io::{self, ErrorKind};
use std::sync::Arc;

use ays_model::{Check, Digest, Download, Network, SecretUrl};
use ays_protocol::{Failure, Fetch, PassCopy, PassedCopy, Said, Stamp};
use tokio::sync::watch;

use super::server::{listen, serve};
use super::stock::Stock;
use super::teller::Teller;
use super::tls::Tls;
use super::{Ended, Listeners, Shared, Talk};
use crate::disk::{failure, on_thread, refused};
use crate::fetch::prepare;
use crate::image_file::open_file;
use crate::pace::Pace;
use crate::report::Report;
use crate::stamp::stamp;
use crate::{Limits, content, hashing};

/// Brings the file, and verifies it before it has its name. It is passed on meanwhile, and until the helper ends.
pub(crate) async fn take(
    order: &PassCopy,
    limits: &Limits,
    report: &Report,
    talk: Talk,
    listeners: &Listeners,
) -> Result<PassedCopy, Failure> {
    let fetch = Fetch { download: download(order)?, share: None, unpack: None };
    let mut partial = prepare(&fetch).await?;
    if let Some(stamp) = present(order, report).await? {
        partial.give_up();
        return Ok(PassedCopy { size: order.size, kept: true, resumed_at: 0, received: 0, stamp });
    }
    let tls = Arc::new(Tls::new(&order.share)?);
    let file = partial.reader().map_err(|error| failure(partial.path(), "opening", &error))?;
    let (stock, _) = watch::channel(Stock::new(file));
    let (listener, port) = listen().await?;
    let serving = listeners.add(serve(listener, Arc::clone(&tls), stock.subscribe()));
    let teller = Teller::start(talk.id, talk.answers);
    teller.say(Said::Listening { port });
    let (order, copy) = (&fetch.download, Some(order.digest));
    let mut shared = Shared { order, copy, limits, report, tls, stock, teller, news: talk.news };
    let result = match shared.bring(&mut partial).await {
        Ok(Ended::Taken(passed)) => Ok(passed),
        Ok(Ended::Fetched(_)) => Err(refused(&order.dest, "it came from a source, not from a node")),
        Err(failure) => Err(failure),
    };
    shared.teller.finish().await;
    if result.is_err() {
        serving.abort();
    }
    result
}

/// The file as its own source: what is left of an interrupted transfer is known by that.
fn download(order: &PassCopy) -> Result<Download, Failure> {
    let dest = order.path.clone();
    // What an address would take for an escape is escaped.
    let escaped = dest.display().to_string().replace('%', "%25");
    let url = SecretUrl::parse("file:///")
        .and_then(|root| root.with_path_suffix(escaped.trim_start_matches('/')))
        .map_err(|error| refused(&dest, &error.to_string()))?;
    let (mirrors, check, network) = (Vec::new(), Check::None, Network::default());
    Ok(Download { url, mirrors, dest, check, member: None, network })
}

/// The file that is there, where it is what it should be.
async fn present(order: &PassCopy, report: &Report) -> Result<Option<Stamp>, Failure> {
    let (path, size, digest, report) = (order.path.clone(), order.size, order.digest, report.clone());
    let read = on_thread(move || {
        let file = match open_file(&path) {
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
            opened => opened?,
        };
        // Taken first: a change while the file is read does not go unnoticed.
        let stamp = stamp(&file.metadata()?);
        let is_it = stamp.size == size && digest_of(&file, size, digest, &report)? == digest;
        Ok::<_, io::Error>(is_it.then_some(stamp))
    });
    // One that cannot be read is brought anew.
    Ok(read.await.unwrap_or(None))
}

/// The digest of a whole file, of the same kind as `like`.
pub(super) fn digest_of(file: &File, size: u64, like: Digest, report: &Report) -> io::Result<Digest> {
    let pace = Pace::new(None);
    Ok(match like {
        Digest::FsVerity(_) => Digest::FsVerity(content::digest_of(file, pace, report)?),
        Digest::Sha256(_) => Digest::Sha256(hashing::sha256_of(file, size, pace, report)?),
    })
}
