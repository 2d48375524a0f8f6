//! What browsers may do with the pages: nothing that they do not say themselves.

use axum::extract::Request;
use axum::http::{HeaderName, HeaderValue, Uri, header};
use axum::middleware::Next;
use axum::response::Response;

use crate::address;
use crate::fields::Fields;

const HEADERS: [(HeaderName, &str); 5] = [
    (
        header::CONTENT_SECURITY_POLICY,
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; \
         form-action 'self'; frame-ancestors 'none'; base-uri 'none'",
    ),
    (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (header::REFERRER_POLICY, "same-origin"),
    (HeaderName::from_static("cross-origin-opener-policy"), "same-origin"),
    // Pages show what one user may see, now.
    (header::CACHE_CONTROL, "no-store"),
];

/// An address without what is empty in it.
fn in_short(uri: &Uri) -> String {
    address::with(uri.path(), &Fields::parse(uri.query().unwrap_or("")))
}

pub(crate) async fn strict(request: Request, next: Next) -> Response {
    let shown = request.headers().contains_key("hx-request").then(|| in_short(request.uri()));
    let mut response = next.run(request).await;
    // The address that htmx shows for what somebody typed: without what they left empty.
    if let Some(shown) = shown.and_then(|address| HeaderValue::from_str(&address).ok()) {
        response.headers_mut().insert("hx-push-url", shown);
    }
    for (name, value) in HEADERS {
        response.headers_mut().entry(name).or_insert(HeaderValue::from_static(value));
    }
    response
}
