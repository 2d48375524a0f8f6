//! What a form asks for becomes a job, whose page it leads to.

use axum::response::{IntoResponse, Redirect, Response};
use ays_operations::{self as operations, Operation};

use super::jobs;
use crate::failure::Failure;
use crate::visitor::Visitor;

/// Asks for an operation, and leads to its job.
pub(super) async fn queue(visitor: &Visitor, operation: impl Into<Operation>) -> Result<Response, Failure> {
    visitor.must_operate()?;
    let job = operations::add_job(visitor.controller().await?, operation.into()).await?;
    Ok(Redirect::to(&jobs::path(job)).into_response())
}
