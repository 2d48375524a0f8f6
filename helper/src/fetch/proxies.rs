//! Which proxy a request goes through.

use ays_model::{Network, SecretUrl};
use reqwest::{NoProxy, Proxy};

/// What the order says, and where it says nothing, the node's own environment.
pub(crate) fn proxies(network: &Network) -> reqwest::Result<Vec<Proxy>> {
    let address = |said: &Option<SecretUrl>, names: &[&str]| match said {
        Some(address) => Some(address.expose().to_string()),
        None => in_environment(names),
    };
    // `HTTP_PROXY` is not read: of a program that a web server starts, a visitor chooses it.
    let http = address(&network.http_proxy, &["http_proxy", "all_proxy", "ALL_PROXY"]);
    let https = address(&network.https_proxy, &["https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY"]);
    let hosts = network.no_proxy.clone().or_else(|| in_environment(&["no_proxy", "NO_PROXY"]));
    if hosts.iter().flat_map(|hosts| hosts.split(',')).any(|host| host.trim() == "*") {
        return Ok(Vec::new());
    }
    let direct = hosts.and_then(|hosts| NoProxy::from_string(&hosts));
    let http = http.map(Proxy::http).transpose()?;
    let https = https.map(Proxy::https).transpose()?;
    Ok(http.into_iter().chain(https).map(|proxy| proxy.no_proxy(direct.clone())).collect())
}

fn in_environment(names: &[&str]) -> Option<String> {
    names.iter().filter_map(|name| std::env::var(name).ok()).find(|value| !value.is_empty())
}
