//! The REST API over the operations: who calls, what may be asked, JSON in and out.
//!
//! What it answers has the same shape as what the command of the same name prints with `--json`
//! (`docs/schemas/`). What takes time is a job: the answer is its number.
//!
//! It must not know the terminal, SSH or SQL.

#![allow(unused_qualifications, reason = "the macros of utoipa write them")]

mod answer;
mod caller;
mod cloudbroker;
mod described;
mod feed;
mod health;
mod images;
mod jobs;
mod me;
mod metrics;
mod openapi;
mod passwords;
mod publications;
mod query;
mod records;
mod run;
mod schedules;
mod session;
mod sign_in;
mod stacks;
mod state;
mod uploads;
mod users;

pub use answer::status_of;
pub use feed::{FeedNote, keep_feed};
pub use passwords::PasswordCheck;
pub use run::{Listen, ServeError, serve};
pub use session::{CookieRules, Session, cookies, end_session, open_session, session};
pub use sign_in::{Provider, SignIn, SignInError};
pub use state::Server;
pub use uploads::tus;

use axum::Router;
use ays_operations::Feed;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

/// All routes, and what the OpenAPI document says of them.
fn routes() -> OpenApiRouter<Server> {
    OpenApiRouter::with_openapi(openapi::base())
        .routes(routes!(me::me))
        .routes(routes!(images::images))
        .routes(routes!(images::image))
        .routes(routes!(images::find))
        .routes(routes!(stacks::stacks))
        .routes(routes!(stacks::stack))
        .routes(routes!(stacks::offers))
        .routes(routes!(jobs::jobs, jobs::add_job))
        .routes(routes!(jobs::job))
        .routes(routes!(jobs::events))
        .routes(routes!(jobs::cancel))
        .routes(routes!(jobs::retry))
        .routes(routes!(schedules::schedules, schedules::add_schedule))
        .routes(routes!(schedules::remove_schedule))
        .routes(routes!(uploads::uploads, uploads::begin_upload))
        .routes(routes!(uploads::upload, uploads::append_to_upload, uploads::remove_upload))
        .routes(routes!(publications::accounts))
        .routes(routes!(publications::publications))
        .routes(routes!(publications::publication))
        .routes(routes!(publications::plan))
        .routes(routes!(records::audit))
        .routes(routes!(records::runs))
        .routes(routes!(users::users, users::add_user))
        .routes(routes!(users::change_user, users::remove_user))
        .routes(routes!(users::tokens, users::add_token))
        .routes(routes!(users::revoke_token))
        .routes(routes!(cloudbroker::update_nodes))
        .routes(routes!(cloudbroker::create_image))
        .routes(routes!(cloudbroker::edit))
        .routes(routes!(cloudbroker::enable))
        .routes(routes!(cloudbroker::disable))
        .routes(routes!(cloudbroker::delete))
        .routes(routes!(cloudbroker::restore))
}

/// The REST API and what those ask who watch the server, with a feed of images and sign-in by a provider where it has them.
pub fn router(server: Server, feed: Option<&Feed>, sign_in: Option<&SignIn>) -> Router {
    let (router, document) = routes().split_for_parts();
    let document = openapi::document(document);
    router
        .merge(openapi::routes(document))
        .merge(health::routes())
        .merge(metrics::routes())
        .merge(feed.map(feed::routes).unwrap_or_default())
        .merge(sign_in.map(sign_in::routes).unwrap_or_default())
        .fallback(answer::nowhere)
        .method_not_allowed_fallback(answer::other_method)
        .with_state(server)
}
