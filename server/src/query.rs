//! Arguments of calls, whose errors are answered like all others.

use axum::extract::{FromRequest, FromRequestParts};

use crate::answer::Answer;

/// What stands behind the `?`.
#[derive(FromRequestParts)]
#[from_request(via(axum::extract::Query), rejection(Answer))]
pub(crate) struct Query<T>(pub T);

/// What stands in the path.
#[derive(FromRequestParts)]
#[from_request(via(axum::extract::Path), rejection(Answer))]
pub(crate) struct Path<T>(pub T);

/// The body.
#[derive(FromRequest)]
#[from_request(via(axum::Json), rejection(Answer))]
pub(crate) struct Body<T>(pub T);
