//! A disk in a qcow2, one cluster after the other.

use miniz_oxide::inflate::{TINFLStatus, decompress_to_vec_with_limit};

use super::plain::{Blocks, put};

/// The size of the disk and its data; none when something that belongs to it cannot be had. The header is one that was
/// not refused.
pub(super) fn read(image: &[u8]) -> Option<(u64, Blocks)> {
    let version_3 = be64(image, 0)? & 0xff == 3;
    let bits = be64(image, 16)? & 0xff_ffff;
    let (size, first_table) = (be64(image, 24)?, be64(image, 40)?);
    let cluster = 1_u64 << bits;
    let mut blocks = Blocks::new();
    let covered = cluster * (cluster / 8);
    for number in 0..size.div_ceil(covered) {
        let table = place(be64(image, first_table.checked_add(number * 8)?)?, cluster)?;
        if table == 0 {
            continue;
        }
        if table + cluster > image.len() as u64 {
            return None;
        }
        for within in 0..cluster / 8 {
            let start = number * covered + within * cluster;
            if start >= size {
                break;
            }
            let entry = be64(image, table + within * 8)?;
            let zero = version_3 && entry & 1 != 0;
            let bytes = if entry >> 62 & 1 != 0 {
                inflate(image, entry, bits)?
            } else if zero || place(entry, cluster)? == 0 {
                continue;
            } else {
                let from = place(entry, cluster)? as usize;
                let rest = image.get(from..).filter(|rest| !rest.is_empty())?;
                rest[..rest.len().min(cluster as usize)].to_vec()
            };
            let shown = bytes.len().min((size - start) as usize);
            put(&mut blocks, start, &bytes[..shown]);
        }
    }
    blocks.retain(|_, block| block.iter().any(|byte| *byte != 0));
    Some((size, blocks))
}

fn inflate(image: &[u8], entry: u64, bits: u64) -> Option<Vec<u8>> {
    let offset_bits = 62 - (bits - 8);
    let at = entry % (1 << offset_bits);
    let sectors = (entry % (1 << 62)) >> offset_bits;
    let end = (at / 512 + sectors + 1) * 512;
    let mut packed = image.get(at as usize..)?.to_vec();
    if packed.is_empty() {
        return None;
    }
    packed.resize((end - at) as usize, 0);
    let bytes = match decompress_to_vec_with_limit(&packed, 1 << bits) {
        Ok(bytes) => bytes,
        Err(error) if error.status == TINFLStatus::HasMoreOutput => error.output,
        Err(_) => return None,
    };
    (bytes.len() == 1 << bits).then_some(bytes)
}

/// Where an entry leads; none when no cluster is there.
fn place(entry: u64, cluster: u64) -> Option<u64> {
    let place = entry & 0x00ff_ffff_ffff_fe00;
    (place.is_multiple_of(cluster)).then_some(place)
}

fn be64(image: &[u8], at: u64) -> Option<u64> {
    let at = usize::try_from(at).ok()?;
    Some(u64::from_be_bytes(image.get(at..at.checked_add(8)?)?.try_into().ok()?))
}
