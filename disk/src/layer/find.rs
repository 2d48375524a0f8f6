//! Which file system of a disk is the root of its Linux.

use std::sync::Arc;

use ays_model::FileSystem;

use super::{LayerError, Root, fstab};
use crate::disk::Volume;
use crate::form;
use crate::inodes::{Budget, Inodes, Kind, ReadError};
use crate::stored_disk::StoredDisk;
use crate::{file_system, partitions};

/// What only a root has, and what a root without these has. Links need not lead anywhere.
const SIGNS: [[&str; 2]; 2] = [["etc/os-release", "usr/lib/os-release"], ["bin", "sbin/init"]];

/// The longest `/etc/fstab` that is read, in bytes.
const MOST_FSTAB: usize = 256 << 10;

/// A file system of the disk.
struct Place {
    partition: Option<u32>,
    volume: Volume,
    file_system: FileSystem,
}

pub(super) fn find_root(disk: &StoredDisk) -> Result<Root, LayerError> {
    let data = disk.data().map_err(form::Error::from)?;
    // One for all: partitions may be the same blocks.
    let budget = Arc::new(Budget::new(&data));
    let places = places(disk)?;
    let mut opened = Vec::new();
    let mut unread = None;
    for Place { partition, volume, .. } in places.iter().filter(|place| place.file_system == FileSystem::Ext4)
    {
        match look(volume, &budget) {
            Ok((inodes, signs)) => opened.push((*partition, inodes, signs)),
            Err(source) => {
                unread.get_or_insert(LayerError::FileSystem { partition: *partition, source });
            }
        }
    }
    for sign in 0..SIGNS.len() {
        let mut roots: Vec<_> = opened.extract_if(.., |(_, _, signs)| signs[sign]).collect();
        if roots.len() > 1 {
            let mut partitions: Vec<_> = roots.iter().filter_map(|(partition, ..)| *partition).collect();
            partitions.sort_unstable();
            return Err(LayerError::SeveralRoots { partitions });
        }
        let Some((partition, inodes, _)) = roots.pop() else { continue };
        let left_out =
            left_out(&inodes).map_err(|source| LayerError::File { path: "etc/fstab".to_owned(), source })?;
        return Ok(Root { disk: disk.clone(), data, inodes, partition, left_out });
    }
    Err(unread.unwrap_or_else(|| nothing(&places)))
}

/// What may hold files, by its partitions or as the whole disk.
fn places(disk: &StoredDisk) -> Result<Vec<Place>, LayerError> {
    let layout = partitions::read(&disk.disk).map_err(LayerError::Partitions)?;
    let volumes: Vec<_> = match layout.table {
        None => vec![(None, Volume::new(&disk.disk, 0, disk.size()))],
        Some(_) => {
            let partitions = layout.partitions.iter();
            let volume = |start, size| Volume::new(&disk.disk, start, size);
            partitions.map(|found| (Some(found.number), volume(found.start, found.size))).collect()
        }
    };
    let places = volumes.into_iter().filter_map(|(partition, volume)| {
        let volume = volume?;
        let file_system = file_system::recognise(&volume)?;
        Some(Place { partition, volume, file_system })
    });
    Ok(places.collect())
}

/// The file system, and which of the signs it has.
fn look(volume: &Volume, budget: &Arc<Budget>) -> Result<(Inodes, [bool; SIGNS.len()]), ReadError> {
    let inodes = Inodes::open(volume.clone(), Arc::clone(budget))?;
    let mut found = [false; SIGNS.len()];
    for (found, paths) in found.iter_mut().zip(SIGNS) {
        for path in paths {
            *found = *found || inodes.find(path)?.is_some();
        }
    }
    Ok((inodes, found))
}

fn left_out(inodes: &Inodes) -> Result<Vec<String>, ReadError> {
    let Some(file) = inodes.find("etc/fstab")? else { return Ok(Vec::new()) };
    if file.kind()? != Kind::File {
        return Ok(Vec::new());
    }
    let content = inodes.content(&file, MOST_FSTAB)?;
    Ok(fstab::mounted(&String::from_utf8_lossy(&content)))
}

/// Why there is no root, when no ext4 is one.
fn nothing(places: &[Place]) -> LayerError {
    let largest = |is_meant: &dyn Fn(FileSystem) -> bool| {
        let meant = places.iter().filter(|place| is_meant(place.file_system));
        meant.max_by_key(|place| place.volume.size).map(|place| (place.partition, place.file_system))
    };
    let is_windows = |kind| matches!(kind, FileSystem::Ntfs | FileSystem::Refs | FileSystem::Bitlocker);
    if let Some((partition, file_system)) = largest(&is_windows) {
        return LayerError::Windows { partition, file_system };
    }
    match largest(&file_system::is_closed) {
        Some((partition, file_system)) => LayerError::NotRead { partition, file_system },
        None => LayerError::NoRoot,
    }
}
