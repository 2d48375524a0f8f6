//! All that Linux tells of the files in a directory.

use std::collections::{BTreeMap, HashMap};
use std::fs;
use std::os::unix::ffi::OsStringExt;
use std::os::unix::fs::{FileTypeExt, MetadataExt};
use std::path::Path;

use rustix::fs::{lgetxattr, llistxattr};

#[derive(PartialEq, Eq)]
pub struct Told {
    pub mode: u32,
    pub owner: (u32, u32),
    pub modified: i64,
    pub device: u64,
    pub content: Vec<u8>,
    /// The first path of the same file.
    pub same_as: Vec<u8>,
    pub attributes: BTreeMap<Vec<u8>, Vec<u8>>,
}

impl std::fmt::Debug for Told {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { mode, owner, modified, device, content, same_as, attributes } = self;
        let same_as = String::from_utf8_lossy(same_as);
        let content = (content.len(), String::from_utf8_lossy(&content[..content.len().min(40)]));
        write!(f, "{mode:o} {owner:?} {modified} {device:x} {content:?} {same_as:?} {attributes:?}")
    }
}

/// By path, without the directory itself, sockets, and what is in `lost+found`.
pub fn tell(directory: &Path) -> BTreeMap<Vec<u8>, Told> {
    let mut paths: Vec<_> =
        walk(directory).into_iter().map(|path| path.into_os_string().into_vec()).collect();
    paths.sort();
    let prefix = directory.as_os_str().len() + 1;
    let mut first = HashMap::new();
    let mut all = BTreeMap::new();
    for path in paths {
        let name = path[prefix..].to_vec();
        let path = std::path::PathBuf::from(std::ffi::OsString::from_vec(path));
        let metadata = fs::symlink_metadata(&path).unwrap();
        let kind = metadata.file_type();
        let content = if kind.is_file() {
            fs::read(&path).unwrap()
        } else if kind.is_symlink() {
            fs::read_link(&path).unwrap().into_os_string().into_vec()
        } else {
            Vec::new()
        };
        let is_device = kind.is_char_device() || kind.is_block_device();
        let told = Told {
            mode: metadata.mode(),
            owner: (metadata.uid(), metadata.gid()),
            modified: metadata.mtime(),
            device: if is_device { metadata.rdev() } else { 0 },
            content,
            same_as: first.entry(metadata.ino()).or_insert_with(|| name.clone()).clone(),
            attributes: attributes(&path),
        };
        all.insert(name, told);
    }
    all
}

fn walk(directory: &Path) -> Vec<std::path::PathBuf> {
    let mut paths = Vec::new();
    for entry in fs::read_dir(directory).unwrap() {
        let entry = entry.unwrap();
        let kind = entry.file_type().unwrap();
        if kind.is_socket() {
            continue;
        }
        if kind.is_dir() && entry.file_name() != "lost+found" {
            paths.extend(walk(&entry.path()));
        }
        paths.push(entry.path());
    }
    paths
}

fn attributes(path: &Path) -> BTreeMap<Vec<u8>, Vec<u8>> {
    let mut names = vec![0; 65536];
    let length = llistxattr(path, &mut names).unwrap();
    let names = names[..length].split(|byte| *byte == 0).filter(|name| !name.is_empty());
    let value = |name: &[u8]| {
        let mut value = vec![0; 65536];
        let length = lgetxattr(path, name, &mut value).unwrap();
        value.truncate(length);
        value
    };
    names.map(|name| (name.to_vec(), value(name))).collect()
}
