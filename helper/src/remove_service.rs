//! The end of a service: all that an install wrote for it goes, and nothing else.

use std::fs::{self, File, Permissions};
use std::io::ErrorKind;
use std::os::fd::AsRawFd;
use std::os::unix::fs::{PermissionsExt, chown, lchown};
use std::path::{Path, PathBuf};

use ays_model::Sha256;
use ays_protocol::{Failure, RemovedService};
use rustix::fs::{FileType, Mode, OFlags};

use crate::disk::{failure, make_directory, on_thread, sha256_of, sync_directory};
use crate::file_name::part_of;
use crate::service::{Before, Kept, Like, RECORD, Service, directory, replace_like, services};
use crate::tree::make_link;
use crate::way::{self, Kind};
use crate::{packages, processes};

/// Removes a service. Stopped anywhere, the next try finds its record and goes on.
pub(crate) async fn remove_service(name: String) -> Result<RemovedService, Failure> {
    let dir = directory(&name)?;
    let mut removed = RemovedService::default();
    if !dir.is_dir() {
        return Ok(removed);
    }
    let service = on_thread(move || Service::open(&name)).await?;
    processes::end_all(service.dir(), &service.written.units).await?;
    let packages::Removed { gone, kept } = packages::remove(&service).await?;
    (removed.packages, removed.kept_packages) = (gone, kept);
    on_thread(move || {
        remove_files(&service, &mut removed)?;
        bring_back(&service, &mut removed)?;
        remove_directory(&service)?;
        Ok(removed)
    })
    .await
}

pub(crate) fn remove_files(service: &Service, removed: &mut RemovedService) -> Result<(), Failure> {
    let (written, others) = (&service.written, service.others());
    let is_of_service = |link: &Path| service.is_of_service(link);
    // Whatever another service has too goes with that.
    for path in written.files.iter().rev().filter(|path| !others.files.contains(*path)) {
        // What a run that was killed had begun.
        let _ = way::remove(&part_of(path), Kind::File, &is_of_service);
        match way::remove(path, Kind::File, &is_of_service) {
            Ok(()) => removed.removed.push(path.clone()),
            Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => {}
            // Somebody has led its directory elsewhere.
            Err(error) if error.kind() == ErrorKind::PermissionDenied => removed.changed.push(path.clone()),
            // Somebody made a directory of it, or mounted something there.
            Err(error) if error.kind() == ErrorKind::ResourceBusy || path.is_dir() => {
                removed.kept.push(path.clone());
            }
            Err(error) => return Err(failure(path, "removing", &error)),
        }
    }
    // A directory comes after those in it.
    for path in written.directories.iter().rev().filter(|path| !others.directories.contains(*path)) {
        match way::remove(path, Kind::Directory, &is_of_service) {
            Ok(()) => removed.removed.push(path.clone()),
            Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => {}
            Err(error) if error.kind() == ErrorKind::PermissionDenied => removed.changed.push(path.clone()),
            Err(error) if matches!(error.kind(), ErrorKind::DirectoryNotEmpty | ErrorKind::ResourceBusy) => {
                removed.kept.push(path.clone());
            }
            Err(error) => return Err(failure(path, "removing the directory", &error)),
        }
    }
    let parents: std::collections::BTreeSet<&Path> =
        removed.removed.iter().filter_map(|path| path.parent()).collect();
    for parent in parents.into_iter().filter(|parent| parent.is_dir()) {
        sync_directory(parent)?;
    }
    Ok(())
}

/// Brings back what the service's methods have changed, where nobody else has changed it since.
fn bring_back(service: &Service, removed: &mut RemovedService) -> Result<(), Failure> {
    for (path, before) in &service.written.before {
        if way::check(path, &|link| service.is_of_service(link)).is_err() {
            // Somebody has led its directory elsewhere.
            removed.changed.push(path.clone());
            continue;
        }
        // What a run that was killed had begun.
        let _ = way::remove(&part_of(path), Kind::File, &|link| service.is_of_service(link));
        let kept = match &before.content {
            None => None,
            Some(Kept::Link(to)) => {
                if path.symlink_metadata().is_err() || path.is_symlink() || digest_at(path)? == before.made {
                    make_link(path, to)?;
                }
                continue;
            }
            Some(Kept::File(name)) => Some(service.dir().join(name)),
        };
        if let Some(kept) = kept {
            let is_gone = path.symlink_metadata().is_err();
            if !is_gone && digest_at(path)? != before.made {
                // Somebody's own, or brought back by a run that was stopped behind that.
                if digest_at(path)? != digest_at(&kept)? {
                    removed.changed.push(path.clone());
                }
                continue;
            }
            let mut file = File::open(&kept).map_err(|error| failure(&kept, "reading", &error))?;
            let like = Like { mode: before.mode, owner: Some((before.uid, before.gid)) };
            make_directory(path.parent().unwrap_or(Path::new("/")))?;
            replace_like(path, &mut file, &like)?;
        } else if path.symlink_metadata().is_ok() {
            give_back_rights(path, before)
                .map_err(|error| failure(path, "giving it back its rights", &error))?;
        }
    }
    Ok(())
}

/// Of what is there now: a link that somebody puts in its place meanwhile is not followed.
fn give_back_rights(path: &Path, before: &Before) -> std::io::Result<()> {
    let it = rustix::fs::open(path, OFlags::PATH | OFlags::NOFOLLOW | OFlags::CLOEXEC, Mode::empty())?;
    let by_number = PathBuf::from(format!("/proc/self/fd/{}", it.as_raw_fd()));
    let is_link = FileType::from_raw_mode(rustix::fs::fstat(&it)?.st_mode) == FileType::Symlink;
    if is_link {
        return lchown(path, Some(before.uid), Some(before.gid));
    }
    chown(&by_number, Some(before.uid), Some(before.gid))?;
    fs::set_permissions(&by_number, Permissions::from_mode(before.mode))
}

/// Of a file; none: there is none, or a link.
fn digest_at(path: &Path) -> Result<Option<Sha256>, Failure> {
    if path.is_symlink() || !path.is_file() {
        return Ok(None);
    }
    let digest = File::open(path).and_then(|mut file| sha256_of(&mut file));
    digest.map(Some).map_err(|error| failure(path, "reading", &error))
}

/// Its own directory, the record last; then those above it that nothing else is in.
fn remove_directory(service: &Service) -> Result<(), Failure> {
    let dir = service.dir();
    let failed = |error: &std::io::Error| failure(dir, "removing the directory", error);
    let entries = fs::read_dir(dir).map_err(|error| failed(&error))?;
    let mut paths: Vec<PathBuf> = entries.filter_map(|entry| Some(entry.ok()?.path())).collect();
    paths.sort_by_key(|path| path.ends_with(RECORD));
    for path in paths {
        let gone = if path.is_dir() { fs::remove_dir_all(&path) } else { fs::remove_file(&path) };
        match gone {
            Err(error) if error.kind() != ErrorKind::NotFound => {
                return Err(failure(&path, "removing", &error));
            }
            _ => {}
        }
    }
    match fs::remove_dir(dir) {
        Err(error) if error.kind() != ErrorKind::NotFound => return Err(failed(&error)),
        _ => {}
    }
    for above in services().ancestors().take(2) {
        // Where other services are, or pools, it stays.
        if fs::remove_dir(above).is_err() {
            break;
        }
    }
    Ok(())
}
