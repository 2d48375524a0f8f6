//! Checksums of files with holes: of unpacked disks, and of stored files that records of before know by their SHA-256.

use std::fs::File;
use std::os::unix::fs::FileExt;
use std::{io, thread};

use ays_model::{Activity, Checksum, ChecksumKind};
use rustix::fs::{SeekFrom, seek};
use rustix::io::Errno;
use sha2::digest::Output;
use sha2::{Digest, Sha256};

use crate::pace::Pace;
use crate::report::Report;

const BLOCK: usize = 256 << 10;

/// The SHA-256 of a file's bytes, which are read at that pace.
pub(crate) fn sha256_of(
    file: &File,
    length: u64,
    pace: Pace,
    report: &Report,
) -> io::Result<ays_model::Sha256> {
    Ok(ays_model::Sha256(hash::<Sha256>(file, length, pace, report)?.into()))
}

/// The checksum of a file's bytes.
pub(crate) fn checksum_of(file: &File, kind: ChecksumKind, report: &Report) -> io::Result<Checksum> {
    let length = file.metadata()?.len();
    let pace = Pace::new(None);
    Ok(match kind {
        ChecksumKind::Md5 => {
            Checksum::Md5(ays_model::Md5(hash::<md5::Md5>(file, length, pace, report)?.into()))
        }
        ChecksumKind::Sha1 => {
            Checksum::Sha1(ays_model::Sha1(hash::<sha1::Sha1>(file, length, pace, report)?.into()))
        }
        ChecksumKind::Sha256 => Checksum::Sha256(sha256_of(file, length, pace, report)?),
        ChecksumKind::Sha384 => {
            Checksum::Sha384(ays_model::Sha384(hash::<sha2::Sha384>(file, length, pace, report)?.into()))
        }
        ChecksumKind::Sha512 => {
            Checksum::Sha512(ays_model::Sha512(hash::<sha2::Sha512>(file, length, pace, report)?.into()))
        }
    })
}

/// Holes are not read, only hashed as the zeros that they stand for.
fn hash<D: Digest>(file: &File, length: u64, mut pace: Pace, report: &Report) -> io::Result<Output<D>> {
    let mut hash = D::new();
    let mut buffer = vec![0; BLOCK];
    let zeros = vec![0; BLOCK];
    let mut at = 0;
    while at < length {
        let data = start_of_data(file, at, length)?;
        while at < data {
            let count = chunk(data - at);
            hash.update(&zeros[..count]);
            at += count as u64;
            report.at(Activity::Verify, at, Some(length));
        }
        let hole = end_of_data(file, at, length)?;
        while at < hole {
            let count = pace.portion(chunk(hole - at));
            file.read_exact_at(&mut buffer[..count], at)?;
            hash.update(&buffer[..count]);
            at += count as u64;
            report.at(Activity::Verify, at, Some(length));
            thread::sleep(pace.pause(count));
        }
    }
    Ok(hash.finalize())
}

/// How many of the first `length` bytes of a file are data and no holes.
pub(crate) fn data_in(file: &File, length: u64) -> io::Result<u64> {
    let (mut at, mut data) = (0, 0);
    while at < length {
        let start = start_of_data(file, at, length)?;
        at = end_of_data(file, start, length)?;
        data += at - start;
    }
    Ok(data)
}

fn chunk(left: u64) -> usize {
    usize::try_from(left).map_or(BLOCK, |left| left.min(BLOCK))
}

fn start_of_data(file: &File, at: u64, length: u64) -> io::Result<u64> {
    match seek(file, SeekFrom::Data(at)) {
        Ok(data) => Ok(data.min(length)),
        // Nothing but a hole up to the end.
        Err(Errno::NXIO) => Ok(length),
        // A file system that does not know holes.
        Err(Errno::INVAL | Errno::OPNOTSUPP) => Ok(at),
        Err(error) => Err(error.into()),
    }
}

fn end_of_data(file: &File, at: u64, length: u64) -> io::Result<u64> {
    if at == length {
        return Ok(length);
    }
    match seek(file, SeekFrom::Hole(at)) {
        Ok(hole) => Ok(hole.min(length)),
        Err(Errno::INVAL | Errno::OPNOTSUPP) => Ok(length),
        Err(error) => Err(error.into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn holes_are_hashed_as_zeros() {
        let mut whole = vec![0; 3 << 20];
        whole[1 << 20..(1 << 20) + 5].copy_from_slice(b"bytes");
        let file = tempfile::tempfile().unwrap();
        file.set_len(whole.len() as u64).unwrap();
        file.write_all_at(b"bytes", 1 << 20).unwrap();
        let (report, _) = Report::new();
        assert_eq!(
            sha256_of(&file, whole.len() as u64, Pace::new(None), &report).unwrap(),
            ays_model::Sha256(Sha256::digest(&whole).into())
        );
    }

    #[test]
    fn holes_are_no_data() {
        let file = tempfile::tempfile().unwrap();
        file.set_len(8 << 20).unwrap();
        assert_eq!(data_in(&file, 8 << 20).unwrap(), 0);
        file.write_all_at(&[1; 1 << 20], 2 << 20).unwrap();
        file.write_all_at(&[1; 1 << 20], 7 << 20).unwrap();
        assert_eq!(data_in(&file, 8 << 20).unwrap(), 2 << 20);
    }

    #[test]
    fn an_empty_file_has_the_hash_of_nothing() {
        let file = tempfile::tempfile().unwrap();
        let (report, _) = Report::new();
        assert_eq!(
            sha256_of(&file, 0, Pace::new(None), &report).unwrap(),
            "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855".parse().unwrap()
        );
    }
}
