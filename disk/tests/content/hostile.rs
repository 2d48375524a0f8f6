//! Images that claim more than they have.

use std::os::unix::fs::FileExt;
use std::time::{Duration, Instant};

use ays_disk::content::{Control, Error, Measured, digest};
use ays_model::DiskFormat;

const CLUSTER: u64 = 65536;

/// How long each may take, on any machine that tests run on.
const LIMIT: Duration = Duration::from_secs(10);

/// A qcow2 of 64 TiB whose first table's entries are all `first`, with other places of the file as they are said.
fn image(first: u64, length: u64, places: &[(u64, Vec<u8>)]) -> Result<Measured, Error> {
    let entries = (64_u64 << 40) / (CLUSTER * CLUSTER / 8);
    let file = tempfile::tempfile().unwrap();
    file.set_len(length).unwrap();
    let mut header = b"QFI\xfb\0\0\0\x03".to_vec();
    header.resize(20, 0);
    header.extend(16_u32.to_be_bytes());
    header.extend((64_u64 << 40).to_be_bytes());
    header.extend(0_u32.to_be_bytes());
    header.extend(u32::try_from(entries).unwrap().to_be_bytes());
    header.extend(CLUSTER.to_be_bytes());
    header.resize(112, 0);
    file.write_all_at(&header, 0).unwrap();
    file.write_all_at(&first.to_be_bytes().repeat(entries as usize), CLUSTER).unwrap();
    for (at, bytes) in places {
        file.write_all_at(bytes, *at).unwrap();
    }
    let begun = Instant::now();
    let measured = digest(&file, DiskFormat::Qcow2, Control::default());
    assert!(begun.elapsed() < LIMIT, "{measured:?} took {:?}", begun.elapsed());
    measured
}

fn table(entry: u64) -> Vec<u8> {
    entry.to_be_bytes().repeat(8192)
}

/// Behind the first table, which has 1 MiB.
const FREE: u64 = 32 * CLUSTER;

#[test]
fn all_tables_are_one_and_all_clusters_another() {
    let measured =
        image(FREE, FREE + 2 * CLUSTER, &[(FREE, table(FREE + CLUSTER)), (FREE + CLUSTER, vec![7; 65536])]);
    assert!(matches!(measured, Err(Error::MoreThanData)), "{measured:?}");
}

#[test]
fn a_file_that_is_as_large_but_has_no_more_data() {
    let places = [(FREE, table(FREE + CLUSTER)), (FREE + CLUSTER, vec![7; 65536])];
    let measured = image(FREE, 8 << 40, &places);
    assert!(matches!(measured, Err(Error::MoreThanData)), "{measured:?}");
}

#[test]
fn all_tables_are_one_without_entries() {
    let measured = image(FREE, FREE + CLUSTER, &[(FREE, table(1))]);
    assert!(matches!(measured, Err(Error::MoreThanData)), "{measured:?}");
}

#[test]
fn clusters_and_tables_in_holes_are_zeros() {
    // All tables are in a hole.
    let holes = image(FREE, 8 << 40, &[]).unwrap();
    assert_eq!((holes.virtual_size, holes.data_size), (64 << 40, 0));
    // One is not, and its clusters are.
    let first = (CLUSTER, FREE.to_be_bytes().to_vec());
    assert_eq!(image(0, 8 << 40, &[first, (FREE, table(1 << 40))]).unwrap(), holes);
}

#[test]
fn all_compressed_clusters_are_one() {
    let packed = miniz_oxide::deflate::compress_to_vec(&[7; 65536], 9);
    // One sector, in the 8 bits below the flags.
    let entry = 1 << 62 | (FREE + CLUSTER);
    let measured = image(FREE, FREE + 2 * CLUSTER, &[(FREE, table(entry)), (FREE + CLUSTER, packed)]);
    assert!(matches!(measured, Err(Error::MoreThanData)), "{measured:?}");
}

#[test]
fn what_cannot_be_inflated() {
    let first = (CLUSTER, FREE.to_be_bytes().to_vec());
    let entry = 1 << 62 | (FREE + CLUSTER);
    let measured = image(0, FREE + 2 * CLUSTER, &[first, (FREE, table(entry))]);
    assert!(matches!(measured, Err(Error::Read { at: 0, .. })), "{measured:?}");
}

#[test]
fn tables_and_clusters_beyond_the_file() {
    let measured = image(FREE, FREE, &[]);
    assert!(matches!(measured, Err(Error::Tables(_))), "{measured:?}");
    let first = (CLUSTER, FREE.to_be_bytes().to_vec());
    let measured = image(0, FREE + CLUSTER, &[first.clone(), (FREE, table(FREE + CLUSTER))]);
    assert!(matches!(measured, Err(Error::Read { at: 0, .. })), "{measured:?}");
    // Where no cluster begins.
    let measured = image(0, FREE + 4 * CLUSTER, &[first, (FREE, table(FREE + 512))]);
    assert!(matches!(measured, Err(Error::Read { at: 0, .. })), "{measured:?}");
}

#[test]
fn a_first_table_that_qemu_would_not_read() {
    let file = tempfile::tempfile().unwrap();
    file.set_len(64 << 30).unwrap();
    // Clusters of 512 bytes, 1 TiB.
    let mut header = b"QFI\xfb\0\0\0\x02".to_vec();
    header.resize(20, 0);
    header.extend(9_u32.to_be_bytes());
    header.extend((1_u64 << 40).to_be_bytes());
    header.extend(0_u32.to_be_bytes());
    header.extend(u32::MAX.to_be_bytes());
    header.extend(512_u64.to_be_bytes());
    file.write_all_at(&header, 0).unwrap();
    let refusal = digest(&file, DiskFormat::Qcow2, Control::default()).unwrap_err();
    assert_eq!(refusal.to_string(), "its header is damaged: its first table is larger than QEMU reads");
}
