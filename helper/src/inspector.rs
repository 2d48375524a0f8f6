//! The process that looks into an image. What it reads may be made to take it over, so it gives up what it could do harm
//! with before it reads the first byte: it can open nothing, write to nothing but its output, and have no child. System
//! calls that need no descriptor are left to it, such as removing what nobody, or who runs it without root, may remove.

use std::error::Error;
use std::ffi::OsString;
use std::fs::File;
use std::io::{self, Write};
use std::os::fd::AsFd;
use std::process::ExitCode;

use ays_disk::{ImageFormat, Refusal};
use ays_model::{DiskFormat, Inspection};

use crate::child::{die_with, parent};
use crate::confined::confine;
use crate::image_file::read_ends;
use crate::image_kind::recognise;

/// The first argument that starts the helper as an inspector: `inspect PARENT_PID FORMAT`, the image as its input. It
/// answers with one [`Inspection`], or with why not, as JSON.
pub const INSPECT_MODE: &str = "inspect";

/// The format that is not known.
pub(crate) const ANY_FORMAT: &str = "any";

/// The most memory that it may have, in bytes.
const MEMORY: u64 = 256 << 20;

/// The most seconds that it may compute.
const SECONDS: u64 = 20;

/// What an inspector answers.
pub(crate) type Answer = Result<Inspection, String>;

/// Inspects the image that is this process's input.
pub fn become_inspector(mut arguments: impl Iterator<Item = OsString>) -> ExitCode {
    let (Some(parent), Some(format)) = (parent(&mut arguments), arguments.next()) else {
        return ExitCode::from(2);
    };
    let answer: Answer = match confined_input(parent) {
        Ok(image) => look(image, format.to_str()).map_err(|error| ays_model::causes(&*error)),
        Err(error) => Err(format!("its reader cannot be confined: {error}")),
    };
    let Ok(answer) = serde_json::to_vec(&answer) else { return ExitCode::FAILURE };
    match io::stdout().write_all(&answer) {
        Ok(()) => ExitCode::SUCCESS,
        Err(_) => ExitCode::FAILURE,
    }
}

/// The image, once this process can do nothing else any more.
fn confined_input(parent: rustix::process::Pid) -> io::Result<File> {
    let image = File::from(io::stdin().as_fd().try_clone_to_owned()?);
    confine(MEMORY, Some(SECONDS))?;
    // Another user's process forgets whom it dies with, so this comes last.
    if die_with(parent) { Ok(image) } else { Err(io::Error::other("its parent is gone")) }
}

fn look(image: File, format: Option<&str>) -> Result<Inspection, Box<dyn Error>> {
    let format = match format {
        Some("raw") => DiskFormat::Raw,
        Some("qcow2") => DiskFormat::Qcow2,
        _ => {
            let (head, tail) = read_ends(&image)?;
            match recognise(&head, &tail).map_err(|reason| reason.to_string())? {
                ImageFormat::Raw => DiskFormat::Raw,
                ImageFormat::Qcow2 => DiskFormat::Qcow2,
                kind => {
                    let kind = kind.qemu_name();
                    return Err(format!(
                        "{kind} is not read here: `qemu-img convert -f {kind} -O raw` makes a disk of it that is"
                    )
                    .into());
                }
            }
        }
    };
    ays_disk::inspect(image, format).map_err(Refusal::into)
}
