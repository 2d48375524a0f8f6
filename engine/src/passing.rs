//! A stored file is passed on from a node that has it to others, which pass it on to each other.
//!
//! One giver at a time reads its copy. When it is lost, or its copy is not what it should be, the next one goes on; what
//! the takers have by then stays.

use std::sync::{Arc, Mutex, PoisonError};

use ays_catalogue::ScrubCopy;
use ays_model::{NodeName, Target};
use ays_protocol::{Failure, Phase};
use ays_transport::{HelperError, OpenError, Session, Transport};

use crate::copy_check::path;
use crate::delivery::{Delivery, PassedFile, Place, ShareError, share};

/// A node that has a copy.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Giver<'a> {
    pub copy: &'a ScrubCopy,
    pub target: &'a Target,
}

/// A giver that could not give, or not to the end.
pub(crate) struct LostGiver<'a> {
    pub giver: Giver<'a>,
    pub why: GiverFault,
}

/// Why a giver was lost.
#[derive(Debug)]
pub(crate) enum GiverFault {
    /// There was no session with it.
    NotOpened(OpenError),
    /// Its helper ended, or did not do as it was told.
    Helper(HelperError),
    /// It refused: its copy may be none.
    Refused(Failure),
}

/// A file on its way from nodes that have it to nodes that need it.
pub(crate) struct Passing<'a> {
    delivery: Arc<Delivery>,
    transport: &'a Transport,
    /// Who gives, or gave last.
    from: Mutex<Option<NodeName>>,
}

/// The file of a copy.
pub(crate) fn file_of(copy: &ScrubCopy) -> PassedFile {
    PassedFile { path: path(copy), size: copy.size, digest: copy.digest }
}

impl<'a> Passing<'a> {
    pub fn new(transport: &'a Transport) -> Result<Self, ShareError> {
        Ok(Self { delivery: Delivery::of_given(share()?), transport, from: Mutex::default() })
    }

    /// One more node needs the file: as long as its place is there.
    pub fn place(&self) -> Place {
        self.delivery.place()
    }

    /// Who gives, or gave last.
    pub fn from(&self) -> Option<NodeName> {
        self.from.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Has the givers give, one after the other, until nobody needs the file any more; those that were lost. The places
    /// must be there before, and their members are told when no giver is left.
    pub async fn give<'g>(&self, givers: &[Giver<'g>]) -> Vec<LostGiver<'g>> {
        let mut lost = Vec::new();
        let mut reason = "no node has it".to_owned();
        for giver in givers {
            if !self.delivery.is_needed() {
                return lost;
            }
            let why = self.one(giver).await;
            if !self.delivery.is_needed() {
                return lost;
            }
            reason = match &why {
                GiverFault::NotOpened(error) => ays_model::causes(error),
                GiverFault::Helper(error) => ays_model::causes(error),
                GiverFault::Refused(failure) => failure.to_string(),
            };
            lost.push(LostGiver { giver: *giver, why });
        }
        let url = givers.last().map(|giver| path(giver.copy).display().to_string()).unwrap_or_default();
        let phase = Phase::Transfer;
        self.delivery.no_more_givers(Failure::Unreachable { url, phase, reason, attempts: 1 });
        lost
    }

    /// Until nobody needs the file, or the giver is lost: then this is why.
    async fn one(&self, giver: &Giver<'_>) -> GiverFault {
        let opened = Session::open(giver.target, self.transport).await;
        let Session { mut helper, connection } = match opened {
            Ok(session) => session,
            Err(error) => return GiverFault::NotOpened(error),
        };
        let mut member = self.delivery.join_giver(helper.facts.address, &connection);
        *self.from.lock().unwrap_or_else(PoisonError::into_inner) = Some(giver.target.name().clone());
        let ended = || GiverFault::Helper(HelperError::Ended { said: String::new() });
        let giving = async {
            match member.give(&mut helper, &file_of(giver.copy), |_| {}).await {
                Ok(_) => {
                    member.serve(&mut helper).await;
                    ended()
                }
                Err(HelperError::Failed(failure)) => GiverFault::Refused(failure),
                Err(error) => GiverFault::Helper(error),
            }
        };
        let why = tokio::select! {
            why = giving => why,
            // It need not read on what all have by now.
            () = self.delivery.until_not_needed() => ended(),
        };
        // Its takers look for another one at once.
        drop(member);
        helper.close().await;
        why
    }
}
