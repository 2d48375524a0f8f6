//! Listening, with TLS where it is wanted, until it is stopped.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::{Duration, SystemTime};

use axum::Router;
use axum_server::Handle;
use axum_server::tls_rustls::RustlsConfig;
use ays_engine::Stop;
use hyper_util::rt::{TokioExecutor, TokioTimer};
use hyper_util::server::conn::auto::Builder;
use tokio::time::sleep;

/// Where a server listens.
#[derive(Debug, Clone)]
pub struct Listen {
    /// The address.
    pub address: SocketAddr,
    /// Its certificate chain and key, as PEM files; none: HTTP without TLS.
    pub tls: Option<(PathBuf, PathBuf)>,
}

/// Why a server ended.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    /// Its certificate or key cannot be read.
    #[error("the certificate {certificate} or its key cannot be read", certificate = .0.display())]
    Tls(PathBuf, #[source] std::io::Error),
    /// It cannot listen.
    #[error("{0} cannot be listened to")]
    Listen(SocketAddr, #[source] std::io::Error),
}

/// How often the certificate's file is looked at.
const LOOK_EVERY: Duration = Duration::from_secs(2);

/// How long a caller may take to say what it wants, also between two calls on one connection.
const HEADERS: Duration = Duration::from_secs(30);

/// How long calls that are under way may take to end.
const GRACE: Duration = Duration::from_secs(5);

/// Serves an application until it is stopped. `ready` is told the address, once it is listened to. A certificate that is replaced is taken
/// without a restart.
///
/// # Errors
///
/// The address cannot be listened to, or the certificate cannot be read.
pub async fn serve(
    app: Router,
    listen: Listen,
    stop: Stop,
    ready: impl FnOnce(SocketAddr) + Send + 'static,
) -> Result<(), ServeError> {
    let Listen { address, tls } = listen;
    let app = app.into_make_service();
    let handle = Handle::new();
    let ending = handle.clone();
    tokio::spawn(async move {
        stop.after_steps().await;
        ending.graceful_shutdown(Some(GRACE));
    });
    let listening = handle.clone();
    tokio::spawn(async move {
        if let Some(address) = listening.listening().await {
            ready(address);
        }
    });
    let failed = |source| ServeError::Listen(address, source);
    match tls {
        None => {
            let mut server = axum_server::bind(address).handle(handle);
            in_time(server.http_builder());
            server.serve(app).await.map_err(failed)
        }
        Some((certificate, key)) => {
            // An error says that somebody chose one before: that one is good too.
            let _ = rustls::crypto::ring::default_provider().install_default();
            let unreadable = |source| ServeError::Tls(certificate.clone(), source);
            let config = RustlsConfig::from_pem_file(&certificate, &key).await.map_err(unreadable)?;
            let renewing = tokio::spawn(renew(config.clone(), certificate.clone(), key));
            let mut server = axum_server::bind_rustls(address, config).handle(handle);
            in_time(server.http_builder());
            let served = server.serve(app).await;
            renewing.abort();
            served.map_err(failed)
        }
    }
}

/// A connection on which nobody asks anything is ended.
fn in_time(builder: &mut Builder<TokioExecutor>) {
    builder.http1().timer(TokioTimer::new()).header_read_timeout(HEADERS);
}

/// Takes a certificate that was replaced; one that cannot be read yet is tried again.
async fn renew(config: RustlsConfig, certificate: PathBuf, key: PathBuf) {
    let changed =
        async || -> Option<SystemTime> { tokio::fs::metadata(&certificate).await.ok()?.modified().ok() };
    let mut known = changed().await;
    loop {
        sleep(LOOK_EVERY).await;
        let now = changed().await;
        if now != known && config.reload_from_pem_file(&certificate, &key).await.is_ok() {
            known = now;
        }
    }
}
