//! A service of this node: its directory, and what an install wrote for it, so that an uninstall removes that and nothing
//! else. What is written is noted before it is written.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, File};
use std::io::Write;
use std::path::{Path, PathBuf};

use ays_protocol::Failure;
use serde::{Deserialize, Serialize};

use crate::disk::{check_path, failure, make_directory, refused, rename};
use crate::file_name::part_of;
use crate::locked::wait_locked;

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
    _lock: File,
}

/// What an install wrote.
#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Written {
    /// Files and links that were not there before.
    pub files: BTreeSet<PathBuf>,
    /// Directories that were not there before.
    pub directories: BTreeSet<PathBuf>,
    /// The entries of each tree.
    pub trees: BTreeMap<PathBuf, BTreeSet<PathBuf>>,
    /// Units of systemd.
    pub units: BTreeSet<String>,
    /// Packages that were not there before.
    pub packages: BTreeSet<String>,
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
        let dir = directory(name)?;
        make_directory(&dir)?;
        let lock = wait_locked(&dir.join("lock"))?;
        let record = dir.join(RECORD);
        let written = match fs::read(&record) {
            Ok(bytes) => serde_json::from_slice(&bytes)
                .map_err(|error| failure(&record, "reading", &std::io::Error::other(error)))?,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Written::default(),
            Err(error) => return Err(failure(&record, "reading", &error)),
        };
        Ok(Self { dir, written, _lock: lock })
    }

    /// Its directory.
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// Notes files that will be written, and the directories that they need; what is there already is not noted.
    pub fn will_write<'p>(&mut self, paths: impl IntoIterator<Item = &'p Path>) -> Result<(), Failure> {
        let mut is_changed = false;
        for path in paths {
            check_path(path)?;
            if path.symlink_metadata().is_err() {
                is_changed |= self.written.files.insert(path.to_owned());
            }
            for directory in path.ancestors().skip(1) {
                if directory.symlink_metadata().is_ok() {
                    break;
                }
                is_changed |= self.written.directories.insert(directory.to_owned());
            }
        }
        if is_changed { self.save() } else { Ok(()) }
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
    let part = part_of(path);
    let mut file = wait_locked(&part)?;
    let failed = |error: std::io::Error| failure(path, "writing", &error);
    file.set_len(0).map_err(failed)?;
    file.write_all(bytes).map_err(failed)?;
    set_mode(&file, mode).map_err(failed)?;
    file.sync_all().map_err(failed)?;
    rename(&part, path)
}

/// Sets who may do what with a file.
pub(crate) fn set_mode(file: &File, mode: u32) -> std::io::Result<()> {
    file.set_permissions(std::os::unix::fs::PermissionsExt::from_mode(mode))
}
