//! Webhooks are told of changes: in order, each at least once, until they take it.

use std::sync::Arc;
use std::time::Duration;

use ays_catalogue::{AuditRecord, Catalogue, CatalogueError, Timestamp, Webhook};
use ays_model::causes;
use ays_operations::{Actor, Error, signing_key};
use futures_util::future::try_join_all;
use hmac::{Hmac, KeyInit, Mac};
use jiff::SignedDuration;
use secrecy::{ExposeSecret, SecretString};
use serde::Serialize;
use sha2::Sha256;
use tokio::time::timeout;

use crate::site::Site;

/// How many changes it is told of at once.
const MOST: u32 = 100;

/// How long a webhook may take to answer.
const TIMEOUT: Duration = Duration::from_secs(10);

/// How long all of it may take: the secret is read, and the answer waited for.
const WHOLE: Duration = Duration::from_secs(20);

/// For so long one worker has it: longer than all of it may take.
const CLAIM: SignedDuration = SignedDuration::from_secs(30);

/// The longest pause before it is told again.
const LONGEST: i64 = 3600;

/// Why a webhook did not take what it was told.
#[derive(Debug, thiserror::Error)]
enum NotTaken {
    #[error("it did not answer")]
    Away(#[source] reqwest::Error),
    #[error("it answered {0}")]
    Refused(reqwest::StatusCode),
    #[error(transparent)]
    Secret(#[from] Error),
    #[error("it took more than {} s, with its secret", WHOLE.as_secs())]
    Slow,
    #[error("the secret cannot sign")]
    Key,
}

/// What it is told.
#[derive(Serialize)]
struct Told<'a> {
    environment: &'a str,
    changes: &'a [AuditRecord],
}

/// Tells webhooks.
pub(crate) struct Teller {
    catalogue: Catalogue,
    /// Where the secrets are that sign.
    site: Arc<dyn Site>,
    http: reqwest::Client,
}

impl Teller {
    pub fn new(catalogue: Catalogue, site: Arc<dyn Site>) -> Result<Self, reqwest::Error> {
        Ok(Self { catalogue, site, http: client()? })
    }

    /// Tells all that are due, at once: one that does not answer holds no other up.
    pub async fn tell_all(&self) -> Result<(), CatalogueError> {
        let webhooks = self.catalogue.webhooks().await?;
        try_join_all(webhooks.iter().map(|webhook| self.tell_one(webhook))).await.map(drop)
    }

    async fn tell_one(&self, webhook: &Webhook) -> Result<(), CatalogueError> {
        let now = jiff::Timestamp::now();
        if webhook.waiting == 0 || webhook.next_at > now.into() {
            return Ok(());
        }
        let until = now.saturating_add(CLAIM).unwrap_or(jiff::Timestamp::MAX).into();
        let changes = self.catalogue.claim_webhook(webhook.id, MOST, &until, &now.into()).await?;
        let Some(last) = changes.last() else { return Ok(()) };
        let told = timeout(WHOLE, self.tell(webhook, &changes)).await.unwrap_or(Err(NotTaken::Slow));
        match told {
            Ok(()) => self.catalogue.webhook_told(webhook.id, last.id, &until, &Timestamp::now()).await,
            Err(error) => {
                let next = jiff::Timestamp::now().saturating_add(pause(webhook.failures));
                let next = next.unwrap_or(jiff::Timestamp::MAX).into();
                self.catalogue.webhook_failed(webhook.id, &causes(&error), &until, &next).await
            }
        }
    }

    async fn tell(&self, webhook: &Webhook, changes: &[AuditRecord]) -> Result<(), NotTaken> {
        let actor = Actor(webhook.actor.clone());
        let (controller, _) = self.site.controller(self.catalogue.clone(), actor).await?;
        let key = signing_key(&controller, webhook.secret.clone()).await?;
        let environment = controller.environment.name();
        let body = serde_json::to_string(&Told { environment, changes }).unwrap_or_default();
        let signature = signature(&key, body.as_bytes()).ok_or(NotTaken::Key)?;
        let (first, last) =
            (changes.first().map_or(0, |first| first.id), changes.last().map_or(0, |last| last.id));
        let request = self.http.post(&webhook.url).timeout(TIMEOUT);
        let request = request
            .header("content-type", "application/json")
            .header("x-ays-signature", signature)
            .header("x-ays-delivery", format!("{first}-{last}"));
        let answer = request.body(body).send().await.map_err(|error| NotTaken::Away(error.without_url()))?;
        if answer.status().is_success() { Ok(()) } else { Err(NotTaken::Refused(answer.status())) }
    }
}

/// How it is asked. It is not followed elsewhere.
fn client() -> Result<reqwest::Client, reqwest::Error> {
    // An error says that somebody chose one before: that one is good too.
    let _ = rustls::crypto::ring::default_provider().install_default();
    // Nothing between it and this machine has to hear of it: without TLS it is on this machine.
    reqwest::Client::builder().redirect(reqwest::redirect::Policy::none()).no_proxy().build()
}

/// `sha256=` and the HMAC-SHA256 of the body, hexadecimal.
fn signature(key: &SecretString, body: &[u8]) -> Option<String> {
    let mut mac = Hmac::<Sha256>::new_from_slice(key.expose_secret().as_bytes()).ok()?;
    mac.update(body);
    let digits: String = mac.finalize().into_bytes().iter().map(|byte| format!("{byte:02x}")).collect();
    Some(format!("sha256={digits}"))
}

/// 1, 2, 4, .. seconds after each failure, and an hour at the most.
fn pause(failures: i64) -> SignedDuration {
    let seconds = 1_i64 << failures.clamp(0, 12);
    SignedDuration::from_secs(seconds.min(LONGEST))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test")]
    use super::*;

    /// RFC 4231, test case 2.
    #[test]
    fn a_signature_is_hmac_sha256() {
        let key = SecretString::from("Jefe");
        assert_eq!(
            signature(&key, b"what do ya want for nothing?").unwrap(),
            "sha256=5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"
        );
    }

    #[test]
    fn pauses_grow_up_to_an_hour() {
        assert_eq!(
            [0, 1, 5, 11, 12, 99].map(|failures| pause(failures).as_secs()),
            [1, 2, 32, 2048, 3600, 3600]
        );
    }
}
