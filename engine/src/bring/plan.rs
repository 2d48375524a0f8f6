//! Which copy goes to which pools.

use ays_catalogue::ScrubCopy;
use ays_model::{Digest, DiskFormat, Gid, PoolKey, Target};

use super::{Arrived, NotBrought, Work};
use crate::passing::Giver;

/// One file, the nodes that have it, and the pools of one grid that take it.
pub(super) struct Group<'a> {
    gid: Gid,
    /// The nearest first.
    pub givers: Vec<Giver<'a>>,
    pub takers: Vec<Taker<'a>>,
    /// The copy that the first giver has; all others have the same bytes.
    pub copy: &'a ScrubCopy,
}

/// A pool that takes it.
pub(super) struct Taker<'a> {
    /// Its place among the pools that were asked for.
    pub number: usize,
    pub pool: &'a PoolKey,
    /// Those that have the pool; never none.
    pub nodes: Vec<&'a Target>,
}

impl Taker<'_> {
    /// What the pool's files are.
    pub fn format(&self) -> Option<DiskFormat> {
        self.nodes.first().map(|target| target.pool().format)
    }
}

/// What goes where, and what cannot be brought.
pub(super) struct Plan<'a> {
    pub groups: Vec<Group<'a>>,
    pub failed: Vec<(usize, Result<Arrived, NotBrought>)>,
}

impl<'a> Work<'a, '_> {
    pub(super) fn plan(&self) -> Plan<'a> {
        let mut plan = Plan { groups: Vec::new(), failed: Vec::new() };
        for (number, pool) in self.what.pools.iter().enumerate() {
            if let Err(why) = self.place(&mut plan.groups, number, pool) {
                plan.failed.push((number, Err(why)));
            }
        }
        plan
    }

    fn place(&self, groups: &mut Vec<Group<'a>>, number: usize, pool: &'a PoolKey) -> Result<(), NotBrought> {
        let nodes: Vec<_> = self.nodes_of(pool).collect();
        let taker = Taker { number, pool, nodes };
        let format = taker.format().ok_or(NotBrought::NoNode)?;
        let reason = || "no pool has a verified copy".to_owned();
        let others = self
            .what
            .copies
            .iter()
            .filter(|copy| copy.pool != *pool && self.nodes_of(&copy.pool).next().is_some());
        // A conversion costs more than a longer way.
        let copy = others.min_by_key(|copy| (copy.format != format, copy.pool.gid != pool.gid));
        let copy = copy.ok_or_else(|| NotBrought::NoGiver { reason: reason() })?;
        if copy.format != format && !matches!(self.what.content, Digest::FsVerity(_)) {
            return Err(NotBrought::Unnamed);
        }
        let is_same = |group: &&mut Group<'_>| {
            group.gid == pool.gid && (group.copy.digest, group.copy.size) == (copy.digest, copy.size)
        };
        match groups.iter_mut().find(is_same) {
            Some(group) => group.takers.push(taker),
            None => {
                let givers = self.givers(copy, pool.gid);
                groups.push(Group { gid: pool.gid, givers, takers: vec![taker], copy });
            }
        }
        Ok(())
    }

    /// All who have the same bytes: those of the grid first.
    fn givers(&self, like: &ScrubCopy, gid: Gid) -> Vec<Giver<'a>> {
        let mut copies: Vec<_> = self.what.copies.iter().collect();
        copies.retain(|copy| (copy.digest, copy.size) == (like.digest, like.size));
        copies.sort_by_key(|copy| copy.pool.gid != gid);
        let mut givers = Vec::new();
        for copy in copies {
            givers.extend(self.nodes_of(&copy.pool).map(|target| Giver { copy, target }));
        }
        givers
    }

    fn nodes_of(&self, pool: &PoolKey) -> impl Iterator<Item = &'a Target> {
        self.bring.nodes.iter().filter(move |target| target.pool_key() == *pool)
    }
}
