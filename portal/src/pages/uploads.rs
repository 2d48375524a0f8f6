//! A file that somebody sends from their browser, in pieces that go on where they stopped.

use axum::extract::{FromRequestParts, RawPathParams, Request, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};

use crate::failure::Failure;
use crate::portal::Portal;
use crate::protection::is_same;
use crate::visitor::Visitor;

/// The header that says what a form says in its field: that one of these pages asks.
const PROOF: &str = "x-proof";

pub(crate) async fn tus(State(portal): State<Portal>, request: Request) -> Response {
    match answer(&portal, request).await {
        Ok(response) => response,
        // No page: a script has asked, which goes nowhere else.
        Err(Failure::SignIn(_)) => (StatusCode::UNAUTHORIZED, "sign in again").into_response(),
        Err(Failure::Problem(status, problem)) => (status, problem.in_one_line()).into_response(),
    }
}

async fn answer(portal: &Portal, request: Request) -> Result<Response, Failure> {
    let (mut parts, body) = request.into_parts();
    let visitor = Visitor::from_request_parts(&mut parts, portal).await?;
    visitor.must_operate()?;
    let given = parts.headers.get(PROOF).and_then(|value| value.to_str().ok());
    if !given.is_some_and(|given| is_same(given, &visitor.proof())) {
        return Err(Failure::forbidden("this page is of another session: load it again"));
    }
    let path = RawPathParams::from_request_parts(&mut parts, portal).await;
    let upload = path.ok().and_then(|path| path.iter().next().map(|(_, upload)| upload.to_owned()));
    let controller = visitor.controller().await?;
    Ok(ays_server::tus(&controller, &parts.method, upload.as_deref(), &parts.headers, body).await)
}
