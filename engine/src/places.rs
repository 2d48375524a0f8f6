//! Which nodes of a rollout bring which files together.

use std::collections::HashMap;
use std::sync::Arc;

use ays_model::{Gid, Scheme, Target};

use crate::delivery::{Delivery, Place, share};
use crate::install_error::InstallError;
use crate::rollout::{Rollout, Sharing};

/// Of each target, for each of the recipe's fetches, its place in a delivery.
pub(crate) type Places = Vec<Vec<Option<Place>>>;

impl Rollout<'_> {
    /// For each target, its places in the deliveries of its grid: one delivery for each fetch that several nodes need. And the
    /// one of a file of this machine, which all nodes need.
    pub(crate) fn places(&self, targets: &[Target]) -> Result<(Places, Option<Arc<Delivery>>), InstallError> {
        if self.file.is_some() {
            let delivery = Delivery::of_given(share()?);
            let places = targets.iter().map(|_| vec![Some(delivery.place())]).collect();
            return Ok((places, Some(delivery)));
        }
        let mut nodes: HashMap<Gid, usize> = HashMap::new();
        for target in targets {
            *nodes.entry(target.gid()).or_default() += 1;
        }
        let mut deliveries: HashMap<Gid, Vec<Option<Arc<Delivery>>>> = HashMap::new();
        for (gid, nodes) in nodes {
            if nodes > 1 && self.sharing == Sharing::Neighbours {
                let share = share()?;
                let shared = self.recipe.downloads.iter().map(|download| {
                    // A file on the node is each node's own.
                    (download.url.scheme() != Scheme::File).then(|| Delivery::new(share.clone()))
                });
                deliveries.insert(gid, shared.collect());
            }
        }
        let places = |target: &Target| {
            let of_grid = deliveries.get(&target.gid()).map(Vec::as_slice).unwrap_or_default();
            of_grid.iter().map(|delivery| delivery.as_ref().map(Delivery::place)).collect()
        };
        Ok((targets.iter().map(places).collect(), None))
    }
}
