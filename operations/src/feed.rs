//! A simplestreams feed of what stacks offer: a directory on this machine has each offered content as a qcow2 file, and the
//! texts of the feed name those that are offered now.
//!
//! What the format is: <https://git.launchpad.net/simplestreams/tree/doc/README>; what LXD and Incus read of it is in the
//! latter's `shared/simplestreams`.

use std::collections::HashSet;
use std::ffi::OsStr;
use std::fs::{self, DirEntry, File};
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use ays_catalogue::{Catalogue, Generation, Image};
use ays_engine::Stop;
use ays_files::{Readers, replace};
use ays_model::{Content, Digest, DiskFormat, ImageName};
use ays_transport::SshSettings;
use rustix::fs::{FlockOperation, flock};
use sha2::{Digest as _, Sha256};

use crate::ExportImage;
use crate::controller::{Controller, Tell};
use crate::error::{Error, Kind};
use crate::feed_texts::{self, FileFacts, Item, Recorded, disk_file, metadata_file};
use crate::off_runtime::blocking;

/// Where clients find the files, below the feed's address.
const FILES: &str = "images";
/// What is known of each file that is whole.
const RECORDS: &str = "records";
/// Where files are made.
const MAKING: &str = "making";

/// Why there is no feed.
#[derive(Debug, thiserror::Error)]
enum FeedError {
    #[error("{path} cannot be used for the feed", path = .path.display())]
    File { path: PathBuf, source: io::Error },
    #[error("{path} is used by another server: each feed needs a directory of its own", path = .0.display())]
    Used(PathBuf),
    #[error("its record cannot be written")]
    Record(#[source] serde_json::Error),
}

impl From<FeedError> for Error {
    fn from(error: FeedError) -> Self {
        Self::new(Kind::Failed, error)
    }
}

/// A feed's directory. While it is open, no other server can use it.
#[derive(Debug, Clone)]
pub struct Feed {
    directory: Arc<Path>,
    _lock: Arc<File>,
}

/// An image that the feed does not have yet.
#[derive(Debug)]
pub struct NotInFeed {
    /// Its name.
    pub image: ImageName,
    /// The generation's number.
    pub generation: u32,
    /// Why.
    pub why: Error,
}

impl Feed {
    /// Opens a directory, and makes it where there is none.
    ///
    /// # Errors
    ///
    /// It cannot be made, or another server uses it.
    pub async fn open(directory: PathBuf) -> Result<Self, Error> {
        blocking(move || {
            let made =
                [FILES, RECORDS, MAKING].iter().try_for_each(|name| fs::create_dir_all(directory.join(name)));
            made.map_err(in_directory(&directory))?;
            let lock = File::create(directory.join("lock")).map_err(in_directory(&directory))?;
            if flock(&lock, FlockOperation::NonBlockingLockExclusive).is_err() {
                return Err(FeedError::Used(directory).into());
            }
            Ok(Self { directory: directory.into(), _lock: Arc::new(lock) })
        })
        .await
    }

    /// The directory whose files clients get below `/streams/files/`.
    pub fn files(&self) -> PathBuf {
        self.directory.join(FILES)
    }

    /// The text of `streams/v1/index.json`.
    ///
    /// # Errors
    ///
    /// Those of the catalogue.
    pub async fn index(&self, controller: &Controller) -> Result<String, Error> {
        let items = self.items(&controller.catalogue).await?;
        Ok(feed_texts::index(controller.environment.name(), &items))
    }

    /// The text of `streams/v1/images.json`: what stacks offer now, of which the files are here.
    ///
    /// # Errors
    ///
    /// Those of the catalogue.
    pub async fn images(&self, controller: &Controller) -> Result<String, Error> {
        let items = self.items(&controller.catalogue).await?;
        Ok(feed_texts::products(controller.environment.name(), &items))
    }

    /// What is offered, and here.
    async fn items(&self, catalogue: &Catalogue) -> Result<Vec<Item>, Error> {
        let offered = catalogue.offered_generations().await?;
        let feed = self.clone();
        blocking(move || {
            let item = |(image, generation): (Image, Generation)| {
                let content = content_of(&generation)?;
                let recorded = feed.recorded(content)?;
                Some(Item { image, generation, content, recorded })
            };
            Ok(offered.into_iter().filter_map(item).collect())
        })
        .await
    }

    /// What is offered, and not here yet.
    ///
    /// # Errors
    ///
    /// Those of the catalogue.
    pub async fn missing(&self, catalogue: &Catalogue) -> Result<Vec<(Image, Generation)>, Error> {
        let offered = catalogue.offered_generations().await?;
        let feed = self.clone();
        blocking(move || {
            let is_missing = |(_, generation): &(Image, Generation)| {
                content_of(generation).is_some_and(|content| feed.recorded(content).is_none())
            };
            Ok(offered.into_iter().filter(is_missing).collect())
        })
        .await
    }

    /// Brings what is missing from the nodes, one after the other.
    ///
    /// # Errors
    ///
    /// It was stopped.
    pub async fn bring(
        &self,
        missing: Vec<(Image, Generation)>,
        controller: &Controller,
        ssh: &SshSettings,
        stop: &Stop,
        tell: &Tell,
    ) -> Result<Vec<NotInFeed>, Error> {
        let mut not_brought = Vec::new();
        for (image, generation) in missing {
            let (name, number) = (image.name.clone(), generation.number);
            let brought = self.bring_one(image, generation, controller, ssh, stop, tell).await;
            match brought {
                Ok(()) => {}
                Err(error) if error.kind == Kind::Interrupted => return Err(error),
                Err(why) => not_brought.push(NotInFeed { image: name, generation: number, why }),
            }
        }
        Ok(not_brought)
    }

    async fn bring_one(
        &self,
        image: Image,
        generation: Generation,
        controller: &Controller,
        ssh: &SshSettings,
        stop: &Stop,
        tell: &Tell,
    ) -> Result<(), Error> {
        let Some(content) = content_of(&generation) else { return Ok(()) };
        let making = self.directory.join(MAKING).join(disk_file(content));
        let export = ExportImage {
            image: image.id.0.to_string(),
            generation: Some(generation.number),
            file: making.clone(),
            format: DiskFormat::Qcow2,
            replace: true,
        };
        export.run(controller.clone(), ssh.clone(), stop.clone(), Arc::clone(tell)).await?;
        let feed = self.clone();
        blocking(move || {
            let metadata = feed_texts::metadata(&generation);
            feed.keep(content, &making, &metadata)
        })
        .await
    }

    /// Gives files their names, and records them last.
    fn keep(&self, content: Content, making: &Path, metadata: &[u8]) -> Result<(), Error> {
        let recorded = measure(making, metadata).map_err(in_directory(making))?;
        let metadata_path = self.files().join(metadata_file(content));
        replace(&metadata_path, metadata, Readers::AsBefore).map_err(in_directory(&metadata_path))?;
        let disk_path = self.files().join(disk_file(content));
        let named = fs::rename(making, &disk_path).and_then(|()| File::open(self.files())?.sync_all());
        named.map_err(in_directory(&disk_path))?;
        let record = self.record_path(content);
        let text = serde_json::to_vec(&recorded).map_err(FeedError::Record)?;
        replace(&record, &text, Readers::AsBefore).map_err(in_directory(&record))?;
        Ok(())
    }

    /// Removes the files of contents of which no pool has a verified copy any more, and what is left of a server that was
    /// killed.
    ///
    /// # Errors
    ///
    /// Those of the catalogue and of the directory.
    pub async fn remove_unknown(&self, catalogue: &Catalogue) -> Result<(), Error> {
        let kept: HashSet<Content> =
            catalogue.verified_contents().await?.into_iter().filter_map(named).collect();
        let feed = self.clone();
        blocking(move || {
            // The records go first: a file without one is in no text.
            for name in [RECORDS, FILES, MAKING] {
                let directory = feed.directory.join(name);
                for entry in fs::read_dir(&directory).map_err(in_directory(&directory))? {
                    let entry = entry.map_err(in_directory(&directory))?;
                    if content_in(&entry.file_name()).is_some_and(|content| !kept.contains(&content)) {
                        remove(&entry).map_err(in_directory(&entry.path()))?;
                    }
                }
            }
            Ok(())
        })
        .await
    }

    fn record_path(&self, content: Content) -> PathBuf {
        self.directory.join(RECORDS).join(format!("{content}.json"))
    }

    /// What is known of a content whose files are whole; none: they are not here.
    fn recorded(&self, content: Content) -> Option<Recorded> {
        let recorded: Recorded = serde_json::from_slice(&fs::read(self.record_path(content)).ok()?).ok()?;
        let is_there = |name: String, facts: &FileFacts| {
            fs::metadata(self.files().join(name)).is_ok_and(|found| found.len() == facts.size)
        };
        let is_whole = is_there(disk_file(content), &recorded.disk)
            && is_there(metadata_file(content), &recorded.metadata);
        is_whole.then_some(recorded)
    }
}

/// The content that a file of the feed, or what is left of its making, is named after.
fn content_in(name: &OsStr) -> Option<Content> {
    let name = name.to_str()?.trim_start_matches('.');
    name.split('.').next()?.parse().ok()
}

fn remove(entry: &DirEntry) -> io::Result<()> {
    if entry.file_type()?.is_dir() { fs::remove_dir_all(entry.path()) } else { fs::remove_file(entry.path()) }
}

/// The content of a generation; none: it is known by its SHA-256 only, and cannot be compared after a conversion.
fn content_of(generation: &Generation) -> Option<Content> {
    named(generation.content)
}

fn named(digest: Digest) -> Option<Content> {
    match digest {
        Digest::FsVerity(content) => Some(content),
        Digest::Sha256(_) => None,
    }
}

fn in_directory(path: &Path) -> impl FnOnce(io::Error) -> Error {
    let path = path.to_owned();
    move |source| FeedError::File { path, source }.into()
}

/// Reads a disk once for both of its digests.
fn measure(disk: &Path, metadata: &[u8]) -> io::Result<Recorded> {
    let (mut alone, mut combined) = (Sha256::new(), Sha256::new_with_prefix(metadata));
    let mut file = File::open(disk)?;
    let mut buffer = vec![0; 1 << 20];
    let mut size = 0;
    loop {
        let read = file.read(&mut buffer)?;
        let Some(bytes) = buffer.get(..read).filter(|bytes| !bytes.is_empty()) else { break };
        alone.update(bytes);
        combined.update(bytes);
        size += bytes.len() as u64;
    }
    Ok(Recorded {
        disk: FileFacts { size, sha256: ays_model::Sha256(alone.finalize().into()) },
        metadata: FileFacts {
            size: metadata.len() as u64,
            sha256: ays_model::Sha256(Sha256::digest(metadata).into()),
        },
        combined_sha256: ays_model::Sha256(combined.finalize().into()),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_left_of_a_content_is_known_by_its_name() {
        let content = "ab".repeat(32);
        for name in ["X.json", "X.qcow2", "X.tar", ".X.qcow2.ays-part", ".X.qcow2.ays-export"] {
            let name = name.replace('X', &content);
            assert_eq!(
                content_in(OsStr::new(&name)).map(|found| found.to_string()),
                Some(content.clone()),
                "{name}"
            );
        }
        for other in ["notes.txt", "lock", "", ".."] {
            assert_eq!(content_in(OsStr::new(other)), None, "{other}");
        }
    }
}
