//! Small qcow2 images with any tables, honest ones among them.

use arbitrary::{Result, Unstructured};
use miniz_oxide::deflate::compress_to_vec;

/// An image: its header, clusters, each of them a table, data or packed data, and what they are is up to the input.
pub(super) fn make(data: &mut Unstructured<'_>) -> Result<Vec<u8>> {
    let version: u32 = data.int_in_range(2..=3)?;
    let bits: u32 = data.int_in_range(9..=13)?;
    let cluster = 1_u64 << bits;
    let covered = cluster * cluster / 8;
    let first_entries = data.int_in_range(1..=5)?;
    let size = first_entries * covered - data.int_in_range(0..=covered - 1)?;
    let mut image = header(version, bits, size, first_entries as u32);
    image.resize(2 * cluster as usize, 0);
    let clusters = data.int_in_range(0..=12)?;
    for entry in 0..first_entries {
        let at = (cluster + entry * 8) as usize;
        let table = data.int_in_range(0..=clusters + 2)? * cluster;
        image[at..at + 8].copy_from_slice(&table.to_be_bytes());
    }
    for _ in 0..clusters {
        let mut bytes = match data.int_in_range(0..=3)? {
            0 => table(data, cluster, clusters)?,
            1 => compress_to_vec(&vec![data.arbitrary()?; cluster as usize], 6),
            2 => Vec::new(),
            _ => vec![data.arbitrary()?; data.int_in_range(1..=cluster as usize)?],
        };
        bytes.resize(cluster as usize, 0);
        image.extend(bytes);
    }
    // The last cluster may be short.
    image.truncate(image.len() - data.int_in_range(0..=cluster as usize - 1)?);
    Ok(image)
}

/// A table with some entries, most of which lead to clusters of the file.
fn table(data: &mut Unstructured<'_>, cluster: u64, clusters: u64) -> Result<Vec<u8>> {
    let mut entries = vec![0_u64; cluster as usize / 8];
    for _ in 0..data.int_in_range(0..=8)? {
        let at = data.int_in_range(0..=clusters + 2)? * cluster;
        let entry = match data.int_in_range(0..=5)? {
            0 => at | 1,
            1 => at | 1 << 62,
            2 => data.arbitrary()?,
            _ => at | 1 << 63,
        };
        let place = data.choose_index(entries.len())?;
        entries[place] = entry;
    }
    Ok(entries.into_iter().flat_map(u64::to_be_bytes).collect())
}

fn header(version: u32, bits: u32, size: u64, first_entries: u32) -> Vec<u8> {
    let mut header = b"QFI\xfb".to_vec();
    header.extend(version.to_be_bytes());
    // No backing file.
    header.extend([0; 12]);
    header.extend(bits.to_be_bytes());
    header.extend(size.to_be_bytes());
    // Not encrypted.
    header.extend([0; 4]);
    header.extend(first_entries.to_be_bytes());
    header.extend((1_u64 << bits).to_be_bytes());
    header.resize(100, 0);
    header.extend(104_u32.to_be_bytes());
    header
}
