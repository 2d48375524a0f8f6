//! Microsoft, MS-VHDX "Virtual Hard Disk v2 (VHDX) File Format": a table of regions, in one of them a table of items, one
//! of them the size. The log is not replayed: only an image that its program left open has one.

use std::io::{Read, Seek};

use super::Image;
use crate::bytes::{le16, le32, le64};
use crate::crc32::{CASTAGNOLI, crc32};
use crate::refusal::Refusal;

/// Both tables are so long, and their entries begin where those have as many bytes.
const TABLE: usize = 64 << 10;
const ENTRY: usize = 32;

/// The first three parts of a GUID have their bytes turned round.
const METADATA: [u8; 16] = *b"\x06\xa2\x7c\x8b\x90\x47\x9a\x4b\xb8\xfe\x57\x5f\x05\x0f\x88\x6e";
const FILE_PARAMETERS: [u8; 16] = *b"\x37\x67\xa1\xca\x36\xfa\x43\x4d\xb3\xb6\x33\xf0\xaa\x44\xe7\x6b";
const VIRTUAL_DISK_SIZE: [u8; 16] = *b"\x24\x42\xa5\x2f\x1b\xcd\x76\x48\xb2\x11\x5d\xbe\xd8\x3b\xf4\xb8";

pub(super) fn size(image: &mut Image<'_, impl Read + Seek>) -> Result<u64, Refusal> {
    const HAS_PARENT: u32 = 1 << 1;
    if &image.read::<8>(0)? != b"vhdxfile" {
        return Err(Refusal::Damaged("it does not begin as one of VHDX"));
    }
    // The second table is a copy.
    let regions = match regions(image, 192 << 10) {
        Err(_) => regions(image, 256 << 10)?,
        Ok(regions) => regions,
    };
    let count = le32(&regions, 8) as usize;
    let metadata = entry(&regions[16..], count, METADATA)?;
    let metadata = le64(metadata, 16);
    let mut items = vec![0; TABLE];
    image.fill(metadata, &mut items)?;
    if !items.starts_with(b"metadata") {
        return Err(Refusal::Damaged("its metadata is not where it should be"));
    }
    let count = le16(&items, 10).into();
    // The table was read, so its place in the file is no false claim.
    let place = |item| Ok::<_, Refusal>(metadata + u64::from(le32(entry(&items[32..], count, item)?, 16)));
    let parameters: [u8; 8] = image.read(place(FILE_PARAMETERS)?)?;
    if le32(&parameters, 4) & HAS_PARENT != 0 {
        return Err(Refusal::Backed);
    }
    Ok(u64::from_le_bytes(image.read(place(VIRTUAL_DISK_SIZE)?)?))
}

fn regions(image: &mut Image<'_, impl Read + Seek>, at: u64) -> Result<Vec<u8>, Refusal> {
    let mut table = vec![0; TABLE];
    image.fill(at, &mut table)?;
    let checksum = le32(&table, 4);
    table[4..8].fill(0);
    if !table.starts_with(b"regi") || crc32(CASTAGNOLI, &table) != checksum {
        return Err(Refusal::Damaged("both tables of its regions are damaged"));
    }
    Ok(table)
}

fn entry(entries: &[u8], count: usize, guid: [u8; 16]) -> Result<&[u8], Refusal> {
    let mut entries = entries.chunks_exact(ENTRY).take(count);
    entries
        .find(|entry| entry.starts_with(&guid))
        .ok_or(Refusal::Damaged("it does not say how large its disk is"))
}
