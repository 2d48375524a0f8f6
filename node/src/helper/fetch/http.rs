//! `http` and `https`.

use std::error::Error;
use std::sync::Arc;
use std::time::Duration;

use reqwest::header::{
    ACCEPT_ENCODING, CONTENT_LENGTH, CONTENT_RANGE, ETAG, HeaderMap, HeaderName, HeaderValue, IF_RANGE,
    LAST_MODIFIED, RANGE,
};
use reqwest::redirect::Policy;
use reqwest::{Client, Method, RequestBuilder, Response, StatusCode};
use rustls::{ClientConfig, RootCertStore};
use tokio::time::timeout;
use url::Url;

use super::body::{Body, HttpBody};
use super::fault::{Fault, innermost};
use super::identity::Identity;
use super::names::{NameError, Names};
use super::source::{Opened, Resume, refused};
use crate::helper::Limits;
use crate::{Failure, Phase, SecretUrl};

const MOST_REDIRECTS: usize = 10;

/// A file on a web server.
#[derive(Debug)]
pub(crate) struct Http {
    address: SecretUrl,
    url: Url,
    client: Client,
    /// The longest time between the connection and the answer's head.
    patience: Duration,
    connect: Duration,
}

impl Http {
    pub(crate) fn new(address: &SecretUrl, url: Url, limits: &Limits) -> Result<Self, Failure> {
        let cannot = |error: &(dyn Error + 'static)| refused(address, innermost(error));
        // Redirects drop the credentials when host, port or scheme are others.
        let client = Client::builder()
            .tls_backend_preconfigured(tls().map_err(|error| cannot(&error))?)
            .dns_resolver(Names::new())
            .connect_timeout(limits.connect)
            .redirect(Policy::limited(MOST_REDIRECTS))
            .referer(false)
            .user_agent(concat!("ays-node/", env!("CARGO_PKG_VERSION")))
            .build()
            .map_err(|error| cannot(&error))?;
        Ok(Self {
            address: address.clone(),
            url,
            client,
            patience: limits.connect + limits.stall,
            connect: limits.connect,
        })
    }

    pub(crate) fn address(&self) -> &SecretUrl {
        &self.address
    }

    pub(crate) async fn open(&self, resume: Option<&Resume>) -> Result<Opened, Fault> {
        let mut request = self.request(Method::GET);
        if let Some(resume) = resume {
            request = request.header(RANGE, format!("bytes={}-", resume.at));
            let validator = resume.identity.strong_etag().or(resume.identity.last_modified.as_deref());
            if let Some(validator) = validator.and_then(|text| HeaderValue::from_str(text).ok()) {
                request = request.header(IF_RANGE, validator);
            }
        }
        let response = self.send(request).await?;
        match (response.status(), resume) {
            (StatusCode::OK, _) => Ok(Opened {
                identity: identity(&response, content_length(&response)),
                start: 0,
                body: Body::Http(HttpBody::new(response)),
            }),
            (StatusCode::PARTIAL_CONTENT, Some(resume)) => continued(response, resume),
            (StatusCode::RANGE_NOT_SATISFIABLE, Some(_)) => Err(Fault::StartOver {
                phase: Phase::Answer,
                reason: "the source has fewer bytes than before".to_owned(),
            }),
            (status, _) => Err(self.fault(status)),
        }
    }

    pub(crate) async fn size(&self) -> Result<Option<u64>, Fault> {
        let response = self.send(self.request(Method::HEAD)).await?;
        if response.status().is_success() {
            return Ok(content_length(&response));
        }
        // Addresses that are signed for GET alone, and servers without HEAD: the body is not read.
        let response = self.send(self.request(Method::GET)).await?;
        if response.status().is_success() {
            Ok(content_length(&response))
        } else {
            Err(self.fault(response.status()))
        }
    }

    fn request(&self, method: Method) -> RequestBuilder {
        // The bytes as they are: a packed answer has another length and other hashes.
        self.client.request(method, self.url.clone()).header(ACCEPT_ENCODING, "identity")
    }

    async fn send(&self, request: RequestBuilder) -> Result<Response, Fault> {
        match timeout(self.patience, request.send()).await {
            Ok(Ok(response)) => Ok(response),
            Ok(Err(error)) => Err(self.send_fault(error.without_url())),
            Err(_) => Err(Fault::again(Phase::Answer, format!("no answer within {:?}", self.patience))),
        }
    }

    fn send_fault(&self, error: reqwest::Error) -> Fault {
        if error.is_redirect() || error.is_builder() {
            return Fault::Final(refused(&self.address, innermost(&error)));
        }
        if error.is_connect() && error.is_timeout() {
            return Fault::again(Phase::Connect, format!("no connection within {:?}", self.connect));
        }
        Fault::again(phase(&error), innermost(&error))
    }

    fn fault(&self, status: StatusCode) -> Fault {
        let may_pass = matches!(status, StatusCode::REQUEST_TIMEOUT | StatusCode::TOO_MANY_REQUESTS);
        if status.is_server_error() || may_pass {
            Fault::again(Phase::Answer, format!("the server answered {status}"))
        } else {
            Fault::Final(refused(&self.address, status.to_string()))
        }
    }
}

/// The rest of what was begun, if it is that.
fn continued(response: Response, resume: &Resume) -> Result<Opened, Fault> {
    let over = |reason: &str| Fault::StartOver { phase: Phase::Answer, reason: reason.to_owned() };
    let range =
        response.headers().get(CONTENT_RANGE).and_then(|range| range.to_str().ok()).and_then(content_range);
    let Some(range) = range else { return Err(over("the server answered with a range that cannot be read")) };
    let now = identity(&response, range.total.or(resume.identity.size));
    let same = |now: &Option<String>, then: &Option<String>| now.is_none() || then.is_none() || now == then;
    if now.size != resume.identity.size
        || !same(&now.etag, &resume.identity.etag)
        || !same(&now.last_modified, &resume.identity.last_modified)
    {
        return Err(over("the source has changed"));
    }
    if range.first != resume.at || now.size.is_some_and(|size| range.last.checked_add(1) != Some(size)) {
        return Err(over("the server answered with another range than the one asked for"));
    }
    Ok(Opened {
        identity: resume.identity.clone(),
        start: resume.at,
        body: Body::Http(HttpBody::new(response)),
    })
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

/// What was being done when a request failed, from the error's causes.
fn phase(error: &reqwest::Error) -> Phase {
    let is_connect = error.is_connect();
    let mut cause: Option<&(dyn Error + 'static)> = Some(error);
    while let Some(error) = cause {
        let system = error.downcast_ref::<std::io::Error>();
        // A connection that ends while it is opened ends in the handshake.
        let ends =
            is_connect && system.is_some_and(|error| error.kind() == std::io::ErrorKind::UnexpectedEof);
        if error.is::<NameError>() {
            return Phase::Lookup;
        }
        if ends || error.is::<rustls::Error>() {
            return Phase::Tls;
        }
        // An error of the system that stands for another one leaves that out of its causes.
        cause = match system.and_then(std::io::Error::get_ref) {
            Some(inner) => Some(inner),
            None => error.source(),
        };
    }
    if is_connect { Phase::Connect } else { Phase::Answer }
}

/// Trusts what the node trusts, and the common authorities, because a small node has none of its own.
fn tls() -> Result<ClientConfig, rustls::Error> {
    let mut roots = RootCertStore { roots: webpki_roots::TLS_SERVER_ROOTS.to_vec() };
    roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    Ok(ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .with_root_certificates(roots)
        .with_no_client_auth())
}

#[cfg(test)]
mod tests {
    use super::*;

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
