//! Healing: a copy that is not good is brought again from a node that has a good one.

use std::pin::pin;

use ays_catalogue::ScrubCopy;
use ays_model::{Check, Download, Network, NodeName, SecretUrl, UrlError};
use ays_protocol::{Failure, Fetch, Phase};
use ays_transport::HelperError;

use super::{Fault, Reached, ScrubError, Work, lost, path};
use crate::delivery::{Delivery, share};

/// Why a copy was not healed.
#[derive(Debug, thiserror::Error)]
pub enum NotHealed {
    /// No other node has one.
    #[error("no other node has a good copy")]
    NoGoodCopy,
    /// The node that has a good one could not pass it on.
    #[error("{from} could not pass its copy on")]
    Giver {
        /// The node.
        from: NodeName,
        /// Why.
        source: Box<ScrubError>,
    },
    /// It could not be written.
    #[error("it could not be brought from {from}")]
    Taker {
        /// The node that has a good one.
        from: NodeName,
        /// Why.
        source: Box<Failure>,
    },
    /// It was brought, and is not what it should be on this node's disk.
    #[error("it was brought from {from}, and this node's disk does not give it back")]
    Still {
        /// The node that has a good one.
        from: NodeName,
        /// What it is now.
        source: Fault,
    },
}

impl Work<'_> {
    /// Brings a copy from the first node that can give it; that node's name. The record says that it is good when this
    /// node has read it again.
    pub(super) async fn heal(
        &self,
        node: &mut Reached<'_>,
        copy: &ScrubCopy,
    ) -> Result<Result<NodeName, NotHealed>, ScrubError> {
        let _turn = self.healing.lock().await;
        let mut why = NotHealed::NoGoodCopy;
        for good in self.scrub.catalogue.good_copies(copy).await? {
            for target in self.scrub.nodes_of(&good.pool) {
                let from = target.name().clone();
                let mut giver = match self.open(target).await {
                    Ok(giver) => giver,
                    Err(ScrubError::Interrupted) => return Err(ScrubError::Interrupted),
                    Err(error) => {
                        why = NotHealed::Giver { from, source: Box::new(error) };
                        continue;
                    }
                };
                let brought = self.bring(node, copy, &mut giver, &good).await;
                // It may have been no good copy: then that is recorded, and it is nobody's fault but its own.
                let given = match &brought {
                    Ok(Err(Lost::Giver(HelperError::Failed(_)))) => self.check(&mut giver, &good).await,
                    _ => Ok(None),
                };
                giver.helper.close().await;
                why = match (brought?, given?) {
                    (Ok(()), _) => {
                        return Ok(match self.check(node, copy).await? {
                            None => Ok(from),
                            Some(fault) => Err(NotHealed::Still { from, source: fault }),
                        });
                    }
                    (Err(Lost::Giver(_)), Some(_)) => continue,
                    (Err(Lost::Giver(source)), None) => {
                        NotHealed::Giver { from, source: Box::new(lost(target)(source)) }
                    }
                    // It would say the same whoever gives.
                    (Err(Lost::Taker(source)), _) => {
                        return Ok(Err(NotHealed::Taker { from, source: Box::new(source) }));
                    }
                };
            }
        }
        Ok(Err(why))
    }

    /// Passes a file from one node to another: the one that has it joins first and finds that it has it.
    async fn bring(
        &self,
        taker: &mut Reached<'_>,
        copy: &ScrubCopy,
        giver: &mut Reached<'_>,
        good: &ScrubCopy,
    ) -> Result<Result<(), Lost>, ScrubError> {
        let delivery = Delivery::from_first(share()?);
        let (gives, takes) = (order(good)?, order(copy)?);
        let place = delivery.place();
        let mut first = place.join(giver.helper.facts.address, &giver.connection);
        let mut second = place.join(taker.helper.facts.address, &taker.connection);
        let on_progress = self.on_progress(taker.target.name());
        let giving = async {
            first.fetch(&mut giver.helper, gives, |_| {}).await?;
            // The place is still there, so that this ends with the helper alone.
            first.serve(&mut giver.helper).await;
            Err(HelperError::Ended { said: String::new() })
        };
        let mut taking = pin!(second.fetch(&mut taker.helper, takes, on_progress));
        let (taken, giver_lost) = tokio::select! {
            taken = &mut taking => (taken, None),
            Err::<(), _>(error) = giving => {
                delivery.fail(Failure::Unreachable {
                    url: path(good).display().to_string(),
                    phase: Phase::Transfer,
                    reason: error.to_string(),
                    attempts: 1,
                });
                (taking.await, Some(error))
            }
        };
        match (taken, giver_lost) {
            (Ok(_), _) => Ok(Ok(())),
            (Err(HelperError::Failed(_)), Some(error)) => Ok(Err(Lost::Giver(error))),
            (Err(HelperError::Failed(failure)), None) => Ok(Err(Lost::Taker(failure))),
            (Err(source), _) => Err(lost(taker.target)(source)),
        }
    }
}

/// Which of two nodes was it.
enum Lost {
    Giver(HelperError),
    Taker(Failure),
}

/// The copy's file as the source of itself: whoever has it keeps it, and passes it on.
fn order(copy: &ScrubCopy) -> Result<Fetch, UrlError> {
    let dest = path(copy);
    // What an address would take for an escape is escaped.
    let escaped = dest.display().to_string().replace('%', "%25");
    let download = Download {
        url: SecretUrl::parse("file:///")?.with_path_suffix(escaped.trim_start_matches('/'))?,
        mirrors: Vec::new(),
        dest,
        check: Check::Stored(copy.digest),
        member: None,
        network: Network::default(),
    };
    Ok(Fetch { download, share: None, unpack: None })
}
