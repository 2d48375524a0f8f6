use std::fs::{self, File, OpenOptions};
use std::io;
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use ays_disk::{ImageFormat, LARGEST};
use ays_unpack::{Receiver, Unpacked};
use rustix::fs::{Mode, OFlags};

use super::arrival::{Arrival, Withdrawn};
use crate::disk::{free_space, is_zeros};
use crate::file_name::PART_SUFFIX;
use crate::image_kind::{recognise, virtual_size};
use crate::leftovers::PART_PREFIX;

/// Blocks of zeros of this size, in bytes, are left out of the file.
const HOLE: usize = 64 << 10;

/// How much longer than the disk the file of a format with tables may be, in bytes, beside as much as the disk again:
/// snapshots are in it too.
const TABLES: u64 = 64 << 20;

/// What is left free, in bytes: a full disk stops other services.
const MARGIN: u64 = 256 << 20;

const NO_ROOM: &str = "and there is no room for more";

/// Why a disk does not fit.
#[derive(Debug, thiserror::Error)]
#[error("what is packed in it goes on after {most} bytes, {why}")]
struct TooLarge {
    most: u64,
    why: &'static str,
}

/// Why an unpacked disk is refused, if its size is the reason.
pub(super) fn too_large(error: &io::Error) -> Option<String> {
    let why = error.get_ref()?.downcast_ref::<TooLarge>()?;
    Some(why.to_string())
}

/// A file without a name that takes a disk; zeros become holes.
#[derive(Debug)]
pub(super) struct DiskFile {
    /// None before the disk begins.
    file: Option<File>,
    directory: PathBuf,
    epoch: u64,
    arrival: Arc<Arrival>,
    /// Bytes of the disk so far, holes included.
    length: u64,
    /// The most of them, and what sets it.
    most: (u64, &'static str),
    /// Bytes that may still be written.
    room: u64,
}

impl DiskFile {
    pub(super) fn new(directory: &Path, epoch: u64, arrival: Arc<Arrival>) -> Self {
        let directory = directory.to_owned();
        Self { file: None, directory, epoch, arrival, length: 0, most: (0, ""), room: 0 }
    }

    /// The whole disk.
    pub(super) fn end(self) -> io::Result<File> {
        let file = self.file.ok_or(io::ErrorKind::NotFound)?;
        file.set_len(self.length)?;
        Ok(file)
    }
}

impl Receiver for DiskFile {
    fn check(&self, head: &[u8]) -> Result<(), String> {
        // What is at the end of a fixed VHD is not there yet, and it begins as a raw disk does.
        recognise(head, &[]).map(drop).map_err(|reason| reason.to_string())
    }

    fn begin(&mut self, _: &Unpacked, head: &[u8]) -> io::Result<()> {
        fs::create_dir_all(&self.directory)?;
        self.file = Some(unnamed(&self.directory)?);
        let free = free_space(&self.directory).unwrap_or(0);
        self.room = free.saturating_sub(MARGIN.min(free / 20));
        self.most = match claim(head) {
            Some(claim) => (claim.min(LARGEST), "which is more than it claims to be"),
            None => (self.room, NO_ROOM),
        };
        Ok(())
    }

    fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        if !self.arrival.is_current(self.epoch) {
            return Err(io::Error::other(Withdrawn));
        }
        let (most, why) = self.most;
        if self.length + bytes.len() as u64 > most {
            return Err(io::Error::other(TooLarge { most, why }));
        }
        let file = self.file.as_ref().ok_or(io::ErrorKind::NotFound)?;
        for block in bytes.chunks(HOLE) {
            if !is_zeros(block) {
                let Some(room) = self.room.checked_sub(block.len() as u64) else {
                    return Err(io::Error::other(TooLarge { most: self.length, why: NO_ROOM }));
                };
                self.room = room;
                file.write_all_at(block, self.length)?;
            }
            self.length += block.len() as u64;
        }
        Ok(())
    }
}

/// The most bytes that a disk's file may have by what its first bytes say; none when they do not say it.
fn claim(head: &[u8]) -> Option<u64> {
    match recognise(head, &[]).ok()? {
        ImageFormat::Raw => gpt_size(head),
        kind => Some(virtual_size(kind, head, &[], None)?.saturating_mul(2).saturating_add(TABLES)),
    }
}

/// A GPT says which is the disk's last sector; an image may be padded behind it.
fn gpt_size(head: &[u8]) -> Option<u64> {
    const PADDING: u64 = 64 << 20;
    [512, 4096].into_iter().find_map(|sector| {
        let header = head.get(sector..sector + 92)?.strip_prefix(b"EFI PART")?;
        let last = u64::from_le_bytes(header.get(24..32)?.try_into().ok()?);
        last.checked_add(1)?.checked_mul(sector as u64)?.checked_add(PADDING)
    })
}

/// A file in that directory that is gone when it is closed.
fn unnamed(directory: &Path) -> io::Result<File> {
    let flags = OFlags::TMPFILE | OFlags::RDWR | OFlags::CLOEXEC;
    if let Ok(file) = rustix::fs::open(directory, flags, Mode::from_raw_mode(0o600)) {
        return Ok(File::from(file));
    }
    // Not every file system knows such files. Until the name is removed, the next run takes it for a leftover.
    let path = directory.join(format!("{PART_PREFIX}unpacked-{}{PART_SUFFIX}", std::process::id()));
    let file = OpenOptions::new().read(true).write(true).create_new(true).mode(0o600).open(&path)?;
    fs::remove_file(&path)?;
    Ok(file)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn disk_file(room: u64) -> DiskFile {
        let directory = tempfile::tempdir().unwrap();
        let arrival = Arc::new(Arrival::default());
        let mut disk = DiskFile::new(directory.path(), 0, arrival);
        disk.file = Some(unnamed(directory.path()).unwrap());
        disk.room = room;
        disk.most = (u64::MAX, "");
        disk
    }

    #[test]
    fn zeros_become_holes() {
        use std::os::unix::fs::MetadataExt;

        let mut disk = disk_file(u64::MAX);
        let bytes = [vec![1; HOLE], vec![0; 10 * HOLE], vec![2; 5], vec![0; 3]].concat();
        for part in bytes.chunks(7 * HOLE) {
            disk.write(part).unwrap();
        }
        let file = disk.end().unwrap();
        let mut read = vec![9; bytes.len()];
        file.read_exact_at(&mut read, 0).unwrap();
        assert!(read == bytes);
        let found = file.metadata().unwrap();
        assert!(found.blocks() * 512 < 4 * HOLE as u64, "{}", found.blocks());
        assert_eq!((found.len(), found.nlink()), (bytes.len() as u64, 0));
    }

    #[test]
    fn a_disk_ends_where_its_claim_or_the_room_does() {
        let mut disk = disk_file(3 * HOLE as u64);
        disk.write(&vec![0; 10 * HOLE]).unwrap();
        disk.write(&vec![1; 3 * HOLE]).unwrap();
        let error = disk.write(&[1]).unwrap_err();
        assert_eq!(
            too_large(&error).unwrap(),
            "what is packed in it goes on after 851968 bytes, and there is no room for more"
        );
        let mut head = vec![0; 4096];
        head[510..512].copy_from_slice(b"\x55\xaa");
        assert_eq!(claim(&head), None);
        head[512..520].copy_from_slice(b"EFI PART");
        head[544..552].copy_from_slice(&2047u64.to_le_bytes());
        assert_eq!(claim(&head), Some((1 << 20) + (64 << 20)));
        disk.directory = std::env::temp_dir();
        disk.begin(&Unpacked { packings: Vec::new(), member: None }, &head).unwrap();
        disk.length = 65 << 20;
        let error = disk.write(&[0]).unwrap_err();
        assert_eq!(
            too_large(&error).unwrap(),
            "what is packed in it goes on after 68157440 bytes, which is more than it claims to be"
        );
    }
}
