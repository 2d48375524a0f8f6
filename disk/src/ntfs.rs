//! The files of an NTFS, by the crate ntfs.

use std::io::{self, ErrorKind, Read, Seek, SeekFrom};

use ::ntfs::attribute_value::NtfsAttributeValueAttached;
use ::ntfs::indexes::NtfsFileNameIndex;
use ::ntfs::{Ntfs, NtfsAttributeFlags, NtfsError, NtfsFile};
use ays_model::FileSystem;

use crate::bytes::le16;
use crate::claimed_size::claimed_size;
use crate::disk::Volume;

/// The largest record of a file, in bytes; Windows makes them of 1 or 4 KiB.
const LARGEST_RECORD: u64 = 64 << 10;

/// A file system and its files.
pub(crate) struct Tree {
    ntfs: Ntfs,
    volume: Volume,
}

impl Tree {
    pub fn open(volume: &Volume) -> io::Result<Self> {
        check_size(volume)?;
        let mut volume = volume.clone();
        let mut ntfs = Ntfs::new(&mut volume).map_err(failed)?;
        ntfs.read_upcase_table(&mut volume).map_err(failed)?;
        Ok(Self { ntfs, volume })
    }

    /// Whether there is something at this path, whose names may have letters of any case.
    pub fn exists(&self, path: &str) -> io::Result<bool> {
        Ok(self.find(path)?.is_some())
    }

    /// A file's first bytes, at most so many; none when there is no such file.
    pub fn head(&self, path: &str, most: usize) -> io::Result<Option<Vec<u8>>> {
        let Some(file) = self.find(path)? else { return Ok(None) };
        let mut bytes = Vec::new();
        self.with_data(&file, |data| data.take(most as u64).read_to_end(&mut bytes).map(|_| ()))?;
        Ok(Some(bytes))
    }

    /// Gives `work` what reads the file at any place; none when there is no such file.
    pub fn read_by<T>(
        &self,
        path: &str,
        work: impl FnOnce(&mut dyn FnMut(u64, &mut [u8]) -> io::Result<()>) -> io::Result<T>,
    ) -> io::Result<Option<T>> {
        let Some(file) = self.find(path)? else { return Ok(None) };
        self.with_data(&file, |data| {
            work(&mut |offset, into| {
                data.seek(SeekFrom::Start(offset))?;
                data.read_exact(into)
            })
        })
        .map(Some)
    }

    fn find(&self, path: &str) -> io::Result<Option<NtfsFile<'_>>> {
        let mut volume = self.volume.clone();
        let mut file = self.ntfs.root_directory(&mut volume).map_err(failed)?;
        for name in path.split('/') {
            if !file.is_directory() {
                return Ok(None);
            }
            let index = file.directory_index(&mut volume).map_err(failed)?;
            let mut finder = index.finder();
            let Some(entry) = NtfsFileNameIndex::find(&mut finder, &self.ntfs, &mut volume, name) else {
                return Ok(None);
            };
            file = entry.and_then(|entry| entry.to_file(&self.ntfs, &mut volume)).map_err(failed)?;
        }
        Ok(Some(file))
    }

    fn with_data<T>(
        &self,
        file: &NtfsFile<'_>,
        work: impl FnOnce(&mut NtfsAttributeValueAttached<'_, '_, '_, Volume>) -> io::Result<T>,
    ) -> io::Result<T> {
        let mut volume = self.volume.clone();
        let Some(item) = file.data(&mut volume, "") else {
            return Err(io::Error::new(ErrorKind::InvalidData, "it has no data"));
        };
        let item = item.map_err(failed)?;
        let attribute = item.to_attribute().map_err(failed)?;
        if attribute.flags().intersects(NtfsAttributeFlags::COMPRESSED | NtfsAttributeFlags::ENCRYPTED) {
            return Err(io::Error::new(ErrorKind::Unsupported, "it is compressed or encrypted"));
        }
        let value = attribute.value(&mut volume).map_err(failed)?;
        work(&mut value.attach(&mut volume))
    }
}

/// The reader takes memory for what the boot sector claims, so the claims are looked at first.
fn check_size(volume: &Volume) -> io::Result<()> {
    let mut sector = [0; 512];
    volume.read_at(0, &mut sector)?;
    let sector_size = u64::from(le16(&sector, 11));
    let cluster_size = sector_size * u64::from(sector[13]);
    // Clusters, or, below zero, the power of two.
    let record = sector[64].cast_signed();
    let record_size = match u32::try_from(record) {
        Ok(clusters) => cluster_size.checked_mul(clusters.into()),
        Err(_) => 1u64.checked_shl(record.unsigned_abs().into()),
    };
    let fits = claimed_size(volume, FileSystem::Ntfs).is_some_and(|size| size <= volume.size)
        && cluster_size > 0
        && record_size.is_some_and(|size| (256..=LARGEST_RECORD).contains(&size));
    if fits {
        Ok(())
    } else {
        Err(io::Error::new(ErrorKind::InvalidData, "it claims more than its partition holds"))
    }
}

fn failed(error: NtfsError) -> io::Error {
    match error {
        NtfsError::Io(error) => error,
        error => io::Error::new(ErrorKind::InvalidData, error.to_string()),
    }
}
