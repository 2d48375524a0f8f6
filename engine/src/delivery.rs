//! One file for all nodes of a grid, read from its source once: who takes it from whom, told to their helpers.
//!
//! [`state`] decides; here is what connects its decisions with the helpers. Nothing is queued: every member compares
//! what it has told its helper with what is so now, whenever something has changed.

mod state;
#[cfg(test)]
mod tests;

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use ays_model::{Activity, Digest, Progress};
use ays_protocol::{Failure, Fetch, Fetched, Outcome, PassCopy, PassedCopy, Said, Secret, Share, Step};
use ays_transport::{Connection, Heard, Helper, HelperError, relay};
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::{Instant, MissedTickBehavior, interval};

use self::state::{Swarm, Told};

/// How often a member looks whether it is served well.
const LOOK_EVERY: Duration = Duration::from_millis(250);

/// Why nodes cannot pass bytes to each other.
#[derive(Debug, thiserror::Error)]
pub enum ShareError {
    /// There is no key for the run.
    #[error("no key could be made for what the nodes pass to each other")]
    Key(#[source] rcgen::Error),
    /// There are no random numbers.
    #[error("the system gives no random numbers")]
    Random(#[source] getrandom::Error),
}

/// A key and a token that only the helpers of one run have.
pub(crate) fn share() -> Result<Share, ShareError> {
    // The name that the helpers ask each other for.
    let made = rcgen::generate_simple_self_signed(vec!["ays-run".to_owned()]).map_err(ShareError::Key)?;
    let mut token = [0; 32];
    getrandom::fill(&mut token).map_err(ShareError::Random)?;
    Ok(Share {
        certificate: made.cert.pem(),
        key: Secret::new(made.signing_key.serialize_pem()),
        token: Secret::new(hex::encode(token)),
    })
}

/// One file for all nodes of a grid.
pub(crate) struct Delivery {
    share: Share,
    swarm: Mutex<Swarm>,
    /// The members' connections, by their numbers.
    connections: Mutex<Vec<Connection>>,
    /// Raised whenever a member may have to be told something.
    changed: watch::Sender<u64>,
}

/// A stored file on one node.
#[derive(Debug, Clone)]
pub(crate) struct PassedFile {
    pub path: PathBuf,
    /// In bytes.
    pub size: u64,
    pub digest: Digest,
}

impl PassedFile {
    fn order(&self, share: &Share) -> PassCopy {
        let Self { path, size, digest } = self.clone();
        PassCopy { path, size, digest, share: share.clone() }
    }
}

/// A node that may need the file. When dropped, it does not any more.
pub(crate) struct Place(Arc<Delivery>);

/// A node that takes the file, or passes it on. When dropped, it is gone.
pub(crate) struct Member {
    delivery: Arc<Delivery>,
    number: usize,
    connection: Connection,
    relay: Option<JoinHandle<()>>,
}

impl Delivery {
    /// For nodes that pass bytes to each other with this key.
    pub fn new(share: Share) -> Arc<Self> {
        Self::of(share, Swarm::default())
    }

    /// The same of a file that has no source, but nodes that have it already: see [`Delivery::join_giver`].
    pub fn of_given(share: Share) -> Arc<Self> {
        Self::of(share, Swarm::given())
    }

    fn of(share: Share, swarm: Swarm) -> Arc<Self> {
        Arc::new(Self {
            share,
            swarm: Mutex::new(swarm),
            connections: Mutex::default(),
            changed: watch::Sender::new(0),
        })
    }

    /// No more nodes that have the file will join: where none of the members has all of it, their steps end with this.
    pub fn no_more_givers(&self, failure: Failure) {
        self.change(|swarm, _| swarm.no_more_givers(failure));
    }

    /// Whether any node may still need the file.
    pub fn is_needed(&self) -> bool {
        self.swarm().expected > 0
    }

    /// Completes when no node needs the file any more.
    pub async fn until_not_needed(&self) {
        let mut changed = self.changed.subscribe();
        while self.is_needed() {
            // It cannot fail: this has the other end.
            let _ = changed.changed().await;
        }
    }

    /// Completes when a node has reached its fetch, or none needs the file any more.
    pub async fn until_joined(&self) {
        let mut changed = self.changed.subscribe();
        while self.is_needed() && !self.swarm().has_members() {
            // It cannot fail: this has the other end.
            let _ = changed.changed().await;
        }
    }

    /// This machine joins, which has the file, and which no node may be able to reach but through its own connection.
    pub fn join_operator(self: &Arc<Self>, connection: &Connection) -> Member {
        self.join(None, connection, |swarm, address| {
            let number = swarm.join_giver(address);
            swarm.relay_only(number)
        })
    }

    /// A node that has the file joins.
    pub fn join_giver(self: &Arc<Self>, address: Option<IpAddr>, connection: &Connection) -> Member {
        self.join(address, connection, Swarm::join_giver)
    }

    fn join(
        self: &Arc<Self>,
        address: Option<IpAddr>,
        connection: &Connection,
        join: impl FnOnce(&mut Swarm, IpAddr) -> usize,
    ) -> Member {
        let mut swarm = self.swarm();
        let number = join(&mut swarm, address.unwrap_or(Ipv4Addr::LOCALHOST.into()));
        self.connections().push(connection.clone());
        drop(swarm);
        Member { delivery: Arc::clone(self), number, connection: connection.clone(), relay: None }
    }

    /// One more node may need the file.
    pub fn place(self: &Arc<Self>) -> Place {
        self.swarm().expected += 1;
        Place(Arc::clone(self))
    }

    fn swarm(&self) -> MutexGuard<'_, Swarm> {
        // A holder that panicked ends the program anyway.
        self.swarm.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn connections(&self) -> MutexGuard<'_, Vec<Connection>> {
        self.connections.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn change(&self, change: impl FnOnce(&mut Swarm, Instant)) {
        change(&mut self.swarm(), Instant::now());
        self.changed.send_modify(|version| *version = version.wrapping_add(1));
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.0.change(|swarm, _| swarm.expected -= 1);
    }
}

impl Place {
    /// This machine has reached its fetch; no node may be able to reach it but through its own connection.
    pub fn join_operator(&self, connection: &Connection) -> Member {
        self.0.join(None, connection, |swarm, address| {
            let number = swarm.join(address);
            swarm.relay_only(number)
        })
    }

    /// The node has reached its fetch.
    pub fn join(&self, address: Option<IpAddr>, connection: &Connection) -> Member {
        self.0.join(address, connection, Swarm::join)
    }
}

impl Member {
    /// Has the node's helper bring the file, from wherever is best.
    pub async fn fetch(
        &mut self,
        helper: &mut Helper,
        order: Fetch,
        on_progress: impl FnMut(Progress),
    ) -> Result<Fetched, HelperError> {
        let share = Some(self.delivery.share.clone());
        let result = match self.bring(helper, Step::Fetch(Fetch { share, ..order }), on_progress).await {
            Ok(Outcome::Fetched(fetched)) => Ok(fetched),
            Ok(_) => Err(HelperError::Answer),
            Err(error) => Err(error),
        };
        self.note(result.as_ref().map(|fetched| fetched.size));
        result
    }

    /// Has the node's helper pass on a stored file.
    pub async fn give(
        &mut self,
        helper: &mut Helper,
        file: &PassedFile,
        on_progress: impl FnMut(Progress),
    ) -> Result<PassedCopy, HelperError> {
        let step = Step::GiveCopy(file.order(&self.delivery.share));
        self.pass(helper, step, on_progress).await
    }

    /// Has the node's helper bring a stored file from the members that have it.
    pub async fn take(
        &mut self,
        helper: &mut Helper,
        file: &PassedFile,
        on_progress: impl FnMut(Progress),
    ) -> Result<PassedCopy, HelperError> {
        let step = Step::TakeCopy(file.order(&self.delivery.share));
        self.pass(helper, step, on_progress).await
    }

    async fn pass(
        &mut self,
        helper: &mut Helper,
        step: Step,
        on_progress: impl FnMut(Progress),
    ) -> Result<PassedCopy, HelperError> {
        let result = match self.bring(helper, step, on_progress).await {
            Ok(Outcome::Passed(passed)) => Ok(passed),
            Ok(_) => Err(HelperError::Answer),
            Err(error) => Err(error),
        };
        self.note(result.as_ref().map(|passed| passed.size));
        result
    }

    /// What has become of its step; of a good one the file's size.
    fn note(&self, result: Result<u64, &HelperError>) {
        let number = self.number;
        self.delivery.change(|swarm, now| match result {
            Ok(size) => swarm.has(number, size),
            Err(HelperError::Failed(failure)) => swarm.gone(number, Some(failure), now),
            Err(_) => swarm.gone(number, None, now),
        });
    }

    async fn bring(
        &mut self,
        helper: &mut Helper,
        step: Step,
        mut on_progress: impl FnMut(Progress),
    ) -> Result<Outcome, HelperError> {
        let step = helper.begin(step).await;
        let mut told = Told::default();
        let mut changed = self.delivery.changed.subscribe();
        let mut look = interval(LOOK_EVERY);
        look.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            let news = self.delivery.swarm().news(self.number, &mut told);
            for news in news {
                helper.tell(step, news).await;
            }
            tokio::select! {
                heard = helper.hear(step) => match heard? {
                    Heard::Progress(progress) => {
                        if progress.activity == Activity::Download {
                            self.delivery.swarm().has_come_to(self.number, progress.done);
                        }
                        on_progress(progress);
                    }
                    Heard::Said(said) => self.heed(said),
                    Heard::Done(outcome) => return Ok(outcome),
                },
                _ = changed.changed() => {}
                _ = look.tick() => {
                    let number = self.number;
                    if self.delivery.swarm().needs_another(number, Instant::now()) {
                        self.delivery.change(|swarm, now| swarm.choose(number, now));
                    }
                }
            }
        }
    }

    fn heed(&mut self, said: Said) {
        if let Said::Inbox { port } = said {
            let supplier = self.delivery.swarm().supplier_of(self.number);
            if let Some((supplier, at)) = supplier {
                self.stop_relay();
                let connection = self.delivery.connections()[supplier].clone();
                let inbox = SocketAddr::new(Ipv4Addr::LOCALHOST.into(), port);
                let own = self.connection.clone();
                // What goes wrong in it, the helper sees as a supplier that is lost.
                self.relay =
                    Some(tokio::spawn(async move { _ = relay((&connection, at), (&own, inbox)).await }));
            }
            return;
        }
        let number = self.number;
        self.delivery.change(|swarm, now| swarm.said(number, said, now));
    }

    /// Passes pieces on until no node needs any more, or the helper ends.
    pub async fn serve(&self, helper: &mut Helper) {
        let mut changed = self.delivery.changed.subscribe();
        loop {
            if self.delivery.swarm().expected == 0 {
                return;
            }
            tokio::select! {
                _ = changed.changed() => {}
                error = helper.idle() => { _ = error; return }
            }
        }
    }

    fn stop_relay(&mut self) {
        if let Some(relay) = self.relay.take() {
            relay.abort();
        }
    }
}

impl Drop for Member {
    fn drop(&mut self) {
        self.stop_relay();
        let number = self.number;
        self.delivery.change(|swarm, now| swarm.gone(number, None, now));
    }
}
