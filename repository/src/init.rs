//! A new environment's repository.

use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicBool;

use git2::{Repository, RepositoryInitOptions};

use crate::branch::{BranchError, Opened, first_branch};
use crate::commit::Draft;
use crate::save::{Author, SaveError, not_committed, signature};

/// Why there is no new environment.
#[derive(Debug, thiserror::Error)]
pub enum InitError {
    /// The directory is inside of another environment.
    #[error("{dir} is inside of the environment {root}", dir = .dir.display(), root = .root.display())]
    Inside {
        /// The directory.
        dir: PathBuf,
        /// The environment.
        root: PathBuf,
    },
    /// A file cannot be made.
    #[error("{path} cannot be made", path = .path.display())]
    Unwritable {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// What is there does not allow it.
    #[error(transparent)]
    Branch(#[from] BranchError),
    /// It cannot be committed.
    #[error(transparent)]
    Save(#[from] SaveError),
}

/// What was made.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Made {
    /// The environment's root.
    pub root: PathBuf,
    /// The branch.
    pub branch: String,
    /// The files that were made; none where all was there.
    pub files: Vec<PathBuf>,
    /// The commit that has them.
    pub commit: Option<String>,
    /// Whether it has a remote to be pushed to.
    pub has_remote: bool,
}

/// What an environment's settings say in the beginning.
const AYS_TOML: &str = r#"# What all operators of this environment share. No secrets: this file is in git.
# `ays config show` lists every key with its value, and where that is from.

NAME
# What the grids are called; a node names its own with instance.gid.
#
# [grid.1]
# name = "Ghent"

# Where templates are kept on nodes; a node names its pool with instance.pool. Without one it is `local`:
# /var/lib/ays/templates on each node.
#
# [pool.vmstor]
# path = "/mnt/vmstor/templates"
# format = "raw"
# shared = true                     # all nodes of a grid that name it see one directory
"#;

/// Makes a repository with `servicetemplates/`, `services/` and `ays.toml`, as far as they are not there, and commits
/// them. Nothing that is there is changed.
pub fn init(dir: &Path, name: Option<&str>, author: &Author) -> Result<Made, InitError> {
    let unwritable = |path: &Path| {
        let path = path.to_owned();
        move |source| InitError::Unwritable { path, source }
    };
    std::fs::create_dir_all(dir).map_err(unwritable(dir))?;
    let root = dir.canonicalize().map_err(unwritable(dir))?;
    if let Some(Ok(above)) = root.parent().map(crate::layout::root_of) {
        return Err(InitError::Inside { dir: root, root: above });
    }
    let signature = signature(author)?;
    if !root.join(".git").exists() {
        let mut options = RepositoryInitOptions::new();
        options.initial_head(&first_branch());
        let made = Repository::init_opts(&root, &options);
        made.map_err(|source| BranchError::Git { root: root.clone(), source: source.into() })?;
    }
    let name = match name {
        Some(name) => format!("name = {}\n", toml::Value::String(name.to_owned())),
        None => {
            "# The environment's name; without one it is the repository's.\n#\n# name = \"g8\"\n".to_owned()
        }
    };
    let settings = AYS_TOML.replace("NAME\n", &format!("{name}\n"));
    let mut files = Vec::new();
    // git knows no empty directories.
    for (part, file, text) in [
        ("ays.toml", "ays.toml", settings.as_str()),
        ("services", "services/.gitkeep", ""),
        ("servicetemplates", "servicetemplates/.gitkeep", ""),
    ] {
        if root.join(part).symlink_metadata().is_ok() {
            continue;
        }
        let path = root.join(file);
        if part != file {
            std::fs::create_dir(root.join(part)).map_err(unwritable(&root.join(part)))?;
        }
        let mut options = std::fs::OpenOptions::new();
        let written = options.write(true).create_new(true).open(&path);
        written
            .and_then(|mut file| std::io::Write::write_all(&mut file, text.as_bytes()))
            .map_err(unwritable(&path))?;
        files.push(PathBuf::from(file));
    }
    let opened = Opened::new(&root)?;
    opened.is_at_rest()?;
    let branch = opened.branch()?;
    let commit = match files[..] {
        [] => None,
        _ => {
            let draft = Draft { paths: &files, message: "A new environment", author: &signature };
            Some(draft.commit(&opened, &branch, &AtomicBool::new(false)).map_err(not_committed)?)
        }
    };
    Ok(Made {
        has_remote: opened.repository.find_remote(&branch.remote).is_ok(),
        root,
        branch: branch.name,
        files,
        commit: commit.map(|commit| commit.to_string()),
    })
}
