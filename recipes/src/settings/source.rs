//! Settings for the addresses that begin in a certain way.

use ays_model::SecretUrl;
use url::Url;

use super::keys::Problem;

/// An address's beginning, as written in `[source."..."]`, in one spelling.
pub(super) fn beginning(text: &str) -> Result<Url, Problem> {
    let url = SecretUrl::parse(text).ok().map(|url| url.expose().clone());
    let bare = |url: &Url| {
        url.username().is_empty()
            && url.password().is_none()
            && url.query().is_none()
            && url.fragment().is_none()
    };
    match url.filter(bare) {
        Some(url) => Ok(url),
        None => Err(
            "must be the beginning of an address: \"https://host\" or \"https://host/path\", without a login",
        ),
    }
}

/// What follows `begins` in an address, from a `/` on; none when the address does not begin so. Only scheme, host,
/// port and whole components of the path count.
pub(super) fn rest(begins: &Url, address: &SecretUrl) -> Option<String> {
    let url = address.expose();
    let place = |url: &Url| {
        (url.scheme().to_owned(), url.host().map(|host| host.to_owned()), url.port_or_known_default())
    };
    if place(begins) != place(url) {
        return None;
    }
    let rest = url.path().strip_prefix(begins.path().trim_end_matches('/'))?;
    (rest.is_empty() || rest.starts_with('/')).then(|| rest.to_owned())
}

/// The address of the same file below a mirror. An address with a query has none: what the query says may be for its
/// own server alone, and without it the file may be another.
pub(super) fn mirrored(mirror: &SecretUrl, rest: &str, address: &SecretUrl) -> Option<SecretUrl> {
    let mut url = mirror.expose().clone();
    if address.expose().query().is_some() {
        return None;
    }
    let path = format!("{}{rest}", url.path().trim_end_matches('/'));
    url.set_path(&path);
    SecretUrl::new(url).ok()
}

/// How a beginning is written in `[source."..."]`.
pub(super) fn shown(begins: &Url) -> &str {
    begins.as_str().trim_end_matches('/')
}
