//! Webhooks: addresses that are told of changes.

use ays_catalogue::{Timestamp, Webhook, WebhookId};
use ays_model::is_this_machine;
use ays_recipes::Environment;
use secrecy::SecretString;

use crate::controller::Controller;
use crate::error::{Error, Kind};
use crate::off_runtime::blocking;

/// Why there is no such webhook.
#[derive(Debug, thiserror::Error)]
enum NoWebhook {
    #[error("`{0}` is no address of a webhook: https://HOST/..")]
    Address(String),
    #[error("{0} is not protected: use https, or an address of this machine")]
    Unprotected(String),
    #[error("there is no secret `{0}`: `ays secret set {0}`")]
    NoSecret(String),
    #[error("`{0}` is no name of a secret")]
    NoName(String),
    #[error("no webhook has the number {0}: `ays webhook list` shows all")]
    Unknown(i64),
}

impl From<NoWebhook> for Error {
    fn from(error: NoWebhook) -> Self {
        let kind = match error {
            NoWebhook::Unknown(_) | NoWebhook::NoSecret(_) => Kind::Unknown,
            _ => Kind::Usage,
        };
        Self::new(kind, error)
    }
}

/// Tells an address of all changes from now on, signed by a secret.
///
/// # Errors
///
/// The address or the secret is none.
pub async fn add_webhook(controller: Controller, url: String, secret: String) -> Result<WebhookId, Error> {
    check_address(&url)?;
    signing_key(&controller, secret.clone()).await?;
    let (actor, now) = (&controller.actor.0, Timestamp::now());
    Ok(controller.catalogue.add_webhook(&url, &secret, actor, &now).await?)
}

fn check_address(address: &str) -> Result<(), NoWebhook> {
    let none = || NoWebhook::Address(address.to_owned());
    let url = url::Url::parse(address).map_err(|_| none())?;
    let host = url.host_str().ok_or_else(none)?;
    if !url.username().is_empty() || url.password().is_some() {
        // A login would be shown by every list.
        return Err(NoWebhook::Address(format!("{}://{host}/..", url.scheme())));
    }
    match url.scheme() {
        "https" => Ok(()),
        "http" if is_this_machine(host) => Ok(()),
        "http" => Err(NoWebhook::Unprotected(address.to_owned())),
        _ => Err(none()),
    }
}

/// All webhooks.
///
/// # Errors
///
/// Those of the catalogue.
pub async fn webhooks(controller: Controller) -> Result<Vec<Webhook>, Error> {
    Ok(controller.catalogue.webhooks().await?)
}

/// Tells it nothing any more.
///
/// # Errors
///
/// There is none of this number.
pub async fn remove_webhook(controller: Controller, id: WebhookId) -> Result<(), Error> {
    let removed = controller.catalogue.remove_webhook(id).await?;
    if removed { Ok(()) } else { Err(NoWebhook::Unknown(id.0).into()) }
}

/// The secret of this name, by which what a webhook is told is signed. It is sent nowhere.
///
/// # Errors
///
/// There is none, or it cannot be read.
pub async fn signing_key(controller: &Controller, name: String) -> Result<SecretString, Error> {
    let environment = std::sync::Arc::clone(&controller.environment);
    blocking(move || key(&environment, name)).await
}

fn key(environment: &Environment, name: String) -> Result<SecretString, Error> {
    let known = name.parse().map_err(|_| NoWebhook::NoName(name.clone()))?;
    Ok(environment.secrets.get(&known)?.ok_or(NoWebhook::NoSecret(name))?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_protected_or_of_this_machine() {
        for good in ["https://example.org/hook", "http://127.0.0.1:1/x", "http://[::1]/", "http://localhost/"]
        {
            assert!(check_address(good).is_ok(), "{good}");
        }
        for bad in [
            "http://example.org/",
            "ftp://example.org/",
            "https://u:p@example.org/",
            "example.org",
            "mailto:x",
        ] {
            assert!(check_address(bad).is_err(), "{bad}");
        }
        assert!(!check_address("https://u:pass@example.org/").unwrap_err().to_string().contains("pass"));
    }
}
