//! Arguments of calls, whose errors are answered like all others.

use axum::Json;
use axum::extract::{FromRequest, FromRequestParts, Request};
use axum::http::StatusCode;
use ays_operations::Kind;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use crate::answer::Answer;

/// What stands behind the `?`.
#[derive(FromRequestParts)]
#[from_request(via(axum::extract::Query), rejection(Answer))]
pub(crate) struct Query<T>(pub T);

/// What stands in the path.
#[derive(FromRequestParts)]
#[from_request(via(axum::extract::Path), rejection(Answer))]
pub(crate) struct Path<T>(pub T);

/// The body: a JSON object.
pub(crate) struct Body<T>(pub T);

impl<S: Send + Sync, T: DeserializeOwned> FromRequest<S> for Body<T> {
    type Rejection = Answer;

    async fn from_request(request: Request, state: &S) -> Result<Self, Answer> {
        let Json(body) = Json::<Map<String, Value>>::from_request(request, state).await?;
        let read = serde_json::from_value(Value::Object(body));
        read.map(Self).map_err(|error| Answer::new(StatusCode::BAD_REQUEST, Kind::Usage, error.to_string()))
    }
}

/// How many items at the most.
#[derive(Deserialize)]
#[serde(try_from = "u32")]
pub(crate) struct Limit(pub u32);

impl Limit {
    /// Where nobody says how many.
    pub fn usual() -> Self {
        Self(50)
    }
}

impl TryFrom<u32> for Limit {
    type Error = &'static str;

    fn try_from(limit: u32) -> Result<Self, &'static str> {
        if (1..=1000).contains(&limit) { Ok(Self(limit)) } else { Err("a limit is from 1 to 1000") }
    }
}
