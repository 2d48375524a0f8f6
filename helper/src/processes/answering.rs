//! Which addresses of a service answer as they should.

use std::time::Duration;

use ays_model::{Network, SecretUrl};

use crate::Limits;
use crate::fetch::{Access, Http};

/// How long an answer may take.
const PATIENCE: Duration = Duration::from_secs(3);

/// Those of `urls` that give no good answer, without credentials: nobody answers, or it is one of an error.
pub(super) async fn silent(urls: &[SecretUrl]) -> Vec<String> {
    let (network, limits) =
        (Network::default(), Limits { connect: PATIENCE, answer: PATIENCE, ..Limits::default() });
    let access = Access { network: &network, limits: &limits };
    let mut silent = Vec::new();
    for url in urls {
        let answers = match Http::new(url, access) {
            Ok(http) => http.ask().await.is_ok_and(|answer| answer.status().is_success()),
            Err(_) => false,
        };
        if !answers {
            silent.push(url.to_string());
        }
    }
    silent
}
