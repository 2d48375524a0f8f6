//! Numbers for Prometheus, in its text format. Whoever reads them must be let in as a viewer.

use std::fmt::Write as _;

use axum::Router;
use axum::http::header;
use axum::response::{IntoResponse, Response};
use axum::routing::get;

use crate::answer::Answer;
use crate::caller::{Caller, Viewer};
use crate::state::Server;

pub(crate) fn routes() -> Router<Server> {
    Router::new().route("/metrics", get(metrics))
}

async fn metrics(caller: Caller<Viewer>) -> Result<Response, Answer> {
    let numbers = caller.controller().await?.catalogue.numbers().await?;
    let mut text = String::new();
    let mut family = |name: &str, help: &str, values: Vec<(String, f64)>| {
        let _ = writeln!(text, "# HELP {name} {help}\n# TYPE {name} gauge");
        for (labels, value) in values {
            let _ = writeln!(text, "{name}{labels} {value}");
        }
    };
    let labelled = |label: &'static str, counts: Vec<(String, u64)>| {
        let value =
            move |(word, count): (String, u64)| (format!("{{{label}=\"{}\"}}", escaped(&word)), count as f64);
        counts.into_iter().map(value).collect()
    };
    family("ays_stack_offers", "How many images a stack offers.", labelled("stack", numbers.offers));
    family("ays_copies", "How many copies in pools are in this state.", labelled("state", numbers.copies));
    family("ays_images", "How many images are in this state.", labelled("status", numbers.images));
    family("ays_jobs", "How many jobs are in this state.", labelled("status", numbers.jobs));
    let age = numbers.oldest_scrub_seconds.map(|seconds| (String::new(), seconds));
    family(
        "ays_oldest_scrub_age_seconds",
        "How long ago the copy was read whole that was read longest ago.",
        age.into_iter().collect(),
    );
    let outdated = numbers.outdated.map(|count| (String::new(), count as f64));
    family(
        "ays_outdated_images",
        "How many images were outdated when their sources were asked last.",
        outdated.into_iter().collect(),
    );
    Ok(([(header::CONTENT_TYPE, "text/plain; version=0.0.4")], text).into_response())
}

fn escaped(label: &str) -> String {
    label.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n")
}
