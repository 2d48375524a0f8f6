//! Names of hosts, looked up without the C library: a static one cannot load the system's own way. What that way alone
//! knows (this machine's own name, mdns, a directory service), `getent` is asked for.

use std::future::Future;
use std::net::IpAddr;
use std::pin::pin;
use std::process::Stdio;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use hickory_resolver::TokioResolver;
use hickory_resolver::config::{LookupIpStrategy, NameServerConfig, ResolverConfig};
use hickory_resolver::net::NetError;
use hickory_resolver::net::runtime::TokioRuntimeProvider;
use tokio::time::timeout;

use crate::child::bound;

/// How long an answer in hand waits for the addresses of the other family.
const GRACE: Duration = Duration::from_millis(100);

/// How long `getent` may take.
const GETENT: Duration = Duration::from_secs(5);

/// A name that has no address, or could not be asked for.
#[derive(Debug, thiserror::Error)]
pub(crate) enum NameError {
    #[error("the host name is not known")]
    Unknown,
    #[error("{0}")]
    Unanswered(String),
}

/// Looks names up in `/etc/hosts`, then with the servers of `/etc/resolv.conf`, then by `getent`.
#[derive(Debug, Clone)]
pub(crate) struct Names(Arc<OnceLock<Result<Resolvers, String>>>);

/// One for each family of addresses: a server may never answer for one of them.
#[derive(Debug)]
struct Resolvers {
    ipv4: TokioResolver,
    ipv6: TokioResolver,
}

impl Names {
    pub(crate) fn new() -> Self {
        Self(Arc::default())
    }

    /// The addresses of a host; IPv4 ones first, because a node with half an IPv6 is the more frequent fault.
    pub(crate) async fn addresses(&self, host: &str) -> Result<Vec<IpAddr>, NameError> {
        // Made for the first name: an address that is a number needs none of it.
        let resolvers = self.0.get_or_init(|| Resolvers::new().map_err(|error| error.to_string()));
        let found = match resolvers {
            Ok(resolvers) => resolvers.addresses(host).await,
            Err(reason) => Err(NameError::Unanswered(reason.clone())),
        };
        match found {
            Ok(found) => Ok(found),
            Err(error) => by_getent(host).await.filter(|found| !found.is_empty()).ok_or(error),
        }
    }
}

impl Resolvers {
    fn new() -> Result<Self, NetError> {
        let resolver = |strategy| {
            // Without servers, as the C library does, one on this machine is asked; the hosts file counts in any case.
            let mut builder = TokioResolver::builder_tokio().unwrap_or_else(|_| {
                let servers = vec![NameServerConfig::udp_and_tcp(IpAddr::from([127, 0, 0, 1]))];
                TokioResolver::builder_with_config(
                    ResolverConfig::from_name_servers(servers),
                    TokioRuntimeProvider::default(),
                )
            });
            builder.options_mut().ip_strategy = strategy;
            builder.build()
        };
        Ok(Self { ipv4: resolver(LookupIpStrategy::Ipv4Only)?, ipv6: resolver(LookupIpStrategy::Ipv6Only)? })
    }

    async fn addresses(&self, host: &str) -> Result<Vec<IpAddr>, NameError> {
        let (mut ipv4, mut ipv6) = (pin!(lookup(&self.ipv4, host)), pin!(lookup(&self.ipv6, host)));
        let mut found = tokio::select! {
            first = &mut ipv4 => with_other(first, ipv6).await,
            first = &mut ipv6 => with_other(first, ipv4).await,
        }?;
        found.sort_by_key(IpAddr::is_ipv6);
        Ok(found)
    }
}

type Found = Result<Vec<IpAddr>, NameError>;

async fn lookup(resolver: &TokioResolver, host: &str) -> Found {
    match resolver.lookup_ip(host).await {
        Ok(found) => Ok(found.iter().collect()),
        Err(error) if error.is_no_records_found() => Err(NameError::Unknown),
        Err(error) => Err(NameError::Unanswered(error.to_string())),
    }
}

/// What one family's answer is worth with the other's.
async fn with_other(first: Found, other: impl Future<Output = Found>) -> Found {
    match first {
        Ok(mut found) => {
            if let Ok(Ok(more)) = timeout(GRACE, other).await {
                found.extend(more);
            }
            Ok(found)
        }
        Err(first) => match (first, other.await) {
            (_, Ok(found)) => Ok(found),
            // That a server knows no such name is told only when both say so.
            (NameError::Unknown, Err(error)) | (error, Err(_)) => Err(error),
        },
    }
}

/// What the system's own way says, where the node has the program.
async fn by_getent(host: &str) -> Option<Vec<IpAddr>> {
    let mut command = bound("getent");
    command.args(["ahosts", "--", host]).stdin(Stdio::null()).stderr(Stdio::null());
    let output = timeout(GETENT, command.output()).await.ok()?.ok()?;
    let said = String::from_utf8_lossy(&output.stdout);
    let mut found: Vec<IpAddr> = Vec::new();
    for address in said.lines().filter_map(|line| line.split_whitespace().next()?.parse().ok()) {
        if !found.contains(&address) {
            found.push(address);
        }
    }
    found.sort_by_key(IpAddr::is_ipv6);
    Some(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn an_answer_in_hand_does_not_wait_for_the_other_family() {
        let (one, two) = (IpAddr::from([10, 0, 0, 1]), IpAddr::from([0, 0, 0, 0, 0, 0, 0, 1]));
        let begun = tokio::time::Instant::now();
        let found = with_other(Ok(vec![one]), std::future::pending()).await;
        assert_eq!(found.unwrap(), [one]);
        assert_eq!(begun.elapsed(), GRACE);
        assert_eq!(with_other(Ok(vec![one]), async { Ok(vec![two]) }).await.unwrap(), [one, two]);
        assert_eq!(with_other(Err(NameError::Unknown), async { Ok(vec![two]) }).await.unwrap(), [two]);
    }

    #[tokio::test]
    async fn a_name_is_unknown_only_when_both_families_say_so() {
        let unanswered = || NameError::Unanswered("no".to_owned());
        for (first, other, is_unknown) in [
            (NameError::Unknown, NameError::Unknown, true),
            (NameError::Unknown, unanswered(), false),
            (unanswered(), NameError::Unknown, false),
        ] {
            let error = with_other(Err(first), async { Err(other) }).await.unwrap_err();
            assert_eq!(matches!(error, NameError::Unknown), is_unknown, "{error}");
        }
    }
}
