//! How a service is asked: through the account's proxy, trusting the account's authority besides, again after what may pass, and with
//! what it says of its refusal.

use std::path::PathBuf;
use std::time::Duration;

use reqwest::header::{HeaderMap, HeaderValue, RETRY_AFTER};
use reqwest::{Certificate, Client, Proxy, RequestBuilder, Response, StatusCode};
use serde::de::DeserializeOwned;

use crate::account::Account;

/// How long a connection may take to come about.
const CONNECT: Duration = Duration::from_secs(10);

/// How long a service may take to answer a call that is small.
const ANSWER: Duration = Duration::from_secs(60);

/// The most bytes of an answer.
const MOST: usize = 8 << 20;

/// The most characters of what a service says of a refusal.
const MOST_SAID: usize = 2_000;

/// The pauses between tries.
const PAUSES: [Duration; 3] = [Duration::from_millis(200), Duration::from_secs(1), Duration::from_secs(3)];

/// The port of a proxy whose account says none.
const PROXY_PORT: &str = "3128";

/// Why a call came to nothing.
#[derive(Debug, thiserror::Error)]
pub enum CallError {
    /// Nobody answered.
    #[error("{doing}: {address} did not answer{}", through(.proxy))]
    NoAnswer {
        /// What was asked for.
        doing: &'static str,
        /// Where.
        address: String,
        /// Through which proxy.
        proxy: Option<String>,
        /// Why not.
        source: reqwest::Error,
    },
    /// The service took nothing for a while.
    #[error("{doing}: the service took nothing, and said nothing, for {seconds} s")]
    Stalled {
        /// What was asked for.
        doing: &'static str,
        /// For how long, in seconds.
        seconds: u64,
    },
    /// The service did not do it.
    #[error("{doing}: {address} answered {status}{}", said_by(.said))]
    Refused {
        /// What was asked for.
        doing: &'static str,
        /// Where.
        address: String,
        /// The status of HTTP.
        status: u16,
        /// What it said, without this account's secrets.
        said: String,
    },
    /// The answer is not what it should be.
    #[error("{doing}: the answer of {address} is not what it should be: {what}")]
    Answer {
        /// What was asked for.
        doing: &'static str,
        /// Where.
        address: String,
        /// What is wrong with it.
        what: String,
    },
}

fn through(proxy: &Option<String>) -> String {
    proxy.as_ref().map(|proxy| format!(" through the proxy {proxy}")).unwrap_or_default()
}

fn said_by(said: &str) -> String {
    if said.is_empty() { String::new() } else { format!(": {said}") }
}

impl CallError {
    /// What an operator does about it.
    pub fn cure(&self) -> &'static str {
        match self {
            Self::NoAnswer { .. } => {
                "look whether the address is right and a firewall lets this machine there; an account may name a proxy \
                 (proxyHostname, proxyPort) and an authority (caCertificate)"
            }
            Self::Stalled { .. } => "try again: what was sent is used where the service keeps it",
            Self::Refused { status: 401, .. } => {
                "the login, or what proves it, is not right: make the account again"
            }
            Self::Refused { status: 403, .. } => {
                "the account may not do that there: `ays account policy` says what it needs"
            }
            Self::Refused { status: 405, .. } => {
                "the service lets nobody do that: of a registry, its owner has to allow that images are deleted"
            }
            Self::Refused { status: 413 | 507, .. } => {
                "there is no room left for it: ask for more quota, or remove old images"
            }
            Self::Refused { status: 429, .. } => "the service is asked too often: wait a while",
            Self::Refused { status: 500.., .. } => "the service itself is at fault: try again later",
            Self::Refused { .. } | Self::Answer { .. } => {
                "look whether the address is that of such a service, and the fields are what it wants"
            }
        }
    }
}

/// Why there is no way to ask.
#[derive(Debug, thiserror::Error)]
pub enum HttpError {
    /// The file with an authority.
    #[error("{path} is no certificate of an authority", path = .path.display())]
    Authority {
        /// Which.
        path: PathBuf,
        /// Why.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// The proxy's name and port are no address.
    #[error("the proxy of the account is no address")]
    Proxy(#[source] reqwest::Error),
    /// The system's own.
    #[error("no connection can be made from this machine")]
    Client(#[source] reqwest::Error),
}

/// Asks a service for an account.
#[derive(Debug, Clone)]
pub(crate) struct Http {
    client: Client,
    account: Account,
    proxy: Option<String>,
}

/// What a service answered.
#[derive(Debug)]
pub(crate) struct Answer {
    pub doing: &'static str,
    pub address: String,
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub body: Vec<u8>,
}

impl Http {
    pub fn new(account: &Account) -> Result<Self, HttpError> {
        // An error says that somebody chose one before: that one is good too.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let mut client = Client::builder()
            .connect_timeout(CONNECT)
            .redirect(reqwest::redirect::Policy::none())
            .user_agent(concat!("ays/", env!("CARGO_PKG_VERSION")));
        let proxy = account.text("proxyHostname").map(|host| {
            let port = account.text("proxyPort").unwrap_or(PROXY_PORT);
            if host.contains("://") { format!("{host}:{port}") } else { format!("http://{host}:{port}") }
        });
        if let Some(proxy) = &proxy {
            client = client.no_proxy().proxy(Proxy::all(proxy).map_err(HttpError::Proxy)?);
        }
        if let Some(path) = account.text("caCertificate").map(PathBuf::from) {
            let wrong = |source| HttpError::Authority { path: path.clone(), source };
            let pem = std::fs::read(&path).map_err(|error| wrong(error.into()))?;
            let certificates = Certificate::from_pem_bundle(&pem).map_err(|error| wrong(error.into()))?;
            client = client.tls_certs_merge(certificates);
        }
        Ok(Self { client: client.build().map_err(HttpError::Client)?, account: account.clone(), proxy })
    }

    /// Makes a call, again where that may help, and reads its answer, whatever its status. All that is asked of services is such
    /// that asking twice is as asking once.
    pub async fn ask(
        &self,
        doing: &'static str,
        make: impl Fn(&Client) -> RequestBuilder,
    ) -> Result<Answer, CallError> {
        let mut pauses = PAUSES.iter();
        loop {
            // What is sent, or asked for, this way is small.
            let asked = self.ask_once(doing, make(&self.client).timeout(ANSWER)).await;
            let passes = match &asked {
                Ok(answer) => may_pass(answer.status),
                Err(error) => matches!(error, CallError::NoAnswer { .. }),
            };
            match pauses.next().filter(|_| passes) {
                Some(pause) => {
                    let wanted =
                        asked.ok().and_then(|answer| retry_after(&answer.headers)).unwrap_or_default();
                    tokio::time::sleep(wanted.max(*pause)).await;
                }
                None => return asked,
            }
        }
    }

    /// The same, where only success is an answer.
    pub async fn get(
        &self,
        doing: &'static str,
        make: impl Fn(&Client) -> RequestBuilder,
    ) -> Result<Answer, CallError> {
        self.well(self.ask(doing, make).await?)
    }

    /// An answer whose status is one of success.
    pub fn well(&self, answer: Answer) -> Result<Answer, CallError> {
        if answer.status.is_success() { Ok(answer) } else { Err(self.refused(&answer)) }
    }

    /// What requests are made with.
    pub fn client(&self) -> &Client {
        &self.client
    }

    /// Makes one call.
    pub async fn ask_once(&self, doing: &'static str, request: RequestBuilder) -> Result<Answer, CallError> {
        let request = request.build().map_err(|error| self.no_answer(doing, String::new(), error))?;
        // Its query may hold a signature.
        let address = request.url().origin().ascii_serialization();
        let failed = |error| self.no_answer(doing, address.clone(), error);
        let response = self.client.execute(request).await.map_err(failed)?;
        let (status, headers) = (response.status(), response.headers().clone());
        let body = self.read(doing, &address, response).await?;
        Ok(Answer { doing, address, status, headers, body })
    }

    async fn read(
        &self,
        doing: &'static str,
        address: &str,
        mut response: Response,
    ) -> Result<Vec<u8>, CallError> {
        let mut body = Vec::new();
        let failed = |error| self.no_answer(doing, address.to_owned(), error);
        while let Some(bytes) = response.chunk().await.map_err(failed)? {
            if body.len() + bytes.len() > MOST {
                let what = format!("it has more than {MOST} bytes");
                return Err(CallError::Answer { doing, address: address.to_owned(), what });
            }
            body.extend_from_slice(&bytes);
        }
        Ok(body)
    }

    fn no_answer(&self, doing: &'static str, address: String, error: reqwest::Error) -> CallError {
        CallError::NoAnswer { doing, address, proxy: self.proxy.clone(), source: error.without_url() }
    }

    /// What a refusal says.
    pub fn refused(&self, answer: &Answer) -> CallError {
        CallError::Refused {
            doing: answer.doing,
            address: answer.address.clone(),
            status: answer.status.as_u16(),
            said: said(&self.account.hide(&String::from_utf8_lossy(&answer.body))),
        }
    }
}

impl Answer {
    /// The body as JSON.
    pub fn json<T: DeserializeOwned>(&self) -> Result<T, CallError> {
        // What serde quotes may be secret.
        serde_json::from_slice(&self.body)
            .map_err(|error| self.wrong(format!("line {}, column {} of it", error.line(), error.column())))
    }

    /// A header that has to be there.
    pub fn header(&self, name: &str) -> Result<&str, CallError> {
        let value = self.headers.get(name).and_then(|value| value.to_str().ok());
        value.ok_or_else(|| self.wrong(format!("it has no header {name}")))
    }

    pub fn wrong(&self, what: String) -> CallError {
        CallError::Answer { doing: self.doing, address: self.address.clone(), what }
    }
}

/// A header that no log shows.
pub(crate) fn sensitive(text: &str) -> Option<HeaderValue> {
    let mut value = HeaderValue::from_str(text).ok()?;
    value.set_sensitive(true);
    Some(value)
}

/// Whether the same call may get another answer soon.
fn may_pass(status: StatusCode) -> bool {
    matches!(status.as_u16(), 408 | 429 | 500 | 502 | 503 | 504)
}

/// How long a service wants to be left alone, as far as that is believed.
fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let seconds = headers.get(RETRY_AFTER)?.to_str().ok()?.parse().ok()?;
    Some(Duration::from_secs(seconds).min(Duration::from_secs(30)))
}

/// What a service says of a refusal: its message where it is JSON or XML, else its text.
pub(crate) fn said(text: &str) -> String {
    let message = serde_json::from_str(text).ok().and_then(|json| message(&json));
    let text = message.unwrap_or_else(|| without_tags(text));
    let plain = text.split_whitespace().collect::<Vec<_>>().join(" ");
    plain.chars().filter(|c| !c.is_control()).take(MOST_SAID).collect()
}

/// The first text under a key that services use for it.
fn message(json: &serde_json::Value) -> Option<String> {
    use serde_json::Value::{Array, Object};
    match json {
        Object(object) => {
            let code = object.get("code").and_then(|code| code.as_str().map(str::to_owned));
            let text = ["message", "error_description", "detail"]
                .into_iter()
                .find_map(|key| object.get(key)?.as_str());
            match (code, text) {
                (Some(code), Some(text)) => Some(format!("{code}: {text}")),
                (_, Some(text)) => Some(text.to_owned()),
                (_, None) => object.values().find_map(message),
            }
        }
        Array(all) => all.iter().find_map(message),
        _ => None,
    }
}

fn without_tags(text: &str) -> String {
    let mut plain = String::new();
    let mut in_tag = false;
    for c in text.chars() {
        match c {
            '<' => in_tag = true,
            '>' if in_tag => {
                in_tag = false;
                plain.push(' ');
            }
            c if !in_tag => plain.push(c),
            _ => {}
        }
    }
    plain
}
