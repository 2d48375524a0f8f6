//! Microsoft, "Virtual Hard Disk Image Format Specification" (2006): a fixed disk is its bytes and a footer.

use std::ops::Range;

use super::Error;
use super::output::Output;

/// Azure takes only disks of a whole number of these.
const MIB: u64 = 1 << 20;

const FOOTER: usize = 512;

/// Of the file, for a disk of this size; both in bytes.
pub(super) fn length(size: u64) -> u64 {
    size.next_multiple_of(MIB) + FOOTER as u64
}

pub(super) fn write(data: &[Range<u64>], id: [u8; 16], output: &mut Output<'_>) -> Result<(), Error> {
    output.plain(data)?;
    output.fill_up(MIB)?;
    output.bytes(&fixed_vhd_footer(output.disk.size(), id))
}

/// What follows the bytes of a disk of `size` bytes, and the zeros that fill these up to a whole number of MiB, to make a
/// fixed VHD of them. `id` becomes its unique number.
#[must_use]
pub fn fixed_vhd_footer(size: u64, id: [u8; 16]) -> [u8; 512] {
    const FIXED: u32 = 2;
    let size = size.next_multiple_of(MIB);
    let mut footer = [0; FOOTER];
    let mut put = |at: usize, bytes: &[u8]| footer[at..at + bytes.len()].copy_from_slice(bytes);
    put(0, b"conectix");
    // The feature that is always set, the version of the format, and no further header.
    put(8, &2_u32.to_be_bytes());
    put(12, &0x0001_0000_u32.to_be_bytes());
    put(16, &u64::MAX.to_be_bytes());
    // The time stays 0: seconds since 2000. As from Hyper-V, so that readers take the size and not the geometry for the size.
    put(28, b"win ");
    put(32, &0x000a_0000_u32.to_be_bytes());
    put(36, b"Wi2k");
    put(40, &size.to_be_bytes());
    put(48, &size.to_be_bytes());
    put(56, &geometry(size / 512));
    put(60, &FIXED.to_be_bytes());
    put(68, &id);
    let sum: u32 = footer.iter().map(|byte| u32::from(*byte)).sum();
    footer[64..68].copy_from_slice(&(!sum).to_be_bytes());
    footer
}

/// Cylinders (two bytes), heads and sectors of a track, as the appendix of the specification computes them.
fn geometry(sectors: u64) -> [u8; 4] {
    const MOST: u64 = 65535 * 16 * 255;
    let sectors = sectors.min(MOST);
    let (per_track, heads) = if sectors >= 65535 * 16 * 63 {
        (255, 16)
    } else {
        let heads = (sectors / 17).div_ceil(1024).max(4);
        if heads <= 16 && sectors / 17 < heads * 1024 {
            (17, heads)
        } else if sectors / 31 < 16 * 1024 {
            (31, 16)
        } else {
            (63, 16)
        }
    };
    let cylinders = (sectors / per_track / heads).to_be_bytes();
    [cylinders[6], cylinders[7], heads as u8, per_track as u8]
}
