//! Which disks stand on a file: those in the pool and in the directories of machines are asked which other files they
//! need, and so are these.

use std::collections::HashSet;
use std::fs::{self, File, Metadata, OpenOptions};
use std::io::{self, ErrorKind};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use ays_disk::{References, references};
use ays_protocol::FileUse;
use rustix::fs::OFlags;

use super::names::{holds, paths};
use super::wanted::{FileId, Wanted};

/// How long all of it may take.
const LIMIT: Duration = Duration::from_secs(120);

/// How many names are looked at.
const MOST_ENTRIES: usize = 1_000_000;

/// How many directories lie in each other.
const DEEPEST: usize = 32;

/// How many disks stand on each other.
const LONGEST_CHAIN: usize = 256;

/// A search among the disks of a node.
pub(super) struct Search<'a> {
    wanted: &'a mut Wanted,
    until: Instant,
    entries: usize,
    /// Directories may be named twice, and lie in each other.
    seen: HashSet<FileId>,
}

/// Why a search ended early.
struct Ended {
    path: PathBuf,
    reason: String,
}

impl Ended {
    fn at(path: &Path, reason: impl ToString) -> Self {
        Self { path: path.to_owned(), reason: reason.to_string() }
    }
}

impl<'a> Search<'a> {
    pub fn new(wanted: &'a mut Wanted) -> Self {
        Self { wanted, until: Instant::now() + LIMIT, entries: 0, seen: HashSet::new() }
    }

    /// Notes which disks in these directories stand on a file. Where not all can be looked at, any of the files may be
    /// used.
    pub fn run<'p>(mut self, directories: impl Iterator<Item = &'p PathBuf>) {
        for directory in directories {
            // The directory itself may be a link, as /var/lib/libvirt/images often is.
            let directory = match directory.canonicalize() {
                Err(error) if is_missing(&error) => continue,
                Err(error) => return self.end(Ended::at(directory, error)),
                Ok(directory) => directory,
            };
            if let Err(ended) = self.walk(directory) {
                return self.end(ended);
            }
        }
    }

    fn end(&mut self, Ended { path, reason }: Ended) {
        self.wanted.all_not_told(&path, &reason);
    }

    /// No link to a directory is followed: what it leads to is a directory of its own in `users`.
    fn walk(&mut self, top: PathBuf) -> Result<(), Ended> {
        let mut left = vec![(top, 0)];
        while let Some((directory, depth)) = left.pop() {
            let failed = |error: io::Error| Ended::at(&directory, error);
            let id = match fs::metadata(&directory) {
                Ok(found) => FileId::of(&found),
                Err(error) if is_missing(&error) => continue,
                Err(error) => return Err(failed(error)),
            };
            if !self.seen.insert(id) {
                continue;
            }
            for entry in fs::read_dir(&directory).map_err(failed)? {
                let entry = entry.map_err(failed)?;
                let path = entry.path();
                self.spend(&path)?;
                let kind = entry.file_type().map_err(failed)?;
                if kind.is_dir() {
                    if depth == DEEPEST {
                        return Err(Ended::at(&path, "directories lie too deep in each other"));
                    }
                    left.push((path, depth + 1));
                } else if kind.is_file() || kind.is_symlink() {
                    self.ask(&path)?;
                }
            }
        }
        Ok(())
    }

    fn spend(&mut self, at: &Path) -> Result<(), Ended> {
        self.entries += 1;
        if self.entries > MOST_ENTRIES {
            return Err(Ended::at(at, format!("more than {MOST_ENTRIES} files are there")));
        }
        if Instant::now() > self.until {
            return Err(Ended::at(at, format!("the search took longer than {} s", LIMIT.as_secs())));
        }
        Ok(())
    }

    /// Follows what a disk stands on, down to a file that is to be removed.
    fn ask(&mut self, disk: &Path) -> Result<(), Ended> {
        let Some((found, is_link)) = look(disk).map_err(|error| Ended::at(disk, error))? else {
            return Ok(());
        };
        let id = FileId::of(&found);
        if let Some(number) = self.wanted.find(id) {
            if is_link {
                self.wanted.used(number, FileUse::Link(disk.to_owned()));
            }
            return Ok(());
        }
        let mut asked = HashSet::from([id]);
        let mut left = vec![disk.to_owned()];
        while let Some(path) = left.pop() {
            if asked.len() > LONGEST_CHAIN {
                return Err(Ended::at(disk, "too many disks stand on each other"));
            }
            self.spend(&path)?;
            let failed = |error: io::Error| Ended::at(&path, error);
            let Some(file) = open(&path).map_err(failed)? else { continue };
            let names = match references(&file).map_err(failed)? {
                References::Named(names) => names,
                References::Within(bytes) => {
                    self.note_named(disk, &bytes);
                    continue;
                }
            };
            for name in names {
                self.follow(disk, &path, &name, &mut asked, &mut left)?;
            }
        }
        Ok(())
    }

    /// Finds the file that `name` in the disk at `path` means.
    fn follow(
        &mut self,
        disk: &Path,
        path: &Path,
        name: &[u8],
        asked: &mut HashSet<FileId>,
        left: &mut Vec<PathBuf>,
    ) -> Result<(), Ended> {
        // By a link, QEMU takes the directory of the link; what a machine's definition says is not known.
        let real = path.canonicalize().map_err(|error| Ended::at(path, error))?;
        let mut directories: Vec<_> =
            [path, real.as_path()].iter().filter_map(|path| path.parent()).collect();
        directories.dedup();
        let mut is_there = false;
        for place in paths(name).iter().flat_map(|name| directories.iter().map(move |at| at.join(name))) {
            let Ok(found) = fs::metadata(&place) else { continue };
            is_there = true;
            let id = FileId::of(&found);
            if let Some(number) = self.wanted.find(id) {
                self.wanted.used(number, FileUse::Disk(disk.to_owned()));
            } else if found.is_file() && asked.insert(id) {
                left.push(place);
            }
        }
        if !is_there {
            self.note_named(disk, name);
        }
        Ok(())
    }

    /// A disk holds the name of a file in words that are not understood.
    fn note_named(&mut self, disk: &Path, words: &[u8]) {
        for number in self.wanted.find_names(|name| holds(words, name)) {
            self.wanted.used(number, FileUse::Named { disk: disk.to_owned() });
        }
    }
}

/// What a path leads to, when it is a file, and whether by a link.
fn look(path: &Path) -> io::Result<Option<(Metadata, bool)>> {
    let is_link = match fs::symlink_metadata(path) {
        Ok(found) => found.is_symlink(),
        Err(error) if is_missing(&error) => return Ok(None),
        Err(error) => return Err(error),
    };
    match fs::metadata(path) {
        Ok(found) => Ok(found.is_file().then_some((found, is_link))),
        // A link that leads nowhere, or round in a circle.
        Err(_) if is_link => Ok(None),
        Err(error) if is_missing(&error) => Ok(None),
        Err(error) => Err(error),
    }
}

fn open(path: &Path) -> io::Result<Option<File>> {
    #[expect(clippy::cast_possible_wrap, reason = "the flags of open(2) are an int")]
    let flags = (OFlags::NONBLOCK | OFlags::NOCTTY).bits() as i32;
    match OpenOptions::new().read(true).custom_flags(flags).open(path) {
        Ok(file) => Ok(file.metadata()?.is_file().then_some(file)),
        Err(error) if is_missing(&error) => Ok(None),
        Err(error) => Err(error),
    }
}

fn is_missing(error: &io::Error) -> bool {
    matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory)
}
