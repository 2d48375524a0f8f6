//! Whom TLS trusts.

use std::sync::{Arc, LazyLock};

use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::{self, PemObject};
use rustls::{ClientConfig, RootCertStore};

/// Why TLS cannot be spoken.
#[derive(Debug, thiserror::Error)]
pub(crate) enum TlsError {
    #[error("a further authority's certificate cannot be read")]
    Authority(#[from] pem::Error),
    #[error(transparent)]
    Tls(#[from] rustls::Error),
}

/// Trusts what the node trusts, the further authorities, and the common ones, because a small node has none of its own.
pub(crate) fn config(authorities: &[String]) -> Result<ClientConfig, TlsError> {
    // Read once: a helper may ask hundreds of sources.
    static COMMON: LazyLock<RootCertStore> = LazyLock::new(|| {
        let mut roots = RootCertStore { roots: webpki_roots::TLS_SERVER_ROOTS.to_vec() };
        roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
        roots
    });
    let mut roots = COMMON.clone();
    for authority in authorities {
        for certificate in CertificateDer::pem_slice_iter(authority.as_bytes()) {
            roots.add(certificate?)?;
        }
    }
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .with_root_certificates(roots)
        .with_no_client_auth();
    Ok(config)
}
