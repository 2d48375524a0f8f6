//! A connection to a remote: whom it is with, how it is logged in to, how it is stopped.

mod by_git;

use std::cell::RefCell;

use git2::{
    AutotagOption, CertificateCheckStatus, CredentialType, Direction, FetchOptions, Oid, ProxyOptions,
    PushOptions, RemoteCallbacks, RemoteConnection, Repository,
};

use crate::access::{Access, Progress};
use crate::address::{Address, Kind};
use crate::git_error::GitError;
use crate::known_hosts;
use crate::login::Ways;
use crate::needs::{self, Need};
use crate::remote_error::RemoteError;
use crate::ssh::SshHost;
use crate::user_git::UserGitError;
use by_git::ByGit;

/// What is connected with the remote.
pub(crate) enum Connection<'repo, 'connection, 'callbacks> {
    Library(RemoteConnection<'repo, 'connection, 'callbacks>),
    /// git connects for each thing that is asked of it.
    ByGit(ByGit<'repo>),
}

/// A remote that is being worked with.
pub(crate) struct Link<'a> {
    address: &'a Address,
    access: &'a Access,
    ssh: Option<SshHost>,
    /// Why only git reaches it.
    need: Option<Need>,
    ways: RefCell<Ways<'a>>,
    /// Why a callback put an end to it.
    ended: RefCell<Option<RemoteError>>,
    /// What the server told people.
    told: RefCell<Vec<u8>>,
}

impl<'a> Link<'a> {
    pub fn new(
        address: &'a Address,
        repository: &'a Repository,
        access: &'a Access,
    ) -> Result<Self, RemoteError> {
        let git =
            |error: git2::Error| RemoteError::Git { address: address.to_string(), source: error.into() };
        let config = repository.config().map_err(git)?;
        let (ssh, need) = match &address.kind {
            Kind::Ssh(_) if config.get_string("core.sshCommand").is_ok() => (None, Some(Need::SshCommand)),
            Kind::Ssh(ssh) => {
                let host = SshHost::resolve(ssh, &access.home)?;
                let need = need_of(&host)?.map(|way| Need::Ssh { host: ssh.host.clone(), way });
                (Some(host), need)
            }
            Kind::Web { .. } => (None, needs::to_reach_web(&config).map_err(git)?),
            Kind::Local => (None, None),
        };
        let root = repository.workdir().unwrap_or_else(|| repository.path());
        let ways = RefCell::new(Ways::new(address, ssh.as_ref(), root, access));
        Ok(Self { address, access, ssh, need, ways, ended: RefCell::default(), told: RefCell::default() })
    }

    /// Connects, trying every way to log in, and does `work`.
    pub fn connected<T, E: From<RemoteError>>(
        &self,
        repository: &Repository,
        direction: Direction,
        work: impl FnOnce(&mut Connection<'_, '_, '_>) -> Result<T, E>,
    ) -> Result<T, E> {
        if let Some(need) = &self.need {
            let git = ByGit::new(repository, self.address, need.clone(), self.access);
            let git = git.map_err(|error| self.git_error(UserGitError::Unusable(error)))?;
            return work(&mut Connection::ByGit(git));
        }
        let url = match (&self.ssh, &self.address.kind) {
            (Some(ssh), Kind::Ssh(address)) => ssh.url(&address.path),
            _ => self.address.as_str().to_owned(),
        };
        loop {
            let mut remote = repository.remote_anonymous(&url).map_err(|error| self.error(error))?;
            match remote.connect_auth(direction, Some(self.callbacks()), Some(proxy())) {
                Ok(connection) => return work(&mut Connection::Library(connection)),
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
    fn callbacks(&self) -> RemoteCallbacks<'_> {
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

    /// The full name of the remote's main branch, where it says one.
    pub fn default_branch(&self, connection: &Connection<'_, '_, '_>) -> Result<Option<String>, RemoteError> {
        match connection {
            Connection::Library(connection) => {
                Ok(connection.default_branch().ok().and_then(|name| name.as_str().ok().map(str::to_owned)))
            }
            Connection::ByGit(git) => git.default_branch().map_err(|error| self.git_error(error)),
        }
    }

    /// The commit that one of the remote's branches has.
    pub fn commit_of(
        &self,
        connection: &Connection<'_, '_, '_>,
        branch: &str,
    ) -> Result<Option<Oid>, RemoteError> {
        match connection {
            Connection::Library(connection) => {
                let name = format!("refs/heads/{branch}");
                let heads = connection.list().map_err(|error| self.error(error))?;
                Ok(heads.iter().find(|head| head.name() == name).map(git2::RemoteHead::oid))
            }
            Connection::ByGit(git) => git.commit_of(branch).map_err(|error| self.git_error(error)),
        }
    }

    /// Brings what the remote has to our names of its branches.
    pub fn fetch(
        &self,
        connection: &mut Connection<'_, '_, '_>,
        refspecs: &[String],
    ) -> Result<(), RemoteError> {
        self.fetch_depth(connection, refspecs, None)
    }

    /// The same with so many commits at the most; git itself, where it does the work, brings all of them.
    pub fn fetch_depth(
        &self,
        connection: &mut Connection<'_, '_, '_>,
        refspecs: &[String],
        depth: Option<u32>,
    ) -> Result<(), RemoteError> {
        let connection = match connection {
            Connection::Library(connection) => connection,
            Connection::ByGit(git) => return git.fetch(refspecs).map_err(|error| self.git_error(error)),
        };
        let mut options = FetchOptions::new();
        options.remote_callbacks(self.callbacks()).proxy_options(proxy()).download_tags(AutotagOption::None);
        options.update_fetchhead(false);
        if let Some(depth) = depth.and_then(|depth| i32::try_from(depth).ok()) {
            options.depth(depth);
        }
        connection
            .remote()
            .fetch(refspecs, Some(&mut options), Some("ays: fetch"))
            .map_err(|error| self.error(error))
    }

    /// Pushes a branch; gives what the remote refused it with.
    pub fn push(
        &self,
        connection: &mut Connection<'_, '_, '_>,
        refspec: &str,
    ) -> Result<Option<String>, RemoteError> {
        let connection = match connection {
            Connection::Library(connection) => connection,
            Connection::ByGit(git) => return git.push(refspec).map_err(|error| self.git_error(error)),
        };
        let rejected = RefCell::new(None);
        let mut callbacks = self.callbacks();
        callbacks.push_update_reference(|_, status| {
            *rejected.borrow_mut() = status.map(str::to_owned);
            Ok(())
        });
        let mut options = PushOptions::new();
        options.remote_callbacks(callbacks).proxy_options(proxy());
        let pushed = connection.remote().push(&[refspec], Some(&mut options));
        drop(options);
        pushed.map_err(|error| self.error(error))?;
        Ok(rejected.take().map(|status| [self.told(), status].join("\n").trim().to_owned()))
    }

    /// What the server told people so far, as lines.
    fn told(&self) -> String {
        let told = self.told.borrow();
        let text = String::from_utf8_lossy(&told).replace('\r', "\n");
        text.lines().map(str::trim_end).filter(|line| !line.is_empty()).collect::<Vec<_>>().join("\n")
    }

    fn git_error(&self, error: UserGitError) -> RemoteError {
        match error {
            UserGitError::Interrupted => RemoteError::Interrupted,
            error => RemoteError::Git { address: self.address.to_string(), source: GitError::User(error) },
        }
    }

    /// What an error of libgit2 means here.
    fn error(&self, error: git2::Error) -> RemoteError {
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

/// What only ssh itself does to reach this machine.
fn need_of(host: &SshHost) -> Result<Option<String>, RemoteError> {
    if host.way.is_some() {
        return Ok(host.way.clone());
    }
    let is_signed = known_hosts::has_authority(&host.known_as, &host.known_hosts)?;
    Ok(is_signed.then(|| "an authority signs its host keys".to_owned()))
}

/// A proxy as git's configuration and the usual variables say.
fn proxy<'a>() -> ProxyOptions<'a> {
    let mut proxy = ProxyOptions::new();
    proxy.auto();
    proxy
}
