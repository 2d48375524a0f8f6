//! The pages, a file per subject.

mod arriving;
mod availability;
mod checked_nodes;
mod image;
mod image_change;
mod image_edit;
mod image_use;
mod images;
mod job;
mod jobs;
mod listing;
mod queue;
mod sign_in;

use axum::Router;
use axum::response::Redirect;
use axum::routing::{get, post};

use crate::portal::Portal;

pub(crate) fn routes() -> Router<Portal> {
    Router::new()
        .route("/", get(async || Redirect::to("/images")))
        .route("/sign-in", get(sign_in::page).post(sign_in::sign_in))
        .route("/sign-out", post(sign_in::sign_out))
        .route("/images", get(images::page))
        .route("/images/{image}", get(image::page))
        .route("/images/{image}/availability", get(availability::page).post(availability::confirm))
        .route("/images/{image}/edit", get(image_edit::page).post(image_edit::edit))
        .route("/images/{image}/change/{change}", get(image_change::page).post(image_change::change))
        .route("/jobs", get(jobs::page))
        .route("/jobs/{job}", get(job::page))
        .route("/jobs/{job}/live", get(job::live))
        .route("/jobs/{job}/cancel", post(job::cancel))
        .route("/jobs/{job}/retry", post(job::retry))
}
