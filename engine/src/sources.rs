//! Asking sources from this machine: for plans that touch nothing, for what is outdated, for new recipes.

use std::path::Path;
use std::time::Duration;

use ays_model::{Check, Download, Scheme};
use ays_protocol::{Failure, Look, LookAt, Looked, MAX_FRAME, Outcome, Step};
use ays_transport::{HelperError, Session};
use serde::Serialize;

/// How long a source has to answer before a plan is shown without it.
const LIMIT: Duration = Duration::from_secs(4);

/// What a source said when it was asked from this machine.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum SourceAnswer {
    /// It answers.
    Answers {
        /// Its size in bytes, where it says so.
        size: Option<u64>,
        /// The disk in it as its first bytes tell: `qcow2`, `raw in tar in xz`.
        disk: Option<String>,
        /// Why no image can be made of it, as its first bytes tell.
        refused: Option<String>,
    },
    /// It does not, for this reason.
    Dead(String),
    /// It is a file on the node.
    OnNode,
}

/// Puts questions to sources, all at once; the answers are in their order. A helper in a temporary directory below
/// `temporary` does it, so that nothing is left.
pub async fn look(looks: Vec<Look>, temporary: &Path) -> Result<Vec<Result<Looked, Failure>>, HelperError> {
    let asked = looks.len();
    if asked == 0 {
        return Ok(Vec::new());
    }
    let mut session = Session::here(temporary).await?;
    let mut answers = Vec::with_capacity(asked);
    for looks in batches(looks) {
        match session.helper.run(Step::Look(looks), |_| {}).await {
            Ok(Outcome::Looked(more)) => answers.extend(more),
            Ok(_) => break,
            Err(error) => {
                session.close().await;
                return Err(error);
            }
        }
    }
    session.close().await;
    if answers.len() == asked { Ok(answers) } else { Err(HelperError::Answer) }
}

/// Each question carries the keys that it needs, and a frame holds only so many bytes.
fn batches(looks: Vec<Look>) -> Vec<Vec<Look>> {
    const MOST: usize = MAX_FRAME as usize / 4;
    let weight = |look: &Look| match &look.at {
        LookAt::State(Check::Sums { signed: Some(signed), .. } | Check::Signed { signed, .. }) => {
            signed.keys.iter().map(|key| key.text.len()).sum()
        }
        _ => 0,
    };
    let mut batches: Vec<Vec<Look>> = Vec::new();
    let mut full = MOST;
    for look in looks {
        let weight: usize = weight(&look);
        if full.saturating_add(weight) > MOST || batches.is_empty() {
            batches.push(Vec::new());
            full = 0;
        }
        full += weight;
        if let Some(last) = batches.last_mut() {
            last.push(look);
        }
    }
    batches
}

/// Whether these sources answer.
pub async fn probe(downloads: &[Download], temporary: &Path) -> Vec<SourceAnswer> {
    let on_node = |download: &&Download| download.url.scheme() == Scheme::File;
    let looks = downloads.iter().filter(|download| !on_node(download)).flat_map(|download| {
        let Download { url, network, check, .. } = download;
        // A list is not read: what counts is whether the file is there.
        let check = if check.leads_elsewhere() { check } else { &Check::None };
        [LookAt::State(check.clone()), LookAt::Disk(check.clone())].map(|at| Look {
            url: url.clone(),
            network: network.clone(),
            at,
            within: LIMIT,
        })
    });
    let mut answers = match look(looks.collect(), temporary).await {
        Ok(answers) => answers.chunks_exact(2).map(read).collect(),
        Err(error) => vec![SourceAnswer::Dead(error.to_string()); downloads.len()],
    }
    .into_iter();
    let answer = |download| if on_node(&download) { Some(SourceAnswer::OnNode) } else { answers.next() };
    downloads.iter().filter_map(answer).collect()
}

/// Reads what a source said of its state, and of its first bytes.
fn read(answers: &[Result<Looked, Failure>]) -> SourceAnswer {
    match answers {
        [Ok(Looked::State(state)), disk] => {
            let (disk, refused) = match disk {
                Ok(Looked::Disk(disk)) => (Some(disk.format.clone()), None),
                Err(Failure::BadImage { reason, .. }) => (None, Some(reason.clone())),
                _ => (None, None),
            };
            SourceAnswer::Answers { size: state.size, disk, refused }
        }
        [Err(failure), ..] => SourceAnswer::Dead(failure.to_string()),
        _ => SourceAnswer::Dead(HelperError::Answer.to_string()),
    }
}
