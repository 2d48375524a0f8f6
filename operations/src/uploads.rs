//! Files that operators send to a server, to be added as images. They come in pieces: one that was interrupted goes on where
//! it stopped, also after the server's machine did. What lies in the directory of uploads is for whoever began it.

use std::fs::{self, DirBuilder, File, OpenOptions, TryLockError};
use std::io::{self, Seek as _, SeekFrom, Write as _};
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use ays_files::{Readers, replace};
use serde::{Deserialize, Serialize};
use tokio::sync::mpsc::Receiver;

use crate::controller::Controller;
use crate::error::{Error, Kind};
use crate::off_runtime::to_its_end;

/// An upload that nobody has sent anything to for so long is forgotten.
const KEPT: Duration = Duration::from_hours(3 * 24);

/// More uploads than these are not begun.
const MOST: usize = 100;

/// After so many bytes, what has come is put down for good.
const SETTLED_EVERY: u64 = 16 * 1024 * 1024;

/// What is known of an upload, in its directory.
const STATE: &str = ".upload.json";

/// Its bytes, while they come.
const PART: &str = ".part";

/// Which upload: nobody guesses it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct UploadId(String);

impl UploadId {
    /// An upload's id as it is written; none: it is no such text.
    pub fn parse(text: &str) -> Option<Self> {
        let is_digit = |b: u8| matches!(b, b'0'..=b'9' | b'a'..=b'f');
        (text.len() == 32 && text.bytes().all(is_digit)).then(|| Self(text.to_owned()))
    }

    /// As it is written: 32 hexadecimal digits.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for UploadId {
    type Error = &'static str;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        Self::parse(&text).ok_or("an upload's id is 32 hexadecimal digits")
    }
}

impl From<UploadId> for String {
    fn from(id: UploadId) -> Self {
        id.0
    }
}

/// A file that is sent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Upload {
    /// Which one.
    pub id: UploadId,
    /// The file's name.
    pub name: String,
    /// Its length, in bytes.
    pub size: u64,
    /// How many of its bytes have come, and stay whatever happens.
    pub received: u64,
    /// Who sends it.
    pub by: String,
    /// By what the sender knows the file again; none: it said nothing.
    pub fingerprint: Option<String>,
}

/// Why a file is not taken.
#[derive(Debug, thiserror::Error)]
pub enum UploadError {
    /// There is none of this number, or it is somebody else's.
    #[error("there is no such upload (any more)")]
    Unknown,
    /// It has no bytes.
    #[error("an empty file is no image")]
    Empty,
    /// Too many are on their way.
    #[error("{MOST} uploads are there already: remove one, or wait until one is done")]
    TooMany,
    /// The disk of the server has less room than the file needs, and those that come already.
    #[error("the server has no room for it: {size} bytes, and {free} are free")]
    NoRoom {
        /// The file's length.
        size: u64,
        /// What is free, without what comes already.
        free: u64,
    },
    /// It is sent to already.
    #[error("somebody sends to this upload just now")]
    Busy,
    /// These bytes belong elsewhere.
    #[error("{received} bytes have come: send those that follow")]
    Elsewhere {
        /// How many have come.
        received: u64,
    },
    /// More bytes than it has.
    #[error("more bytes came than the file has")]
    TooLong,
    /// Not all of its bytes have come.
    #[error("{received} of its {size} bytes have come: send the rest first")]
    Unfinished {
        /// How many have come.
        received: u64,
        /// How many it has.
        size: u64,
    },
    /// The disk says no.
    #[error("it could not be kept")]
    Disk(#[from] io::Error),
    /// What was known of it.
    #[error("what is known of it could not be read")]
    State(#[from] serde_json::Error),
}

impl From<UploadError> for Error {
    fn from(error: UploadError) -> Self {
        let kind = match error {
            UploadError::Unknown => Kind::Unknown,
            UploadError::Disk(_) | UploadError::State(_) | UploadError::NoRoom { .. } => Kind::Failed,
            _ => Kind::Usage,
        };
        Self::new(kind, error)
    }
}

/// The uploads of a server's machine.
#[derive(Debug, Clone)]
pub struct Uploads {
    dir: PathBuf,
    actor: String,
}

impl Uploads {
    /// Those of whoever asks.
    pub fn of(controller: &Controller) -> Self {
        Self { dir: controller.logs.with_file_name("uploads"), actor: controller.actor.0.clone() }
    }

    /// Begins one. The name is for people: a plain one is made of it.
    ///
    /// # Errors
    ///
    /// It is empty, the disk has no room for it, or too many are on their way.
    pub async fn begin(
        self,
        name: String,
        size: u64,
        fingerprint: Option<String>,
    ) -> Result<Upload, UploadError> {
        blocking(move || {
            if size == 0 {
                return Err(UploadError::Empty);
            }
            private(&self.dir)?;
            // Two that begin at once must not promise the same room.
            let lock = OpenOptions::new().create(true).append(true).open(self.dir.join(".lock"))?;
            lock.lock()?;
            let others = all(&self.dir)?;
            if others.len() >= MOST {
                return Err(UploadError::TooMany);
            }
            let disk = rustix::fs::statvfs(&self.dir).map_err(io::Error::from)?;
            let promised: u64 =
                others.iter().map(|upload| upload.size - upload.received.min(upload.size)).sum();
            let free = disk.f_bavail.saturating_mul(disk.f_frsize).saturating_sub(promised);
            if size > free {
                return Err(UploadError::NoRoom { size, free });
            }
            let mut random = [0; 16];
            getrandom::fill(&mut random).map_err(io::Error::other)?;
            let id = UploadId(hex::encode(random));
            let upload =
                Upload { id, name: plain(&name), size, received: 0, by: self.actor.clone(), fingerprint };
            let dir = self.dir.join(upload.id.as_str());
            private(&dir)?;
            File::create_new(dir.join(PART))?;
            keep(&dir, &upload)?;
            Ok(upload)
        })
        .await
    }

    /// All of theirs.
    ///
    /// # Errors
    ///
    /// The disk says no.
    pub async fn all(self) -> Result<Vec<Upload>, UploadError> {
        blocking(move || {
            let all = all(&self.dir)?.into_iter();
            Ok(all.filter(|upload| upload.by == self.actor).collect())
        })
        .await
    }

    /// One by its id.
    ///
    /// # Errors
    ///
    /// There is none, or it is somebody else's.
    pub async fn get(self, id: UploadId) -> Result<Upload, UploadError> {
        blocking(move || self.read(&id)).await
    }

    /// Takes bytes that follow the first `at`, until there are no more or the sender is gone: what has come then stays.
    ///
    /// # Errors
    ///
    /// Other bytes are missing, more come than the file has, another one sends, or the disk says no.
    pub async fn append<P: AsRef<[u8]> + Send + 'static>(
        self,
        id: UploadId,
        at: u64,
        mut pieces: Receiver<P>,
    ) -> Result<Upload, UploadError> {
        blocking(move || {
            let dir = self.dir.join(self.read(&id)?.id.as_str());
            let mut part = match OpenOptions::new().write(true).open(dir.join(PART)) {
                Err(error) if error.kind() == io::ErrorKind::NotFound => {
                    let Upload { received, .. } = self.read(&id)?;
                    return Err(UploadError::Elsewhere { received });
                }
                part => part?,
            };
            match part.try_lock() {
                Ok(()) => {}
                Err(TryLockError::WouldBlock) => return Err(UploadError::Busy),
                Err(TryLockError::Error(error)) => return Err(error.into()),
            }
            let mut upload = self.read(&id)?;
            if at != upload.received {
                return Err(UploadError::Elsewhere { received: upload.received });
            }
            // What came before the machine stopped, and nobody was told of.
            part.set_len(at)?;
            part.seek(SeekFrom::Start(at))?;
            let mut written = at;
            let mut taken = Ok(());
            while let Some(piece) = pieces.blocking_recv() {
                let piece = piece.as_ref();
                let more = u64::try_from(piece.len()).unwrap_or(u64::MAX);
                if more > upload.size - written {
                    taken = Err(UploadError::TooLong);
                    break;
                }
                if let Err(error) = part.write_all(piece) {
                    taken = Err(error.into());
                    break;
                }
                written += more;
                if written - upload.received >= SETTLED_EVERY {
                    part.sync_data()?;
                    upload.received = written;
                    keep(&dir, &upload)?;
                }
            }
            part.sync_all()?;
            upload.received = written;
            if written == upload.size {
                fs::rename(dir.join(PART), dir.join(&upload.name))?;
            }
            keep(&dir, &upload)?;
            taken.map(|()| upload)
        })
        .await
    }

    /// Forgets one.
    ///
    /// # Errors
    ///
    /// There is none, it is somebody else's, or the disk says no.
    pub async fn remove(self, id: UploadId) -> Result<(), UploadError> {
        blocking(move || {
            let upload = self.read(&id)?;
            Ok(fs::remove_dir_all(self.dir.join(upload.id.as_str()))?)
        })
        .await
    }

    /// The file that was sent.
    pub(crate) async fn file(self, id: UploadId) -> Result<PathBuf, UploadError> {
        blocking(move || {
            let Upload { size, received, name, .. } = self.read(&id)?;
            if received < size {
                return Err(UploadError::Unfinished { received, size });
            }
            Ok(self.dir.join(id.as_str()).join(name).canonicalize()?)
        })
        .await
    }

    /// Forgets those that nobody sends to any more, of everybody.
    ///
    /// # Errors
    ///
    /// The disk says no.
    pub async fn forget_old(self) -> Result<(), Error> {
        let forgotten = blocking(move || {
            for dir in entries(&self.dir)? {
                // One without a state was begun when the machine stopped.
                let touched = dir.join(STATE).metadata().or_else(|_| dir.metadata())?;
                let age = SystemTime::now().duration_since(touched.modified()?);
                if dir.is_dir() && age.is_ok_and(|age| age > KEPT) {
                    fs::remove_dir_all(dir)?;
                }
            }
            Ok(())
        });
        Ok(forgotten.await?)
    }

    fn read(&self, id: &UploadId) -> Result<Upload, UploadError> {
        let upload = read(&self.dir.join(id.as_str()))?.ok_or(UploadError::Unknown)?;
        if upload.by == self.actor { Ok(upload) } else { Err(UploadError::Unknown) }
    }
}

async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, UploadError> + Send + 'static,
) -> Result<T, UploadError> {
    to_its_end(work).await.unwrap_or_else(|| Err(io::Error::from(io::ErrorKind::Interrupted).into()))
}

/// All that are there.
fn all(dir: &Path) -> Result<Vec<Upload>, UploadError> {
    let found = entries(dir)?.into_iter().map(|dir| read(&dir));
    found.filter_map(Result::transpose).collect()
}

fn entries(dir: &Path) -> io::Result<Vec<PathBuf>> {
    match dir.read_dir() {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Vec::new()),
        entries => entries?.map(|entry| Ok(entry?.path())).collect(),
    }
}

fn read(dir: &Path) -> Result<Option<Upload>, UploadError> {
    let mut upload: Upload = match fs::read(dir.join(STATE)) {
        Ok(bytes) => serde_json::from_slice(&bytes)?,
        Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => {
            return Ok(None);
        }
        Err(error) => return Err(error.into()),
    };
    // It has its name once all of it has come.
    if dir.join(&upload.name).try_exists()? {
        upload.received = upload.size;
    }
    Ok(Some(upload))
}

fn private(dir: &Path) -> io::Result<()> {
    DirBuilder::new().recursive(true).mode(0o700).create(dir)
}

fn keep(dir: &Path, upload: &Upload) -> Result<(), UploadError> {
    Ok(replace(&dir.join(STATE), &serde_json::to_vec(upload)?, Readers::User)?)
}

/// A file's name of what somebody calls it: neither a path, nor hidden.
fn plain(name: &str) -> String {
    let name = name.rsplit(['/', '\\']).next().unwrap_or_default();
    let is_plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_' | '+');
    let name: String = name.chars().take(100).map(|c| if is_plain(c) { c } else { '-' }).collect();
    let name = name.trim_start_matches(['.', '-']);
    if name.is_empty() { "image".to_owned() } else { name.to_owned() }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use tokio::sync::mpsc::channel;

    use super::*;

    async fn send(uploads: &Uploads, id: &UploadId, at: u64, pieces: &[&[u8]]) -> Result<u64, UploadError> {
        let (sender, receiver) = channel(pieces.len().max(1));
        for piece in pieces {
            sender.send(piece.to_vec()).await.unwrap();
        }
        drop(sender);
        Ok(uploads.clone().append(id.clone(), at, receiver).await?.received)
    }

    #[tokio::test]
    async fn a_file_comes_in_pieces_and_is_there_when_it_is_whole() {
        let home = tempfile::tempdir().unwrap();
        let uploads = Uploads { dir: home.path().join("uploads"), actor: "anna".to_owned() };
        let Upload { id, name, .. } =
            uploads.clone().begin("../../etc/.b c\u{e4}.raw".to_owned(), 10, None).await.unwrap();
        assert_eq!(name, "b-c-.raw");
        assert_eq!(send(&uploads, &id, 0, &[b"01", b"23"]).await.unwrap(), 4);
        // What came before the machine stopped, and nobody was told of.
        let dir = uploads.dir.join(id.as_str());
        OpenOptions::new().append(true).open(dir.join(PART)).unwrap().write_all(b"torn").unwrap();
        assert!(matches!(
            send(&uploads, &id, 8, &[b"89"]).await,
            Err(UploadError::Elsewhere { received: 4 })
        ));
        let early = uploads.clone().file(id.clone()).await;
        assert!(matches!(early, Err(UploadError::Unfinished { received: 4, size: 10 })));
        // Of what is too long, nothing of the piece that is.
        let long = send(&uploads, &id, 4, &[b"45", b"6789abc"]).await;
        assert!(matches!(long, Err(UploadError::TooLong)), "{long:?}");
        assert_eq!(uploads.clone().get(id.clone()).await.unwrap().received, 6);
        let bert = Uploads { actor: "bert".to_owned(), ..uploads.clone() };
        assert!(matches!(bert.clone().get(id.clone()).await, Err(UploadError::Unknown)));
        assert!(matches!(bert.remove(id.clone()).await, Err(UploadError::Unknown)));
        let (sender, receiver) = channel(1);
        let first = tokio::spawn(uploads.clone().append(id.clone(), 6, receiver));
        // It has the upload once it has taken this.
        sender.send(b"6".to_vec()).await.unwrap();
        sender.reserve().await.unwrap();
        assert!(matches!(send(&uploads, &id, 6, &[b"6"]).await, Err(UploadError::Busy)));
        drop(sender);
        assert_eq!(first.await.unwrap().unwrap().received, 7);
        assert_eq!(send(&uploads, &id, 7, &[b"789"]).await.unwrap(), 10);
        let file = uploads.clone().file(id.clone()).await.unwrap();
        assert_eq!(fs::read(&file).unwrap(), b"0123456789");
        assert!(matches!(send(&uploads, &id, 10, &[]).await, Err(UploadError::Elsewhere { received: 10 })));
        uploads.clone().forget_old().await.unwrap();
        let state = File::options().write(true).open(dir.join(STATE)).unwrap();
        state.set_modified(SystemTime::now() - KEPT - Duration::from_secs(1)).unwrap();
        uploads.clone().forget_old().await.unwrap();
        assert!(!dir.exists());
    }

    #[tokio::test]
    async fn what_has_no_room_is_not_begun() {
        let home = tempfile::tempdir().unwrap();
        let uploads = Uploads { dir: home.path().join("uploads"), actor: "anna".to_owned() };
        let begin = async |size| uploads.clone().begin("x".to_owned(), size, None).await;
        assert!(matches!(begin(0).await, Err(UploadError::Empty)));
        let Err(UploadError::NoRoom { free, .. }) = begin(u64::MAX).await else { panic!() };
        // Others that come have their room already.
        begin(free / 2).await.unwrap();
        assert!(matches!(begin(free - free / 4).await, Err(UploadError::NoRoom { .. })));
        for text in ["", "..", "0123456789abcdef0123456789ABCDEF", "0123456789abcdef0123456789abcde/"] {
            assert_eq!(UploadId::parse(text), None);
        }
    }
}
