use std::time::Duration;

use ays_model::Network;

use crate::Limits;

/// How a source is reached, and how patiently: what the order says, within the helper's own limits.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Access<'a> {
    pub(crate) network: &'a Network,
    pub(crate) limits: &'a Limits,
}

impl Access<'_> {
    /// A transfer is given up when it brings too little for so long.
    pub(crate) fn stall(&self) -> Duration {
        Duration::from_secs(self.network.stall_seconds.max(1)).min(self.limits.stall)
    }

    /// How often a source is tried.
    pub(crate) fn tries(&self) -> u32 {
        self.network.tries.min(self.limits.tries).max(1)
    }
}
