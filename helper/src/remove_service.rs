//! The end of a service: all that an install wrote for it goes, and nothing else.

use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use ays_protocol::{Failure, RemovedService};

use crate::disk::{failure, on_thread, sync_directory};
use crate::service::{RECORD, Service, directory, services};
use crate::{packages, processes};

/// Removes a service. Stopped anywhere, the next try finds its record and goes on.
pub(crate) async fn remove_service(name: String) -> Result<RemovedService, Failure> {
    let dir = directory(&name)?;
    let mut removed = RemovedService { removed: Vec::new(), kept: Vec::new(), packages: Vec::new() };
    if !dir.is_dir() {
        return Ok(removed);
    }
    let service = on_thread(move || Service::open(&name)).await?;
    processes::end_all(service.dir(), &service.written.units).await?;
    removed.packages = packages::remove(&service).await?;
    on_thread(move || {
        remove_files(&service, &mut removed)?;
        remove_directory(&service)?;
        Ok(removed)
    })
    .await
}

fn remove_files(service: &Service, removed: &mut RemovedService) -> Result<(), Failure> {
    for path in service.written.files.iter().rev() {
        match fs::remove_file(path) {
            Ok(()) => removed.removed.push(path.clone()),
            Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => {}
            // Somebody made a directory of it.
            Err(_) if path.is_dir() => removed.kept.push(path.clone()),
            Err(error) => return Err(failure(path, "removing", &error)),
        }
    }
    // A directory comes after those in it.
    for path in service.written.directories.iter().rev() {
        match fs::remove_dir(path) {
            Ok(()) => removed.removed.push(path.clone()),
            Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => {}
            Err(error) if error.kind() == ErrorKind::DirectoryNotEmpty => removed.kept.push(path.clone()),
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
