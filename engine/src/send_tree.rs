//! Files of a git repository go to a node: only those that it does not have, each verified there.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use ays_model::StepName;
use ays_protocol::{Outcome, Secret, Step, TREE_PART, Tree, TreeEntry, TreePart};
use ays_recipes::GitExport;
use ays_transport::{Helper, HelperError};

use crate::install_error::InstallError;

/// Reads the bytes of an entry, by its number.
pub type ReadEntry = Arc<dyn Fn(usize) -> std::io::Result<Vec<u8>> + Send + Sync>;

/// Files of a git repository, at a commit.
#[derive(Clone)]
pub struct GitTree {
    /// The commit.
    pub commit: String,
    /// What is in the directory, or the one file (whose path is empty) that was asked for.
    pub entries: Vec<TreeEntry>,
    /// Reads their bytes.
    pub read: ReadEntry,
}

impl std::fmt::Debug for GitTree {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("GitTree")
            .field("commit", &self.commit)
            .field("entries", &self.entries)
            .finish_non_exhaustive()
    }
}

/// The most bytes of names in one message.
const NAMES: usize = 1 << 20;

/// Sends what the node does not have; how many files that were.
pub(crate) async fn send(
    helper: &mut Helper,
    service: &str,
    export: &GitExport,
    tree: &GitTree,
    (name, trees): (String, Vec<String>),
) -> Result<usize, InstallError> {
    let wrong = |other| InstallError::at(StepName::Export, other);
    let (dest, links) = places(export, tree);
    let names: usize = tree.entries.iter().map(|entry| entry.path.as_os_str().len() + 120).sum();
    if names > NAMES * 3 {
        let reason = "it has more files than can be sent; export a part of it".to_owned();
        return Err(InstallError::Export { url: export.address.to_string(), reason });
    }
    let order = Tree {
        service: service.to_owned(),
        name,
        dest: dest.clone(),
        entries: tree.entries.clone(),
        overwrite: export.overwrite,
        trees,
        links,
    };
    let lacking = match helper.run(Step::CompareTree(order), |_| {}).await {
        Ok(Outcome::Lacking(lacking)) => lacking,
        other => return Err(wrong(other)),
    };
    for number in &lacking {
        let Some(entry) = tree.entries.get(*number) else { return Err(wrong(Err(HelperError::Answer))) };
        let (read, at) = (Arc::clone(&tree.read), *number);
        let bytes = tokio::task::spawn_blocking(move || read(at)).await;
        let bytes = bytes.map_err(std::io::Error::other).and_then(|bytes| bytes).map_err(|error| {
            InstallError::Export { url: export.address.to_string(), reason: error.to_string() }
        })?;
        let mut offset = 0;
        loop {
            let end = bytes.len().min(offset + TREE_PART);
            let part = TreePart {
                dest: dest.clone(),
                entry: entry.clone(),
                offset: offset as u64,
                bytes: Secret::new(base64(&bytes[offset..end])),
            };
            match helper.run(Step::WritePart(part), |_| {}).await {
                Ok(Outcome::Ready) => {}
                other => return Err(wrong(other)),
            }
            offset = end;
            if offset == bytes.len() {
                break;
            }
        }
    }
    Ok(lacking.len())
}

/// What the trees of a recipe are called on nodes, in its order. A newer recipe may have others before one: what tells a
/// tree is where it comes from and goes to.
pub(crate) fn names<'a>(exports: impl Iterator<Item = &'a GitExport>) -> Vec<String> {
    let mut names: Vec<String> = Vec::new();
    for export in exports {
        let whole = format!("{} {} {}", export.dest.display(), export.address, export.source);
        let same = names.iter().filter(|name| name.trim_end_matches('+') == whole).count();
        names.push(format!("{whole}{}", "+".repeat(same)));
    }
    names
}

/// Where the files of an export lie.
fn place(export: &GitExport) -> PathBuf {
    if export.link { export.kept_in().join(&export.source) } else { export.dest.clone() }
}

/// Where the files go, and the links to them.
fn places(export: &GitExport, tree: &GitTree) -> (PathBuf, Vec<(PathBuf, PathBuf)>) {
    let kept = place(export);
    if !export.link {
        return (kept, Vec::new());
    }
    if !export.is_contents {
        return (kept.clone(), vec![(export.dest.clone(), kept)]);
    }
    // A link for each thing that lies in the directory.
    let mut links = BTreeMap::new();
    for entry in &tree.entries {
        if let Some(first) = entry.path.components().next() {
            let name = Path::new(first.as_os_str());
            links.insert(export.dest.join(name), kept.join(name));
        }
    }
    (kept, links.into_iter().collect())
}

fn base64(bytes: &[u8]) -> String {
    use base64::Engine;
    base64::engine::general_purpose::STANDARD.encode(bytes)
}
