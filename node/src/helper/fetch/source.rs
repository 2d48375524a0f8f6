//! Where a file comes from, behind one way to open it.

use percent_encoding::percent_decode_str;
use tokio::time::timeout;
use url::Url;

use super::access::Access;
use super::body::Body;
use super::fault::Fault;
use super::ftp::Ftp;
use super::http::Http;
use super::identity::Identity;
use super::local::Local;
use crate::helper::Limits;
use crate::{Failure, Network, Phase, Probed, SecretUrl};

/// A source, ready to be opened as often as it takes.
#[derive(Debug)]
pub(crate) enum Source {
    Http(Http),
    Ftp(Ftp),
    Local(Local),
}

/// Bytes that are there already, and what the source said of them.
#[derive(Debug, Clone)]
pub(crate) struct Resume {
    pub(crate) at: u64,
    pub(crate) identity: Identity,
}

/// A source whose bytes are coming.
#[derive(Debug)]
pub(crate) struct Opened {
    pub(crate) identity: Identity,
    /// Which byte comes first: where it was to be resumed, or 0.
    pub(crate) start: u64,
    pub(crate) body: Body,
}

/// A failure that trying again does not cure.
pub(crate) fn refused(url: &SecretUrl, reason: impl Into<String>) -> Failure {
    Failure::Refused { url: url.to_string(), reason: reason.into() }
}

/// The last component of an address's path, decoded.
pub(crate) fn file_name(url: &SecretUrl) -> String {
    let path = Url::parse(url.expose()).map(|url| url.path().to_owned()).unwrap_or_default();
    let name = path.rsplit('/').next().unwrap_or_default();
    percent_decode_str(name).decode_utf8_lossy().into_owned()
}

impl Source {
    pub(crate) fn new(address: &SecretUrl, access: Access<'_>) -> Result<Self, Failure> {
        let url = Url::parse(address.expose()).map_err(|error| refused(address, error.to_string()))?;
        Ok(match url.scheme() {
            "ftp" => Self::Ftp(Ftp::new(address, &url, access.limits)?),
            "file" => Self::Local(Local::new(address)?),
            _ => Self::Http(Http::new(address, url, access)?),
        })
    }

    /// Opens it, at `resume` when the source still has the same bytes and can start there.
    pub(crate) async fn open(&mut self, resume: Option<&Resume>) -> Result<Opened, Fault> {
        match self {
            Self::Http(http) => http.open(resume).await,
            Self::Ftp(ftp) => ftp.open(resume).await,
            Self::Local(local) => local.open().await,
        }
    }

    /// Whether an interrupted transfer can go on where it stopped; a file on the node is copied from its start.
    pub(crate) fn resumes(&self) -> bool {
        !matches!(self, Self::Local(_))
    }

    pub(crate) fn refused(&self, reason: impl Into<String>) -> Fault {
        let address = match self {
            Self::Http(http) => http.address(),
            Self::Ftp(ftp) => ftp.address(),
            Self::Local(local) => local.address(),
        };
        Fault::Final(refused(address, reason))
    }

    async fn size(&mut self) -> Result<Option<u64>, Fault> {
        match self {
            Self::Http(http) => http.size().await,
            Self::Ftp(ftp) => ftp.size().await,
            Self::Local(local) => local.size().await,
        }
    }
}

/// Asks a source once for its size.
pub(crate) async fn probe(url: &SecretUrl, network: &Network, limits: &Limits) -> Result<Probed, Failure> {
    // Each phase has its share, so that the one that takes too long is named.
    let shares = Limits { connect: limits.probe / 2, answer: limits.probe / 3, ..limits.clone() };
    let mut source = Source::new(url, Access { network, limits: &shares })?;
    let unreachable =
        |phase, reason| Failure::Unreachable { url: url.to_string(), phase, reason, attempts: 1 };
    match timeout(limits.probe, source.size()).await {
        Ok(Ok(size)) => Ok(Probed { size }),
        Ok(Err(Fault::Final(failure))) => Err(failure),
        Ok(Err(Fault::Again { phase, reason, .. } | Fault::StartOver { phase, reason })) => {
            Err(unreachable(phase, reason))
        }
        Err(_) => Err(unreachable(Phase::Answer, format!("no answer within {:?}", limits.probe))),
    }
}
