//! What has come so far: `.<name>.ays-part`, and beside it what the source said of those bytes.

use std::fs::{self, File, Permissions};
use std::io;
use std::os::fd::AsRawFd;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use ays_model::{Download, Member, SecretUrl};
use ays_protocol::{Failure, Stamp};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::identity::Identity;
use super::opened::Resume;
use crate::disk::{self, failure, on_thread};
use crate::file_name::{part_of, part_state_of};
use crate::lanes::Lanes;
use crate::locked::open_locked;
use crate::stamp::stamp;
use crate::unpack::{self, Arrival, Unpacking};

/// The file that changes with every start of the system.
const BOOT_ID: &str = "/proc/sys/kernel/random/boot_id";

/// The partial file, held by a lock; when dropped it stays only if another run can resume it.
#[derive(Debug)]
pub(crate) struct Partial {
    dest: PathBuf,
    path: PathBuf,
    state_path: PathBuf,
    file: File,
    keep: Keep,
    /// How far it has come, for who unpacks it meanwhile.
    arrival: Arc<Arrival>,
    unpacking: Option<Unpacking>,
    /// Where bytes are hashed and written; none before the first byte, and after a restart.
    pub(crate) lanes: Option<Lanes>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Keep {
    No,
    Part,
    /// It is no part any more: it has its final name.
    Done,
}

/// What is known of the bytes in a partial file.
#[derive(Debug, Serialize, Deserialize)]
struct State {
    /// The SHA-256 of the address without its credentials.
    source: String,
    identity: Identity,
    /// Which start of the system the bytes were written in: after another one some of them may be lost.
    boot: Option<String>,
}

impl Partial {
    /// Takes the partial file of `dest`; another run that has it is [`Failure::Busy`].
    pub(crate) fn lock(dest: &Path) -> Result<Self, Failure> {
        let path = part_of(dest);
        let file = open_locked(&path).map_err(|failure| match failure {
            Failure::Busy { .. } => Failure::Busy { path: dest.display().to_string() },
            other => other,
        })?;
        let state_path = part_state_of(dest);
        // What an earlier run left is not lost when this one ends before it has asked the source.
        let keep = if read_state(&state_path).is_some() { Keep::Part } else { Keep::No };
        Ok(Self {
            dest: dest.to_owned(),
            path,
            state_path,
            file,
            keep,
            arrival: Arc::default(),
            unpacking: None,
            lanes: None,
        })
    }

    /// The bytes that an earlier run left and that can be resumed. After another start of the system only a check
    /// can tell whether they are whole, and of another address of the same file, whether they are the same.
    pub(crate) fn resumable(&self, order: &Download, is_checked: bool) -> Option<Resume> {
        let state = read_state(&self.state_path)?;
        let at = self.file.metadata().ok()?.len();
        let is_whole = is_checked || (state.boot.is_some() && state.boot == boot());
        let fits = state.identity.size.is_none_or(|size| at <= size);
        if !is_whole || !fits || !state.identity.is_telling() {
            return None;
        }
        if state.source == key(&order.url) {
            return Some(Resume { at, identity: state.identity, is_checked });
        }
        let is_mirrored = order.mirrors.iter().any(|mirror| state.source == key(mirror));
        // What the other address said means nothing here.
        let identity = Identity { size: state.identity.size, ..Identity::default() };
        (is_checked && is_mirrored && identity.size.is_some()).then_some(Resume { at, identity, is_checked })
    }

    /// Waits until nothing more is written: bytes on their way would land among those of the next try, and their
    /// thread would hold the lock on the file.
    pub(crate) async fn settle(&mut self) {
        if let Some(lanes) = self.lanes.take() {
            // What it says is of bytes that are not wanted any more.
            let _ = lanes.finish().await;
        }
    }

    pub(crate) fn file(&self) -> io::Result<File> {
        self.file.try_clone()
    }

    /// The same file, opened for reading alone: it neither holds the lock nor knows the file's name.
    pub(crate) fn reader(&self) -> io::Result<File> {
        File::open(format!("/proc/self/fd/{}", self.file.as_raw_fd()))
    }

    /// Begins to unpack the disk in it into `directory`, as it comes.
    pub(crate) fn unpack(&mut self, directory: &Path, member: Option<&Member>) -> Result<(), Failure> {
        let packed = self.reader().map_err(|error| failure(&self.path, "opening", &error))?;
        let order = unpack::Order {
            path: self.dest.clone(),
            directory: directory.to_owned(),
            member: member.cloned(),
        };
        self.unpacking = Some(Unpacking::start(order, packed, Arc::clone(&self.arrival)));
        Ok(())
    }

    /// What was unpacked of it, for who stores it; none where another file was there already.
    pub(crate) fn take_unpacking(&mut self) -> Option<Unpacking> {
        self.unpacking.take().filter(|_| self.keep == Keep::Done)
    }

    /// What is unpacked of it, once it has come.
    pub(crate) fn unpacking(&mut self) -> &mut Option<Unpacking> {
        &mut self.unpacking
    }

    /// See [`Arrival`].
    pub(crate) fn arrival(&self) -> &Arc<Arrival> {
        &self.arrival
    }

    /// How much of the disk it takes, in bytes.
    pub(crate) fn taken(&self) -> u64 {
        self.file.metadata().map_or(0, |found| found.blocks() * 512)
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Forgets all bytes.
    pub(crate) fn restart(&mut self) -> Result<(), Failure> {
        self.keep = Keep::No;
        self.arrival.withdraw(0);
        disk::remove(&self.state_path)?;
        self.file.set_len(0).map_err(|error| failure(&self.path, "emptying", &error))
    }

    /// Forgets the bytes from `length` on.
    pub(crate) fn cut(&self, length: u64) -> Result<(), Failure> {
        if self.arrival.read().1 > length {
            self.arrival.withdraw(length);
        }
        self.file.set_len(length).map_err(|error| failure(&self.path, "shortening", &error))
    }

    /// Notes what the source says of the bytes that come now.
    pub(crate) fn note(&mut self, url: &SecretUrl, identity: &Identity) -> Result<(), Failure> {
        if !identity.is_telling() {
            self.keep = Keep::No;
            return disk::remove(&self.state_path);
        }
        let state = State { source: key(url), identity: identity.clone(), boot: boot() };
        serde_json::to_vec(&state)
            .map_err(io::Error::from)
            .and_then(|json| fs::write(&self.state_path, json))
            .map_err(|error| failure(&self.state_path, "writing", &error))?;
        self.keep = Keep::Part;
        Ok(())
    }

    /// It does not stay when this ends.
    pub(crate) fn give_up(&mut self) {
        self.keep = Keep::No;
    }

    /// Syncs it and gives it its final name.
    pub(crate) async fn commit(&mut self) -> Result<Stamp, Failure> {
        let (path, dest, state_path) = (self.path.clone(), self.dest.clone(), self.state_path.clone());
        let file = self.file().map_err(|error| failure(&self.path, "syncing", &error))?;
        let stamp = on_thread(move || {
            // Machines are started from what is healed into a pool, whatever the login's umask is.
            file.set_permissions(Permissions::from_mode(0o644))
                .and_then(|()| file.sync_all())
                .map_err(|error| failure(&path, "syncing", &error))?;
            // Of the open file: under the final name there may soon be another run's.
            let found = file.metadata().map_err(|error| failure(&path, "looking at it", &error))?;
            disk::rename(&path, &dest)?;
            disk::remove(&state_path)?;
            Ok(stamp(&found))
        })
        .await?;
        self.keep = Keep::Done;
        Ok(stamp)
    }
}

impl Drop for Partial {
    fn drop(&mut self) {
        let is_empty = self.file.metadata().is_ok_and(|found| found.len() == 0);
        if self.keep == Keep::No || (self.keep == Keep::Part && is_empty) {
            // Nobody is there to be told; the next run of the same file takes them over. The part goes last: while it is
            // there its lock holds for both.
            let _ = fs::remove_file(&self.state_path);
            let _ = fs::remove_file(&self.path);
        }
    }
}

fn read_state(path: &Path) -> Option<State> {
    serde_json::from_slice(&fs::read(path).ok()?).ok()
}

/// Which start of the system this is.
pub(crate) fn boot() -> Option<String> {
    fs::read_to_string(BOOT_ID).ok().map(|id| id.trim().to_owned())
}

/// The address without its credentials: a password may change while the file stays the same.
fn key(url: &SecretUrl) -> String {
    let mut address = url.expose().clone();
    // A file's address takes no credentials, and has none.
    let _ = address.set_username("");
    let _ = address.set_password(None);
    hex::encode(Sha256::digest(address.as_str()))
}
