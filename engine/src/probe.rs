//! Asking sources, without a node: for the plan of an install that touches nothing.

use std::path::Path;
use std::time::Duration;

use ays_node::{Network, Outcome, SecretUrl, Step};
use serde::Serialize;
use tokio::time::timeout;

use crate::helper::{Helper, HelperError};
use crate::ssh::Connection;

/// How long a source has to answer.
const LIMIT: Duration = Duration::from_secs(4);

/// What a source said when it was asked from this machine.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum SourceState {
    /// It answers.
    Answers {
        /// Its size in bytes, where it says so.
        size: Option<u64>,
    },
    /// It does not, for this reason.
    Dead(String),
    /// It is a file on the node.
    OnNode,
}

/// Asks every source, all at once. Helpers that live in a temporary directory below `temporary` do it, so that nothing
/// is left.
pub async fn probe(urls: &[SecretUrl], temporary: &Path) -> Vec<SourceState> {
    let asked: Vec<_> = urls
        .iter()
        .map(|url| {
            let (url, temporary) = (url.clone(), temporary.to_owned());
            tokio::spawn(async move { timeout(LIMIT, ask(&url, &temporary)).await })
        })
        .collect();
    let mut states = Vec::new();
    for answer in asked {
        states.push(match answer.await {
            Ok(Ok(Ok(state))) => state,
            Ok(Ok(Err(error))) => SourceState::Dead(error.to_string()),
            Ok(Err(_)) => SourceState::Dead(format!("no answer within {} s", LIMIT.as_secs())),
            Err(error) => SourceState::Dead(error.to_string()),
        });
    }
    states
}

async fn ask(url: &SecretUrl, temporary: &Path) -> Result<SourceState, HelperError> {
    if url.scheme() == "file" {
        return Ok(SourceState::OnNode);
    }
    let connection = Connection::throwaway(temporary).map_err(|error| HelperError::Spawn(error.into()))?;
    let mut helper = Helper::start(&connection).await?;
    let answer = helper.run(Step::Probe { url: url.clone(), network: Network::default() }, |_| {}).await;
    helper.close().await;
    match answer? {
        Outcome::Probed(probed) => Ok(SourceState::Answers { size: probed.size }),
        _ => Err(HelperError::Answer),
    }
}
