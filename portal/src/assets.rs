//! Styles, scripts and icons: in the program, compressed once, under names that change with their contents.

use std::collections::BTreeMap;
use std::io::Write as _;
use std::sync::LazyLock;

use axum::Router;
use axum::extract::Path;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use flate2::Compression;
use flate2::write::GzEncoder;
use rust_embed::RustEmbed;

#[derive(RustEmbed)]
#[folder = "assets/"]
struct Files;

/// Under which licences others made some of them.
#[derive(RustEmbed)]
#[folder = "assets/licences/"]
struct Licences;

struct Asset {
    path: String,
    kind: &'static str,
    bytes: Vec<u8>,
    gzip: Option<Vec<u8>>,
}

static ASSETS: LazyLock<BTreeMap<String, Asset>> = LazyLock::new(|| {
    let read = Files::iter().filter_map(|name| {
        let file = Files::get(&name)?;
        let digest = hex::encode(&file.metadata.sha256_hash()[..6]);
        let kind = match name.rsplit('.').next()? {
            "css" => "text/css; charset=utf-8",
            "js" => "text/javascript; charset=utf-8",
            "svg" => "image/svg+xml",
            _ => return None,
        };
        let (path, bytes) = (format!("/assets/{digest}/{name}"), file.data.into_owned());
        Some((name.into_owned(), Asset { path, kind, gzip: compressed(&bytes), bytes }))
    });
    read.collect()
});

fn compressed(bytes: &[u8]) -> Option<Vec<u8>> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(bytes).ok()?;
    encoder.finish().ok()
}

/// The path of an asset; it has another one when it has other bytes.
pub(crate) fn path(name: &str) -> &'static str {
    ASSETS.get(name).map_or("", |asset| asset.path.as_str())
}

pub(crate) fn routes<S: Clone + Send + Sync + 'static>() -> Router<S> {
    Router::new().route("/assets/{digest}/{name}", get(asset))
}

/// Whose parts of the pages are under which licence: names and texts.
pub(crate) fn licences() -> Vec<(String, String)> {
    let texts = Licences::iter().filter_map(|name| {
        let text = String::from_utf8(Licences::get(&name)?.data.into_owned()).ok()?;
        Some((name.trim_end_matches(".txt").to_owned(), text))
    });
    texts.collect()
}

async fn asset(Path((_, name)): Path<(String, String)>, headers: HeaderMap) -> Response {
    let Some(asset) = ASSETS.get(&name) else { return StatusCode::NOT_FOUND.into_response() };
    let accepted = headers.get(header::ACCEPT_ENCODING).and_then(|value| value.to_str().ok());
    let takes_gzip = accepted.is_some_and(|value| value.contains("gzip"));
    let always = [
        (header::CONTENT_TYPE, asset.kind),
        (header::CACHE_CONTROL, "public, max-age=31536000, immutable"),
        (header::VARY, "Accept-Encoding"),
    ];
    match &asset.gzip {
        Some(gzip) if takes_gzip => {
            (always, [(header::CONTENT_ENCODING, "gzip")], gzip.as_slice()).into_response()
        }
        _ => (always, asset.bytes.as_slice()).into_response(),
    }
}
