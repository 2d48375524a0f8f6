//! The page that says what did not go well, and what to do.

use askama::Template;
use axum::http::StatusCode;
use axum::response::{Html, IntoResponse, Redirect, Response};
use ays_operations::{Error, Kind, Problem};

/// Why there is no page.
#[derive(Debug)]
pub(crate) enum Failure {
    /// Nobody is signed in: where they wanted to go.
    SignIn(String),
    /// Something else.
    Problem(StatusCode, Problem),
}

#[derive(Template)]
#[template(path = "failure.html")]
struct Page<'a> {
    title: &'a str,
    problem: &'a Problem,
}

impl Failure {
    pub fn new(status: StatusCode, kind: Kind, message: impl Into<String>) -> Self {
        let problem = Problem { kind, message: message.into(), because: Vec::new(), cure: None };
        Self::Problem(status, problem)
    }

    /// What was sent cannot be.
    pub fn usage(message: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, Kind::Usage, message)
    }

    /// There is no such thing.
    pub fn unknown(message: impl Into<String>) -> Self {
        Self::new(StatusCode::NOT_FOUND, Kind::Unknown, message)
    }

    /// One's role does not have it.
    pub fn forbidden(message: impl Into<String>) -> Self {
        Self::new(StatusCode::FORBIDDEN, Kind::Usage, message)
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Self::Problem(ays_server::status_of(error.kind), Problem::from(&error))
    }
}

impl From<ays_catalogue::CatalogueError> for Failure {
    fn from(error: ays_catalogue::CatalogueError) -> Self {
        Error::from(error).into()
    }
}

impl From<askama::Error> for Failure {
    fn from(error: askama::Error) -> Self {
        Error::new(Kind::Failed, error).into()
    }
}

impl IntoResponse for Failure {
    fn into_response(self) -> Response {
        match self {
            Self::SignIn(path) => {
                let to =
                    crate::address::with("/sign-in", &crate::fields::Fields(vec![("to".to_owned(), path)]));
                Redirect::to(&to).into_response()
            }
            Self::Problem(status, problem) => {
                let title = status.canonical_reason().unwrap_or("Error");
                match (Page { title, problem: &problem }).render() {
                    Ok(page) => (status, Html(page)).into_response(),
                    Err(_) => (status, problem.message).into_response(),
                }
            }
        }
    }
}
