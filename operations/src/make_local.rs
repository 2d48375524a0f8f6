//! A recipe of another repository becomes one of this environment.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use ays_engine::Stop;
use ays_model::TemplateName;
use ays_recipes::{Environment, LookupError, check_template_name, write_template};
use ays_repository::{Address, FetchedTree, FileKind, TEMPLATE_FILES, Wanted, Which};
use ays_transport::SshSettings;
use serde::Serialize;

use crate::error::{Error, Kind};
use crate::git_trees::{access, directory};
use crate::off_runtime::{blocking, off_runtime};

/// A recipe that is brought from another repository.
#[derive(Debug, Clone)]
pub struct MakeLocal {
    /// The template's name, there and here.
    pub template: TemplateName,
    /// The repository: an address, or a directory of this machine.
    pub url: String,
    /// The branch; none: its main one.
    pub branch: Option<String>,
}

/// A recipe that was brought.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct MadeLocal {
    /// The commit that it is from.
    pub commit: String,
    /// Its files here, below the environment's root.
    pub files: Vec<String>,
}

/// The most bytes of a template.
const MOST: usize = 16 << 20;

/// Why it was not.
#[derive(Debug, thiserror::Error)]
enum MakeLocalError {
    #[error("several templates are named `{name}` there: {places}")]
    Several { name: TemplateName, places: String },
    #[error("the files of that template have more than 16 MiB: a recipe has a few texts")]
    Large,
    #[error("{path} of that template is a link: only files are taken")]
    Link { path: String },
}

impl MakeLocal {
    /// Brings it.
    ///
    /// # Errors
    ///
    /// The name is taken here, or not there; the repository cannot be read.
    pub async fn run(
        self,
        environment: Arc<Environment>,
        cache: PathBuf,
        ssh: SshSettings,
        stop: Stop,
    ) -> Result<MadeLocal, Error> {
        let address = Address::parse(&self.url)?;
        let (here, template) = (Arc::clone(&environment), self.template.clone());
        off_runtime(&stop, move || Ok(check_template_name(&here, &template)?)).await?;
        let ends = Arc::new(AtomicBool::new(false));
        let access = access(&ssh, Arc::clone(&ends));
        let which = self.branch.clone().map_or(Which::Main, Which::Branch);
        let cache = directory(&cache, &address);
        let fetching = blocking(move || {
            let wanted =
                Wanted { address: &address, which: &which, depth: Some(1), path: "", is_flat: false };
            let tree = FetchedTree::fetch(wanted, &cache, &access)?;
            let files = files_of(&tree, &self.template)?;
            let places = write_template(&environment, &self.template, &files)?;
            let files = places.iter().map(ToString::to_string).collect();
            Ok(MadeLocal { commit: tree.commit.clone(), files })
        });
        tokio::select! {
            made = fetching => made,
            () = stop.after_steps() => {
                ends.store(true, Ordering::Relaxed);
                Err(Error::interrupted())
            }
        }
    }
}

/// The files of the one template of this name.
fn files_of(tree: &FetchedTree, template: &TemplateName) -> Result<Vec<(PathBuf, Vec<u8>)>, Error> {
    let is_main =
        |path: &Path| path.file_name().is_some_and(|name| TEMPLATE_FILES.iter().any(|main| name == *main));
    let mains = tree.files.iter().filter(|file| is_main(&file.path));
    let mut all: Vec<&Path> = mains.filter_map(|file| file.path.parent()).collect();
    all.dedup();
    let name =
        |directory: &&Path| directory.file_name().map(|name| name.display().to_string()).unwrap_or_default();
    let found: Vec<&Path> = all.iter().copied().filter(|directory| name(directory) == **template).collect();
    let [directory] = found[..] else {
        if found.is_empty() {
            let known: Vec<String> = all.iter().map(name).collect();
            return Err(LookupError::unknown("template", template, known.iter().map(String::as_str)).into());
        }
        let places: Vec<_> = found.iter().map(|place| place.display().to_string()).collect();
        let error = MakeLocalError::Several { name: template.clone(), places: places.join(", ") };
        return Err(Error::new(Kind::Unknown, error));
    };
    let (mut files, mut left) = (Vec::new(), MOST);
    for (number, file) in tree.files.iter().enumerate() {
        let Ok(below) = file.path.strip_prefix(directory) else { continue };
        if file.kind == FileKind::Link {
            let path = file.path.display().to_string();
            return Err(Error::new(Kind::Invalid, MakeLocalError::Link { path }));
        }
        let bytes = tree.read(number)?;
        left =
            left.checked_sub(bytes.len()).ok_or_else(|| Error::new(Kind::Invalid, MakeLocalError::Large))?;
        files.push((below.to_owned(), bytes));
    }
    Ok(files)
}
