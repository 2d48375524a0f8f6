//! Names of hosts, looked up without the C library: a static one cannot load the system's own way.

use std::net::IpAddr;
use std::sync::{Arc, OnceLock};

use hickory_resolver::TokioResolver;
use hickory_resolver::config::{LookupIpStrategy, NameServerConfig, ResolverConfig};
use hickory_resolver::net::NetError;
use hickory_resolver::net::runtime::TokioRuntimeProvider;

/// A name that has no address, or could not be asked for.
#[derive(Debug, thiserror::Error)]
pub(crate) enum NameError {
    #[error("the host name is not known")]
    Unknown,
    #[error("{0}")]
    Unanswered(String),
}

/// Looks names up in `/etc/hosts`, then with the servers of `/etc/resolv.conf`.
#[derive(Debug, Clone)]
pub(crate) struct Names(Arc<OnceLock<Result<TokioResolver, String>>>);

impl Names {
    pub(crate) fn new() -> Self {
        Self(Arc::default())
    }

    /// All addresses of a host; IPv4 ones first, because a node with half an IPv6 is the more frequent fault.
    pub(crate) async fn addresses(&self, host: &str) -> Result<Vec<IpAddr>, NameError> {
        // Made for the first name: an address that is a number needs none of it.
        let resolver = self.0.get_or_init(|| resolver().map_err(|error| error.to_string()));
        let resolver = resolver.as_ref().map_err(|reason| NameError::Unanswered(reason.clone()))?;
        let found = resolver.lookup_ip(host).await.map_err(|error| name_error(&error))?;
        let mut addresses: Vec<_> = found.iter().collect();
        addresses.sort_by_key(IpAddr::is_ipv6);
        Ok(addresses)
    }
}

fn resolver() -> Result<TokioResolver, NetError> {
    // Without servers, as the C library does, one on this machine is asked; the hosts file counts in any case.
    let mut builder = TokioResolver::builder_tokio().unwrap_or_else(|_| {
        let servers = vec![NameServerConfig::udp_and_tcp(IpAddr::from([127, 0, 0, 1]))];
        TokioResolver::builder_with_config(
            ResolverConfig::from_name_servers(servers),
            TokioRuntimeProvider::default(),
        )
    });
    builder.options_mut().ip_strategy = LookupIpStrategy::Ipv4AndIpv6;
    builder.build()
}

fn name_error(error: &NetError) -> NameError {
    if error.is_no_records_found() { NameError::Unknown } else { NameError::Unanswered(error.to_string()) }
}
