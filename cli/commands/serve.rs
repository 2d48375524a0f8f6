//! `ays serve`

use std::net::SocketAddr;
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use ays_operations::{Error, Kind};
use ays_server::{Listen, Server};

use super::worker;
use crate::context;
use crate::failure::{Failure, eprint_line};
use crate::render::table;
use crate::signals::stop_at_once;

/// Serves the portal and the REST API, and does the jobs that are asked for, until it is stopped
///
/// It listens on this machine alone unless it is told another address. The API is described at /api/v1/openapi.json. Whoever calls needs
/// a token, or a user's password: ays user add. Ctrl-C or SIGTERM gives jobs that are under way back to the queue.
#[derive(clap::Args)]
pub struct Args {
    /// The address to listen on
    #[arg(long, value_name = "IP:PORT", default_value = "127.0.0.1:8470")]
    listen: SocketAddr,
    /// The certificate chain, as a PEM file; a new one is taken without a restart
    #[arg(long, value_name = "FILE", requires = "tls_key")]
    tls_cert: Option<PathBuf>,
    /// The certificate's key, as a PEM file
    #[arg(long, value_name = "FILE", requires = "tls_cert")]
    tls_key: Option<PathBuf>,
    /// Listen elsewhere than on this machine without TLS, since a proxy before it has TLS
    #[arg(long)]
    behind_proxy: bool,
    /// How many jobs it does at once; 0: others do them (ays worker)
    #[arg(long, value_name = "N", default_value_t = 4)]
    jobs: usize,
}

/// Why a server does not begin.
#[derive(Debug, thiserror::Error)]
enum NotServed {
    #[error(
        "{0} is not this machine alone: give --tls-cert and --tls-key, or --behind-proxy where a proxy has TLS"
    )]
    Unprotected(SocketAddr),
}

pub async fn run(args: Args, repo: Option<&Path>) -> Result<(), Failure> {
    let Args { listen: address, tls_cert, tls_key, behind_proxy, jobs } = args;
    let tls = tls_cert.zip(tls_key);
    if tls.is_none() && !behind_proxy && !address.ip().is_loopback() {
        return Err(Error::new(Kind::Usage, NotServed::Unprotected(address)).into());
    }
    let scheme = if tls.is_some() { "https" } else { "http" };
    let controller = context::controller_of(repo).await?;
    if controller.catalogue.accounts().await?.is_empty() {
        eprint_line("warning: no user is known yet: ays user add NAME --role admin");
    }
    let site = Arc::new(worker::EnvironmentClone { repo: repo.map(Path::to_owned) });
    let server = Server::new(controller.catalogue, site);
    let app =
        ays_server::router(server.clone()).merge(ays_portal::router(server, tls.is_some() || behind_proxy));
    let stop = stop_at_once();
    let ready = move |address: SocketAddr| _ = table::line(&format!("listening on {scheme}://{address}"));
    let serving = ays_server::serve(app, Listen { address, tls }, stop.clone(), ready);
    let working = async {
        match NonZeroUsize::new(jobs) {
            Some(jobs) => worker::work(repo, jobs, stop.clone()).await,
            None => {
                stop.after_steps().await;
                Ok(())
            }
        }
    };
    let serving = async { serving.await.map_err(|error| Failure::from(Error::new(Kind::Failed, error))) };
    tokio::try_join!(serving, working).map(drop)
}
