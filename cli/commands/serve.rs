//! `ays serve`

use std::net::SocketAddr;
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use ays_operations::{Controller, Error, Feed, Kind, signing_key};
use ays_portal::Reached;
use ays_server::{Listen, Provider, Server, SignIn, keep_feed};
use url::Url;

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
    /// Also serve a simplestreams feed of what stacks offer, to everybody; the directory is for its files
    #[arg(long, value_name = "DIR")]
    feed: Option<PathBuf>,
    /// The address under which browsers reach it
    #[arg(long, value_name = "URL")]
    url: Option<Url>,
    /// Who may sign in at /sign-in, or get a token for AYS_TOKEN at /sign-in/token: users whose e-mail address this OpenID
    /// Connect provider vouches for
    #[arg(long, value_name = "URL", requires = "oidc_client", requires = "url")]
    oidc_issuer: Option<Url>,
    /// This server's name at the provider; the provider has to send browsers back to URL/sign-in/callback
    #[arg(long, value_name = "ID", requires = "oidc_issuer")]
    oidc_client: Option<String>,
    /// The name of the secret that proves to the provider which server this is (ays secret set); without it, PKCE does
    #[arg(long, value_name = "NAME", requires = "oidc_issuer")]
    oidc_secret: Option<String>,
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
    let Args { listen: address, tls_cert, tls_key, behind_proxy, feed, jobs, .. } = &args;
    let (address, jobs) = (*address, *jobs);
    let tls = tls_cert.clone().zip(tls_key.clone());
    if tls.is_none() && !*behind_proxy && !address.ip().is_loopback() {
        return Err(Error::new(Kind::Usage, NotServed::Unprotected(address)).into());
    }
    let scheme = if tls.is_some() { "https" } else { "http" };
    let controller = context::controller_of(repo).await?;
    if controller.catalogue.accounts().await?.is_empty() {
        eprint_line("warning: no user is known yet: ays user add NAME --role admin");
    }
    let sign_in = sign_in(&args, &controller).await?;
    let site = Arc::new(worker::EnvironmentClone { repo: repo.map(Path::to_owned) });
    let server = Server::new(controller.catalogue, site);
    let stop = stop_at_once();
    let ready = move |address: SocketAddr| _ = table::line(&format!("listening on {scheme}://{address}"));
    let feed = match feed {
        Some(directory) => Some(Feed::open(directory.clone()).await?),
        None => None,
    };
    // The address that browsers have says best whether they use TLS.
    let secure = args.url.as_ref().map_or(tls.is_some() || *behind_proxy, |url| url.scheme() == "https");
    let reached = Reached { secure, provider: sign_in.is_some() };
    let app = ays_server::router(server.clone(), feed.as_ref(), sign_in.as_ref());
    let app = app.merge(ays_portal::router(server.clone(), reached));
    let serving = ays_server::serve(app, Listen { address, tls }, stop.clone(), ready);
    let feeding = async {
        if let Some(feed) = feed {
            keep_feed(feed, server, stop.clone(), &eprint_line).await;
        }
        Ok(())
    };
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
    tokio::try_join!(serving, working, feeding).map(drop)
}

/// The provider by which users sign in; none: they have tokens and passwords.
async fn sign_in(args: &Args, controller: &Controller) -> Result<Option<SignIn>, Failure> {
    let (Some(issuer), Some(client), Some(url)) = (&args.oidc_issuer, &args.oidc_client, &args.url) else {
        return Ok(None);
    };
    let secret = match &args.oidc_secret {
        Some(name) => Some(signing_key(controller, name.clone()).await?),
        None => None,
    };
    let provider = Provider { issuer: issuer.clone(), client: client.clone(), secret, url: url.clone() };
    Ok(Some(SignIn::new(provider).map_err(|error| Error::new(Kind::Usage, error))?))
}
