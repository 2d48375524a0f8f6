//! VMware, "Virtual Disk Format 5.0": the header of a sparse extent, or a text that describes the disk.

use std::io::{Read, Seek};

use super::Image;
use crate::bytes::le64;
use crate::refusal::Refusal;

/// The longest description, in bytes: of some 15,000 extents.
const LONGEST: u64 = 1 << 20;

const BEGINNING: &[u8] = b"# Disk DescriptorFile";

/// The extents of a description are in other files; their sizes are in the description.
pub(super) fn size(image: &mut Image<'_, impl Read + Seek>) -> Result<u64, Refusal> {
    let mut head = vec![0; image.length.min(512) as usize];
    image.fill(0, &mut head)?;
    if head.starts_with(b"KDMV") {
        // A header without a capacity stands before a description of other files.
        return match le64(&image.read::<512>(0)?, 12) {
            0 => Err(Refusal::DataFile),
            capacity => Ok(capacity.saturating_mul(512)),
        };
    }
    if !head.trim_ascii_start().starts_with(BEGINNING) {
        return Err(Refusal::Damaged("it does not begin as one of VMDK"));
    }
    if image.length > LONGEST {
        return Err(Refusal::Damaged("its description is too long"));
    }
    let mut text = vec![0; image.length as usize];
    image.fill(0, &mut text)?;
    described(&String::from_utf8_lossy(&text))
}

/// From lines such as `RW 4192256 FLAT "disk-f001.vmdk" 0`, in sectors.
fn described(text: &str) -> Result<u64, Refusal> {
    const NO_PARENT: &str = "ffffffff";
    let mut sectors = None;
    for line in text.lines().map(str::trim) {
        let mut words = line.split_ascii_whitespace();
        if let (Some("RW" | "RDONLY" | "NOACCESS"), Some(count)) = (words.next(), words.next()) {
            let count: u64 =
                count.parse().map_err(|_| Refusal::Damaged("an extent of its description has no size"))?;
            sectors = Some(sectors.unwrap_or(0_u64).saturating_add(count));
        }
        let parent = line.split_once('=').filter(|(key, _)| key.trim() == "parentCID");
        if parent.is_some_and(|(_, id)| !id.trim().eq_ignore_ascii_case(NO_PARENT)) {
            return Err(Refusal::Backed);
        }
    }
    let sectors = sectors.ok_or(Refusal::Damaged("its description names no extent"))?;
    Ok(sectors.saturating_mul(512))
}
