//! Healing: a copy that is not good is brought again from a node that has a good one.

use ays_catalogue::ScrubCopy;
use ays_model::NodeName;
use ays_protocol::Failure;
use ays_transport::{HelperError, OpenError};
use futures_util::future::join;

use super::{Fault, Reached, ScrubError, Work, lost};
use crate::passing::{Giver, GiverFault, LostGiver, Passing, file_of};

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
        let good = self.scrub.catalogue.good_copies(copy).await?;
        let mut givers = Vec::new();
        for copy in &good {
            givers.extend(self.scrub.nodes_of(&copy.pool).map(|target| Giver { copy, target }));
        }
        let passing = Passing::new(self.scrub.transport)?;
        let place = passing.place();
        let mut member = place.join(node.helper.facts.address, &node.connection);
        let (file, on_progress) = (file_of(copy), self.on_progress(node.target.name()));
        let taking = async {
            let taken = member.take(&mut node.helper, &file, on_progress).await;
            // Nobody needs it any more: who gives it ends.
            drop(place);
            taken
        };
        let (taken, lost_givers) = join(taking, passing.give(&givers)).await;
        drop(member);
        let is_left = lost_givers.len() < givers.len();
        let why = self.why_lost(lost_givers).await?;
        match (taken, passing.from()) {
            (Ok(_), Some(from)) => Ok(match self.check(node, copy).await? {
                None => Ok(from),
                Some(fault) => Err(NotHealed::Still { from, source: fault }),
            }),
            // It would say the same whoever gives.
            (Err(HelperError::Failed(source)), Some(from)) if is_left => {
                Ok(Err(NotHealed::Taker { from, source: Box::new(source) }))
            }
            (Err(HelperError::Failed(_)) | Ok(_), _) => Ok(Err(why.unwrap_or(NotHealed::NoGoodCopy))),
            (Err(source), _) => Err(lost(node.target)(source)),
        }
    }

    /// Why the last giver with a good copy was lost. Another one may have had no good copy: then that is recorded, and it
    /// is nobody's fault but its own.
    async fn why_lost(&self, givers: Vec<LostGiver<'_>>) -> Result<Option<NotHealed>, ScrubError> {
        let mut last = None;
        for LostGiver { giver, why } in givers {
            let source = match why {
                GiverFault::NotOpened(OpenError::Connect(error)) => error.into(),
                GiverFault::NotOpened(OpenError::Helper(error)) | GiverFault::Helper(error) => {
                    lost(giver.target)(error)
                }
                GiverFault::Refused(failure) => {
                    let mut reached = self.open(giver.target).await?;
                    let fault = self.check(&mut reached, giver.copy).await;
                    reached.helper.close().await;
                    if fault?.is_some() {
                        continue;
                    }
                    lost(giver.target)(HelperError::Failed(failure))
                }
            };
            last = Some(NotHealed::Giver { from: giver.target.name().clone(), source: Box::new(source) });
        }
        Ok(last)
    }
}
