//! What a repository asks for that libgit2 does not do, and git does.

use std::ffi::OsStr;
use std::fmt;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use git2::{
    AttrCheckFlags, Config, ErrorCode, Index, IndexEntry, IndexEntryExtendedFlag, IndexEntryFlag, Repository,
};

/// One of the reasons why git itself has to do a step.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Need {
    /// Only some of the files are checked out.
    SparseCheckout,
    /// libgit2 cannot read the index, such as a sparse or a split one.
    Index,
    /// Changes of this file are to be left alone.
    LeftAlone {
        /// The file.
        path: PathBuf,
    },
    /// Another repository is a part of this one.
    Submodule {
        /// Where.
        path: PathBuf,
    },
    /// Files go through programs that git's configuration names.
    Filter {
        /// The filter.
        name: String,
    },
    /// Files have another encoding outside of git.
    Encoding {
        /// The attributes that say so.
        attributes: PathBuf,
    },
    /// A program of the operator's is to be run.
    Hook {
        /// Its name.
        name: &'static str,
    },
    /// Commits are to be signed.
    Signature,
    /// ssh is to reach a machine in a way of its own.
    Ssh {
        /// The machine.
        host: String,
        /// What ssh's configuration says of it.
        way: String,
    },
    /// Something else than ssh is to be run to reach a machine.
    SshCommand,
    /// A server of the web is to be reached in a way of its own.
    Web {
        /// The key of git's configuration that says so.
        key: String,
    },
    /// Credential helpers are to be asked.
    Credentials,
}

impl fmt::Display for Need {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::SparseCheckout => f.write_str("the sparse checkout (core.sparseCheckout)"),
            Self::Index => f.write_str("the form of the index"),
            Self::LeftAlone { path } => write!(f, "the mark of {} (git update-index)", path.display()),
            Self::Submodule { path } => write!(f, "the submodule {}", path.display()),
            Self::Filter { name } => write!(f, "the filter `{name}` of git's configuration"),
            Self::Encoding { attributes } => {
                write!(f, "the encoding of files in {}", attributes.display())
            }
            Self::Hook { name } => write!(f, "the hook {name}"),
            Self::Signature => f.write_str("the signature of commits (commit.gpgSign)"),
            Self::Ssh { host, way } => write!(f, "the way of ssh to {host} ({way})"),
            Self::SshCommand => f.write_str("the way to the remote (core.sshCommand)"),
            Self::Web { key } => write!(f, "the way to the remote ({key})"),
            Self::Credentials => f.write_str("asking credential helpers"),
        }
    }
}

const COMMIT_HOOKS: [&str; 4] = ["pre-commit", "prepare-commit-msg", "commit-msg", "post-commit"];
const SUBMODULE: u32 = 0o160_000;
const ATTRIBUTES: &str = ".gitattributes";

/// Why only git can compare the files with the index.
pub(crate) fn to_compare(repository: &Repository) -> Result<Option<Need>, git2::Error> {
    let config = repository.config()?.snapshot()?;
    if config.get_bool("core.sparseCheckout").unwrap_or(false) {
        return Ok(Some(Need::SparseCheckout));
    }
    match repository.index() {
        Ok(index) => with_index(repository, &index),
        Err(_) => Ok(Some(Need::Index)),
    }
}

/// Why only git can commit these files.
pub(crate) fn to_commit(repository: &Repository, paths: &[PathBuf]) -> Result<Option<Need>, git2::Error> {
    if let Some(need) = to_compare(repository)? {
        return Ok(Some(need));
    }
    for name in filters(repository)? {
        for path in paths {
            let wanted = repository.get_attr(path, "filter", AttrCheckFlags::FILE_THEN_INDEX)?;
            if wanted == Some(name.as_str()) {
                return Ok(Some(Need::Filter { name }));
            }
        }
    }
    if repository.config()?.get_bool("commit.gpgSign").unwrap_or(false) {
        return Ok(Some(Need::Signature));
    }
    Ok(COMMIT_HOOKS.into_iter().find_map(|name| hook(repository, name)))
}

/// Why only git can check out the files of `tree`; `after` is the hook that is run then.
pub(crate) fn to_check_out(
    repository: &Repository,
    tree: &git2::Tree<'_>,
    after: &'static str,
) -> Result<Option<Need>, git2::Error> {
    if let Some(need) = to_compare(repository)? {
        return Ok(Some(need));
    }
    let mut index = Index::new()?;
    index.read_tree(tree)?;
    let need = with_index(repository, &index)?;
    Ok(need.or_else(|| hook(repository, after)))
}

/// What only git does to reach a server of the web, by the end of the key.
const ONLY_GIT: [&str; 7] =
    ["extraheader", "sslcainfo", "sslcapath", "sslcert", "cookiefile", "pinnedpubkey", "proxysslcainfo"];

/// Why only git can reach a server of the web.
pub(crate) fn to_reach_web(config: &Config) -> Result<Option<Need>, git2::Error> {
    let mut entries = config.entries(Some("^http\\."))?;
    while let Some(entry) = entries.next() {
        let entry = entry?;
        let key = entry.name().unwrap_or_default();
        if key.rsplit_once('.').is_some_and(|(_, end)| ONLY_GIT.contains(&end)) {
            return Ok(Some(Need::Web { key: key.to_owned() }));
        }
    }
    Ok(None)
}

/// A hook that git would run.
pub(crate) fn hook(repository: &Repository, name: &'static str) -> Option<Need> {
    let configured = repository.config().and_then(|config| config.get_path("core.hooksPath")).ok();
    let dir = match configured {
        Some(dir) => root(repository).join(dir),
        None => repository.commondir().join("hooks"),
    };
    let found = dir.join(name).metadata();
    let is_run = found.is_ok_and(|found| found.is_file() && found.permissions().mode() & 0o111 != 0);
    is_run.then_some(Need::Hook { name })
}

fn with_index(repository: &Repository, index: &Index) -> Result<Option<Need>, git2::Error> {
    let filters = filters(repository)?;
    if let Some(need) = own_attributes(repository)?.iter().find_map(|text| filter_of(text, &filters)) {
        return Ok(Some(need));
    }
    for entry in index.iter() {
        if let Some(need) = of_entry(repository, &entry, &filters)? {
            return Ok(Some(need));
        }
    }
    Ok(None)
}

fn of_entry(
    repository: &Repository,
    entry: &IndexEntry,
    filters: &[String],
) -> Result<Option<Need>, git2::Error> {
    let path = || PathBuf::from(OsStr::from_bytes(&entry.path));
    let is_skipped = entry.flags_extended & IndexEntryExtendedFlag::SKIP_WORKTREE.bits() != 0;
    if is_skipped || entry.flags & IndexEntryFlag::VALID.bits() != 0 {
        return Ok(Some(Need::LeftAlone { path: path() }));
    }
    if entry.mode == SUBMODULE {
        return Ok(Some(Need::Submodule { path: path() }));
    }
    if entry.path.rsplit(|byte| *byte == b'/').next() != Some(ATTRIBUTES.as_bytes()) {
        return Ok(None);
    }
    let mut text = match repository.find_blob(entry.id) {
        Ok(blob) => String::from_utf8_lossy(blob.content()).into_owned(),
        // A file that was only announced (`git add -N`) has none.
        Err(error) if error.code() == ErrorCode::NotFound => String::new(),
        Err(error) => return Err(error),
    };
    text.push_str(&text_of(&root(repository).join(path())));
    if let Some(need) = filter_of(&text, filters) {
        return Ok(Some(need));
    }
    Ok(text.contains("working-tree-encoding").then(|| Need::Encoding { attributes: path() }))
}

/// The first of these filters that attributes name.
fn filter_of(attributes: &str, filters: &[String]) -> Option<Need> {
    let mut named = attributes.split_whitespace().filter_map(|word| word.strip_prefix("filter="));
    named
        .find_map(|name| filters.iter().find(|filter| *filter == name))
        .cloned()
        .map(|name| Need::Filter { name })
}

/// What files of attributes say that are not in the index.
fn own_attributes(repository: &Repository) -> Result<Vec<String>, git2::Error> {
    let configured = repository.config()?.get_path("core.attributesFile").ok();
    let root = root(repository);
    let mut files = vec![repository.commondir().join("info/attributes"), root.join(ATTRIBUTES)];
    files.extend(configured.map(|file| root.join(file)));
    Ok(files.iter().map(|file| text_of(file)).collect())
}

/// A file's text; none where there is no such file, or nobody may read it.
fn text_of(file: &Path) -> String {
    std::fs::read(file).map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).unwrap_or_default()
}

fn root(repository: &Repository) -> &Path {
    repository.workdir().unwrap_or_else(|| repository.path())
}

/// The filters whose programs git's configuration names.
pub(crate) fn filters(repository: &Repository) -> Result<Vec<String>, git2::Error> {
    let config = repository.config()?;
    let mut entries = config.entries(Some("^filter\\..*\\.(clean|smudge|process)$"))?;
    let mut found = Vec::new();
    while let Some(entry) = entries.next() {
        let entry = entry?;
        let name = entry.name().ok().and_then(|name| Some(name.strip_prefix("filter.")?.rsplit_once('.')?.0));
        let has_value = entry.value().is_ok_and(|value| !value.is_empty());
        found.extend(name.filter(|_| has_value).map(str::to_owned));
    }
    found.dedup();
    Ok(found)
}
