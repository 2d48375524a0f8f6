//! A server that does what is asked for: `AYS_SERVER`, with a token in `AYS_TOKEN`.

use std::time::Duration;

use ays_catalogue::{Job, JobId};
use ays_engine::Stop;
use ays_model::{Record, causes, is_this_machine};
use ays_operations::{Error, Kind, Operation, Problem, Tell, ended};
use reqwest::header::HeaderMap;
use reqwest::{Method, RequestBuilder, Response, Url};
use secrecy::{ExposeSecret, SecretString};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use tokio::time::{Instant, sleep};

use crate::failure::Failure;

/// How long a server may be away while a job is followed, or a file is sent: it may be restarted.
pub const AWAY: Duration = Duration::from_secs(60);

/// How long one piece of a file may take to be sent.
const SENDING: Duration = Duration::from_secs(600);

/// How long one call waits for news, in seconds.
const WAIT: u32 = 20;

/// Why a server cannot be asked.
#[derive(Debug, thiserror::Error)]
enum ClientError {
    #[error("AYS_SERVER: {0} is no address of a server: https://HOST")]
    Address(String),
    #[error("AYS_SERVER: {0} would send the token unprotected: use https")]
    Unprotected(String),
    #[error(
        "AYS_SERVER says which server, and AYS_TOKEN does not say who you are: `ays user token` makes one"
    )]
    NoToken,
    #[error("{path} of AYS_SERVER_CA cannot be read")]
    Authority { path: String, source: std::io::Error },
    #[error("the server's answer is none of ays: {0}")]
    NotOurs(String),
    #[error("{0} did not answer")]
    Away(String, #[source] reqwest::Error),
    #[error("the server did not answer, so job {0} goes on: `ays job cancel {0}` when it does")]
    NotCancelled(JobId),
    #[error("this is done where the environment is, not through a server: unset AYS_SERVER")]
    OnlyHere,
}

impl From<ClientError> for Error {
    fn from(error: ClientError) -> Self {
        let kind = match error {
            ClientError::Away(..) | ClientError::NotOurs(_) | ClientError::NotCancelled(_) => Kind::Failed,
            _ => Kind::Usage,
        };
        Self::new(kind, error)
    }
}

/// A server.
pub struct Client {
    base: Url,
    token: SecretString,
    http: reqwest::Client,
}

#[derive(Deserialize)]
struct Queued {
    job: JobId,
}

#[derive(Deserialize)]
struct Events {
    last: u32,
    events: Vec<Value>,
    over: bool,
}

/// What is only done where the environment is.
pub fn only_here() -> Failure {
    ClientError::OnlyHere.into()
}

impl Client {
    /// The server that the variables name; none: they name none.
    pub fn of_variables() -> Result<Option<Self>, Failure> {
        let Some(address) = std::env::var("AYS_SERVER").ok().filter(|address| !address.is_empty()) else {
            return Ok(None);
        };
        let wrong = || ClientError::Address(address.clone());
        let base = Url::parse(&address).map_err(|_| wrong())?;
        let has_login = !base.username().is_empty() || base.password().is_some();
        if !matches!(base.scheme(), "http" | "https") || base.host_str().is_none() || has_login {
            return Err(wrong().into());
        }
        if base.scheme() == "http" && !base.host_str().is_some_and(is_this_machine) {
            return Err(ClientError::Unprotected(address).into());
        }
        let token = std::env::var("AYS_TOKEN").ok().filter(|token| !token.is_empty());
        let token = SecretString::from(token.ok_or(ClientError::NoToken)?);
        let _ = rustls::crypto::ring::default_provider().install_default();
        let mut http = reqwest::Client::builder()
            // The token goes to this server alone.
            .redirect(reqwest::redirect::Policy::none())
            .connect_timeout(Duration::from_secs(10))
            .timeout(Duration::from_secs(60));
        if base.scheme() == "http" {
            // This machine's own server: no proxy has to hear of the token.
            http = http.no_proxy();
        }
        if let Ok(path) = std::env::var("AYS_SERVER_CA") {
            let pem = std::fs::read(&path);
            let pem = pem.map_err(|source| ClientError::Authority { path: path.clone(), source })?;
            let certificates = reqwest::Certificate::from_pem_bundle(&pem).map_err(away(&base))?;
            http = http.tls_certs_only(certificates);
        }
        Ok(Some(Self { http: http.build().map_err(away(&base))?, base, token }))
    }

    /// Asks for something.
    pub async fn get<T: DeserializeOwned>(
        &self,
        path: &[&str],
        query: &[(&str, String)],
    ) -> Result<T, Failure> {
        let mut url = self.url(path)?;
        if !query.is_empty() {
            url.query_pairs_mut().extend_pairs(query);
        }
        self.send(Method::GET, url, None).await
    }

    /// Asks for something to be made.
    pub async fn post<T: DeserializeOwned>(
        &self,
        path: &[&str],
        body: &impl Serialize,
    ) -> Result<T, Failure> {
        // Only what may not be asked of a server cannot be written down.
        let body = serde_json::to_value(body).map_err(|error| Error::new(Kind::Usage, error))?;
        self.send(Method::POST, self.url(path)?, Some(body)).await
    }

    /// Asks for something to be forgotten.
    pub async fn delete(&self, path: &[&str]) -> Result<(), Failure> {
        self.send(Method::DELETE, self.url(path)?, None).await
    }

    /// Asks for an operation.
    pub async fn queue(&self, operation: &Operation) -> Result<JobId, Failure> {
        let Queued { job } = self.post(&["jobs"], operation).await?;
        Ok(job)
    }

    /// Asks for a job once more.
    pub async fn retry(&self, job: JobId) -> Result<JobId, Failure> {
        let Queued { job } = self.post(&["jobs", &job.to_string(), "retry"], &()).await?;
        Ok(job)
    }

    /// Lets a worker do an operation, and follows it to its end. Stopped, it cancels the job.
    pub async fn perform(&self, operation: &Operation, stop: &Stop, tell: &Tell) -> Result<Value, Failure> {
        let job = self.queue(operation).await?;
        Ok(ended(self.follow(job, Some(stop), tell).await?)?)
    }

    /// Tells what happens in a job until it is over; the job as it is then.
    pub async fn follow(&self, job: JobId, stop: Option<&Stop>, tell: &Tell) -> Result<Job, Failure> {
        let id = job.to_string();
        let (mut last, mut is_cancelled, mut answered) = (0, false, Instant::now());
        loop {
            let (path, query) =
                (["jobs", &id, "events"], [("after", last.to_string()), ("wait", WAIT.to_string())]);
            let news = self.get::<Events>(&path, &query);
            let asked = match stop.filter(|_| !is_cancelled) {
                None => news.await,
                Some(stop) => tokio::select! {
                    news = news => news,
                    () = stop.after_steps() => {
                        // One that is over by now is no error; a server that is away is asked again.
                        let cancelled = self.post::<Job>(&["jobs", &id, "cancel"], &()).await;
                        is_cancelled = !cancelled.is_err_and(|error| is_away(&error));
                        if is_cancelled || answered.elapsed() < AWAY {
                            sleep(Duration::from_millis(500)).await;
                            continue;
                        }
                        return Err(ClientError::NotCancelled(job).into());
                    }
                },
            };
            let Events { last: now, events, over } = match asked {
                Ok(news) => news,
                Err(error) if is_away(&error) && answered.elapsed() < AWAY => {
                    sleep(Duration::from_millis(500)).await;
                    continue;
                }
                Err(error) => return Err(error),
            };
            (last, answered) = (now, Instant::now());
            // What a newer server tells is not for this program.
            let records = events.into_iter().filter_map(|event| serde_json::from_value::<Record>(event).ok());
            records.for_each(|record| tell(record));
            if over {
                return self.get(&["jobs", &id], &[]).await;
            }
        }
    }

    fn url(&self, path: &[&str]) -> Result<Url, Failure> {
        let mut url = self.base.clone();
        let wrong = || ClientError::Address(self.base.to_string());
        url.path_segments_mut().map_err(|()| wrong())?.pop_if_empty().extend(["api", "v1"]).extend(path);
        Ok(url)
    }

    async fn send<T: DeserializeOwned>(
        &self,
        method: Method,
        url: Url,
        body: Option<Value>,
    ) -> Result<T, Failure> {
        let mut request = self.http.request(method, url).bearer_auth(self.token.expose_secret());
        if let Some(body) = body {
            request = request.header("content-type", "application/json").body(body.to_string());
        }
        let text = self.answer(request).await?.text().await.map_err(away(&self.base))?;
        let text = if text.is_empty() { "null" } else { &text };
        Ok(serde_json::from_str(text).map_err(|error| ClientError::NotOurs(causes(&error)))?)
    }

    /// A call of tus 1.0.0, by which files are sent.
    pub async fn tus(
        &self,
        method: Method,
        path: &[&str],
        headers: &[(&'static str, String)],
        body: Vec<u8>,
    ) -> Result<HeaderMap, Failure> {
        let mut request = self.http.request(method, self.url(path)?).bearer_auth(self.token.expose_secret());
        request = request.header("tus-resumable", "1.0.0").timeout(SENDING).body(body);
        for (name, value) in headers {
            request = request.header(*name, value);
        }
        Ok(self.answer(request).await?.headers().clone())
    }

    /// What is answered where it went well.
    async fn answer(&self, request: RequestBuilder) -> Result<Response, Failure> {
        let response = request.send().await.map_err(away(&self.base))?;
        let status = response.status();
        if status.is_success() {
            return Ok(response);
        }
        let text = response.text().await.map_err(away(&self.base))?;
        Err(match serde_json::from_str::<Problem>(&text) {
            Ok(problem) => Error::from(problem).into(),
            Err(_) => not_ours(status),
        })
    }
}

/// The server's answer is none of ays.
pub fn not_ours(why: impl ToString) -> Failure {
    ClientError::NotOurs(why.to_string()).into()
}

fn away(base: &Url) -> impl Fn(reqwest::Error) -> Failure {
    let base = base.to_string();
    move |error| ClientError::Away(base.clone(), error.without_url()).into()
}

/// Whether it may do better when it is asked again.
pub fn is_away(failure: &Failure) -> bool {
    matches!(failure, Failure::Operation(error) if error.kind == Kind::Failed)
}
