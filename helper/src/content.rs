//! What names a disk and a file, with progress told and at a pace.

use std::fs::File;
use std::io;
use std::num::NonZeroU64;
use std::sync::{Mutex, PoisonError};

use ays_disk::content::{self, Control, Measured};
use ays_model::{Activity, Content, Digest, DiskFormat};

use crate::pace::Pace;
use crate::report::Report;

/// Reads the data of the disk in `file`, which is `format`, on all cores.
pub(crate) fn measure(
    file: &File,
    format: DiskFormat,
    pace: Pace,
    report: &Report,
) -> Result<Measured, content::Error> {
    measure_pieces(file, format, pace, report, |_, _| {})
}

/// The same; `pieces` hears of each piece with data.
pub(crate) fn measure_pieces(
    file: &File,
    format: DiskFormat,
    pace: Pace,
    report: &Report,
    mut pieces: impl FnMut(u64, [u8; 32]),
) -> Result<Measured, content::Error> {
    let mut progress =
        |at: content::Progress| report.at(Activity::Verify, at.position, Some(at.virtual_size));
    let is_bounded = pace.is_bounded();
    let pace = Mutex::new(pace);
    let wait = |count: usize| pace.lock().unwrap_or_else(PoisonError::into_inner).pause(count);
    let control = Control {
        progress: Some(&mut progress),
        pace: if is_bounded { Some(&wait) } else { None },
        pieces: Some(&mut pieces),
        cancelled: None,
    };
    content::digest(file, format, control)
}

/// The content of the disk in `file`, and the digest of the file itself: of a raw file the same. At most `rate` bytes a
/// second are read.
pub(crate) fn names(
    file: &File,
    format: DiskFormat,
    rate: Option<NonZeroU64>,
    report: &Report,
) -> io::Result<(Content, Digest)> {
    let content = Content(measure(file, format, Pace::new(rate), report).map_err(io::Error::other)?.content);
    let digest = match format {
        DiskFormat::Raw => content,
        DiskFormat::Qcow2 => digest_of(file, Pace::new(rate), report)?,
    };
    Ok((content, Digest::FsVerity(digest)))
}

/// The digest of a file's bytes, whatever it is.
pub(crate) fn digest_of(file: &File, pace: Pace, report: &Report) -> io::Result<Content> {
    let measured = measure(file, DiskFormat::Raw, pace, report).map_err(io::Error::other)?;
    Ok(Content(measured.content))
}
