//! Under which licences others made parts of these pages.

use askama::Template;
use axum::response::Response;

use crate::assets;
use crate::failure::Failure;
use crate::frame::shown;

#[derive(Template)]
#[template(path = "licences.html")]
struct Page {
    licences: Vec<(String, String)>,
}

pub(crate) async fn page() -> Result<Response, Failure> {
    shown(&Page { licences: assets::licences() })
}
