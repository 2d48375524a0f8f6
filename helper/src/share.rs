//! One fetch for many nodes, as one of them sees it: the roles that it takes, and what it passes on.
//!
//! Whatever the role, the bytes are in the partial file, and [`Stock`] says how many of them are good. Who takes pieces
//! from this node is served from that file alone, also after it has its name.

mod dial;
mod follower;
mod giver;
pub(crate) mod lead;
mod leading;
mod listeners;
mod piece;
mod request;
mod server;
mod stock;
mod supplier;
mod taker;
pub(crate) mod teller;
mod tls;

use std::sync::Arc;

use ays_model::{Digest, Download};
use ays_protocol::{Failure, Fetch, Fetched, FromNode, News, PassedCopy, Said, Share, Supplier};
use tokio::sync::{mpsc, watch};

use self::follower::follow;
use self::leading::lead;
use self::server::{listen, serve};
use self::stock::Stock;
use self::teller::Teller;
use self::tls::Tls;
use crate::Limits;
use crate::disk::{failure, refused};
use crate::fetch::{Partial, prepare};
use crate::report::Report;
use crate::unpack::Unpackings;

pub use self::dial::{DIAL_MODE, dial};
pub(crate) use self::giver::give;
pub(crate) use self::listeners::Listeners;
pub(crate) use self::taker::take;

/// What a step and the controller say to each other while it is under way.
#[derive(Debug)]
pub(crate) struct Talk {
    /// The step.
    pub(crate) id: u64,
    pub(crate) answers: mpsc::UnboundedSender<FromNode>,
    pub(crate) news: mpsc::UnboundedReceiver<News>,
}

/// A shared fetch that is under way.
struct Shared<'a> {
    order: &'a Download,
    /// It is a stored file with this digest, which no source has.
    copy: Option<Digest>,
    limits: &'a Limits,
    report: &'a Report,
    tls: Arc<Tls>,
    stock: watch::Sender<Stock>,
    teller: Teller,
    news: mpsc::UnboundedReceiver<News>,
}

/// A file that has its name.
enum Ended {
    /// A download.
    Fetched(Box<Fetched>),
    /// A stored file of other nodes.
    Taken(PassedCopy),
}

/// How a role ends.
enum Turn {
    /// The file has its name.
    Ended(Ended),
    /// This node reads the source from now on.
    Lead,
    /// This node takes pieces from now on.
    Follow(Supplier),
}

/// Brings the file together with other nodes.
pub(crate) async fn fetch(
    order: &Fetch,
    share: &Share,
    limits: &Limits,
    report: &Report,
    talk: Talk,
    listeners: &Listeners,
    unpackings: &Unpackings,
) -> Result<Fetched, Failure> {
    let mut partial = prepare(order).await?;
    let order = &order.download;
    let tls = Arc::new(Tls::new(share)?);
    let file = partial.reader().map_err(|error| failure(partial.path(), "opening", &error))?;
    let (stock, _) = watch::channel(Stock::new(file));
    let (listener, port) = listen().await?;
    let serving = listeners.add(serve(listener, Arc::clone(&tls), stock.subscribe()));
    let teller = Teller::start(talk.id, talk.answers);
    teller.say(Said::Listening { port });
    let mut shared = Shared { order, copy: None, limits, report, tls, stock, teller, news: talk.news };
    let result = match shared.bring(&mut partial).await {
        Ok(Ended::Fetched(fetched)) => Ok(*fetched),
        Ok(Ended::Taken(_)) => Err(refused(&order.dest, "it came without its source's checksums")),
        Err(failure) => Err(failure),
    };
    shared.teller.finish().await;
    match &result {
        Ok(_) => unpackings.keep(&order.dest, partial.take_unpacking()),
        Err(_) => serving.abort(),
    }
    result
}

impl Shared<'_> {
    async fn bring(&mut self, partial: &mut Partial) -> Result<Ended, Failure> {
        let mut turn = follow(self, partial, None).await?;
        loop {
            turn = match turn {
                Turn::Ended(ended) => return Ok(ended),
                Turn::Lead if self.copy.is_some() => {
                    return Err(refused(&self.order.dest, "no source has a stored file"));
                }
                Turn::Lead => lead(self, partial).await?,
                Turn::Follow(supplier) => follow(self, partial, Some(supplier)).await?,
            };
        }
    }

    /// The next news; for ever when the helper ends.
    async fn news(&mut self) -> News {
        match self.news.recv().await {
            Some(news) => news,
            None => std::future::pending().await,
        }
    }
}
