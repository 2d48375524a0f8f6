//! The process that reads a stored disk for whoever publishes it: see [`ReadDisk`]. What it reads may be made to take it over, so
//! it gives up what it could do harm with once the file is open.

use std::fs::File;
use std::io::{self, BufWriter, Read, StdoutLock, Write};
use std::process::ExitCode;

use ays_disk::form::{self, Form as DiskForm};
use ays_disk::{StoredDisk, WriteControl, layer};
use ays_model::causes;
use ays_protocol::{Form, GREETING, MAX_FRAME, MOST_OF_PART, ReadBegin, ReadDisk, ReadEnd, Told};
use flate2::Compression;
use flate2::write::GzEncoder;
use serde::Serialize;
use sha2::{Digest, Sha256};

use crate::confined::confine;
use crate::disk::check_path;
use crate::image_file::open_file;

/// The most memory that it may have, in bytes.
const MEMORY: u64 = 512 << 20;

/// So many bytes are told at once.
const PART: usize = 256 << 10;

/// Reads the disk that its input names, to its output.
pub fn become_reader() -> ExitCode {
    match serve(&mut io::stdin().lock(), io::stdout().lock()) {
        Ok(()) => ExitCode::SUCCESS,
        // Nobody listens any more.
        Err(_) => ExitCode::FAILURE,
    }
}

fn serve(input: &mut impl Read, mut output: StdoutLock<'_>) -> io::Result<()> {
    output.write_all(format!("\n{GREETING}\n").as_bytes())?;
    output.flush()?;
    let order: ReadDisk = read_frame(input)?;
    let mut parts = Parts { output: BufWriter::with_capacity(PART, output) };
    let opened = open(&order).and_then(|file| {
        // From here on this process can do nothing else.
        confine(MEMORY, None).map_err(|error| format!("its reader cannot be confined: {error}"))?;
        let disk = StoredDisk::open(file, order.format).map_err(|error| causes(&error))?;
        let begin = begin(&disk, &order.told)?;
        Ok((disk, begin))
    });
    let disk = match opened {
        Ok((disk, begin)) => {
            parts.frame(&Ok::<_, String>(begin))?;
            disk
        }
        Err(reason) => return parts.frame(&Err::<ReadBegin, _>(reason)),
    };
    let read = match &order.told {
        Told::File { form, skip } => read_file(&disk, *form, *skip, &mut parts),
        Told::Blocks { size, from } => read_blocks(&disk, *size, *from, &mut parts),
    };
    parts.tell(0, &[])?;
    parts.frame(&read)
}

/// A frame of the controller, as the other end writes it.
fn read_frame(input: &mut impl Read) -> io::Result<ReadDisk> {
    let mut length = [0; 4];
    input.read_exact(&mut length)?;
    let length = u32::from_be_bytes(length);
    if length > MAX_FRAME {
        return Err(io::ErrorKind::InvalidData.into());
    }
    let mut body = vec![0; length as usize];
    input.read_exact(&mut body)?;
    Ok(serde_json::from_slice(&body)?)
}

fn open(order: &ReadDisk) -> Result<File, String> {
    check_path(&order.path).map_err(|failure| failure.to_string())?;
    open_file(&order.path).map_err(|error| format!("{} cannot be read: {error}", order.path.display()))
}

fn begin(disk: &StoredDisk, told: &Told) -> Result<ReadBegin, String> {
    let data = disk.data().map_err(|error| causes(&error))?.iter().map(|range| range.end - range.start).sum();
    let mut left_out = Vec::new();
    let length = match told {
        Told::File { form, .. } => match disk_form(*form) {
            Some(form) => form::length(disk, form).map_err(|error| causes(&error))?,
            None => {
                let root = layer::find_root(disk).map_err(|error| causes(&error))?;
                left_out = root.left_out().to_vec();
                None
            }
        },
        Told::Blocks { size, .. } if *size == 0 || *size as usize > MOST_OF_PART => {
            return Err(format!("blocks of {size} bytes are not told"));
        }
        Told::Blocks { .. } => None,
    };
    Ok(ReadBegin { virtual_size: disk.size(), data, length, left_out })
}

/// The form of the whole disk; none: of what is in it.
fn disk_form(form: Form) -> Option<DiskForm> {
    match form {
        Form::Raw => Some(DiskForm::Raw),
        Form::Qcow2 => Some(DiskForm::Qcow2),
        Form::StreamVmdk => Some(DiskForm::StreamVmdk),
        Form::Layer => None,
    }
}

fn read_file(disk: &StoredDisk, form: Form, skip: u64, parts: &mut Parts<'_>) -> Result<ReadEnd, String> {
    let mut told = ToldFile { parts, skip, bytes: 0, sha256: Sha256::new() };
    let unpacked = match disk_form(form) {
        Some(form) => {
            form::write(disk, form, &mut told, WriteControl::default()).map_err(|error| causes(&error))?;
            None
        }
        None => Some(write_layer(disk, &mut told)?),
    };
    Ok(ReadEnd { bytes: told.bytes, sha256: sum(told.sha256), unpacked })
}

/// Writes the layer, packed, and says what it is unpacked.
fn write_layer(disk: &StoredDisk, out: &mut ToldFile<'_, '_>) -> Result<ays_model::Sha256, String> {
    let root = layer::find_root(disk).map_err(|error| causes(&error))?;
    // No time is in its header, so that the same disk becomes the same bytes.
    let packed = GzEncoder::new(out, Compression::fast());
    let mut tar = Summed { out: packed, sha256: Sha256::new() };
    layer::write_layer(&root, &mut tar, WriteControl::default()).map_err(|error| causes(&error))?;
    let Summed { out, sha256 } = tar;
    out.finish().map_err(|error| causes(&error))?;
    Ok(sum(sha256))
}

/// Bytes that are summed on their way.
struct Summed<W> {
    out: W,
    sha256: Sha256,
}

impl<W: Write> Write for Summed<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.out.write(bytes)?;
        self.sha256.update(&bytes[..written]);
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}

fn read_blocks(disk: &StoredDisk, size: u32, from: u64, parts: &mut Parts<'_>) -> Result<ReadEnd, String> {
    let length = u64::from(size);
    let (mut bytes, mut sha256) = (0, Sha256::new());
    let mut next = from.next_multiple_of(length);
    for range in disk.data().map_err(|error| causes(&error))? {
        next = next.max(range.start - range.start % length);
        while next < range.end {
            let mut block = vec![0; size as usize];
            let end = disk.size().min(next + length);
            let filled = usize::try_from(end - next).unwrap_or(usize::MAX);
            disk.read_at(next, &mut block[..filled]).map_err(|error| causes(&error))?;
            // What was written as zeros is as good as a hole.
            if block.iter().any(|byte| *byte != 0) {
                sha256.update(&block);
                bytes += length;
                parts.tell(next, &block).map_err(|error| causes(&error))?;
            }
            next += length;
        }
    }
    Ok(ReadEnd { bytes, sha256: sum(sha256), unpacked: None })
}

fn sum(sha256: Sha256) -> ays_model::Sha256 {
    ays_model::Sha256(sha256.finalize().into())
}

/// What is told.
struct Parts<'a> {
    output: BufWriter<StdoutLock<'a>>,
}

impl Parts<'_> {
    fn tell(&mut self, at: u64, bytes: &[u8]) -> io::Result<()> {
        let length = u32::try_from(bytes.len()).map_err(|_| io::ErrorKind::InvalidData)?;
        self.output.write_all(&at.to_be_bytes())?;
        self.output.write_all(&length.to_be_bytes())?;
        self.output.write_all(bytes)
    }

    fn frame(&mut self, message: &impl Serialize) -> io::Result<()> {
        let body = serde_json::to_vec(message)?;
        let length = u32::try_from(body.len()).map_err(|_| io::ErrorKind::InvalidData)?;
        self.output.write_all(&length.to_be_bytes())?;
        self.output.write_all(&body)?;
        self.output.flush()
    }
}

/// A file that is told as it is written.
struct ToldFile<'a, 'b> {
    parts: &'a mut Parts<'b>,
    /// So many bytes are not told.
    skip: u64,
    /// So many were written.
    bytes: u64,
    sha256: Sha256,
}

impl Write for ToldFile<'_, '_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let bytes = &bytes[..bytes.len().min(PART)];
        self.sha256.update(bytes);
        let known =
            usize::try_from(self.skip.saturating_sub(self.bytes)).unwrap_or(usize::MAX).min(bytes.len());
        if known < bytes.len() {
            self.parts.tell(self.bytes + known as u64, &bytes[known..])?;
        }
        self.bytes += bytes.len() as u64;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
