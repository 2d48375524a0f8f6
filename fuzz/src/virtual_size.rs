//! Virtual sizes: whatever an image's headers say, its size is told or refused after little was read, and is no larger
//! than a disk may be.
//!
//! The first byte of the input is the format, and with its highest bit that checksums are made right; each part that
//! follows is a byte for a place where formats have something, a byte for its length, and its bytes. An image is as long
//! as its last part needs it.

use std::io::{Error, ErrorKind, Read, Result, Seek, SeekFrom};

use ays_disk::{ImageFormat, LARGEST, virtual_size};

const FORMATS: [ImageFormat; 6] = [
    ImageFormat::Raw,
    ImageFormat::Qcow2,
    ImageFormat::Vmdk,
    ImageFormat::Vhd,
    ImageFormat::Vhdx,
    ImageFormat::Vdi,
];

/// Headers, both tables of a VHDX's regions, its metadata and their items; what is of no table is what a part has.
const PLACES: [u64; 8] = [0, 40, 320, 192 << 10, 256 << 10, 1 << 20, (1 << 20) + (64 << 10), u64::MAX >> 1];

/// The most that may be read, in bytes.
const MOST: u64 = 2 << 20;

/// See the module.
pub fn check(data: &[u8]) {
    size(data);
}

/// What is told of the image that the input means; none: it was refused.
pub fn size(data: &[u8]) -> Option<u64> {
    let (first, parts) = data.split_first()?;
    let format = FORMATS[usize::from(first & 0x7f) % FORMATS.len()];
    let mut image = Image { parts: split(parts), at: 0, read: 0 };
    if first & 0x80 != 0 {
        image.make_checksums();
    }
    let size = virtual_size(&mut image, format).ok();
    assert!(size.is_none_or(|size| (1..=LARGEST).contains(&size)), "{size:?}");
    assert!(image.read <= MOST, "{} bytes were read", image.read);
    size
}

fn split(mut data: &[u8]) -> Vec<(u64, Vec<u8>)> {
    let mut parts = Vec::new();
    while let [place, length, rest @ ..] = data {
        let (bytes, rest) = rest.split_at(rest.len().min((*length).into()));
        parts.push((PLACES[usize::from(*place) % PLACES.len()], bytes.to_vec()));
        data = rest;
    }
    parts
}

/// Zeros with parts among them; later ones lie on earlier ones.
struct Image {
    parts: Vec<(u64, Vec<u8>)>,
    at: u64,
    read: u64,
}

impl Image {
    fn length(&self) -> u64 {
        // A sector more, as a footer has it.
        self.parts.iter().map(|(at, bytes)| at + bytes.len() as u64).max().map_or(0, |end| end.max(512))
    }

    fn content(&self, at: u64, length: usize) -> Vec<u8> {
        let mut into = vec![0; length];
        for (place, bytes) in &self.parts {
            for (byte, place) in bytes.iter().zip(*place..) {
                let within = place.checked_sub(at).and_then(|within| usize::try_from(within).ok());
                if let Some(target) = within.and_then(|within| into.get_mut(within)) {
                    *target = *byte;
                }
            }
        }
        into
    }

    /// Those of a VHD at the beginning, and of a VHDX.
    fn make_checksums(&mut self) {
        const CASTAGNOLI: u32 = 0x82f6_3b78;
        self.parts.push((64, vec![0; 4]));
        let sum: u32 = self.content(0, 512).iter().map(|byte| u32::from(*byte)).sum();
        self.parts.push((64, (!sum).to_be_bytes().to_vec()));
        let table = 192 << 10;
        self.parts.push((table + 4, vec![0; 4]));
        let sum = !self.content(table, 64 << 10).iter().fold(!0_u32, |sum, byte| {
            (0..8).fold(sum ^ u32::from(*byte), |sum, _| (sum >> 1) ^ (CASTAGNOLI & (sum & 1).wrapping_neg()))
        });
        self.parts.push((table + 4, sum.to_le_bytes().to_vec()));
    }
}

impl Read for Image {
    fn read(&mut self, into: &mut [u8]) -> Result<usize> {
        let left = self.length().saturating_sub(self.at);
        let count = into.len().min(usize::try_from(left).unwrap_or(usize::MAX));
        into[..count].copy_from_slice(&self.content(self.at, count));
        self.at += count as u64;
        self.read += count as u64;
        Ok(count)
    }
}

impl Seek for Image {
    fn seek(&mut self, to: SeekFrom) -> Result<u64> {
        let at = match to {
            SeekFrom::Start(at) => Some(at),
            SeekFrom::Current(by) => self.at.checked_add_signed(by),
            SeekFrom::End(by) => self.length().checked_add_signed(by),
        };
        self.at = at.ok_or(Error::from(ErrorKind::InvalidInput))?;
        Ok(self.at)
    }
}
