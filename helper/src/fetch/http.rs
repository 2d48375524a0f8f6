//! `http` and `https`.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use ays_model::SecretUrl;
use ays_protocol::{Failure, Phase};
use reqwest::header::{
    ACCEPT_ENCODING, CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_RANGE, ETAG, HeaderMap, HeaderName,
    HeaderValue, IF_RANGE, LAST_MODIFIED, RANGE, RETRY_AFTER,
};
use reqwest::redirect::{Attempt, Policy};
use reqwest::{Client, Method, RequestBuilder, Response, StatusCode};
use rustls::client::Resumption;
use tokio::time::timeout;
use url::Url;

use super::access::Access;
use super::body::{Body, HttpBody};
use super::connecting::{Connecting, Lookup};
use super::fault::{Fault, causes, innermost};
use super::identity::Identity;
use super::names::NameError;
use super::opened::{Opened, Resume, answered, refused};
use super::proxies::proxies;
use super::tls::{self, TlsError};

const MOST_REDIRECTS: usize = 10;

/// The longest pause that a server may ask for.
const MOST_PAUSE: Duration = Duration::from_secs(60);

/// A file on a web server.
#[derive(Debug, Clone)]
pub(crate) struct Http {
    address: SecretUrl,
    url: Url,
    client: Client,
    /// What each request says beside what all say.
    headers: HeaderMap,
    connecting: Arc<Connecting>,
    /// The longest time between the connection and the answer's head.
    patience: Duration,
    connect: Duration,
}

/// Why no client could be made.
#[derive(Debug, thiserror::Error)]
enum ClientError {
    #[error(transparent)]
    Tls(#[from] TlsError),
    #[error(transparent)]
    Client(#[from] reqwest::Error),
}

/// A redirect that is not followed.
#[derive(Debug, thiserror::Error)]
enum RedirectError {
    #[error("too many redirects")]
    TooMany,
    #[error("it redirects from https to http")]
    Downgrade,
}

impl Http {
    pub(crate) fn new(address: &SecretUrl, access: Access<'_>) -> Result<Self, Failure> {
        let limits = access.limits;
        let connecting = Connecting::new(limits.connect / 2);
        let client = client(access, &connecting).map_err(|error| refused(address, reason(error)))?;
        Ok(Self {
            address: address.clone(),
            url: address.expose().clone(),
            client,
            headers: HeaderMap::new(),
            connecting,
            patience: limits.connect + limits.answer,
            connect: limits.connect,
        })
    }

    pub(crate) fn address(&self) -> &SecretUrl {
        &self.address
    }

    /// Another file, by the same connections.
    pub(crate) fn file(&self, address: &SecretUrl) -> Self {
        Self {
            address: address.clone(),
            url: address.expose().clone(),
            headers: HeaderMap::new(),
            ..self.clone()
        }
    }

    /// Says this with each request from now on, or no more. A redirect to another host is not told who is let in.
    pub(crate) fn say(&mut self, name: HeaderName, value: Option<HeaderValue>) {
        match value {
            Some(value) => _ = self.headers.insert(name, value),
            None => _ = self.headers.remove(name),
        }
    }

    /// The answer to a request for all of it, whatever its status is.
    pub(crate) async fn ask(&self) -> Result<Response, Fault> {
        self.send(self.request(Method::GET)).await
    }

    pub(crate) async fn open(&self, resume: Option<&Resume>) -> Result<Opened, Fault> {
        let mut request = self.request(Method::GET);
        if let Some(resume) = resume {
            request = request.header(RANGE, format!("bytes={}-", resume.at));
            let validator = resume.identity.strong_etag().or(resume.identity.last_modified.as_deref());
            let validator = validator.filter(|_| !resume.is_checked);
            if let Some(validator) = validator.and_then(|text| HeaderValue::from_str(text).ok()) {
                request = request.header(IF_RANGE, validator);
            }
        }
        let response = self.send(request).await?;
        match (response.status(), resume) {
            (StatusCode::OK, _) => {
                let identity = identity(&response, content_length(&response));
                Ok(self.opened(response, identity, 0))
            }
            (StatusCode::PARTIAL_CONTENT, Some(resume)) => {
                let identity = continued(&response, resume)?;
                Ok(self.opened(response, identity, resume.at))
            }
            (StatusCode::RANGE_NOT_SATISFIABLE, Some(_)) => Err(Fault::StartOver {
                phase: Phase::Answer,
                reason: "the source has fewer bytes than before".to_owned(),
            }),
            _ => Err(self.fault(&response)),
        }
    }

    pub(crate) async fn open_start(&self, most: u64) -> Result<Opened, Fault> {
        let range = format!("bytes=0-{}", most.saturating_sub(1));
        let response = self.send(self.request(Method::GET).header(RANGE, range)).await?;
        let range = text(response.headers(), &CONTENT_RANGE).as_deref().and_then(content_range);
        let size = match (response.status(), range) {
            (StatusCode::OK, _) => content_length(&response),
            (StatusCode::PARTIAL_CONTENT, Some(range)) if range.first == 0 => range.total,
            // An empty file has no first byte.
            (StatusCode::RANGE_NOT_SATISFIABLE, _) => return self.open(None).await,
            _ => return Err(self.fault(&response)),
        };
        let identity = identity(&response, size);
        Ok(self.opened(response, identity, 0))
    }

    fn opened(&self, response: Response, identity: Identity, start: u64) -> Opened {
        let answered_by = self.other(response.url());
        Opened { identity, start, body: Body::Http(HttpBody::new(response)), answered_by }
    }

    /// An address, where it is not the one that was asked.
    fn other(&self, url: &Url) -> Option<SecretUrl> {
        // The client leaves the login out.
        let bare = |url: &Url| {
            let mut url = url.clone();
            let _ = url.set_username("");
            let _ = url.set_password(None);
            url
        };
        if bare(url) == bare(&self.url) { None } else { SecretUrl::new(bare(url)).ok() }
    }

    /// A reason, with the address that it is of.
    fn at(&self, url: Option<&Url>, reason: impl Into<String>) -> String {
        answered(reason, url.and_then(|url| self.other(url)).as_ref())
    }

    pub(crate) async fn state(&self) -> Result<Identity, Fault> {
        let mut response = self.send(self.request(Method::HEAD)).await?;
        if !response.status().is_success() {
            // Addresses that are signed for GET alone, and servers without HEAD: the body is not read.
            response = self.send(self.request(Method::GET)).await?;
        }
        if !response.status().is_success() {
            return Err(self.fault(&response));
        }
        Ok(identity(&response, content_length(&response)))
    }

    fn request(&self, method: Method) -> RequestBuilder {
        // The bytes as they are: a packed answer has another length and other hashes.
        let request = self.client.request(method, self.url.clone()).header(ACCEPT_ENCODING, "identity");
        // They would take the place of the login that is in the address.
        if self.headers.is_empty() { request } else { request.headers(self.headers.clone()) }
    }

    async fn send(&self, request: RequestBuilder) -> Result<Response, Fault> {
        self.connecting.begin();
        match timeout(self.patience, request.send()).await {
            Ok(Ok(response)) => match packed(&response) {
                Some(encoding) if response.status().is_success() => {
                    let reason = format!(
                        "the server packs its answer (Content-Encoding: {encoding}) though it was asked for the bytes \
                         as they are"
                    );
                    Err(Fault::Final(refused(&self.address, self.at(Some(response.url()), reason))))
                }
                _ => Ok(response),
            },
            Ok(Err(error)) => Err(self.send_fault(error)),
            Err(_) => Err(Fault::again(Phase::Answer, format!("no answer within {:?}", self.patience))),
        }
    }

    fn send_fault(&self, error: reqwest::Error) -> Fault {
        // The address that did not answer, which may be one that was redirected to; the client would show its secrets.
        let url = error.url().cloned();
        let error = error.without_url();
        let reason = |words: String| self.at(url.as_ref(), words);
        if error.is_redirect() || error.is_builder() {
            return Fault::Final(refused(&self.address, reason(innermost(&error))));
        }
        if !error.is_connect() {
            return Fault::again(Phase::Answer, reason(innermost(&error)));
        }
        let phase = self.connecting.phase();
        let is_final = causes(&error).any(|cause| {
            matches!(cause.downcast_ref(), Some(rustls::Error::InvalidCertificate(_)))
                || matches!(cause.downcast_ref(), Some(NameError::Unknown))
        });
        if is_final {
            Fault::unreachable(&self.address, phase, reason(innermost(&error)))
        } else if error.is_timeout() {
            Fault::again(phase, reason(format!("not done within {:?}", self.connect)))
        } else {
            Fault::again(phase, reason(innermost(&error)))
        }
    }

    /// What an answer says that is not a good one.
    pub(crate) fn fault(&self, response: &Response) -> Fault {
        let status = response.status();
        let may_pass = matches!(
            status,
            StatusCode::REQUEST_TIMEOUT | StatusCode::TOO_EARLY | StatusCode::TOO_MANY_REQUESTS
        );
        if !status.is_server_error() && !may_pass {
            return Fault::Final(refused(&self.address, self.at(Some(response.url()), status.to_string())));
        }
        let after = text(response.headers(), &RETRY_AFTER).and_then(|text| pause(&text));
        Fault::Again {
            phase: Phase::Answer,
            reason: self.at(Some(response.url()), format!("the server answered {status}")),
            after: after.unwrap_or_default().min(MOST_PAUSE),
        }
    }
}

/// A client that hands credentials to no other host, port or scheme than the address's own.
fn client(access: Access<'_>, connecting: &Arc<Connecting>) -> Result<Client, ClientError> {
    let mut tls = tls::config(&access.network.authorities)?;
    tls.resumption = Resumption::store(Arc::<Connecting>::clone(connecting));
    let mut builder = Client::builder()
        .tls_backend_preconfigured(tls)
        .dns_resolver(Lookup(Arc::clone(connecting)))
        .connect_timeout(access.limits.connect)
        .redirect(redirects(Arc::clone(connecting)))
        .referer(false)
        .user_agent(concat!("ays-node/", env!("CARGO_PKG_VERSION")))
        .no_proxy();
    for proxy in proxies(access.network)? {
        builder = builder.proxy(proxy);
    }
    Ok(builder.build()?)
}

/// The client itself drops the credentials when host, port or scheme are others.
fn redirects(connecting: Arc<Connecting>) -> Policy {
    Policy::custom(move |attempt: Attempt<'_>| {
        connecting.begin();
        let was_safe = attempt.previous().last().is_some_and(|url| url.scheme() == "https");
        if attempt.previous().len() > MOST_REDIRECTS {
            attempt.error(RedirectError::TooMany)
        } else if was_safe && attempt.url().scheme() != "https" {
            attempt.error(RedirectError::Downgrade)
        } else {
            attempt.follow()
        }
    })
}

/// Without the address of a proxy: it may hold a login.
fn reason(error: ClientError) -> String {
    match error {
        ClientError::Client(error) => innermost(&error.without_url()),
        other => other.to_string(),
    }
}

/// What is said of the rest of what was begun, if it is that.
fn continued(response: &Response, resume: &Resume) -> Result<Identity, Fault> {
    let over = |reason: &str| Fault::StartOver { phase: Phase::Answer, reason: reason.to_owned() };
    let range =
        response.headers().get(CONTENT_RANGE).and_then(|range| range.to_str().ok()).and_then(content_range);
    let Some(range) = range else { return Err(over("the server answered with a range that cannot be read")) };
    let now = identity(response, range.total.or(resume.identity.size));
    if !resume.may_be(&now) {
        return Err(over("the source has changed"));
    }
    if range.first != resume.at || now.size.is_some_and(|size| range.last.checked_add(1) != Some(size)) {
        return Err(over("the server answered with another range than the one asked for"));
    }
    // What is left out of this answer was in the first one, if that was from this source.
    let is_of_first = resume.identity.is_telling() && now.may_be(&resume.identity);
    Ok(if is_of_first { resume.identity.clone() } else { now })
}

/// How long a server asks to wait: seconds, or until a date (RFC 9110).
fn pause(text: &str) -> Option<Duration> {
    let text = text.trim();
    let until = || httpdate::parse_http_date(text).ok()?.duration_since(SystemTime::now()).ok();
    text.parse().ok().map(Duration::from_secs).or_else(until)
}

/// How the bytes of an answer were packed for the way, where they are not those of the file. Servers say of a `.gz` that
/// it is packed, and mean the file itself.
fn packed(response: &Response) -> Option<String> {
    let encoding = text(response.headers(), &CONTENT_ENCODING)?.trim().to_ascii_lowercase();
    let endings: &[&str] = match encoding.as_str() {
        "" | "identity" => return None,
        "gzip" | "x-gzip" => &["gz", "tgz"],
        "bzip2" | "x-bzip2" => &["bz2"],
        "xz" | "x-xz" => &["xz"],
        "zstd" => &["zst"],
        "compress" | "x-compress" => &["z"],
        _ => &[],
    };
    let path = response.url().path().to_ascii_lowercase();
    let is_the_file = path.rsplit_once('.').is_some_and(|(_, ending)| endings.contains(&ending));
    (!is_the_file).then(|| encoding.chars().filter(|c| !c.is_control()).take(40).collect())
}

fn identity(response: &Response, size: Option<u64>) -> Identity {
    let headers = response.headers();
    Identity { size, etag: text(headers, &ETAG), last_modified: text(headers, &LAST_MODIFIED) }
}

fn text(headers: &HeaderMap, name: &HeaderName) -> Option<String> {
    headers.get(name)?.to_str().ok().map(str::to_owned)
}

/// As the server said it; the answer to HEAD has a length and no body.
fn content_length(response: &Response) -> Option<u64> {
    response.headers().get(CONTENT_LENGTH)?.to_str().ok()?.trim().parse().ok()
}

#[derive(Debug, PartialEq, Eq)]
struct ContentRange {
    first: u64,
    last: u64,
    total: Option<u64>,
}

/// `bytes 5-9/10`, `bytes 5-9/*`.
fn content_range(text: &str) -> Option<ContentRange> {
    let (range, total) = text.trim().strip_prefix("bytes ")?.split_once('/')?;
    let (first, last) = range.split_once('-')?;
    let total = match total {
        "*" => None,
        total => Some(total.parse().ok()?),
    };
    Some(ContentRange { first: first.parse().ok()?, last: last.parse().ok()?, total })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_that_a_server_asks_for() {
        assert_eq!(pause(" 7 "), Some(Duration::from_secs(7)));
        let in_a_minute = httpdate::fmt_http_date(SystemTime::now() + Duration::from_secs(60));
        let pause_until = pause(&in_a_minute).unwrap();
        assert!((58..=60).contains(&pause_until.as_secs()), "{pause_until:?}");
        assert_eq!(pause("Fri, 21 Nov 2025 10:00:00 GMT"), None);
        assert_eq!(pause("soon"), None);
    }

    #[test]
    fn ranges_of_an_answer() {
        let range = |first, last, total| Some(ContentRange { first, last, total });
        for (text, expected) in [
            ("bytes 5-9/10", range(5, 9, Some(10))),
            ("bytes 5-9/*", range(5, 9, None)),
            ("bytes */10", None),
            ("items 5-9/10", None),
            ("bytes 5-9", None),
            ("bytes -9/10", None),
            ("bytes 5-9/ten", None),
        ] {
            assert_eq!(content_range(text), expected, "{text:?}");
        }
    }
}
