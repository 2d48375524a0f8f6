//! Microsoft, "Virtual Hard Disk Image Format Specification" (2006): the footer, a copy of which is the beginning of an
//! image that is not fixed.

use std::io::{Read, Seek};

use super::Image;
use crate::bytes::{be32, be64};
use crate::refusal::Refusal;

const FOOTER: usize = 512;

/// The footer's "current size"; its geometry may be of a smaller disk.
pub(super) fn size(image: &mut Image<'_, impl Read + Seek>) -> Result<u64, Refusal> {
    const DIFFERENCE: u32 = 4;
    let last = image.length.saturating_sub(FOOTER as u64);
    // The copy is for an image whose end is damaged.
    let footer = match footer(image, last) {
        Err(_) => footer(image, 0)?,
        Ok(footer) => footer,
    };
    if be32(&footer, 60) == DIFFERENCE { Err(Refusal::Backed) } else { Ok(be64(&footer, 48)) }
}

fn footer(image: &mut Image<'_, impl Read + Seek>, at: u64) -> Result<[u8; FOOTER], Refusal> {
    let footer: [u8; FOOTER] = image.read(at)?;
    if !footer.starts_with(b"conectix") {
        return Err(Refusal::Damaged("it has no footer of VHD"));
    }
    let sum = footer.iter().map(|byte| u32::from(*byte)).sum::<u32>();
    let own = footer[64..68].iter().map(|byte| u32::from(*byte)).sum::<u32>();
    if be32(&footer, 64) != !(sum - own) {
        return Err(Refusal::Damaged("the checksum of its footer is wrong"));
    }
    Ok(footer)
}
