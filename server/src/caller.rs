//! Who calls, and what they may.

use std::marker::PhantomData;

use axum::extract::FromRequestParts;
use axum::http::StatusCode;
use axum::http::header::AUTHORIZATION;
use axum::http::request::Parts;
use ays_catalogue::Role;
use ays_operations::{Actor, Controller, Kind, whose_token};
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use secrecy::SecretString;

use crate::answer::Answer;
use crate::passwords::PasswordCheck;
use crate::state::Server;

/// Somebody who is let in, and may at least what `R` says.
pub(crate) struct Caller<R> {
    /// The user's name.
    pub name: String,
    /// What they may do.
    pub role: Role,
    server: Server,
    _least: PhantomData<R>,
}

/// The least role that a call asks for.
pub(crate) trait Least: Send + Sync {
    const ROLE: Role;
}

/// Whoever may look.
pub(crate) struct Viewer;
/// Whoever may ask for operations.
pub(crate) struct Operator;
/// Whoever says who may what.
pub(crate) struct Admin;

impl Least for Viewer {
    const ROLE: Role = Role::Viewer;
}

impl Least for Operator {
    const ROLE: Role = Role::Operator;
}

impl Least for Admin {
    const ROLE: Role = Role::Admin;
}

impl<R> Caller<R> {
    /// What all calls share.
    pub fn server(&self) -> &Server {
        &self.server
    }

    /// What an operation has at hand, for this caller.
    pub async fn controller(&self) -> Result<Controller, Answer> {
        Ok(self.server.controller(Actor(self.name.clone())).await?)
    }
}

impl<R: Least> FromRequestParts<Server> for Caller<R> {
    type Rejection = Answer;

    async fn from_request_parts(parts: &mut Parts, server: &Server) -> Result<Self, Answer> {
        let given = parts.headers.get(AUTHORIZATION).and_then(|value| value.to_str().ok());
        let known = match given.and_then(|given| given.split_once(' ')) {
            Some((scheme, token)) if scheme.eq_ignore_ascii_case("bearer") => {
                whose_token(server.catalogue(), SecretString::from(token.trim())).await?
            }
            Some((scheme, pair)) if scheme.eq_ignore_ascii_case("basic") => {
                by_password(server, pair.trim()).await?
            }
            _ => None,
        };
        let Some((name, role)) = known else {
            let message = if given.is_some() {
                "this token or password lets nobody in"
            } else {
                "say who you are: Authorization: Bearer TOKEN"
            };
            return Err(Answer::new(StatusCode::UNAUTHORIZED, Kind::Usage, message));
        };
        if role < R::ROLE {
            let message = format!("{name} is {}: this asks for {}", word(role), word(R::ROLE));
            return Err(Answer::new(StatusCode::FORBIDDEN, Kind::Usage, message));
        }
        Ok(Self { name, role, server: server.clone(), _least: PhantomData })
    }
}

async fn by_password(server: &Server, pair: &str) -> Result<Option<(String, Role)>, Answer> {
    let decoded = BASE64_STANDARD.decode(pair).ok().and_then(|bytes| String::from_utf8(bytes).ok());
    let Some((name, password)) = decoded.as_deref().and_then(|text| text.split_once(':')) else {
        return Ok(None);
    };
    let checked = server.check_password(name.to_owned(), SecretString::from(password)).await?;
    match checked {
        PasswordCheck::Right(role) => Ok(Some((name.to_owned(), role))),
        PasswordCheck::Wrong => Ok(None),
        PasswordCheck::Later(wait) => {
            let wait = wait.as_secs().max(1);
            let message = format!("too many wrong passwords for this user: ask again in {wait} seconds");
            Err(Answer::new(StatusCode::UNAUTHORIZED, Kind::Usage, message))
        }
        PasswordCheck::Busy => Err(Answer::busy()),
    }
}

fn word(role: Role) -> &'static str {
    match role {
        Role::Viewer => "viewer",
        Role::Operator => "operator",
        Role::Admin => "admin",
    }
}
