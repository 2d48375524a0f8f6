//! A registry of containers, as the distribution specification has it (version 2 of its API): who is let in, blobs, manifests.

use std::sync::Arc;

use ays_model::{Challenge, challenges};
use reqwest::header::{
    ACCEPT, AUTHORIZATION, CONTENT_TYPE, HeaderMap, HeaderValue, LINK, LOCATION, RANGE, WWW_AUTHENTICATE,
};
use reqwest::{Client, RequestBuilder, StatusCode};
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use tokio::sync::Mutex;
use url::Url;

use crate::account::Account;
use crate::data::{Counter, Ending, Feed, send};
use crate::error::TargetError;
use crate::http::{Answer, Http, sensitive};

/// The kinds of manifests.
pub(crate) const MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";
const MANIFESTS: &str = "application/vnd.oci.image.manifest.v1+json, application/vnd.oci.image.index.v1+json, \
                         application/vnd.docker.distribution.manifest.v2+json, \
                         application/vnd.docker.distribution.manifest.list.v2+json";

/// What says which manifest was answered, or taken.
const DIGEST: &str = "docker-content-digest";

/// One repository of a registry.
#[derive(Debug)]
pub(crate) struct Registry {
    http: Http,
    account: Account,
    base: Url,
    repository: String,
    /// What is shown to be let in; none: nothing was asked for yet.
    pass: Arc<Mutex<Option<HeaderValue>>>,
}

/// An upload that is under way.
#[derive(Debug, Clone)]
pub(crate) struct Upload {
    /// Where it goes on.
    pub location: Url,
    /// How many bytes the registry has.
    pub has: u64,
}

/// Of more tags it is not found out what they name.
const MOST_TAGS: usize = 200;

#[derive(Deserialize)]
struct Tags {
    tags: Option<Vec<String>>,
}

#[derive(Deserialize)]
struct TokenAnswer {
    token: Option<String>,
    access_token: Option<String>,
}

impl Registry {
    /// A repository of an account's registry; an empty one asks about no repository.
    pub fn new(account: &Account, repository: String) -> Result<Self, TargetError> {
        let wrong = |_| TargetError::NotOne("its address cannot be read".to_owned());
        let base = Url::parse(account.need("endpointUrl").trim_end_matches('/')).map_err(wrong)?;
        Ok(Self {
            http: Http::new(account)?,
            account: account.clone(),
            base,
            repository,
            pass: Arc::default(),
        })
    }

    /// Signs in, and looks whether it is a registry of version 2.
    pub async fn sign_in(&self) -> Result<(), TargetError> {
        let answer =
            self.ask("signing in to the registry", |client| client.get(self.address("/v2/"))).await?;
        let is_second = answer
            .headers
            .get("docker-distribution-api-version")
            .is_none_or(|version| version.to_str().is_ok_and(|version| version.contains("registry/2")));
        match answer.status {
            StatusCode::NOT_FOUND => Err(not_second()),
            status if status.is_success() && is_second => Ok(()),
            status if status.is_success() => Err(not_second()),
            _ => Err(self.http.refused(&answer).into()),
        }
    }

    /// The digest of the manifest that has a tag, or a digest; none: nothing has it.
    pub async fn manifest(&self, reference: &str) -> Result<Option<String>, TargetError> {
        // The registry's own word for it is not asked: what counts are the bytes.
        Ok(self.read_manifest(reference).await?.map(|bytes| digest_of(&bytes)))
    }

    async fn read_manifest(&self, reference: &str) -> Result<Option<Vec<u8>>, TargetError> {
        let address = self.in_repository(&format!("manifests/{reference}"));
        let call = "looking at a manifest";
        let answer = self.ask(call, |client| client.get(address.clone()).header(ACCEPT, MANIFESTS)).await?;
        if answer.status == StatusCode::NOT_FOUND {
            return Ok(None);
        }
        Ok(Some(self.http.well(answer)?.body))
    }

    /// Whether a blob is there. A registry may keep it elsewhere, and say where.
    pub async fn has_blob(&self, digest: &str) -> Result<bool, TargetError> {
        let address = self.in_repository(&format!("blobs/{digest}"));
        let answer = self.ask("looking for a blob", |client| client.head(address.clone())).await?;
        match answer.status {
            StatusCode::NOT_FOUND => Ok(false),
            status if status.is_redirection() => Ok(true),
            _ => self.http.well(answer).map(|_| true).map_err(TargetError::from),
        }
    }

    /// Begins an upload.
    pub async fn begin(&self) -> Result<Upload, TargetError> {
        let address = self.in_repository("blobs/uploads/");
        let answer = self.ask("beginning an upload", |client| client.post(address.clone())).await?;
        let answer = self.http.well(answer)?;
        Ok(Upload { location: self.location(&answer)?, has: 0 })
    }

    /// How far an upload is; none: the registry knows it no more.
    pub async fn upload(&self, location: &Url) -> Result<Option<Upload>, TargetError> {
        // The account may have another address by now: that one's login is not for this one.
        if location.origin() != self.base.origin() {
            return Ok(None);
        }
        let call = "looking how far an upload is";
        let answer = self.ask(call, |client| client.get(location.clone())).await?;
        if answer.status == StatusCode::NOT_FOUND {
            return Ok(None);
        }
        let answer = self.http.well(answer)?;
        Ok(Some(Upload { location: self.location(&answer)?, has: received(&answer.headers) }))
    }

    /// Sends the next bytes of an upload, at most so many. When it is to end, the request ends early and in order, so that the
    /// registry says where the upload is: one that breaks is out of reach for it.
    pub async fn send(
        &self,
        upload: &Upload,
        feed: &Feed,
        most: u64,
        (counter, ending): (&Counter, &Ending),
        tell: &(dyn Fn(u64) + Sync),
    ) -> Result<Upload, TargetError> {
        let request = self.http.client().patch(upload.location.clone());
        let request = request.header(CONTENT_TYPE, "application/octet-stream").body(feed.body(
            most,
            counter,
            Some(ending),
        ));
        let request = self.signed(request).await;
        let answer = send(&self.http, "sending a blob", request, counter, tell).await?;
        let answer = self.http.well(answer)?;
        Ok(Upload { location: self.location(&answer)?, has: received(&answer.headers) })
    }

    /// Ends an upload: it is a blob from now on.
    pub async fn complete(&self, upload: &Upload, digest: &str) -> Result<(), TargetError> {
        let mut address = upload.location.clone();
        address.query_pairs_mut().append_pair("digest", digest);
        let answer = self.ask("completing a blob", |client| client.put(address.clone())).await;
        match answer.map(|answer| self.http.well(answer)) {
            Ok(Ok(_)) => Ok(()),
            // It may have been done, and the answer lost.
            Err(error) if !self.has_blob(digest).await? => Err(error),
            Ok(Err(error)) if !self.has_blob(digest).await? => Err(error.into()),
            _ => Ok(()),
        }
    }

    /// Puts a small blob there, by an upload that was begun for it.
    pub async fn put_blob(&self, mut upload: Upload, bytes: &[u8], digest: &str) -> Result<(), TargetError> {
        upload.location.query_pairs_mut().append_pair("digest", digest);
        let put = |client: &Client| {
            let request =
                client.put(upload.location.clone()).header(CONTENT_TYPE, "application/octet-stream");
            request.body(bytes.to_vec())
        };
        let answer = self.ask("putting a blob", put).await?;
        // It may have been there at the second try, and the first answer lost.
        if !self.has_blob(digest).await? {
            self.http.well(answer)?;
        }
        Ok(())
    }

    /// Whether a manifest of the repository that has a tag names a blob. Of very many tags that is not found out, and it is said to
    /// be so.
    pub async fn is_named(&self, digest: &str) -> Result<bool, TargetError> {
        let address = self.in_repository(&format!("tags/list?n={}", MOST_TAGS + 1));
        let answer = self.ask("listing tags", |client| client.get(address.clone())).await?;
        if answer.status == StatusCode::NOT_FOUND {
            return Ok(false);
        }
        let answer = self.http.well(answer)?;
        let tags = answer.json::<Tags>()?.tags.unwrap_or_default();
        // Some give fewer at once than were asked for, and say that there are more.
        if tags.len() > MOST_TAGS || answer.headers.contains_key(LINK) {
            return Ok(true);
        }
        for tag in tags {
            let manifest = self.read_manifest(&tag).await?.unwrap_or_default();
            if manifest.windows(digest.len()).any(|word| word == digest.as_bytes()) {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Puts a manifest under a tag; its digest, as the registry gives it back.
    pub async fn put_manifest(&self, tag: &str, manifest: &[u8], kind: &str) -> Result<(), TargetError> {
        let address = self.in_repository(&format!("manifests/{tag}"));
        let put =
            |client: &Client| client.put(address.clone()).header(CONTENT_TYPE, kind).body(manifest.to_vec());
        let answer = self.ask("putting the manifest", put).await?;
        let answer = self.http.well(answer)?;
        if let Some(found) = answer.headers.get(DIGEST).and_then(|value| value.to_str().ok())
            && found != digest_of(manifest)
        {
            let (sent, found) = (digest_of(manifest), found.to_owned());
            return Err(TargetError::Differs { what: "the manifest", sent, found });
        }
        Ok(())
    }

    /// Removes a manifest or a blob; one that is not there is no error.
    pub async fn remove(&self, what: &str) -> Result<(), TargetError> {
        let address = self.in_repository(what);
        self.delete(&address).await
    }

    /// Gives an upload up.
    pub async fn give_up(&self, location: &Url) -> Result<(), TargetError> {
        if location.origin() != self.base.origin() {
            let host = location.origin().ascii_serialization();
            return Err(TargetError::NotOne(format!("it is at {host}, which is not the account's registry")));
        }
        self.delete(location).await
    }

    async fn delete(&self, address: &Url) -> Result<(), TargetError> {
        let answer = self.ask("removing what was sent", |client| client.delete(address.clone())).await?;
        if answer.status == StatusCode::NOT_FOUND {
            return Ok(());
        }
        self.http.well(answer).map(drop).map_err(TargetError::from)
    }

    /// Asks, with what lets it in; that is fetched anew when it is not good any more.
    async fn ask(
        &self,
        doing: &'static str,
        make: impl Fn(&Client) -> RequestBuilder,
    ) -> Result<Answer, TargetError> {
        let pass = self.pass.lock().await.clone();
        let answer = self.http.ask(doing, |client| with(make(client), pass.as_ref())).await?;
        if answer.status != StatusCode::UNAUTHORIZED {
            return Ok(answer);
        }
        let Some(pass) = self.let_in(&answer).await? else { return Ok(answer) };
        *self.pass.lock().await = Some(pass.clone());
        Ok(self.http.ask(doing, |client| with(make(client), Some(&pass))).await?)
    }

    async fn signed(&self, request: RequestBuilder) -> RequestBuilder {
        with(request, self.pass.lock().await.as_ref())
    }

    /// Does what the registry asks for before it lets anybody in; none: it asks for nothing that is known.
    async fn let_in(&self, answer: &Answer) -> Result<Option<HeaderValue>, TargetError> {
        let headers = answer.headers.get_all(WWW_AUTHENTICATE).into_iter();
        let offered: Vec<_> = headers.filter_map(|value| value.to_str().ok()).flat_map(challenges).collect();
        let bearer = offered.iter().find_map(|challenge| match challenge {
            Challenge::Bearer { realm, service } => Some((realm, service.as_deref())),
            Challenge::Basic => None,
        });
        match bearer {
            Some((realm, service)) => self.token(realm, service).await.map(Some),
            None if offered.contains(&Challenge::Basic) => {
                let login = (self.account.need("login"), self.account.secret("password"));
                Ok(sensitive(basic(login.0, &login.1).expose_secret()))
            }
            None => Ok(None),
        }
    }

    async fn token(&self, realm: &str, service: Option<&str>) -> Result<HeaderValue, TargetError> {
        let mut address = Url::parse(realm)
            .ok()
            .filter(|url| matches!(url.scheme(), "http" | "https"))
            .ok_or_else(|| TargetError::NotOne("where its tokens come from cannot be read".to_owned()))?;
        if address.scheme() == "http" && self.base.scheme() == "https" {
            return Err(TargetError::NotOne("its tokens come from a server without encryption".to_owned()));
        }
        if !self.is_trusted(&address) {
            let host = address.host_str().unwrap_or_default();
            return Err(TargetError::NotOne(format!(
                "its tokens come from {host}, which may not have the login: tokenUrl of the account allows it"
            )));
        }
        address.query_pairs_mut().extend_pairs(service.map(|service| ("service", service)));
        if !self.repository.is_empty() {
            let scope = format!("repository:{}:pull,push,delete", self.repository);
            address.query_pairs_mut().append_pair("scope", &scope);
        }
        let (login, password) = (self.account.need("login"), self.account.secret("password"));
        let ask =
            |client: &Client| client.get(address.clone()).basic_auth(login, Some(password.expose_secret()));
        let answer = self.http.get("asking for a token", ask).await?;
        let token: TokenAnswer = answer.json()?;
        let token = token.token.filter(|token| !token.is_empty()).or(token.access_token);
        let value = token.and_then(|token| sensitive(&format!("Bearer {token}")));
        value.ok_or_else(|| answer.wrong("it holds no token".to_owned()).into())
    }

    /// Whether a server of tokens may have the login: the registry's own host, one of the same domain, or the one that the account
    /// names. Whoever answers for the registry says who gives tokens, so that alone is no reason.
    fn is_trusted(&self, tokens: &Url) -> bool {
        let named = self.account.text("tokenUrl").and_then(|url| Url::parse(url).ok());
        named.is_some_and(|named| named.origin() == tokens.origin()) || {
            let of = |url: &Url| url.host_str().map(domain).map(str::to_owned);
            tokens.host_str() == self.base.host_str() || of(tokens).is_some() && of(tokens) == of(&self.base)
        }
    }

    fn address(&self, path: &str) -> Url {
        let mut url = self.base.clone();
        let base = self.base.path().trim_end_matches('/');
        url.set_path(&format!("{base}{path}"));
        url
    }

    fn in_repository(&self, what: &str) -> Url {
        let (path, query) = what.split_once('?').map_or((what, None), |(path, query)| (path, Some(query)));
        let mut url = self.address(&format!("/v2/{}/{path}", self.repository));
        url.set_query(query);
        url
    }

    /// Where an answer leads: on the registry itself, so that nobody else gets what lets us in.
    fn location(&self, answer: &Answer) -> Result<Url, TargetError> {
        let said = answer.header(LOCATION.as_str())?;
        let url = self.base.join(said).ok().filter(|url| url.origin() == self.base.origin());
        url.ok_or_else(|| answer.wrong("it leads to another server".to_owned()).into())
    }
}

/// The last two names of a host: who has these has all below. An address in numbers is its own.
fn domain(host: &str) -> &str {
    let is_number = host.starts_with('[') || host.split('.').all(|part| part.parse::<u8>().is_ok());
    let end = host.rmatch_indices('.').nth(1).map_or(0, |(at, _)| at + 1);
    if is_number { host } else { &host[end..] }
}

fn with(request: RequestBuilder, pass: Option<&HeaderValue>) -> RequestBuilder {
    match pass {
        Some(pass) => request.header(AUTHORIZATION, pass.clone()),
        None => request,
    }
}

fn basic(login: &str, password: &SecretString) -> SecretString {
    use base64::Engine;
    let plain = format!("{login}:{}", password.expose_secret());
    SecretString::from(format!("Basic {}", base64::engine::general_purpose::STANDARD.encode(plain)))
}

/// How many bytes of an upload the registry has: `Range: 0-4` says five.
fn received(headers: &HeaderMap) -> u64 {
    let range = headers.get(RANGE).and_then(|value| value.to_str().ok());
    let last = range.and_then(|range| range.rsplit('-').next()?.parse::<u64>().ok());
    // Where nothing is there, some say 0-0, which cannot be told from one byte; nobody sends one alone.
    last.filter(|last| *last > 0).map_or(0, |last| last + 1)
}

/// `sha256:` and the digest of some bytes.
pub(crate) fn digest_of(bytes: &[u8]) -> String {
    use sha2::Digest;
    format!("sha256:{}", hex::encode(sha2::Sha256::digest(bytes)))
}

fn not_second() -> TargetError {
    let reason = "it is no registry of version 2 of the API, which is the only one that is spoken here";
    TargetError::NotOne(reason.to_owned())
}
