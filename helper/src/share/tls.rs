//! Encryption between the nodes of a run: one certificate, which all of them show and which alone they accept.

use std::sync::Arc;

use ays_protocol::{Failure, Secret, Share};
use rustls::client::Resumption;
use rustls::crypto::CryptoProvider;
use rustls::crypto::ring::{cipher_suite, default_provider};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::version::TLS13;
use rustls::{ClientConfig, RootCertStore, ServerConfig};
use tokio_rustls::{TlsAcceptor, TlsConnector};

/// The name in the certificate.
const NAME: &str = "ays-run";

/// The most bytes that wait to be sent on a connection.
pub(crate) const SEND_BUFFER: usize = 512 << 10;

/// The two ends of a connection between nodes, and what is said first on it.
#[derive(Clone)]
pub(crate) struct Tls {
    pub(crate) acceptor: TlsAcceptor,
    pub(crate) connector: TlsConnector,
    pub(crate) name: ServerName<'static>,
    pub(crate) token: Secret,
}

/// What is wrong with a run's certificate or key.
#[derive(Debug, thiserror::Error)]
enum Unusable {
    #[error("it cannot be read")]
    Pem(#[from] rustls::pki_types::pem::Error),
    #[error("it cannot be used: {0}")]
    Tls(#[from] rustls::Error),
    #[error("its name cannot be used: {0}")]
    Name(#[from] rustls::pki_types::InvalidDnsNameError),
}

impl Tls {
    pub(crate) fn new(share: &Share) -> Result<Self, Failure> {
        build(share).map_err(|error| Failure::Tool {
            tool: "ays-node".to_owned(),
            reason: format!("the certificate of the run: {error}"),
        })
    }
}

fn build(share: &Share) -> Result<Tls, Unusable> {
    let certificate = CertificateDer::from_pem_slice(share.certificate.as_bytes())?;
    let key = PrivateKeyDer::from_pem_slice(share.key.expose().as_bytes())?;
    let mut roots = RootCertStore::empty();
    roots.add(certificate.clone())?;
    // The first of them is what all nodes agree on: the quickest where the processor knows AES.
    let provider = Arc::new(CryptoProvider {
        cipher_suites: vec![
            cipher_suite::TLS13_AES_128_GCM_SHA256,
            cipher_suite::TLS13_CHACHA20_POLY1305_SHA256,
        ],
        ..default_provider()
    });
    let mut server = ServerConfig::builder_with_provider(Arc::clone(&provider))
        .with_protocol_versions(&[&TLS13])?
        .with_no_client_auth()
        .with_single_cert(vec![certificate], key)?;
    // Every connection is made once.
    server.send_tls13_tickets = 0;
    let mut client = ClientConfig::builder_with_provider(provider)
        .with_protocol_versions(&[&TLS13])?
        .with_root_certificates(roots)
        .with_no_client_auth();
    client.resumption = Resumption::disabled();
    Ok(Tls {
        acceptor: TlsAcceptor::from(Arc::new(server)),
        connector: TlsConnector::from(Arc::new(client)),
        name: ServerName::try_from(NAME)?,
        token: share.token.clone(),
    })
}
