//! `ays fmt`

use std::path::{Path, PathBuf};

use ays_files::{Readers, replace};
use ays_grammar::hrd;
use walkdir::WalkDir;

use crate::failure::Failure;
use crate::render::table;

/// Brings HRD files into their usual form; what they say and their comments stay
///
/// `=` stands below `=`, the lines of a value are indented by four spaces, no two empty lines follow each other.
#[derive(clap::Args)]
pub struct Args {
    /// These files, and all HRD files below these directories; default: all of the environment
    paths: Vec<PathBuf>,
    /// Change nothing, and name the files that would be changed; exit code 3 when there are any
    #[arg(long)]
    check: bool,
    /// Print JSON: the names of the files that were, or would be, changed
    #[arg(long)]
    json: bool,
}

/// A file in another form than the usual one.
struct Changed {
    path: PathBuf,
    formatted: Vec<u8>,
}

pub fn run(args: &Args, repo: Option<&Path>) -> Result<(), Failure> {
    let mut changed = Vec::new();
    // Nothing is written when a file cannot be read.
    for path in files(&args.paths, repo)? {
        let bytes =
            std::fs::read(&path).map_err(|source| Failure::Unreadable { path: path.clone(), source })?;
        let formatted = hrd::format(&path.display().to_string(), &bytes)?;
        if formatted != bytes {
            changed.push(Changed { path, formatted });
        }
    }
    if !args.check {
        for Changed { path, formatted } in &changed {
            // Behind a link the file itself.
            let written = path.canonicalize().and_then(|path| replace(&path, formatted, Readers::AsBefore));
            written.map_err(|source| Failure::Unwritable { path: path.clone(), source })?;
        }
    }
    let here = std::env::current_dir().unwrap_or_default();
    let shown = |path: &Path| path.strip_prefix(&here).unwrap_or(path).display().to_string();
    let names: Vec<_> = changed.iter().map(|changed| shown(&changed.path)).collect();
    if args.json {
        table::json(&names)?;
    } else {
        names.iter().try_for_each(|name| table::line(name))?;
    }
    if args.check && !changed.is_empty() { Err(Failure::NotFormatted(changed.len())) } else { Ok(()) }
}

/// All files that are meant, named as the operator named them.
fn files(paths: &[PathBuf], repo: Option<&Path>) -> Result<Vec<PathBuf>, Failure> {
    let here = PathBuf::from(".");
    let tops = match paths {
        [] => {
            let root = ays_repository::root_of(repo.unwrap_or(&here))?;
            ["servicetemplates", "services"].map(|top| root.join(top)).to_vec()
        }
        paths => paths.to_vec(),
    };
    let mut files = Vec::new();
    for top in tops {
        if top.is_file() {
            files.push(top);
            continue;
        }
        if !paths.is_empty() {
            top.metadata().map_err(|source| Failure::Unreadable { path: top.clone(), source })?;
        }
        let below = WalkDir::new(&top)
            .sort_by_file_name()
            .into_iter()
            .filter_entry(|entry| entry.file_name() != ".git");
        let hrd = below.filter_map(Result::ok).filter(|entry| entry.file_type().is_file());
        files.extend(
            hrd.map(walkdir::DirEntry::into_path).filter(|path| path.extension().is_some_and(|e| e == "hrd")),
        );
    }
    Ok(files)
}
