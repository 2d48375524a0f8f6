//! How a source is reached, and how patiently.

use std::num::NonZeroU64;

use serde::{Deserialize, Serialize};

use crate::SecretUrl;

/// How a source is reached, and how patiently.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Network {
    /// Where requests for `http` addresses go; none: what `http_proxy` says in the node's own environment.
    pub http_proxy: Option<SecretUrl>,
    /// Where requests for `https` addresses go; none: what `https_proxy` says in the node's own environment.
    pub https_proxy: Option<SecretUrl>,
    /// Hosts that are asked without a proxy, written as in `no_proxy`: names, domains, addresses, networks, `*`; none:
    /// what `no_proxy` says in the node's own environment.
    pub no_proxy: Option<String>,
    /// Certificates in PEM that are trusted beside the node's own.
    pub authorities: Vec<String>,
    /// The most bytes a second that are read from the source.
    pub limit: Option<NonZeroU64>,
    /// A transfer is given up when it brings less than [`Network::stall_rate`] for so many seconds.
    pub stall_seconds: u64,
    /// Bytes a second.
    pub stall_rate: u64,
    /// How often a source is tried; a try that brought new bytes does not count.
    pub tries: u32,
}

impl Default for Network {
    fn default() -> Self {
        Self {
            http_proxy: None,
            https_proxy: None,
            no_proxy: None,
            authorities: Vec::new(),
            limit: None,
            stall_seconds: 60,
            stall_rate: 1024,
            tries: 5,
        }
    }
}
