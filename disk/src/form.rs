//! A disk as another file, written from its first byte to its last while the disk is read.
//!
//! Only data is read. One stored file becomes the same bytes each time: no clock and no chance is in them. So a reader whose
//! connection broke can begin again, and leave out what was sent. Two stored files of one disk become the same bytes too, but
//! as [`Form::Qcow2`], which has a cluster for all that is data in the file, be it zeros. Nothing is kept of the disk but where
//! its data is.

mod output;
mod qcow2;
mod stream_vmdk;
mod vhd;

use std::io::{self, Write};

pub use vhd::fixed_vhd_footer;

use crate::content;
use crate::stored_disk::StoredDisk;
use crate::write_control::WriteControl;
pub(crate) use output::Output;

/// What file a disk becomes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// The disk's bytes, zeros and all.
    Raw,
    /// QEMU's, version 3, in clusters of 64 KiB that are not compressed.
    Qcow2,
    /// The disk's bytes, filled up with zeros to a whole number of MiB as Azure wants it, and a footer.
    FixedVhd {
        /// What tells this disk from others: the first bytes of a digest of it, say.
        id: [u8; 16],
    },
    /// VMware's that is for sending: `streamOptimized`, compressed.
    StreamVmdk,
}

/// What was written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Written {
    /// The length of the file, in bytes.
    pub length: u64,
    /// How many bytes of the disk were read for it.
    pub data: u64,
}

/// Why a disk did not become another file.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Where its data is cannot be told.
    #[error(transparent)]
    Data(#[from] content::Error),
    /// Data cannot be read, or not inflated.
    #[error("what belongs at byte {at} of its disk cannot be read")]
    Read {
        /// The place of the disk, in bytes.
        at: u64,
        /// What the system says, or the reader of qcow2.
        source: io::Error,
    },
    /// What is written cannot be taken.
    #[error("what its disk becomes cannot be written")]
    Write(#[source] io::Error),
    /// Some forms have an end.
    #[error("its disk has more data than a file of this form can hold")]
    TooLarge,
    /// The caller wanted it to end.
    #[error("it was cancelled")]
    Cancelled,
}

/// How long the file is that [`write()`] will write, in bytes; none: what its data is compressed to is not known before.
///
/// # Errors
///
/// Where its data is cannot be told.
pub fn length(disk: &StoredDisk, form: Form) -> Result<Option<u64>, Error> {
    Ok(match form {
        Form::Raw => Some(disk.size()),
        Form::Qcow2 => Some(qcow2::Plan::new(disk.size(), &disk.data()?).length()),
        Form::FixedVhd { .. } => Some(vhd::length(disk.size())),
        Form::StreamVmdk => None,
    })
}

/// Writes the disk as this file. `out` is given pieces of at most 256 KiB, some of them small.
///
/// # Errors
///
/// When the disk cannot be read or the file not be written, and when it is cancelled; what was written by then is of no use.
pub fn write<'a>(
    disk: &'a StoredDisk,
    form: Form,
    out: &'a mut dyn Write,
    control: WriteControl<'a>,
) -> Result<Written, Error> {
    let data = disk.data()?;
    let mut output = Output::new(disk, out, control);
    match form {
        Form::Raw => output.plain(&data)?,
        Form::Qcow2 => qcow2::write(&data, &mut output)?,
        Form::FixedVhd { id } => vhd::write(&data, id, &mut output)?,
        Form::StreamVmdk => stream_vmdk::write(&data, &mut output)?,
    }
    output.finish()
}
