//! Which part of making a connection is under way: when it takes too long, the client says only that.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};
use std::time::Duration;

use ays_protocol::Phase;
use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use rustls::NamedGroup;
use rustls::client::{ClientSessionStore, Tls12ClientSessionValue, Tls13ClientSessionValue};
use rustls::pki_types::ServerName;
use tokio::time::timeout;

use super::names::{NameError, Names};

/// Sees the parts of a connection begin: it looks up the names, and TLS asks it for an earlier session first.
#[derive(Debug)]
pub(crate) struct Connecting {
    phase: AtomicU8,
    names: Names,
    /// The longest time for a name.
    lookup: Duration,
}

impl Connecting {
    pub(crate) fn new(lookup: Duration) -> Arc<Self> {
        Arc::new(Self { phase: AtomicU8::new(Phase::Connect as u8), names: Names::new(), lookup })
    }

    /// A connection is made from its start.
    pub(crate) fn begin(&self) {
        self.enter(Phase::Connect);
    }

    pub(crate) fn phase(&self) -> Phase {
        let phase = self.phase.load(Ordering::Relaxed);
        [Phase::Lookup, Phase::Tls].into_iter().find(|one| *one as u8 == phase).unwrap_or(Phase::Connect)
    }

    fn enter(&self, phase: Phase) {
        self.phase.store(phase as u8, Ordering::Relaxed);
    }
}

/// [`Connecting`] as the client's way to look up names.
#[derive(Debug, Clone)]
pub(crate) struct Lookup(pub(crate) Arc<Connecting>);

impl Resolve for Lookup {
    fn resolve(&self, name: Name) -> Resolving {
        let connecting = Arc::clone(&self.0);
        Box::pin(async move {
            connecting.enter(Phase::Lookup);
            let addresses = timeout(connecting.lookup, connecting.names.addresses(name.as_str()))
                .await
                .map_err(|_| NameError::Unanswered(format!("no answer within {:?}", connecting.lookup)))??;
            connecting.enter(Phase::Connect);
            // The client puts the port of the address in place of the 0.
            let addresses: Addrs = Box::new(addresses.into_iter().map(|address| SocketAddr::new(address, 0)));
            Ok(addresses)
        })
    }
}

/// Sessions are not resumed: a source is connected to once, and again only when something is wrong.
impl ClientSessionStore for Connecting {
    fn kx_hint(&self, _: &ServerName<'_>) -> Option<NamedGroup> {
        self.enter(Phase::Tls);
        None
    }

    fn set_kx_hint(&self, _: ServerName<'static>, _: NamedGroup) {}

    fn set_tls12_session(&self, _: ServerName<'static>, _: Tls12ClientSessionValue) {}

    fn tls12_session(&self, _: &ServerName<'_>) -> Option<Tls12ClientSessionValue> {
        None
    }

    fn remove_tls12_session(&self, _: &ServerName<'static>) {}

    fn insert_tls13_ticket(&self, _: ServerName<'static>, _: Tls13ClientSessionValue) {}

    fn take_tls13_ticket(&self, _: &ServerName<'static>) -> Option<Tls13ClientSessionValue> {
        None
    }
}
