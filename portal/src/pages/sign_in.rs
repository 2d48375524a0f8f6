//! Signing in with a password, and signing out.

use askama::Template;
use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{Html, IntoResponse, Redirect, Response};
use ays_operations::{Error, Kind};
use ays_server::{PasswordCheck, cookies};
use secrecy::{ExposeSecret, SecretString};

use crate::address::is_here;
use crate::failure::Failure;
use crate::fields::Fields;
use crate::form::{self, Form};
use crate::markup;
use crate::portal::Portal;
use crate::protection::{FIELD, is_same, proof};

/// What a form of somebody who is not signed in yet proves itself by.
const COOKIE: &str = "ays-form";

/// No name of a user is longer.
const LONGEST: usize = 64;

#[derive(Template)]
#[template(path = "sign_in.html")]
struct Page<'a> {
    proof: String,
    to: &'a str,
    user: &'a str,
    problem: Option<String>,
    has_provider: bool,
}

pub(crate) async fn page(State(portal): State<Portal>, request: Request) -> Result<Response, Failure> {
    let query = Fields::parse(request.uri().query().unwrap_or(""));
    let to = query.one("to").filter(|to| is_here(to)).unwrap_or("/");
    if ays_server::session(portal.server(), request.headers(), portal.cookie_rules()).await?.is_some() {
        return Ok(Redirect::to(to).into_response());
    }
    asked(&portal, StatusCode::OK, to, "", None)
}

pub(crate) async fn sign_in(State(portal): State<Portal>, request: Request) -> Result<Response, Failure> {
    let (parts, body) = request.into_parts();
    let fields = form::read(body).await?;
    let to = fields.one("to").filter(|to| is_here(to)).unwrap_or("/").to_owned();
    let user = fields.one("user").unwrap_or("").chars().take(LONGEST).collect::<String>();
    let again = |status, problem: String| asked(&portal, status, &to, &user, Some(problem));
    let known = secret(&parts.headers).map(|secret| proof(&secret));
    if !known.zip(fields.one(FIELD)).is_some_and(|(known, given)| is_same(&known, given)) {
        return again(StatusCode::FORBIDDEN, "The form was too old. Please sign in again.".to_owned());
    }
    let password = SecretString::from(fields.all("password").last().unwrap_or("").to_owned());
    match portal.server().check_password(user.clone(), password).await? {
        PasswordCheck::Right(_) => {}
        PasswordCheck::Wrong => {
            return again(StatusCode::UNAUTHORIZED, "This user and password let nobody in.".to_owned());
        }
        PasswordCheck::Later(wait) => {
            let wait = markup::duration(wait.as_secs().max(1));
            let problem = format!("Too many wrong passwords for this user: try again in {wait}.");
            return again(StatusCode::TOO_MANY_REQUESTS, problem);
        }
        PasswordCheck::Busy => {
            let problem = "Too many sign in at once: try again soon.".to_owned();
            return again(StatusCode::TOO_MANY_REQUESTS, problem);
        }
    }
    let cookie = ays_server::open_session(portal.server(), user, portal.cookie_rules()).await?;
    Ok(([(header::SET_COOKIE, cookie)], Redirect::to(&to)).into_response())
}

pub(crate) async fn sign_out(Form { visitor, .. }: Form) -> Result<Response, Failure> {
    let portal = &visitor.portal;
    let cookie = ays_server::end_session(portal.server(), &visitor.session, portal.cookie_rules()).await?;
    Ok(([(header::SET_COOKIE, cookie)], Redirect::to("/sign-in")).into_response())
}

/// The page that asks who somebody is, with a proof of its own.
fn asked(
    portal: &Portal,
    status: StatusCode,
    to: &str,
    user: &str,
    problem: Option<String>,
) -> Result<Response, Failure> {
    let mut random = [0; 32];
    getrandom::fill(&mut random).map_err(|error| Error::new(Kind::Failed, error))?;
    let secret = SecretString::from(hex::encode(random));
    let secure = if portal.cookie_rules().secure { "; Secure" } else { "" };
    let cookie =
        format!("{COOKIE}={}; Path=/sign-in; HttpOnly; SameSite=Strict{secure}", secret.expose_secret());
    let cookie = HeaderValue::from_str(&cookie).map_err(|error| Error::new(Kind::Failed, error))?;
    let page =
        Page { proof: proof(&secret), to, user, problem, has_provider: portal.has_provider() }.render()?;
    Ok((status, [(header::SET_COOKIE, cookie)], Html(page)).into_response())
}

fn secret(headers: &HeaderMap) -> Option<SecretString> {
    cookies(headers).find(|(name, _)| *name == COOKIE).map(|(_, value)| SecretString::from(value))
}
