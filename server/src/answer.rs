//! What is answered where it did not go well: problem details (RFC 9457), with the operation's kind, causes and cure.

use axum::Json;
use axum::extract::rejection::{JsonRejection, PathRejection, QueryRejection};
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use ays_operations::{Error, Kind, Problem};
use serde::Serialize;

/// Why a call did not go well.
#[derive(Debug)]
pub(crate) struct Answer {
    status: StatusCode,
    problem: Problem,
}

#[derive(Serialize)]
struct Details<'a> {
    title: &'static str,
    status: u16,
    detail: String,
    #[serde(flatten)]
    problem: &'a Problem,
}

impl Answer {
    pub fn new(status: StatusCode, kind: Kind, message: impl Into<String>) -> Self {
        let problem = Problem { kind, message: message.into(), because: Vec::new(), cure: None };
        Self { status, problem }
    }

    /// Too many ask at once.
    pub fn busy() -> Self {
        Self::new(StatusCode::TOO_MANY_REQUESTS, Kind::Failed, "too many ask at once: ask again soon")
    }

    fn usage(status: StatusCode, message: String) -> Self {
        Self::new(status, Kind::Usage, message)
    }
}

/// The status by which an error of this kind is answered.
pub fn status_of(kind: Kind) -> StatusCode {
    match kind {
        Kind::Usage | Kind::Invalid => StatusCode::BAD_REQUEST,
        Kind::Unknown => StatusCode::NOT_FOUND,
        Kind::Outdated | Kind::Interrupted => StatusCode::CONFLICT,
        Kind::Failed => StatusCode::INTERNAL_SERVER_ERROR,
    }
}

impl From<Error> for Answer {
    fn from(error: Error) -> Self {
        Self { status: status_of(error.kind), problem: Problem::from(&error) }
    }
}

impl From<ays_catalogue::CatalogueError> for Answer {
    fn from(error: ays_catalogue::CatalogueError) -> Self {
        Error::from(error).into()
    }
}

impl From<QueryRejection> for Answer {
    fn from(rejection: QueryRejection) -> Self {
        Self::usage(StatusCode::BAD_REQUEST, rejection.body_text())
    }
}

impl From<PathRejection> for Answer {
    fn from(rejection: PathRejection) -> Self {
        Self::usage(StatusCode::NOT_FOUND, rejection.body_text())
    }
}

impl From<JsonRejection> for Answer {
    fn from(rejection: JsonRejection) -> Self {
        let status = match rejection.status() {
            StatusCode::UNPROCESSABLE_ENTITY => StatusCode::BAD_REQUEST,
            status => status,
        };
        Self::usage(status, rejection.body_text())
    }
}

impl IntoResponse for Answer {
    fn into_response(self) -> Response {
        let title = self.status.canonical_reason().unwrap_or("Error");
        let details = Details {
            title,
            status: self.status.as_u16(),
            detail: self.problem.in_one_line(),
            problem: &self.problem,
        };
        let mut response = (self.status, Json(details)).into_response();
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
        if self.status == StatusCode::UNAUTHORIZED {
            // Not Basic, which a browser would keep, and send with what other sites' pages ask.
            headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        response
    }
}

/// There is no such path.
pub(crate) async fn nowhere() -> Answer {
    Answer::new(
        StatusCode::NOT_FOUND,
        Kind::Unknown,
        "there is nothing at this path: /api/v1/openapi.json says what is",
    )
}

/// The path is there, for other methods.
pub(crate) async fn other_method() -> Answer {
    Answer::usage(StatusCode::METHOD_NOT_ALLOWED, "this path is not for this method".to_owned())
}
