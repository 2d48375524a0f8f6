//! Archives, by the node's own `tar`.

use std::fs;
use std::path::{Path, PathBuf};

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
    let listed = program::succeed("tar", ["-tf".as_ref(), archive.as_os_str()], "").await?;
    let target = to.clone();
    on_thread(move || {
        if clean && target.is_dir() {
            check_removable(&target)?;
            for name in names_in(&target)? {
                let path = target.join(name);
                let is_directory = path.is_dir() && !path.is_symlink();
                let removed = if is_directory { fs::remove_dir_all(&path) } else { fs::remove_file(&path) };
                removed.map_err(|error| failure(&path, "removing", &error))?;
            }
        }
        service.will_make(&target)?;
        make_directory(&target)?;
        for name in String::from_utf8_lossy(&listed).lines() {
            // `tar` itself leaves out what would lie elsewhere.
            let name = name.trim_start_matches(['/']).trim_start_matches("./");
            let path = target.join(name);
            match (name.ends_with('/') || name.is_empty(), Path::new(name).components().count()) {
                (_, 0) => {}
                (true, _) => service.will_make(&path)?,
                (false, _) => service.will_change(&path, Change::Content)?,
            }
        }
        Ok::<_, Failure>(())
    })
    .await?;
    let arguments = ["-xf".as_ref(), archive.as_os_str(), "-C".as_ref(), to.as_os_str()];
    program::succeed("tar", arguments, "").await?;
    Ok(NodeAnswer::Done)
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
