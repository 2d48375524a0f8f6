//! Sign-in by OpenID Connect: a browser goes to the provider and comes back with a code, for which the provider says whose
//! e-mail address this is. The user of that name gets a token.
//!
//! The flow is the authorization code's with PKCE (OpenID Connect Core 1.0, section 3.1; RFC 7636).

use std::collections::HashMap;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use axum::Router;
use axum::extract::State;
use axum::http::header::{CACHE_CONTROL, LOCATION, REFERRER_POLICY, SET_COOKIE};
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use ays_catalogue::Role;
use ays_model::is_this_machine;
use ays_operations::{Actor, Kind};
use openidconnect::core::{CoreAuthenticationFlow, CoreClient, CoreProviderMetadata};
use openidconnect::{
    AuthorizationCode, ClientId, ClientSecret, CsrfToken, EndpointMaybeSet, EndpointNotSet, EndpointSet,
    HttpRequest, HttpResponse, IssuerUrl, Nonce, OAuth2TokenResponse, PkceCodeChallenge, PkceCodeVerifier,
    RedirectUrl, Scope, TokenResponse,
};
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use tokio::time::Instant;
use url::Url;

use crate::answer::Answer;
use crate::query::Query;
use crate::session::{CookieRules, cookies, open_session};
use crate::state::Server;

/// How long somebody may take at the provider.
const PATIENCE: Duration = Duration::from_secs(600);

/// How many may be at the provider at once: of more, the one who has been there longest begins again.
const MOST: usize = 1000;

/// How long a token lets in that was made by a sign-in.
const LASTS: Duration = Duration::from_secs(12 * 3600);

/// How long the provider may take to answer, and how many bytes that may be.
const TIMEOUT: Duration = Duration::from_secs(10);
const LARGEST: usize = 1 << 20;

/// Says which browser began a sign-in.
const COOKIE_NAME: &str = "ays-sign-in";

type Client = CoreClient<
    EndpointSet,
    EndpointNotSet,
    EndpointNotSet,
    EndpointNotSet,
    EndpointMaybeSet,
    EndpointMaybeSet,
>;

/// The provider, and how this server is known there.
#[derive(Debug)]
pub struct Provider {
    /// The provider's own address, from which it says the others.
    pub issuer: Url,
    /// This server's name there.
    pub client: String,
    /// What proves that it is this server; none: PKCE alone does.
    pub secret: Option<SecretString>,
    /// The address under which browsers reach this server.
    pub url: Url,
}

/// Why nobody can sign in.
#[derive(Debug, thiserror::Error)]
pub enum SignInError {
    /// Anybody between could read what goes there.
    #[error("{0} is neither https nor this machine")]
    Unprotected(Url),
    /// It cannot be asked.
    #[error("the provider cannot be asked")]
    Http(#[from] reqwest::Error),
    /// An address that is none there.
    #[error("an address of the sign-in is no address")]
    Address(#[from] url::ParseError),
}

/// Sign-in by a provider. Clones share who is there.
#[derive(Debug, Clone)]
pub struct SignIn(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    provider: Provider,
    redirect: RedirectUrl,
    issuer: IssuerUrl,
    http: reqwest::Client,
    begun: Mutex<HashMap<String, Begun>>,
}

/// Somebody who is at the provider.
struct Begun {
    at: Instant,
    client: Client,
    nonce: Nonce,
    verifier: PkceCodeVerifier,
    ends_in: EndsIn,
}

/// What somebody gets who has signed in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum EndsIn {
    /// A session of their browser, for the portal.
    Session,
    /// A token that they see, for their programs.
    Token,
}

impl std::fmt::Debug for Begun {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Begun").field("at", &self.at).finish_non_exhaustive()
    }
}

/// What the provider did not do.
#[derive(Debug, thiserror::Error)]
enum NotAnswered {
    #[error("it did not answer")]
    Away(#[from] reqwest::Error),
    #[error("its answer is longer than {LARGEST} bytes")]
    Long,
    #[error("its answer cannot be read")]
    Answer(#[from] openidconnect::http::Error),
}

impl SignIn {
    /// Sign-in by this provider. It is asked when somebody signs in.
    ///
    /// # Errors
    ///
    /// An address is neither https nor of this machine.
    pub fn new(provider: Provider) -> Result<Self, SignInError> {
        for url in [&provider.issuer, &provider.url] {
            if !is_protected(url) {
                return Err(SignInError::Unprotected(url.clone()));
            }
        }
        // An error says that somebody chose one before: that one is good too.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let http = reqwest::Client::builder().redirect(reqwest::redirect::Policy::none()).timeout(TIMEOUT);
        let redirect = RedirectUrl::from_url(provider.url.join("/sign-in/callback")?);
        // Without the `/` that an address always has, as providers write theirs.
        let issuer = IssuerUrl::new(provider.issuer.as_str().trim_end_matches('/').to_owned())?;
        let (http, begun) = (http.build()?, Mutex::default());
        Ok(Self(Arc::new(Inner { provider, redirect, issuer, http, begun })))
    }

    /// Where the browser goes, and what it has to bring back.
    async fn begin(&self, ends_in: EndsIn) -> Result<(Url, String), Answer> {
        let Inner { provider, redirect, issuer, .. } = &*self.0;
        let http = self.asking();
        let metadata = CoreProviderMetadata::discover_async(issuer.clone(), &http).await;
        let metadata = metadata.map_err(|error| not_told(&error))?;
        let secret =
            provider.secret.as_ref().map(|secret| ClientSecret::new(secret.expose_secret().to_owned()));
        let client = ClientId::new(provider.client.clone());
        let client =
            CoreClient::from_provider_metadata(metadata, client, secret).set_redirect_uri(redirect.clone());
        let (challenge, verifier) = PkceCodeChallenge::new_random_sha256();
        let code = CoreAuthenticationFlow::AuthorizationCode;
        let asked = client.authorize_url(code, CsrfToken::new_random, Nonce::new_random);
        let asked = asked.add_scope(Scope::new("email".to_owned())).set_pkce_challenge(challenge);
        let (url, state, nonce) = asked.url();
        let state = state.into_secret();
        self.remember(state.clone(), Begun { at: Instant::now(), client, nonce, verifier, ends_in });
        Ok((url, state))
    }

    fn remember(&self, state: String, new: Begun) {
        let mut begun = self.0.begun.lock().unwrap_or_else(PoisonError::into_inner);
        begun.retain(|_, begun| begun.at.elapsed() < PATIENCE);
        if begun.len() >= MOST {
            let oldest = begun.iter().min_by_key(|(_, begun)| begun.at).map(|(state, _)| state.clone());
            oldest.map(|oldest| begun.remove(&oldest));
        }
        begun.insert(state, new);
    }

    /// Who came back: an e-mail address that the provider vouches for, and what they get.
    async fn finish(&self, state: &str, code: String) -> Result<(String, EndsIn), Answer> {
        let begun = self.0.begun.lock().unwrap_or_else(PoisonError::into_inner).remove(state);
        let Some(Begun { client, nonce, verifier, ends_in, .. }) =
            begun.filter(|begun| begun.at.elapsed() < PATIENCE)
        else {
            return Err(refused(
                "this sign-in took too long, or was begun elsewhere: begin again at /sign-in",
            ));
        };
        let http = self.asking();
        let exchange =
            client.exchange_code(AuthorizationCode::new(code)).map_err(|error| not_told(&error))?;
        let tokens = exchange.set_pkce_verifier(verifier).request_async(&http).await;
        let tokens = tokens.map_err(|error| not_told(&error))?;
        let proof = tokens.id_token().ok_or_else(|| refused("the provider says nothing of who this is"))?;
        let claims = proof.claims(&client.id_token_verifier(), &nonce).map_err(|error| not_told(&error))?;
        let mut email = claims.email().map(|email| (email.to_string(), claims.email_verified()));
        if email.is_none() {
            let asked = client.user_info(tokens.access_token().clone(), Some(claims.subject().clone()));
            let asked = asked.map_err(|error| not_told(&error))?;
            let said: openidconnect::core::CoreUserInfoClaims =
                asked.request_async(&http).await.map_err(|error| not_told(&error))?;
            email = said.email().map(|email| (email.to_string(), said.email_verified()));
        }
        match email {
            Some((email, Some(true))) => Ok((email, ends_in)),
            Some((email, _)) => {
                Err(refused(&format!("the provider has not verified that {email} is theirs")))
            }
            None => Err(refused("the provider does not say their e-mail address")),
        }
    }

    /// How the provider is asked.
    fn asking(&self) -> impl Fn(HttpRequest) -> Asked + Send + Sync + 'static {
        let http = self.0.http.clone();
        move |request| Box::pin(ask(http.clone(), request))
    }
}

type Asked = Pin<Box<dyn Future<Output = Result<HttpResponse, NotAnswered>> + Send>>;

async fn ask(http: reqwest::Client, request: HttpRequest) -> Result<HttpResponse, NotAnswered> {
    let mut answer = http.execute(request.try_into()?).await?;
    let mut response = openidconnect::http::Response::builder().status(answer.status());
    for (name, value) in answer.headers() {
        response = response.header(name, value);
    }
    let mut body = Vec::new();
    while let Some(chunk) = answer.chunk().await? {
        if body.len() + chunk.len() > LARGEST {
            return Err(NotAnswered::Long);
        }
        body.extend_from_slice(&chunk);
    }
    Ok(response.body(body)?)
}

fn is_protected(url: &Url) -> bool {
    url.scheme() == "https" || (url.scheme() == "http" && url.host_str().is_some_and(is_this_machine))
}

/// The provider did not do what it should.
fn not_told(error: &dyn std::error::Error) -> Answer {
    let message = format!("the provider did not say who this is: {}", ays_model::causes(error));
    Answer::new(StatusCode::BAD_GATEWAY, Kind::Failed, message)
}

fn refused(message: &str) -> Answer {
    Answer::new(StatusCode::FORBIDDEN, Kind::Usage, message)
}

/// What the provider sends back with the browser.
#[derive(Deserialize)]
struct CameBack {
    state: String,
    code: Option<String>,
    error: Option<String>,
}

pub(crate) fn routes(sign_in: &SignIn) -> Router<Server> {
    let begins = |ends_in| {
        let sign_in = sign_in.clone();
        get(move |State(server): State<Server>| begin(sign_in, server, ends_in))
    };
    let ends = sign_in.clone();
    Router::new()
        .route("/sign-in/provider", begins(EndsIn::Session))
        .route("/sign-in/token", begins(EndsIn::Token))
        .route(
            "/sign-in/callback",
            get(|State(server): State<Server>, headers: HeaderMap, query: Query<CameBack>| {
                finish(ends, server, headers, query)
            }),
        )
}

async fn begin(sign_in: SignIn, server: Server, ends_in: EndsIn) -> Result<Response, Answer> {
    let _asking = server.sign_in().ok_or_else(Answer::busy)?;
    let (url, state) = sign_in.begin(ends_in).await?;
    let headers = [
        (LOCATION, url.to_string()),
        (SET_COOKIE, sign_in.cookie(&state, PATIENCE)),
        (CACHE_CONTROL, "no-store".to_owned()),
    ];
    Ok((StatusCode::SEE_OTHER, headers).into_response())
}

async fn finish(
    sign_in: SignIn,
    server: Server,
    headers: HeaderMap,
    Query(CameBack { state, code, error }): Query<CameBack>,
) -> Result<Response, Answer> {
    // Else somebody could sign another one's browser in.
    if !cookies(&headers).any(|(name, value)| name == COOKIE_NAME && value == state) {
        return Err(refused("this browser did not begin this sign-in: begin at /sign-in"));
    }
    let Some(code) = code else {
        let error = error.unwrap_or_else(|| "no reason".to_owned());
        return Err(refused(&format!("the provider did not sign anybody in: {error}")));
    };
    let asking = server.sign_in().ok_or_else(Answer::busy)?;
    let (email, ends_in) = sign_in.finish(&state, code).await?;
    drop(asking);
    let controller = server.controller(Actor(email.clone())).await?;
    let known = ays_operations::users(controller.clone()).await?.into_iter().any(|user| user.name == email);
    if !known {
        return Err(refused(&format!("{email} is no user here: an admin may `ays user add {email}`")));
    }
    if ends_in == EndsIn::Session {
        let rules = CookieRules { secure: sign_in.is_secure(), from_elsewhere: true };
        let session = open_session(&server, email, rules).await?;
        let mut response = (StatusCode::SEE_OTHER, [(LOCATION, "/")]).into_response();
        let headers = response.headers_mut();
        headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
        headers.append(SET_COOKIE, session);
        if let Ok(forgotten) = HeaderValue::from_str(&sign_in.cookie("", Duration::ZERO)) {
            headers.append(SET_COOKIE, forgotten);
        }
        return Ok(response);
    }
    let (made, token) =
        ays_operations::add_token(controller, email.clone(), "sign-in".to_owned(), Role::Admin, Some(LASTS))
            .await?;
    let until = made.expires_at.map(|until| until.to_the_second()).unwrap_or_default();
    let shown = token.expose_secret();
    let url = sign_in.0.provider.url.as_str().trim_end_matches('/');
    let text = format!(
        "{email} is signed in until {until} UTC.\n\nexport AYS_SERVER={url}\nexport AYS_TOKEN={shown}\n"
    );
    let headers = [
        (CACHE_CONTROL, "no-store".to_owned()),
        (REFERRER_POLICY, "no-referrer".to_owned()),
        (SET_COOKIE, sign_in.cookie("", Duration::ZERO)),
    ];
    Ok((headers, text).into_response())
}

impl SignIn {
    fn is_secure(&self) -> bool {
        self.0.provider.url.scheme() == "https"
    }

    fn cookie(&self, value: &str, lasts: Duration) -> String {
        let secure = if self.is_secure() { "; Secure" } else { "" };
        let lasts = lasts.as_secs();
        format!("{COOKIE_NAME}={value}; Path=/sign-in; Max-Age={lasts}; HttpOnly; SameSite=Lax{secure}")
    }
}
