//! A service of this node: its directory, and what an install wrote for it, so that an uninstall removes that and nothing
//! else. What is written is noted before it is written.

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::fs::{self, File, Metadata};
use std::io::{Read, Seek, SeekFrom};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use ays_model::Sha256;
use ays_protocol::Failure;
use serde::{Deserialize, Serialize};
use sha2::Digest;

use crate::disk::{check_path, failure, make_directory, refused, rename, sha256_of};
use crate::file_name::part_of;
use crate::locked::wait_locked;
use crate::way;

/// Where services have their directories on a node, where root works.
const OF_ROOT: &str = "/var/lib/ays/services";
/// The same on this machine, below the home of a user who is not root.
const OF_USER: &str = ".local/share/ays/services";
/// What was written.
pub(crate) const RECORD: &str = "written.json";

/// A service of this node. Nobody else changes what is written of it meanwhile.
pub(crate) struct Service {
    dir: PathBuf,
    pub written: Written,
    others: OnceLock<Others>,
    _lock: File,
}

/// What an install wrote.
#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Written {
    /// Files and links that were not there before.
    pub files: BTreeSet<PathBuf>,
    /// Directories that were not there before.
    pub directories: BTreeSet<PathBuf>,
    /// The files and links of each tree, by what the controller calls it.
    pub trees: BTreeMap<String, BTreeSet<PathBuf>>,
    /// Units of systemd.
    pub units: BTreeSet<String>,
    /// Packages that were not there before.
    pub packages: BTreeSet<String>,
    /// What was in the place of something that the service's methods have changed.
    pub before: BTreeMap<PathBuf, Before>,
}

/// What the other services of the node have, as their records say.
#[derive(Debug, Default)]
pub(crate) struct Others {
    pub files: HashSet<PathBuf>,
    pub directories: HashSet<PathBuf>,
    pub packages: HashSet<String>,
    /// What came from repositories.
    trees: HashSet<PathBuf>,
}

/// What was at a path before a method of the service changed it.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Before {
    pub mode: u32,
    pub uid: u32,
    pub gid: u32,
    /// None: only the rights were changed.
    pub content: Option<Kept>,
    /// What the service has made of it last; none: it was removed. What is found to be something else was changed by
    /// somebody since, and stays.
    pub made: Option<Sha256>,
}

/// What is kept of a file or link.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) enum Kept {
    /// A copy with this name in the service's directory.
    File(String),
    /// What the link points to.
    Link(PathBuf),
}

/// What is changed of something.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Change {
    /// Its bytes, or that it is there at all.
    Content,
    /// Its owner or its permissions.
    Rights,
}

/// Where services have their directories.
pub(crate) fn services() -> PathBuf {
    match std::env::var_os("HOME") {
        Some(home) if !rustix::process::geteuid().is_root() => Path::new(&home).join(OF_USER),
        _ => PathBuf::from(OF_ROOT),
    }
}

/// The directory of a service; its name must be a plain one.
pub(crate) fn directory(service: &str) -> Result<PathBuf, Failure> {
    check_name(service)?;
    Ok(services().join(service))
}

/// A name that is the name of a file, and nothing else.
pub(crate) fn check_name(name: &str) -> Result<(), Failure> {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    if name.is_empty() || name.len() > 200 || name.starts_with(['.', '-']) || !name.chars().all(is_plain) {
        return Err(refused(Path::new(name), "it is no plain name"));
    }
    Ok(())
}

impl Service {
    /// The service of this name; its directory is made.
    pub fn open(name: &str) -> Result<Self, Failure> {
        Self::in_directory(directory(name)?)
    }

    /// The service that has this directory, which is made.
    pub fn in_directory(dir: PathBuf) -> Result<Self, Failure> {
        make_directory(&dir)?;
        let lock = wait_locked(&dir.join("lock"))?;
        let record = dir.join(RECORD);
        let written = match fs::read(&record) {
            Ok(bytes) => serde_json::from_slice(&bytes)
                .map_err(|error| failure(&record, "reading", &std::io::Error::other(error)))?,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Written::default(),
            Err(error) => return Err(failure(&record, "reading", &error)),
        };
        Ok(Self { dir, written, others: OnceLock::new(), _lock: lock })
    }

    /// Its directory.
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// What the other services of the node have.
    pub fn others(&self) -> &Others {
        self.others.get_or_init(|| {
            let beside = self.dir.parent().and_then(|services| fs::read_dir(services).ok());
            let mut others = Others::default();
            for entry in beside.into_iter().flatten().filter_map(Result::ok) {
                let record = entry.path().join(RECORD);
                let written = fs::read(record).ok().and_then(|text| serde_json::from_slice(&text).ok());
                if let (true, Some(Written { files, directories, packages, trees, .. })) =
                    (entry.path() != self.dir, written)
                {
                    others.files.extend(files);
                    others.directories.extend(directories);
                    others.packages.extend(packages);
                    others.trees.extend(trees.into_values().flatten());
                }
            }
            others
        })
    }

    /// Whether a link came from a repository: nobody on the node chose where it leads. Those that methods make are as good
    /// as what else methods do.
    pub fn is_of_service(&self, link: &Path) -> bool {
        self.written.trees.values().any(|paths| paths.contains(link)) || self.others().trees.contains(link)
    }

    /// Notes files of a recipe that will be written. A way that leads elsewhere is refused.
    pub fn note<'p>(&mut self, paths: impl IntoIterator<Item = &'p Path> + Clone) -> Result<(), Failure> {
        for path in paths.clone() {
            check_path(path)?;
            way::check(path, &|link| self.is_of_service(link))?;
        }
        self.will_write(paths)
    }

    /// Notes files that will be written, and the directories that they need. What is there already is noted only where
    /// another service has brought it: it goes with the last one of them.
    pub fn will_write<'p>(&mut self, paths: impl IntoIterator<Item = &'p Path>) -> Result<(), Failure> {
        let mut is_changed = false;
        for path in paths {
            check_path(path)?;
            if path.symlink_metadata().is_err() || self.others().files.contains(path) {
                is_changed |= self.written.files.insert(path.to_owned());
            }
            is_changed |= self.note_directories(path.ancestors().skip(1));
        }
        if is_changed { self.save() } else { Ok(()) }
    }

    /// The same of a directory that will be made.
    pub fn will_make(&mut self, directory: &Path) -> Result<(), Failure> {
        if self.note_directories(directory.ancestors()) { self.save() } else { Ok(()) }
    }

    /// Notes directories, each of which lies in the next one; whether that is news.
    fn note_directories<'p>(&mut self, directories: impl Iterator<Item = &'p Path>) -> bool {
        let mut is_changed = false;
        for directory in directories {
            if directory.symlink_metadata().is_ok() && !self.others().directories.contains(directory) {
                break;
            }
            is_changed |= self.written.directories.insert(directory.to_owned());
        }
        is_changed
    }

    /// Notes that something will be changed, and keeps what is there, unless it is the service's own.
    pub fn will_change(&mut self, path: &Path, what: Change) -> Result<(), Failure> {
        let Ok(found) = path.symlink_metadata() else {
            return if what == Change::Content { self.will_write([path]) } else { Ok(()) };
        };
        let known = self.written.before.get(path);
        let is_own = self.written.files.contains(path) || self.written.directories.contains(path);
        let is_kept = known.is_some_and(|known| known.content.is_some() || what == Change::Rights);
        if is_own || is_kept {
            return Ok(());
        }
        let content = match what {
            Change::Rights => None,
            Change::Content if found.is_symlink() => {
                let to = fs::read_link(path).map_err(|error| failure(path, "reading the link", &error))?;
                Some(Kept::Link(to))
            }
            Change::Content if found.is_file() => Some(Kept::File(self.keep(path)?)),
            Change::Content => None,
        };
        let (mode, uid, gid) = match known {
            Some(known) => (known.mode, known.uid, known.gid),
            None => (found.mode() & 0o7777, found.uid(), found.gid()),
        };
        self.written.before.insert(path.to_owned(), Before { mode, uid, gid, content, made: None });
        self.save()
    }

    /// Copies a file into the service's directory; the copy's name.
    fn keep(&self, path: &Path) -> Result<String, Failure> {
        // Of each path, so that no copy takes the place of another.
        let name = format!("before-{}", hex::encode(sha2::Sha256::digest(path.as_os_str().as_bytes())));
        let kept = self.dir.join(&name);
        let mut file = File::open(path).map_err(|error| failure(path, "reading", &error))?;
        fill(&kept, &mut file, &Like { mode: 0o600, owner: None })?.finish(&kept)?;
        Ok(name)
    }

    /// Writes a file, with what was there kept. It has all of its bytes when it gets its name.
    pub fn put(&mut self, path: &Path, from: &mut impl Read, like: &Like) -> Result<(), Failure> {
        self.will_change(path, Change::Content)?;
        let mut part = fill(path, from, like)?;
        if self.written.before.contains_key(path) {
            let made = part.digest()?;
            if let Some(before) = self.written.before.get_mut(path) {
                before.made = Some(made);
            }
            self.save()?;
        }
        part.finish(path)
    }

    /// Writes down what was written.
    pub fn save(&self) -> Result<(), Failure> {
        let record = self.dir.join(RECORD);
        let text = serde_json::to_vec_pretty(&self.written)
            .map_err(|error| failure(&record, "writing", &std::io::Error::other(error)))?;
        replace(&record, &text, 0o600)
    }
}

/// Puts a file in the place of whatever is there; it has all of its bytes when it gets its name.
pub(crate) fn replace(path: &Path, bytes: &[u8], mode: u32) -> Result<(), Failure> {
    fill(path, &mut &bytes[..], &Like { mode, owner: None })?.finish(path)
}

/// The same, with an owner and rights.
pub(crate) fn replace_like(path: &Path, from: &mut impl Read, like: &Like) -> Result<(), Failure> {
    fill(path, from, like)?.finish(path)
}

/// Whose a file becomes, and who may do what with it.
pub(crate) struct Like {
    pub mode: u32,
    /// None: whoever writes it.
    pub owner: Option<(u32, u32)>,
}

impl Like {
    /// As another one is; where there is none, as a new file is.
    pub fn of(found: Option<&Metadata>) -> Self {
        match found {
            Some(found) => Self { mode: found.mode() & 0o7777, owner: Some((found.uid(), found.gid())) },
            None => Self { mode: 0o644, owner: None },
        }
    }
}

/// A file that has all of its bytes, and not its name yet.
struct Part {
    path: PathBuf,
    file: File,
}

/// Writes a file beside the place where it is to be; where that fails, nothing of it is left.
fn fill(path: &Path, from: &mut impl Read, like: &Like) -> Result<Part, Failure> {
    let part = part_of(path);
    let mut file = wait_locked(&part)?;
    match fill_file(&mut file, from, like) {
        Ok(()) => Ok(Part { path: part, file }),
        Err(error) => {
            // Why it failed matters more.
            let _ = fs::remove_file(&part);
            Err(failure(path, "writing", &error))
        }
    }
}

fn fill_file(file: &mut File, from: &mut impl Read, like: &Like) -> std::io::Result<()> {
    file.set_len(0)?;
    std::io::copy(from, file)?;
    if let Some((uid, gid)) = like.owner
        && (uid, gid) != (rustix::process::geteuid().as_raw(), rustix::process::getegid().as_raw())
    {
        std::os::unix::fs::fchown(&*file, Some(uid), Some(gid))?;
    }
    set_mode(file, like.mode)?;
    file.sync_all()
}

impl Part {
    fn digest(&mut self) -> Result<Sha256, Failure> {
        let failed = |error: std::io::Error| failure(&self.path, "reading", &error);
        self.file.seek(SeekFrom::Start(0)).map_err(failed)?;
        sha256_of(&mut self.file).map_err(failed)
    }

    fn finish(self, path: &Path) -> Result<(), Failure> {
        rename(&self.path, path)
    }
}

/// Sets who may do what with a file.
pub(crate) fn set_mode(file: &File, mode: u32) -> std::io::Result<()> {
    file.set_permissions(std::os::unix::fs::PermissionsExt::from_mode(mode))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Bytes that are read while nobody else may read the part.
    struct Watched<'a> {
        part: &'a Path,
        left: &'static [u8],
    }

    impl Read for Watched<'_> {
        fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
            assert_eq!(self.part.metadata()?.mode() & 0o777, 0o600);
            self.left.read(buffer)
        }
    }

    #[test]
    fn nobody_reads_what_is_half_written() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("x");
        let part = part_of(&path);
        let mut from = Watched { part: &part, left: b"secret" };
        replace_like(&path, &mut from, &Like { mode: 0o644, owner: None }).unwrap();
        assert_eq!(path.metadata().unwrap().mode() & 0o777, 0o644);
    }

    #[test]
    fn what_cannot_be_written_whole_leaves_nothing() {
        struct Broken;
        impl Read for Broken {
            fn read(&mut self, _: &mut [u8]) -> std::io::Result<usize> {
                Err(std::io::Error::other("broken"))
            }
        }
        let directory = tempfile::tempdir().unwrap();
        let like = Like { mode: 0o644, owner: None };
        assert!(replace_like(&directory.path().join("x"), &mut Broken, &like).is_err());
        assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 0);
    }

    #[test]
    fn a_directory_that_two_services_make_goes_with_the_last_one() {
        let directory = tempfile::tempdir().unwrap();
        let (services, shared) = (directory.path().join("services"), directory.path().join("app"));
        let make = |name: &str| {
            let mut service = Service::in_directory(services.join(name)).unwrap();
            service.will_make(&shared).unwrap();
            make_directory(&shared).unwrap();
            service.written.directories.clone()
        };
        let expected = BTreeSet::from([shared.clone()]);
        assert_eq!((make("a"), make("b")), (expected.clone(), expected));
    }

    #[test]
    fn each_file_that_is_changed_has_a_copy_of_its_own() {
        let directory = tempfile::tempdir().unwrap();
        let (a, b) = (directory.path().join("a"), directory.path().join("b"));
        fs::write(&a, "first").unwrap();
        fs::write(&b, "second").unwrap();
        let mut service = Service::in_directory(directory.path().join("s")).unwrap();
        service.will_change(&a, Change::Rights).unwrap();
        service.will_change(&b, Change::Content).unwrap();
        service.will_change(&a, Change::Content).unwrap();
        let kept = |path: &Path| match &service.written.before[path].content {
            Some(Kept::File(name)) => fs::read_to_string(service.dir().join(name)).unwrap(),
            other => panic!("{other:?}"),
        };
        assert_eq!((kept(&a), kept(&b)), ("first".to_owned(), "second".to_owned()));
    }

    #[test]
    fn a_record_that_is_not_understood_is_left_alone() {
        let directory = tempfile::tempdir().unwrap();
        fs::write(directory.path().join(RECORD), r#"{"user":{"name":"root"}}"#).unwrap();
        assert!(Service::in_directory(directory.path().to_owned()).is_err());
    }
}
