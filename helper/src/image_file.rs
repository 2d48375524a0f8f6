//! The file that an image is in: opened, and told by its bytes.

use std::fs::{File, OpenOptions};
use std::io::{self, Read, Seek, SeekFrom};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use ays_disk::ImageFormat;
use ays_protocol::Failure;
use rustix::fs::OFlags;

use crate::disk::failure;
use crate::image_kind::{HEAD, TAIL, recognise};

/// The format of the image in a file.
pub(crate) fn look_at(source: &Path) -> Result<ImageFormat, Failure> {
    let ends = open_file(source).and_then(|file| read_ends(&file));
    let (head, tail) = ends.map_err(|error| failure(source, "reading", &error))?;
    recognise(&head, &tail).map_err(|reason| bad_image(source, reason))
}

/// Opens a file for reading; anything else under its name is an error.
pub(crate) fn open_file(path: &Path) -> io::Result<File> {
    // A pipe under that name must not make the helper wait.
    let file = OpenOptions::new().read(true).custom_flags(nonblocking()).open(path)?;
    if !file.metadata()?.is_file() {
        return Err(io::Error::new(io::ErrorKind::InvalidInput, "it is not a file"));
    }
    Ok(file)
}

/// What [`recognise`] goes by.
pub(crate) fn read_ends(mut file: &File) -> io::Result<(Vec<u8>, Vec<u8>)> {
    let mut head = Vec::new();
    file.by_ref().take(HEAD as u64).read_to_end(&mut head)?;
    let length = file.metadata()?.len();
    file.seek(SeekFrom::Start(length.saturating_sub(TAIL as u64)))?;
    let mut tail = Vec::new();
    file.take(TAIL as u64).read_to_end(&mut tail)?;
    Ok((head, tail))
}

#[expect(clippy::cast_possible_wrap, reason = "the flags of open(2) are an int")]
fn nonblocking() -> i32 {
    OFlags::NONBLOCK.bits() as i32
}

pub(crate) fn bad_image(path: &Path, reason: impl ToString) -> Failure {
    Failure::BadImage { path: path.display().to_string(), reason: reason.to_string() }
}
