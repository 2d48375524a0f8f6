//! The pages, a file per subject.

mod add_image;
mod arriving;
mod audit;
mod availability;
mod bin;
mod checked_nodes;
mod generations;
mod graph;
mod highlight;
mod image;
mod image_change;
mod image_edit;
mod image_use;
mod images;
mod job;
mod jobs;
mod licences;
mod listing;
mod matrix;
mod needs;
mod nodes;
mod overview;
mod publications;
mod publish;
mod queue;
mod recipe;
mod recipes;
mod reports;
mod schedules;
mod seen_services;
mod service;
mod services;
mod sign_in;
mod stacks;
mod uploads;
mod users;

use axum::Router;
use axum::routing::{any, get, post};

use crate::portal::Portal;

pub(crate) fn routes() -> Router<Portal> {
    Router::new()
        .route("/", get(overview::page))
        .route("/sign-in", get(sign_in::page).post(sign_in::sign_in))
        .route("/sign-out", post(sign_in::sign_out))
        .route("/images", get(images::page))
        .route("/images/new", get(add_image::page).post(add_image::add))
        .route("/uploads", post(uploads::tus))
        .route("/uploads/{upload}", any(uploads::tus))
        .route("/images/{image}", get(image::page))
        .route("/images/{image}/availability", get(availability::page).post(availability::confirm))
        .route("/images/{image}/edit", get(image_edit::page).post(image_edit::edit))
        .route("/images/{image}/change/{change}", get(image_change::page).post(image_change::change))
        .route("/images/{image}/generations", get(generations::page))
        .route("/images/{image}/publish", get(publish::page).post(publish::ask))
        .route("/publications", get(publications::page))
        .route("/publications/recover", post(publications::recover))
        .route("/publications/{publication}/{verb}", post(publications::act))
        .route("/needs/heal", post(overview::heal))
        .route("/needs/bring", post(overview::bring))
        .route("/needs/install-outdated", post(overview::install_outdated))
        .route("/licences", get(licences::page))
        .route("/matrix", get(matrix::page))
        .route("/stacks", get(stacks::all))
        .route("/stacks/{stack}", get(stacks::one).post(stacks::change))
        .route("/nodes", get(nodes::page))
        .route("/nodes/check", post(nodes::check))
        .route("/recipes", get(recipes::page))
        .route("/recipes/{recipe}", get(recipe::page).post(recipe::ask))
        .route("/services", get(services::page))
        .route("/services/act", post(services::act))
        .route("/services/{node}/{service}/{instance}", get(service::page))
        .route("/schedules", get(schedules::page).post(schedules::add))
        .route("/schedules/remove", post(schedules::remove))
        .route("/bin", get(bin::page))
        .route("/audit", get(audit::page))
        .route("/users", get(users::page))
        .route("/users/add", post(users::add))
        .route("/users/change", post(users::change))
        .route("/users/remove", post(users::remove))
        .route("/users/token", post(users::add_token))
        .route("/users/revoke", post(users::revoke))
        .route("/jobs", get(jobs::page))
        .route("/jobs/{job}", get(job::page))
        .route("/jobs/{job}/live", get(job::live))
        .route("/jobs/{job}/cancel", post(job::cancel))
        .route("/jobs/{job}/retry", post(job::retry))
}
