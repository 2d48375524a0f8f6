//! A connection to a remote: whom it is with, how it is logged in to, how it is stopped.

use std::cell::RefCell;

use git2::{
    AutotagOption, CertificateCheckStatus, CredentialType, Direction, FetchOptions, ProxyOptions,
    RemoteCallbacks, RemoteConnection, Repository,
};

use crate::access::{Access, Progress};
use crate::address::{Address, Kind};
use crate::known_hosts;
use crate::login::Ways;
use crate::remote_error::RemoteError;
use crate::ssh::SshHost;

/// A remote that is being worked with.
pub(crate) struct Link<'a> {
    address: &'a Address,
    access: &'a Access,
    ssh: Option<SshHost>,
    ways: RefCell<Ways<'a>>,
    /// Why a callback put an end to it.
    ended: RefCell<Option<RemoteError>>,
    /// What the server told people.
    told: RefCell<Vec<u8>>,
}

impl<'a> Link<'a> {
    pub fn new(
        address: &'a Address,
        repository: &Repository,
        access: &'a Access,
    ) -> Result<Self, RemoteError> {
        let ssh = match &address.kind {
            Kind::Ssh(ssh) => Some(SshHost::resolve(ssh, &access.home)?),
            Kind::Web { .. } | Kind::Local => None,
        };
        let git =
            |error: git2::Error| RemoteError::Git { address: address.to_string(), source: error.into() };
        let config = repository.config().map_err(git)?;
        let ways = RefCell::new(Ways::new(address, ssh.as_ref(), config, access));
        Ok(Self { address, access, ssh, ways, ended: RefCell::default(), told: RefCell::default() })
    }

    /// Connects, trying every way to log in, and does `work`.
    pub fn connected<T, E: From<RemoteError>>(
        &self,
        repository: &Repository,
        direction: Direction,
        work: impl FnOnce(&mut RemoteConnection<'_, '_, '_>) -> Result<T, E>,
    ) -> Result<T, E> {
        let url = match (&self.ssh, &self.address.kind) {
            (Some(ssh), Kind::Ssh(address)) => ssh.url(&address.path),
            _ => self.address.as_str().to_owned(),
        };
        loop {
            let mut remote = repository.remote_anonymous(&url).map_err(|error| self.error(error))?;
            match remote.connect_auth(direction, Some(self.callbacks()), Some(proxy())) {
                Ok(mut connection) => return work(&mut connection),
                // A key that cannot be used, or one too many, ends the connection, and the others are still to be tried.
                Err(error) if self.is_about_the_login(&error) => {
                    self.ways.borrow_mut().refused(error.message().trim());
                    if !self.ways.borrow().are_left() {
                        return Err(self.refused().into());
                    }
                }
                Err(error) => return Err(self.error(error).into()),
            }
        }
    }

    /// What is asked and told while it works.
    pub fn callbacks(&self) -> RemoteCallbacks<'_> {
        let mut callbacks = RemoteCallbacks::new();
        callbacks.certificate_check(|certificate, _| match (&self.ssh, certificate.as_hostkey()) {
            (Some(ssh), key) => {
                let learned = self.access.home.join(".ssh/known_hosts");
                let key = key.and_then(|key| key.hostkey());
                known_hosts::check(&ssh.known_as, key, &ssh.known_hosts, &learned, &self.access.new_host_keys)
                    .map(|()| CertificateCheckStatus::CertificateOk)
                    .map_err(|error| self.end(error.into()))
            }
            (None, _) => Ok(CertificateCheckStatus::CertificatePassthrough),
        });
        callbacks.credentials(|url, _, allowed| self.credentials(url, allowed));
        callbacks.transfer_progress(|progress| {
            let (objects, total) = (progress.received_objects(), progress.total_objects());
            (self.access.progress)(Progress { objects, total, bytes: progress.received_bytes() });
            !self.access.is_stopped()
        });
        callbacks.sideband_progress(|told| {
            self.told.borrow_mut().extend_from_slice(told);
            !self.access.is_stopped()
        });
        callbacks
    }

    /// Brings what the remote has to our names of its branches.
    pub fn fetch(
        &self,
        connection: &mut RemoteConnection<'_, '_, '_>,
        refspecs: &[String],
    ) -> Result<(), RemoteError> {
        let mut options = FetchOptions::new();
        options.remote_callbacks(self.callbacks()).proxy_options(proxy()).download_tags(AutotagOption::None);
        options.update_fetchhead(false);
        connection
            .remote()
            .fetch(refspecs, Some(&mut options), Some("ays: fetch"))
            .map_err(|error| self.error(error))
    }

    /// What the server told people so far, as lines.
    pub fn told(&self) -> String {
        let told = self.told.borrow();
        let text = String::from_utf8_lossy(&told).replace('\r', "\n");
        text.lines().map(str::trim_end).filter(|line| !line.is_empty()).collect::<Vec<_>>().join("\n")
    }

    /// What an error of git means here.
    pub fn error(&self, error: git2::Error) -> RemoteError {
        if self.access.is_stopped() {
            return RemoteError::Interrupted;
        }
        if let Some(ended) = self.ended.take() {
            return ended;
        }
        RemoteError::Git { address: self.address.to_string(), source: error.into() }
    }

    fn credentials(&self, url: &str, allowed: CredentialType) -> Result<git2::Cred, git2::Error> {
        let wanted = match &self.address.kind {
            Kind::Ssh(_) => CredentialType::SSH_KEY,
            Kind::Web { host, .. } => {
                // A server may send us to another machine.
                let asking = url::Url::parse(url).ok();
                if asking.as_ref().and_then(url::Url::host_str) != Some(host) {
                    let other = asking.map(|url| url.origin().ascii_serialization()).unwrap_or_default();
                    return Err(self.end(RemoteError::Elsewhere { address: self.address.to_string(), other }));
                }
                CredentialType::USER_PASS_PLAINTEXT
            }
            Kind::Local => CredentialType::DEFAULT,
        };
        let mut ways = self.ways.borrow_mut();
        let next = if allowed.contains(wanted) { ways.next() } else { ways.none_taken() };
        drop(ways);
        next.ok_or_else(|| self.end(self.refused()))
    }

    /// Whether a way to log in was being tried, and was not taken.
    fn is_about_the_login(&self, error: &git2::Error) -> bool {
        let is_ended = self.ended.borrow().is_some() || self.access.is_stopped();
        // libgit2's words for a key that it cannot use; it has no code for that.
        let words = ["failed to authenticate SSH session", "error authenticating"];
        let is_key = words.iter().any(|words| error.message().contains(words));
        !is_ended && self.ways.borrow().is_trying() && (is_key || error.code() == git2::ErrorCode::Auth)
    }

    fn refused(&self) -> RemoteError {
        RemoteError::Refused { address: self.address.to_string(), tried: self.ways.borrow().tried() }
    }

    /// Keeps why a callback puts an end to it.
    fn end(&self, why: RemoteError) -> git2::Error {
        let words = git2::Error::from_str("ended by ays");
        *self.ended.borrow_mut() = Some(why);
        words
    }
}

/// A proxy as git's configuration and the usual variables say.
pub(crate) fn proxy<'a>() -> ProxyOptions<'a> {
    let mut proxy = ProxyOptions::new();
    proxy.auto();
    proxy
}
