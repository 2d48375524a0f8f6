//! Asking sources, without a node: for the plan of an install that touches nothing.

use std::time::Duration;

use ays_node::{Outcome, SecretUrl, Step};
use tokio::time::timeout;

use crate::helper::Helper;
use crate::ssh::Connection;

/// How long all sources together have to answer.
const LIMIT: Duration = Duration::from_secs(4);

/// What a source said when it was asked from this machine.
#[derive(Debug, Clone, PartialEq, Eq)]
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

/// Asks every source. A helper that lives in a temporary directory does it, so that nothing is left.
pub async fn probe(urls: &[SecretUrl]) -> Vec<SourceState> {
    let states = tokio::sync::Mutex::new(Vec::new());
    let asked = timeout(LIMIT, async {
        let started = async {
            let connection = Connection::throwaway().map_err(|error| error.to_string())?;
            let helper = Helper::start(&connection).await.map_err(|error| error.to_string())?;
            Ok::<_, String>((connection, helper))
        };
        let (connection, mut helper) = started.await?;
        for url in urls {
            let state = match url.scheme() {
                "file" => SourceState::OnNode,
                _ => match helper.run(Step::Probe(url.clone()), |_| {}).await {
                    Ok(Outcome::Probed(probed)) => SourceState::Answers { size: probed.size },
                    Ok(_) => SourceState::Dead("its helper gave another answer".to_owned()),
                    Err(error) => SourceState::Dead(error.to_string()),
                },
            };
            states.lock().await.push(state);
        }
        helper.close().await;
        connection.close().await;
        Ok::<_, String>(())
    })
    .await;
    let mut states = states.into_inner();
    let rest = match asked {
        Ok(Ok(())) => String::new(),
        Ok(Err(error)) => error,
        Err(_) => format!("no answer within {} s", LIMIT.as_secs()),
    };
    states.resize(urls.len(), SourceState::Dead(rest));
    states
}
