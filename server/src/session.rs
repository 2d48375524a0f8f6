//! Sessions of people: a token of theirs named `portal`, in a cookie of their browser. The catalogue has only its hash.

use std::time::Duration;

use axum::http::header::COOKIE;
use axum::http::{HeaderMap, HeaderValue};
use ays_catalogue::{Role, SESSION, TokenId};
use ays_operations::{Actor, Error, Kind, add_token, revoke_token, tokens, whose_token};
use secrecy::{ExposeSecret, SecretString};

use crate::state::Server;

/// So long somebody is let in without saying again who they are.
const LASTS: Duration = Duration::from_hours(12);

/// How a browser keeps a session's cookie.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CookieRules {
    /// It is sent over TLS alone.
    pub secure: bool,
    /// It is sent too when a page of another site leads here: what a sign-in at another site ends with.
    pub from_elsewhere: bool,
}

/// Somebody who is signed in.
#[derive(Debug, Clone)]
pub struct Session {
    /// The user's name.
    pub user: String,
    /// What they may do.
    pub role: Role,
    /// What lets them in.
    pub token: SecretString,
    id: TokenId,
}

/// Signs a user in, whoever has proven who they are: the `Set-Cookie` for their browser.
///
/// # Errors
///
/// There is no such user.
pub async fn open_session(server: &Server, user: String, rules: CookieRules) -> Result<HeaderValue, Error> {
    let controller = server.controller(Actor(user.clone())).await?;
    let (token, secret) = add_token(controller, user, SESSION.to_owned(), Role::Admin, Some(LASTS)).await?;
    set_cookie(&format!("{}.{}", token.id.0, secret.expose_secret()), LASTS, rules)
}

/// Whose session a request belongs to; none: nobody is signed in.
///
/// # Errors
///
/// Those of the catalogue.
pub async fn session(
    server: &Server,
    headers: &HeaderMap,
    rules: CookieRules,
) -> Result<Option<Session>, Error> {
    let Some((id, token)) = cookie(headers, rules) else { return Ok(None) };
    let known = whose_token(server.catalogue(), token.clone()).await?;
    Ok(known.map(|(user, role)| Session { user, role, token, id }))
}

/// Ends a session: its token lets nobody in any more. The `Set-Cookie` that has the browser forget it.
///
/// # Errors
///
/// Those of the catalogue.
pub async fn end_session(
    server: &Server,
    session: &Session,
    rules: CookieRules,
) -> Result<HeaderValue, Error> {
    let controller = server.controller(Actor(session.user.clone())).await?;
    // The number comes from the browser: it must be a session of this user.
    let own = tokens(controller.clone(), Some(session.user.clone())).await?;
    if own.iter().any(|token| token.id == session.id && token.name == SESSION && token.revoked_at.is_none()) {
        revoke_token(controller, session.id).await?;
    }
    set_cookie("", Duration::ZERO, rules)
}

/// With this prefix a browser takes no cookie of the name from another host, and none without TLS.
fn name(rules: CookieRules) -> &'static str {
    if rules.secure { "__Host-ays" } else { "ays" }
}

fn set_cookie(value: &str, lasts: Duration, rules: CookieRules) -> Result<HeaderValue, Error> {
    let secure = if rules.secure { "; Secure" } else { "" };
    let site = if rules.from_elsewhere { "Lax" } else { "Strict" };
    let text = format!(
        "{}={value}; Path=/; Max-Age={}; HttpOnly; SameSite={site}{secure}",
        name(rules),
        lasts.as_secs()
    );
    let mut header = HeaderValue::from_str(&text).map_err(|error| Error::new(Kind::Failed, error))?;
    header.set_sensitive(true);
    Ok(header)
}

/// The cookies of a request: their names and values.
pub fn cookies(headers: &HeaderMap) -> impl Iterator<Item = (&str, &str)> {
    let texts = headers.get_all(COOKIE).iter().filter_map(|value| value.to_str().ok());
    texts.flat_map(|text| text.split(';')).filter_map(|pair| pair.trim().split_once('='))
}

fn cookie(headers: &HeaderMap, rules: CookieRules) -> Option<(TokenId, SecretString)> {
    let (_, value) = cookies(headers).find(|(given, _)| *given == name(rules))?;
    let (id, token) = value.split_once('.')?;
    Some((TokenId(id.parse().ok()?), SecretString::from(token)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cookie_is_read_as_it_was_set() {
        for secure in [true, false] {
            let rules = CookieRules { secure, from_elsewhere: false };
            let set = set_cookie("7.ays_secret", LASTS, rules).unwrap();
            let text = set.to_str().unwrap();
            assert!(text.contains("; HttpOnly; SameSite=Strict"), "{text}");
            assert_eq!(text.ends_with("; Secure"), secure, "{text}");
            let mut headers = HeaderMap::new();
            headers.insert(COOKIE, format!("a=b; {}", text.split(';').next().unwrap()).parse().unwrap());
            let (id, token) = cookie(&headers, rules).unwrap();
            assert_eq!((id, token.expose_secret()), (TokenId(7), "ays_secret"));
        }
        // Another host, or somebody between, can set one without the prefix.
        let mut headers = HeaderMap::new();
        headers.insert(COOKIE, "ays=7.ays_secret".parse().unwrap());
        assert!(cookie(&headers, CookieRules { secure: true, from_elsewhere: false }).is_none());
    }
}
