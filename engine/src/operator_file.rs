//! A file of this machine goes to nodes, over the connections that they are reached by: nothing of this machine has to be
//! reachable from them.
//!
//! A helper on this machine has the file as its own download, and gives it as one node gives to another: the nodes take up
//! again what they have of it, verify each piece, and pass it on to each other.

use std::convert::Infallible;
use std::os::unix::fs::symlink;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use ays_model::{Download, SecretUrl};
use ays_protocol::{Failure, Fetch, Phase};
use ays_transport::{HelperError, Session};
use tokio::time::interval;

use crate::delivery::Delivery;

/// How often it is looked whether somebody has changed the file.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// A file of this machine that a rollout brings to its nodes, in the place of its recipe's one download.
#[derive(Debug, Clone)]
pub struct OperatorFile {
    /// Its absolute path.
    pub path: PathBuf,
    /// Where directories may be made that go away.
    pub temporary: PathBuf,
}

impl OperatorFile {
    /// Gives it until no node needs it any more. Where it cannot be given, all steps that wait for it end with the reason.
    pub(crate) async fn give(&self, download: &Download, delivery: &Arc<Delivery>) {
        // Where all nodes have it already, it is not even read.
        delivery.until_joined().await;
        if !delivery.is_needed() {
            return;
        }
        let failure = match self.serve(download, delivery).await {
            Err(HelperError::Failed(failure)) => failure,
            Err(error) => Failure::Unreachable {
                url: self.path.display().to_string(),
                phase: Phase::Transfer,
                reason: ays_model::causes(&error),
                attempts: 1,
            },
        };
        delivery.no_more_givers(failure);
    }

    /// Completes when the file is another one than now: the pieces of two files would be refused again and again.
    async fn until_changed(&self) -> Failure {
        let state = || self.path.metadata().map(|found| (found.len(), found.modified().ok())).ok();
        let before = state();
        // A file system need not tell of a change by itself.
        let mut look = interval(LOOK_EVERY);
        while state() == before {
            look.tick().await;
        }
        let reason = "it was changed while the nodes were given it: add it again when nobody writes to it";
        Failure::Refused { url: self.path.display().to_string(), reason: reason.to_owned() }
    }

    /// Ends well only by being no more needed, which its caller sees.
    async fn serve(&self, download: &Download, delivery: &Arc<Delivery>) -> Result<Infallible, HelperError> {
        let spawn = |error: std::io::Error| HelperError::Spawn(error.into());
        let directory = tempfile::tempdir_in(&self.temporary).map_err(spawn)?;
        // The helper keeps notes beside its download, and nothing is written beside the operator's file.
        let dest = directory.path().join("image");
        symlink(&self.path, &dest).map_err(spawn)?;
        let no_address = || spawn(std::io::Error::other("its path cannot be an address"));
        let url = SecretUrl::of_path(&self.path).ok_or_else(no_address)?;
        let download = Download { url, mirrors: Vec::new(), dest, member: None, ..download.clone() };
        let Session { mut helper, connection } = Session::here(&self.temporary).await?;
        let mut member = delivery.join_operator(&connection);
        let giving = async {
            let fetch = Fetch { download, share: None, unpack: None };
            member.fetch(&mut helper, fetch, |_| {}).await?;
            member.serve(&mut helper).await;
            Err(HelperError::Ended { said: String::new() })
        };
        let given = tokio::select! {
            given = giving => given,
            failure = self.until_changed() => Err(failure.into()),
            () = delivery.until_not_needed() => Err(HelperError::Ended { said: String::new() }),
        };
        drop(member);
        helper.close().await;
        given
    }
}
