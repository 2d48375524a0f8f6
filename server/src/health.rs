//! Whether the server is there, and whether it can answer.

use axum::Router;
use axum::extract::State;
use axum::http::StatusCode;
use axum::routing::get;
use ays_catalogue::JobFilter;

use crate::state::Server;

pub(crate) fn routes() -> Router<Server> {
    Router::new().route("/healthz", get(|| async { "ok\n" })).route("/readyz", get(ready))
}

/// Whether the catalogue answers.
async fn ready(State(server): State<Server>) -> (StatusCode, &'static str) {
    match server.catalogue().jobs(&JobFilter { limit: Some(1), ..JobFilter::default() }).await {
        Ok(_) => (StatusCode::OK, "ready\n"),
        Err(_) => (StatusCode::SERVICE_UNAVAILABLE, "the catalogue does not answer\n"),
    }
}
