//! Archives, by the node's own `tar`.

use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::path::{Component, Path, PathBuf};

use ays_model::NodeAnswer;
use ays_protocol::Failure;

use super::paths::{absolute, check_removable, names_in};
use crate::disk::{failure, make_directory, on_thread, rename};
use crate::file_name::part_of;
use crate::program;
use crate::service::{Change, Service};
use crate::temporary::Temporary;

/// Unpacks an archive, compressed or not, into a directory.
pub(super) async fn unpack(
    mut service: Service,
    archive: PathBuf,
    to: PathBuf,
    clean: bool,
) -> Result<NodeAnswer, Failure> {
    let (archive, to) = (absolute(archive.display().to_string())?, absolute(to.display().to_string())?);
    let listed = names_of(&archive).await?;
    let target = to.clone();
    on_thread(move || {
        if clean && target.is_dir() {
            check_removable(&target)?;
            for name in names_in(&target)? {
                let path = target.join(name);
                let is_directory = path.is_dir() && !path.is_symlink();
                if !is_directory {
                    service.will_change(&path, Change::Content)?;
                }
                let removed = if is_directory { fs::remove_dir_all(&path) } else { fs::remove_file(&path) };
                removed.map_err(|error| failure(&path, "removing", &error))?;
            }
        }
        service.will_make(&target)?;
        make_directory(&target)?;
        for name in listed.split(|byte| *byte == b'\n') {
            let path: PathBuf = Path::new(OsStr::from_bytes(name))
                .components()
                // `tar` itself leaves out what would lie elsewhere.
                .filter(|part| matches!(part, Component::Normal(_)))
                .collect();
            match (path.as_os_str().is_empty(), name.ends_with(b"/")) {
                (true, _) => {}
                (false, true) => service.will_make(&target.join(path))?,
                (false, false) => service.will_change(&target.join(path), Change::Content)?,
            }
        }
        Ok::<_, Failure>(())
    })
    .await?;
    let arguments = ["-xf".as_ref(), archive.as_os_str(), "-C".as_ref(), to.as_os_str()];
    program::succeed("tar", arguments, "").await?;
    Ok(NodeAnswer::Done)
}

/// The names in an archive, a line each. GNU's `tar` escapes what is not ASCII unless it is told not to; others do not.
async fn names_of(archive: &Path) -> Result<Vec<u8>, Failure> {
    let list = ["-tf".as_ref(), archive.as_os_str()];
    let plain = ["--quoting-style=literal".as_ref()].into_iter().chain(list);
    let listed = program::run("tar", plain, "").await?;
    if listed.status.success() { Ok(listed.stdout) } else { program::succeed("tar", list, "").await }
}

/// Packs a directory into a `.tar.gz`.
pub(super) async fn pack(
    mut service: Service,
    from: PathBuf,
    archive: PathBuf,
) -> Result<NodeAnswer, Failure> {
    let (from, archive) = (absolute(from.display().to_string())?, absolute(archive.display().to_string())?);
    let noted = archive.clone();
    let _service = on_thread(move || service.will_change(&noted, Change::Content).map(|()| service)).await?;
    let part = Temporary::new(part_of(&archive));
    let arguments = ["-czf".as_ref(), part.path().as_os_str(), "-C".as_ref(), from.as_os_str(), ".".as_ref()];
    program::succeed("tar", arguments, "").await?;
    rename(part.path(), &archive)?;
    part.keep();
    Ok(NodeAnswer::Done)
}
