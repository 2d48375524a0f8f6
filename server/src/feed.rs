//! The simplestreams feed of what stacks offer: its texts, its files, and the task that brings these.

use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::Router;
use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::Response;
use axum::routing::get;
use ays_engine::Stop;
use ays_operations::{Actor, Error, Feed, NotInFeed, Tell};
use tower_http::services::ServeDir;

use crate::answer::Answer;
use crate::stacks::unless_known;
use crate::state::Server;

/// What is said when files are brought, or cannot be.
pub type FeedNote = dyn Fn(&str) + Send + Sync;

/// How long it is until the catalogue is asked again for what is offered; and for how many times the asking itself.
const PAUSE: Duration = Duration::from_secs(2);
const SHARE: u32 = 10;

/// How long it is until files that could not be brought are asked for again.
const AGAIN: Duration = Duration::from_secs(30);

/// Everybody may read it: clients of image servers send no token.
pub(crate) fn routes(feed: &Feed) -> Router<Server> {
    let files = ServeDir::new(feed.files()).append_index_html_on_directories(false);
    let [for_index, for_images] = [feed.clone(), feed.clone()];
    Router::new()
        .route(
            "/streams/v1/index.json",
            get(|State(server): State<Server>, headers: HeaderMap| index(for_index, server, headers)),
        )
        .route(
            "/streams/v1/images.json",
            get(|State(server): State<Server>, headers: HeaderMap| images(for_images, server, headers)),
        )
        .nest_service("/streams/files", files)
}

async fn index(feed: Feed, server: Server, headers: HeaderMap) -> Result<Response, Answer> {
    Ok(unless_known(&headers, feed.index(&server.controller(actor()).await?).await?))
}

async fn images(feed: Feed, server: Server, headers: HeaderMap) -> Result<Response, Answer> {
    Ok(unless_known(&headers, feed.images(&server.controller(actor()).await?).await?))
}

/// In whose name files are brought.
fn actor() -> Actor {
    Actor("feed".to_owned())
}

/// Brings what stacks offer, until it is stopped. What cannot be brought is said, and tried again.
pub async fn keep_feed(feed: Feed, server: Server, stop: Stop, note: &FeedNote) {
    let mut said = String::new();
    while !stop.is_wanted() {
        let begun = Instant::now();
        let (problem, mut pause) = match update(&server, &feed, &stop).await {
            Ok(not_brought) if not_brought.is_empty() => (String::new(), PAUSE),
            Ok(not_brought) => (words(&not_brought), AGAIN),
            Err(error) => (ays_model::causes(&error), AGAIN),
        };
        pause = pause.max(begun.elapsed() * SHARE);
        if problem != said && !stop.is_wanted() {
            if !problem.is_empty() {
                note(&format!("warning: the feed is not complete: {problem}; trying again"));
            }
            said = problem;
        }
        tokio::select! {
            () = tokio::time::sleep(pause) => {}
            () = stop.after_steps() => return,
        }
    }
}

async fn update(server: &Server, feed: &Feed, stop: &Stop) -> Result<Vec<NotInFeed>, Error> {
    feed.remove_unknown(&server.catalogue()).await?;
    let missing = feed.missing(&server.catalogue()).await?;
    if missing.is_empty() {
        return Ok(Vec::new());
    }
    let (controller, ssh) = server.site().controller(server.catalogue(), actor()).await?;
    let tell: Tell = Arc::new(|_| {});
    feed.bring(missing, &controller, &ssh, stop, &tell).await
}

fn words(not_brought: &[NotInFeed]) -> String {
    let words: Vec<_> = not_brought
        .iter()
        .map(|not| format!("{} generation {}: {}", not.image, not.generation, ays_model::causes(&not.why)))
        .collect();
    words.join("; ")
}
