//! A registry of artifacts: what it answers, and how it lets us in.

use std::sync::Arc;
use std::time::Duration;

use ays_model::{ArtifactAddress, Challenge, Network, Reference, SecretUrl, challenges};
use ays_protocol::Failure;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use percent_encoding::percent_decode_str;
use reqwest::header::{ACCEPT, AUTHORIZATION, HeaderName, HeaderValue, WWW_AUTHENTICATE};
use reqwest::{Response, StatusCode};
use serde::Deserialize;
use tokio::time::{Instant, sleep};
use url::Url;

use super::access::Access;
use super::body::{Body, HttpBody};
use super::fault::Fault;
use super::http::Http;
use super::opened::refused;
use super::reading::read_to;
use super::tries::Tries;
use crate::Limits;

/// The most bytes of a manifest, as the specification of registries has it.
const MOST_OF_MANIFEST: usize = 4 << 20;

/// The most bytes of an answer with a token.
const MOST_OF_TOKEN: usize = 64 << 10;

/// How long a token is good where its server does not say, and the longest time that is believed.
const TOKEN_LIFE: Duration = Duration::from_secs(60);
const LONGEST_TOKEN_LIFE: Duration = Duration::from_secs(24 * 3600);

/// What says which manifest was answered.
const DIGEST: HeaderName = HeaderName::from_static("docker-content-digest");

/// The kinds of manifests that are read.
const MANIFESTS: &str = "application/vnd.oci.image.index.v1+json, application/vnd.oci.image.manifest.v1+json, \
                         application/vnd.docker.distribution.manifest.list.v2+json, \
                         application/vnd.docker.distribution.manifest.v2+json";

/// A registry, as one artifact's address leads to it.
#[derive(Debug, Clone)]
pub(crate) struct Registry {
    address: ArtifactAddress,
    /// The server of tokens that may have the login, beside the registry itself.
    tokens: Option<SecretUrl>,
    http: Http,
    reach: Arc<Reach>,
    pass: Option<Pass>,
}

/// See [`Access`].
#[derive(Debug)]
struct Reach {
    network: Network,
    limits: Limits,
}

impl Reach {
    fn access(&self) -> Access<'_> {
        Access { network: &self.network, limits: &self.limits }
    }
}

/// What a registry is shown to be let in.
#[derive(Debug, Clone)]
enum Pass {
    Basic(HeaderValue),
    Token {
        value: HeaderValue,
        /// Where it is from, with the login that it was given for.
        server: SecretUrl,
        /// When another one is fetched.
        until: Instant,
    },
}

/// A manifest as it came.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) bytes: Vec<u8>,
    /// The digest that the registry says it has.
    pub(crate) digest: Option<String>,
}

#[derive(Deserialize)]
struct TokenAnswer {
    token: Option<String>,
    access_token: Option<String>,
    expires_in: Option<u64>,
}

impl Registry {
    pub(crate) fn new(
        address: &ArtifactAddress,
        tokens: Option<&SecretUrl>,
        access: Access<'_>,
    ) -> Result<Self, Failure> {
        Ok(Self {
            address: address.clone(),
            tokens: tokens.cloned(),
            http: Http::new(address.registry(), access)?,
            reach: Arc::new(Reach { network: access.network.clone(), limits: access.limits.clone() }),
            pass: None,
        })
    }

    /// Reads the manifest of a reference.
    pub(crate) async fn manifest(&mut self, reference: &Reference) -> Result<Answer, Failure> {
        let url = self.address.manifest(reference);
        let reach = Arc::clone(&self.reach);
        let mut tries = Tries::new(reach.access(), 0);
        loop {
            let (phase, reason, after) = match self.manifest_once(&url).await {
                Ok(answer) => return Ok(answer),
                Err(Fault::Final(failure)) => return Err(failure),
                Err(Fault::Again { phase, reason, after }) => (phase, reason, after),
                Err(Fault::StartOver { phase, reason }) => (phase, reason, Duration::ZERO),
            };
            sleep(tries.failed(&url.to_string(), 0, phase, &reason)?.max(after)).await;
        }
    }

    async fn manifest_once(&mut self, url: &SecretUrl) -> Result<Answer, Fault> {
        let mut http = self.http.file(url);
        http.say(ACCEPT, Some(HeaderValue::from_static(MANIFESTS)));
        http.say(AUTHORIZATION, self.pass().await?);
        let mut response = http.ask().await?;
        if response.status() == StatusCode::UNAUTHORIZED {
            self.pass = Some(self.let_in(&http, &response).await?);
            http.say(AUTHORIZATION, self.pass().await?);
            response = http.ask().await?;
        }
        if response.status() != StatusCode::OK {
            return Err(http.fault(&response));
        }
        let digest = response.headers().get(DIGEST).and_then(|value| value.to_str().ok()).map(str::to_owned);
        let bytes = read(&http, response, MOST_OF_MANIFEST, self.reach.access()).await?;
        Ok(Answer { bytes, digest })
    }

    /// Another file of the registry, by the same connections.
    pub(crate) fn file(&self, url: &SecretUrl) -> Http {
        self.http.file(url)
    }

    /// What is shown to be let in. A token that is about to end is replaced.
    pub(crate) async fn pass(&mut self) -> Result<Option<HeaderValue>, Fault> {
        if let Some(Pass::Token { server, until, .. }) = &self.pass
            && Instant::now() >= *until
        {
            let server = server.clone();
            self.pass = Some(self.token(server).await?);
        }
        Ok(self.pass.as_ref().map(|pass| match pass {
            Pass::Basic(value) | Pass::Token { value, .. } => value.clone(),
        }))
    }

    /// Does what the registry asks for before it lets anybody in.
    async fn let_in(&self, http: &Http, response: &Response) -> Result<Pass, Fault> {
        let headers = response.headers().get_all(WWW_AUTHENTICATE).into_iter();
        let offered: Vec<_> = headers.filter_map(|value| value.to_str().ok()).flat_map(challenges).collect();
        let tokens = offered.iter().find_map(|challenge| match challenge {
            Challenge::Bearer { realm, service } => Some((realm, service.as_deref())),
            Challenge::Basic => None,
        });
        let login = self.login();
        match (tokens, login) {
            (Some((realm, service)), _) => self.token(self.token_server(realm, service)?).await,
            (None, Some((user, password))) if offered.contains(&Challenge::Basic) => {
                let decoded = |text: &str| percent_decode_str(text).collect::<Vec<u8>>();
                let login = [decoded(user), vec![b':'], decoded(password)].concat();
                sensitive(format!("Basic {}", STANDARD.encode(login)))
                    .map(Pass::Basic)
                    .ok_or_else(|| http.fault(response))
            }
            (None, None) if offered.contains(&Challenge::Basic) => {
                let reason = "it wants a login, which goes into the address: oci://$(secret.NAME)@HOST/..";
                Err(Fault::Final(refused(http.address(), reason)))
            }
            (None, _) => Err(http.fault(response)),
        }
    }

    /// The login of the address, as it is written there.
    fn login(&self) -> Option<(&str, &str)> {
        let url = self.address.registry().expose();
        let (user, password) = (url.username(), url.password());
        (!user.is_empty() || password.is_some()).then(|| (user, password.unwrap_or_default()))
    }

    /// Where a token is had, with the login where that may go there: to the registry's own host, and to the one that the
    /// recipe names. Whoever answers for the registry says who gives tokens, so that alone is no reason.
    fn token_server(&self, realm: &str, service: Option<&str>) -> Result<SecretUrl, Fault> {
        let registry = self.address.registry();
        let failed = |reason: String| Fault::Final(refused(registry, reason));
        let unreadable = || failed("where its tokens come from cannot be read".to_owned());
        let mut url = Url::parse(realm).map_err(|_| unreadable())?;
        let has_login = !url.username().is_empty() || url.password().is_some();
        if !matches!(url.scheme(), "http" | "https") || has_login {
            return Err(unreadable());
        }
        if url.scheme() == "http" && registry.expose().scheme() == "https" {
            return Err(failed("its tokens come from a server without encryption".to_owned()));
        }
        url.set_fragment(None);
        if let Some((user, password)) = self.login() {
            let is_of = |allowed: &SecretUrl| allowed.expose().origin() == url.origin();
            if !is_of(registry) && !self.tokens.as_ref().is_some_and(is_of) {
                let server = url.origin().ascii_serialization();
                return Err(failed(format!(
                    "its tokens come from another server, which may not have the login yet: tokens:'{server}' in the \
                     recipe allows it"
                )));
            }
            // An address with a host takes both.
            let _ = url.set_username(user);
            let _ = url.set_password(Some(password));
        }
        // What the registry says of the scope is not asked: a token is to be good for this alone.
        let scope = format!("repository:{}:pull", self.address.repository());
        url.query_pairs_mut()
            .extend_pairs(service.map(|service| ("service", service)))
            .append_pair("scope", &scope);
        SecretUrl::new(url).map_err(|error| failed(error.to_string()))
    }

    async fn token(&self, server: SecretUrl) -> Result<Pass, Fault> {
        let http = self.http.file(&server);
        let response = http.ask().await?;
        if response.status() != StatusCode::OK {
            return Err(http.fault(&response));
        }
        let bytes = read(&http, response, MOST_OF_TOKEN, self.reach.access()).await?;
        let value = serde_json::from_slice(&bytes).ok().and_then(|answer: TokenAnswer| {
            let life = answer.expires_in.map_or(TOKEN_LIFE, Duration::from_secs).min(LONGEST_TOKEN_LIFE);
            let token = answer.token.filter(|token| !token.is_empty()).or(answer.access_token)?;
            Some((sensitive(format!("Bearer {token}"))?, life))
        });
        let Some((value, life)) = value else {
            return Err(Fault::Final(refused(&server, "its answer holds no token")));
        };
        // Not so late that it ends on its way.
        Ok(Pass::Token { value, server, until: Instant::now() + life.mul_f64(0.75) })
    }
}

/// A header that no log shows.
fn sensitive(text: String) -> Option<HeaderValue> {
    let mut value = HeaderValue::try_from(text).ok()?;
    value.set_sensitive(true);
    Some(value)
}

/// The body of an answer, which is small.
async fn read(http: &Http, response: Response, most: usize, access: Access<'_>) -> Result<Vec<u8>, Fault> {
    let mut body = Body::Http(HttpBody::new(response));
    let bytes = read_to(&mut body, most + 1, access).await?;
    if bytes.len() > most {
        let reason = format!("it is larger than {most} bytes, too large for what it should be");
        return Err(Fault::Final(refused(http.address(), reason)));
    }
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Where a token is had for the artifact at an address, login and all; or why not.
    fn server(address: &str, tokens: Option<&str>, realm: &str) -> Result<String, String> {
        let address = ArtifactAddress::of(&SecretUrl::parse(address).unwrap()).unwrap();
        let tokens = tokens.map(|server| SecretUrl::parse(server).unwrap());
        let (network, limits) = (Network::default(), Limits::default());
        let access = Access { network: &network, limits: &limits };
        let registry = Registry::new(&address, tokens.as_ref(), access).unwrap();
        match registry.token_server(realm, Some("s")) {
            Ok(url) => Ok(url.expose().to_string()),
            Err(Fault::Final(failure)) => Err(failure.to_string()),
            Err(other) => panic!("{other:?}"),
        }
    }

    #[test]
    fn where_a_login_goes_for_a_token() {
        let query = "service=s&scope=repository%3Aa%2Fb%3Apull";
        let with_login = "oci://u:p%40ss@r.example/a/b:1";
        for (address, tokens, realm, expected) in [
            (with_login, None, "https://r.example/token", "https://u:p%40ss@r.example/token?"),
            (with_login, None, "https://R.example:443/token?x=1#y", "https://u:p%40ss@r.example/token?x=1&"),
            (with_login, Some("https://t.example"), "https://t.example/", "https://u:p%40ss@t.example/?"),
            ("oci://r.example/a/b:1", None, "https://t.example/t", "https://t.example/t?"),
            ("oci+http://u:@r.example/a/b:1", None, "http://r.example/t", "http://u@r.example/t?"),
        ] {
            assert_eq!(server(address, tokens, realm), Ok(format!("{expected}{query}")), "{realm}");
        }
        let other = "which may not have the login yet";
        let unread = "cannot be read";
        for (address, tokens, realm, told) in [
            (with_login, None, "https://t.example/", other),
            (with_login, None, "https://r.example:8443/", other),
            (with_login, None, "https://r.example.evil/", other),
            (with_login, Some("https://t.example"), "https://t.example:444/", other),
            (with_login, None, "http://r.example/", "without encryption"),
            ("oci://r.example/a/b:1", None, "http://t.example/", "without encryption"),
            ("oci+http://u:p@r.example/a/b:1", None, "https://r.example/", other),
            (with_login, None, "https://x:y@r.example/", unread),
            (with_login, None, "ftp://r.example/", unread),
            (with_login, None, "//r.example/", unread),
        ] {
            let error = server(address, tokens, realm).unwrap_err();
            assert!(error.contains(told) && !error.contains("p%40ss"), "{realm}: {error}");
        }
    }
}
