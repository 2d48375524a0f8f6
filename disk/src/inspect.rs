//! An inspection, from an open file to what is in it.

use std::fs::File;
use std::io;
use std::sync::Arc;

use ays_model::{DiskFormat, FileSystem, Flaw, Inspection, Partition, System};

use crate::claimed_size::claimed_size;
use crate::disk::{Disk, Volume};
use crate::found::{Found, plain};
use crate::refusal::Refusal;
use crate::{ext4, file_system, linux, ntfs, partitions, windows};

/// The most remarks about what could not be read.
const MOST_UNREAD: usize = 50;

/// Looks into the image in `file`, which is `format`. At most 256 MiB and 200,000 pieces of it are read; memory is for
/// what is asked of the file, not for what its headers claim. The crates that read file systems were not written for
/// enemies alone, so a panic is still possible: run it in a process of its own.
///
/// # Errors
///
/// When nothing can be said of the image. What cannot be read in it is no error, but in [`Inspection::unread`].
pub fn inspect(file: File, format: DiskFormat) -> Result<Inspection, Refusal> {
    let disk = Disk::open(file, format)?;
    let mut unread = Vec::new();
    let mut layout = partitions::read(&disk)?;
    let mut systems = Vec::new();
    if layout.table.is_none() {
        let volume = Volume::new(&disk, 0, disk.size);
        match volume.map(|volume| (file_system::recognise(&volume), volume)) {
            Some((Some(file_system), volume)) => {
                let place = Place { number: None, file_system, can_grow: true };
                layout.flaws.extend(place.flaw(&volume));
                systems.extend(place.look(&volume, &mut unread));
            }
            _ => unread.push("no partition table and no file system was found in it".to_owned()),
        }
    }
    for partition in &layout.partitions {
        let Some((place, volume)) = in_partition(&disk, partition, &layout.partitions) else { continue };
        layout.flaws.extend(place.flaw(&volume));
        systems.extend(place.look(&volume, &mut unread));
    }
    unread.truncate(MOST_UNREAD);
    let mut found = Inspection {
        format,
        virtual_size: disk.size,
        table: layout.table,
        boot: layout.boot,
        partitions: layout.partitions,
        systems,
        unread,
        flaws: layout.flaws,
    };
    found.boot = found.boot.filter(|_| !found.is_broken());
    Ok(found)
}

fn in_partition(disk: &Arc<Disk>, partition: &Partition, all: &[Partition]) -> Option<(Place, Volume)> {
    let end = partition.start.saturating_add(partition.size);
    let place = Place {
        number: Some(partition.number),
        file_system: partition.file_system?,
        can_grow: all.iter().all(|other| other.start < end),
    };
    Some((place, Volume::new(disk, partition.start, partition.size)?))
}

/// Where a file system is.
struct Place {
    number: Option<u32>,
    file_system: FileSystem,
    can_grow: bool,
}

impl Place {
    fn flaw(&self, volume: &Volume) -> Option<Flaw> {
        let (partition, file_system, size) = (self.number, self.file_system, volume.size);
        let claimed = claimed_size(volume, file_system).filter(|claimed| *claimed > size)?;
        Some(Flaw::FileSystemTooLarge { partition, file_system, claimed, size })
    }

    fn look(&self, volume: &Volume, unread: &mut Vec<String>) -> Option<System> {
        let name = match self.number {
            Some(number) => format!("partition {number} ({})", self.file_system),
            None => format!("the disk ({})", self.file_system),
        };
        if file_system::is_closed(self.file_system) {
            unread.push(format!("{name}: its files are not read here, so what is in it is not known"));
            return None;
        }
        let mut tell =
            |what: &str, error: io::Error| unread.push(format!("{name}: {what}: {}", reason(&error)));
        let found = match self.file_system {
            FileSystem::Ext4 => ext4::Tree::open(volume).and_then(|tree| linux::look(&tree, &mut tell)),
            FileSystem::Ntfs => ntfs::Tree::open(volume).and_then(|tree| windows::look(&tree, &mut tell)),
            _ => return None,
        };
        let found = match found {
            Ok(found) => found?,
            Err(error) => {
                unread.push(format!("{name}: {}", reason(&error)));
                return None;
            }
        };
        let Found { name, version, architecture, first_boot, virtio, family } = found;
        let (partition, file_system, can_grow) = (self.number, self.file_system, self.can_grow);
        Some(System {
            partition,
            file_system,
            can_grow,
            family,
            name,
            version,
            architecture,
            first_boot,
            virtio,
        })
    }
}

fn reason(error: &io::Error) -> String {
    plain(&error.to_string()).unwrap_or_else(|| "it cannot be read".to_owned())
}
