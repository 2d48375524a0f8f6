//! How large the disk in an image is, by what the image's own header says. No program that converts images is asked:
//! some take the size of a VHD from its geometry, which is smaller.

mod vhd;
mod vhdx;
mod vmdk;

use std::io::{Read, Seek, SeekFrom};

use crate::bytes::{be64, le32, le64};
use crate::qcow2;
use crate::refusal::{LARGEST, Refusal};

/// A format of disk images.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ImageFormat {
    /// The disk's bytes as they are.
    Raw,
    /// QEMU's.
    Qcow2,
    /// VMware's, in one file, or its description of several.
    Vmdk,
    /// Virtual PC's; QEMU calls it `vpc`.
    Vhd,
    /// Hyper-V's.
    Vhdx,
    /// VirtualBox's.
    Vdi,
}

impl ImageFormat {
    /// As `qemu-img -f` wants it.
    pub const fn qemu_name(self) -> &'static str {
        match self {
            Self::Raw => "raw",
            Self::Qcow2 => "qcow2",
            Self::Vmdk => "vmdk",
            Self::Vhd => "vpc",
            Self::Vhdx => "vhdx",
            Self::Vdi => "vdi",
        }
    }
}

/// The bytes that a machine sees of the image, which is `format`. At most 2 MiB are read, and no other file is opened.
///
/// # Errors
///
/// The image is no such one, is damaged where it would say its size, needs another image, or claims a size that no disk
/// here may have.
pub fn virtual_size(image: &mut (impl Read + Seek), format: ImageFormat) -> Result<u64, Refusal> {
    let length = image.seek(SeekFrom::End(0))?;
    if length == 0 {
        return Err(Refusal::Empty);
    }
    let mut image = Image { reader: image, length };
    let size = match format {
        ImageFormat::Raw => length,
        ImageFormat::Qcow2 => {
            let header: [u8; 80] = image.read(0)?;
            qcow2::whole(&header)?;
            be64(&header, 24)
        }
        ImageFormat::Vmdk => vmdk::size(&mut image)?,
        ImageFormat::Vhd => vhd::size(&mut image)?,
        ImageFormat::Vhdx => vhdx::size(&mut image)?,
        ImageFormat::Vdi => vdi(&mut image)?,
    };
    match size {
        0 => Err(Refusal::Empty),
        size if size > LARGEST => Err(Refusal::TooLarge(size)),
        size => Ok(size),
    }
}

/// VirtualBox, `src/VBox/Storage/VDICore.h`: the headers of versions 1.x begin alike.
fn vdi(image: &mut Image<'_, impl Read + Seek>) -> Result<u64, Refusal> {
    const SIGNATURE: u32 = 0xbeda_107f;
    const UNDO: u32 = 3;
    const DIFFERENCE: u32 = 4;
    let header: [u8; 512] = image.read(0)?;
    if le32(&header, 0x40) != SIGNATURE {
        return Err(Refusal::Damaged("it does not begin as one of VDI"));
    }
    if le32(&header, 0x44) >> 16 != 1 {
        return Err(Refusal::Damaged("a VDI of this version does not exist"));
    }
    match le32(&header, 0x4c) {
        UNDO | DIFFERENCE => Err(Refusal::Backed),
        _ => Ok(le64(&header, 0x170)),
    }
}

/// An image's file.
struct Image<'a, R> {
    reader: &'a mut R,
    /// In bytes.
    length: u64,
}

impl<R: Read + Seek> Image<'_, R> {
    fn read<const N: usize>(&mut self, at: u64) -> Result<[u8; N], Refusal> {
        let mut bytes = [0; N];
        self.fill(at, &mut bytes)?;
        Ok(bytes)
    }

    fn fill(&mut self, at: u64, into: &mut [u8]) -> Result<(), Refusal> {
        if at.checked_add(into.len() as u64).is_none_or(|end| end > self.length) {
            return Err(Refusal::Damaged("it ends too early"));
        }
        self.reader.seek(SeekFrom::Start(at))?;
        Ok(self.reader.read_exact(into)?)
    }
}
