use std::fs::File;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::time::UNIX_EPOCH;

use ays_model::SecretUrl;
use ays_protocol::Failure;

use super::body::Body;
use super::fault::Fault;
use super::identity::Identity;
use super::local_body::LocalBody;
use super::opened::{Opened, refused};
use crate::disk::on_thread;

/// A file on the node. A copy of it is not resumed: reading it again is as quick as verifying what was copied.
#[derive(Debug)]
pub(crate) struct Local {
    address: SecretUrl,
    path: PathBuf,
}

impl Local {
    pub(crate) fn new(address: &SecretUrl) -> Result<Self, Failure> {
        let path =
            address.path_on_node().ok_or_else(|| refused(address, "it does not name a file on the node"))?;
        Ok(Self { address: address.clone(), path })
    }

    pub(crate) fn address(&self) -> &SecretUrl {
        &self.address
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    pub(crate) async fn open(&self) -> Result<Opened, Fault> {
        let path = self.path.clone();
        let (file, identity) = on_thread(move || read(&path)).await.map_err(|error| self.fault(&error))?;
        Ok(Opened { identity, start: 0, body: Body::Local(LocalBody::new(file)), answered_by: None })
    }

    pub(crate) async fn state(&self) -> Result<Identity, Fault> {
        let path = self.path.clone();
        let (_, identity) = on_thread(move || read(&path)).await.map_err(|error| self.fault(&error))?;
        Ok(identity)
    }

    fn fault(&self, error: &std::io::Error) -> Fault {
        Fault::Final(refused(&self.address, error.to_string()))
    }
}

fn read(path: &Path) -> std::io::Result<(File, Identity)> {
    // Looked at first: opening a pipe waits for its writer.
    let found = path.metadata()?;
    if !found.is_file() {
        return Err(std::io::Error::new(ErrorKind::InvalidInput, "it is not a file"));
    }
    let file = File::open(path)?;
    let modified = found.modified().ok().and_then(|time| time.duration_since(UNIX_EPOCH).ok());
    let identity = Identity {
        size: Some(found.len()),
        etag: None,
        last_modified: modified.map(|since| since.as_secs().to_string()),
    };
    Ok((file, identity))
}
