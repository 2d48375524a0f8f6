//! Where a file comes from, behind one way to open it.

use ays_model::{Scheme, SecretUrl};
use ays_protocol::Failure;
use percent_encoding::percent_decode_str;

use super::access::Access;
use super::blob::Blob;
use super::fault::Fault;
use super::ftp::Ftp;
use super::http::Http;
use super::identity::Identity;
use super::local::Local;
use super::opened::{Opened, Resume, refused};

/// A source, ready to be opened as often as it takes.
#[derive(Debug)]
pub(crate) enum Source {
    Http(Http),
    Ftp(Ftp),
    Local(Local),
    Blob(Box<Blob>),
}

/// The last component of an address's path, decoded.
pub(crate) fn file_name(url: &SecretUrl) -> String {
    let name = url.expose().path().rsplit('/').next().unwrap_or_default();
    percent_decode_str(name).decode_utf8_lossy().into_owned()
}

impl Source {
    pub(crate) fn new(address: &SecretUrl, access: Access<'_>) -> Result<Self, Failure> {
        Ok(match address.scheme() {
            Scheme::Ftp | Scheme::Ftps | Scheme::Ftpes => Self::Ftp(Ftp::new(address, access)?),
            Scheme::File => Self::Local(Local::new(address)?),
            Scheme::Http | Scheme::Https => Self::Http(Http::new(address, access)?),
            // Its manifest leads to the file, and is read before.
            Scheme::Oci | Scheme::OciHttp => {
                return Err(refused(address, "a registry has artifacts, and no files beside them"));
            }
        })
    }

    /// Opens it, at `resume` when the source still has the same bytes and can start there.
    pub(crate) async fn open(&mut self, resume: Option<&Resume>) -> Result<Opened, Fault> {
        match self {
            Self::Http(http) => http.open(resume).await,
            Self::Ftp(ftp) => ftp.open(resume).await,
            Self::Local(local) => local.open().await,
            Self::Blob(blob) => blob.open(resume).await,
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
            Self::Blob(blob) => blob.http().address(),
        };
        Fault::Final(refused(address, reason))
    }

    /// Opens it for its first `most` bytes; a source that knows no ranges sends more.
    pub(crate) async fn open_start(&mut self, most: u64) -> Result<Opened, Fault> {
        match self {
            Self::Http(http) => http.open_start(most).await,
            Self::Blob(blob) => blob.open_start(most).await,
            Self::Ftp(_) | Self::Local(_) => self.open(None).await,
        }
    }

    /// What it says of its bytes, which are not opened.
    pub(crate) async fn state(&mut self) -> Result<Identity, Fault> {
        match self {
            Self::Http(http) => http.state().await,
            Self::Ftp(ftp) => ftp.state().await,
            Self::Local(local) => local.state().await,
            Self::Blob(blob) => blob.state().await,
        }
    }
}
