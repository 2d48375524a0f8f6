//! Whether there is room for all of it, before anything moves.

use ays_model::{NodeName, PoolKey};
use ays_protocol::{CheckCopy, CopyState, Examine, Outcome, Step};
use ays_transport::{HelperError, Session};
use futures_util::future::join_all;

use super::plan::{Group, Taker};
use super::{Arrived, BringError, NoRoom, NotBrought, Work, failed, not_opened};
use crate::copy_check::path;
use crate::passing::Giver;

/// What a node says of its pool.
struct Free<'a> {
    pool: &'a PoolKey,
    node: NodeName,
    needed: u64,
    free: u64,
}

impl<'a> Work<'a, '_> {
    /// Asks all nodes; takes those out of the groups that cannot take, with their reasons.
    pub(super) async fn reckon(
        &self,
        groups: &mut Vec<Group<'a>>,
    ) -> Result<Vec<(usize, Result<Arrived, NotBrought>)>, BringError> {
        let mut ends = Vec::new();
        let mut all = Vec::new();
        for group in &mut *groups {
            let data = match self.data(&group.givers).await {
                Ok(data) => data,
                Err(reason) => {
                    let no_giver = || NotBrought::NoGiver { reason: reason.clone() };
                    ends.extend(group.takers.drain(..).map(|taker| (taker.number, Err(no_giver()))));
                    continue;
                }
            };
            let asking = group.takers.iter().map(|taker| {
                // What is brought stays until it is converted.
                let files = if taker.format() == Some(group.copy.format) { 1 } else { 2 };
                self.free(taker, data.saturating_mul(files))
            });
            let answers = join_all(asking).await;
            let mut left = Vec::new();
            for (taker, answer) in group.takers.drain(..).zip(answers) {
                match answer {
                    Ok(free) => {
                        all.push(free);
                        left.push(taker);
                    }
                    Err(why) => ends.push((taker.number, Err(why))),
                }
            }
            group.takers = left;
        }
        groups.retain(|group| !group.takers.is_empty());
        let short = without_room(&all);
        if short.is_empty() { Ok(ends) } else { Err(BringError::NoRoom(short)) }
    }

    /// How many bytes of the file are data and no holes, by the first giver that says so.
    async fn data(&self, givers: &[Giver<'_>]) -> Result<u64, String> {
        let mut reason = "no pool has a verified copy".to_owned();
        for Giver { copy, target } in givers {
            let (path, size) = (path(copy), copy.size);
            let check = Step::CheckCopy(CheckCopy { path, size, read: None, rate: None });
            let mut session = match Session::open(target, self.bring.transport).await {
                Ok(session) => session,
                Err(error) => {
                    reason = format!("{}: {}", target.name(), ays_model::causes(&error));
                    continue;
                }
            };
            let answer = session.helper.run(check, |_| {}).await;
            session.close().await;
            reason = match answer {
                Ok(Outcome::Checked(checked)) if checked.state == CopyState::Good => return Ok(checked.data),
                Ok(_) => format!("{} has no good copy any more", target.name()),
                Err(error) => format!("{}: {}", target.name(), ays_model::causes(&error)),
            };
        }
        Err(reason)
    }

    /// What the first node of the pool that answers says.
    async fn free<'t>(&self, taker: &Taker<'t>, needed: u64) -> Result<Free<'t>, NotBrought> {
        let mut why = NotBrought::NoNode;
        for target in &taker.nodes {
            let _permit = self.permits.acquire().await;
            let opened = Session::open(target, self.bring.transport).await;
            let mut session = match opened.map_err(not_opened(target)) {
                Ok(session) => session,
                Err(error) => {
                    why = error;
                    continue;
                }
            };
            let claim = self.own(taker.pool, target).claim().await?;
            let path = target.pool().path.clone();
            let examine = Examine { pool: path.clone(), user: None, downloads: path, mark: None };
            let asking = async {
                session.helper.run(Step::CheckOwner(claim), |_| {}).await?;
                match session.helper.run(Step::Examine(examine), |_| {}).await? {
                    Outcome::Examined(examined) => Ok(examined.pool?.free),
                    _ => Err(HelperError::Answer),
                }
            };
            let answer = asking.await;
            session.close().await;
            let free = answer.map_err(failed(target))?;
            return Ok(Free { pool: taker.pool, node: target.name().clone(), needed, free });
        }
        Err(why)
    }
}

/// Those that have no room. Pools of one node with as much left are on one disk, where all of them must fit.
fn without_room(all: &[Free<'_>]) -> Vec<NoRoom> {
    let of = |free: &Free<'_>| {
        let same = all.iter().filter(|other| (&other.node, other.free) == (&free.node, free.free));
        let needed = same.map(|other| other.needed).sum();
        let room = NoRoom { pool: free.pool.clone(), node: free.node.clone(), needed, free: free.free };
        (needed > free.free).then_some(room)
    };
    all.iter().filter_map(of).collect()
}
