//! The layer of an artifact: its address holds its digest, so whoever serves it serves the same bytes.

use ays_model::Checksum;
use ays_protocol::Failure;
use reqwest::header::AUTHORIZATION;

use super::fault::Fault;
use super::http::Http;
use super::identity::Identity;
use super::opened::{Opened, Resume};
use super::registry::Registry;

/// The bytes of a layer, in a registry that may want a login.
#[derive(Debug, Clone)]
pub(crate) struct Blob {
    registry: Registry,
    http: Http,
    digest: Checksum,
    size: u64,
}

impl Blob {
    pub(crate) fn new(registry: Registry, http: Http, digest: Checksum, size: u64) -> Self {
        Self { registry, http, digest, size }
    }

    pub(crate) fn http(&self) -> &Http {
        &self.http
    }

    pub(crate) async fn open(&mut self, resume: Option<&Resume>) -> Result<Opened, Fault> {
        self.be_let_in().await?;
        let opened = self.http.open(resume).await?;
        self.named(opened)
    }

    pub(crate) async fn open_start(&mut self, most: u64) -> Result<Opened, Fault> {
        self.be_let_in().await?;
        let opened = self.http.open_start(most).await?;
        self.named(opened)
    }

    pub(crate) async fn state(&mut self) -> Result<Identity, Fault> {
        self.be_let_in().await?;
        let identity = self.http.state().await?;
        self.name(identity)
    }

    async fn be_let_in(&mut self) -> Result<(), Fault> {
        let pass = self.registry.pass().await?;
        self.http.say(AUTHORIZATION, pass);
        Ok(())
    }

    fn named(&self, opened: Opened) -> Result<Opened, Fault> {
        Ok(Opened { identity: self.name(opened.identity)?, ..opened })
    }

    /// What is known of the bytes, whatever its server says of them, or does not.
    fn name(&self, identity: Identity) -> Result<Identity, Fault> {
        let size = self.size;
        if let Some(other) = identity.size.filter(|other| *other != size) {
            let reason = format!("the layer has {other} bytes, and its manifest says {size}");
            return Err(Fault::Final(Failure::Artifact { url: self.http.address().to_string(), reason }));
        }
        let named = Identity { size: Some(size), ..identity };
        if named.is_telling() {
            return Ok(named);
        }
        Ok(Identity { etag: Some(format!("\"{}\"", self.digest)), ..named })
    }
}
