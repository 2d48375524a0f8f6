//! Whether clear text can be avoided.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use ays_engine::look;
use ays_model::{Check, SecretUrl};
use ays_protocol::{Failure, Look, LookAt};
use ays_recipes::Settings;
use ays_secrets::LookForHttps;
use tokio::runtime::Handle;

/// How long a server has to answer.
const LIMIT: Duration = Duration::from_secs(5);

/// Finds out whether a server speaks https as well, from this machine. It is called off the runtime, where recipes are read.
pub fn look_for_https(settings: Settings, temporary: PathBuf) -> LookForHttps {
    Arc::new(move |address: &str| Handle::current().block_on(is_served(address, &settings, &temporary)))
}

/// Whether what is at an address of http is at the same one of https: the server has it, or wants a login for it.
async fn is_served(address: &str, settings: &Settings, temporary: &Path) -> bool {
    let Some(url) = by_https(address) else { return false };
    let network = settings.network(&url);
    let looks = vec![Look { url, network, at: LookAt::State(Check::None), within: LIMIT }];
    match look(looks, temporary).await.map(|mut answers| answers.pop()) {
        Ok(Some(Ok(_))) => true,
        Ok(Some(Err(Failure::Refused { reason, .. }))) => wants_login(&reason),
        _ => false,
    }
}

/// The same at the usual port of https.
fn by_https(address: &str) -> Option<SecretUrl> {
    if let Some(rest) = address.strip_prefix("oci+http://") {
        // Where every registry answers, if only that it wants a login.
        let host = rest.split('/').next()?.split('@').next_back()?;
        let mut url = SecretUrl::parse(&format!("https://{host}/v2/")).ok()?.expose().clone();
        url.set_port(None).ok()?;
        return SecretUrl::new(url).ok();
    }
    let rest = address.strip_prefix("http://")?;
    let mut url = SecretUrl::parse(&format!("https://{rest}")).ok()?.expose().clone();
    url.set_port(None).ok()?;
    SecretUrl::new(url).ok()
}

/// A refusal begins with the status; it was asked without the login.
fn wants_login(reason: &str) -> bool {
    let status = reason.split(' ').next().and_then(|status| status.parse::<u16>().ok());
    status.is_some_and(|status| matches!(status, 400 | 401 | 403 | 407))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn where_https_would_be() {
        let there = |address| by_https(address).map(|url| url.expose().to_string());
        assert_eq!(there("http://h:8080/a%20b"), Some("https://h/a%20b".to_owned()));
        assert_eq!(there("oci+http://h:5000/a/b:1"), Some("https://h/v2/".to_owned()));
        assert_eq!(there("ftp://h/x"), None);
        assert!(wants_login("401 Unauthorized") && wants_login("403 Forbidden"));
        assert!(!wants_login("404 Not Found") && !wants_login("too many redirects"));
    }
}
