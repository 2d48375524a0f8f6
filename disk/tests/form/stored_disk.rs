//! What a stored disk says of itself.

use std::io::ErrorKind;
use std::ops::Range;

use ays_model::DiskFormat;

use crate::{MIB, Workshop, noise, open, qemu_img};

const CLUSTER: u64 = 64 << 10;

fn places() -> Vec<(u64, Vec<u8>)> {
    vec![
        (5000, noise(10)),
        (3 * CLUSTER - 1, noise(2)),
        (7 * MIB, noise(300_000)),
        (20 * MIB + 100, noise(412)),
    ]
}

/// Of a disk that ends with the last place.
const SIZE: u64 = 20 * MIB + 512;

/// Where the clusters with data are.
fn expected() -> Vec<Range<u64>> {
    vec![0..CLUSTER, 2 * CLUSTER..4 * CLUSTER, 7 * MIB..7 * MIB + 5 * CLUSTER, 20 * MIB..SIZE]
}

fn is_send(_: impl Send) {}

#[test]
fn where_its_data_is_and_what() {
    let workshop = Workshop::new();
    let raw = workshop.raw(SIZE, &places());
    let bytes = std::fs::read(&raw).unwrap();
    let mut files = vec![(raw.clone(), DiskFormat::Raw)];
    for (number, options) in
        [&[][..], &["-c"], &["-o", "cluster_size=512"], &["-c", "-o", "cluster_size=4k,compat=0.10"]]
            .into_iter()
            .enumerate()
    {
        let path = workshop.path(&format!("{number}.qcow2"));
        std::fs::rename(workshop.qcow2(&raw, options), &path).unwrap();
        files.push((path, DiskFormat::Qcow2));
    }
    for (path, format) in files {
        let disk = open(&path, format);
        assert_eq!(disk.size(), SIZE, "{path:?}");
        assert_eq!(disk.data().unwrap(), expected(), "{path:?}");
        let mut read = vec![7; bytes.len()];
        disk.read_at(0, &mut read).unwrap();
        assert!(read == bytes, "{path:?}");
        let mut part = [7; 700];
        disk.read_at(7 * MIB - 300, &mut part).unwrap();
        assert_eq!(part[..], bytes[7 * MIB as usize - 300..][..700], "{path:?}");
        assert_eq!(disk.read_at(SIZE - 699, &mut part).unwrap_err().kind(), ErrorKind::UnexpectedEof);
        assert_eq!(disk.read_at(u64::MAX, &mut part).unwrap_err().kind(), ErrorKind::UnexpectedEof);
        is_send(disk);
    }
}

#[test]
fn what_was_zeroed_is_no_data() {
    let workshop = Workshop::new();
    let image = workshop.qcow2(&workshop.raw(SIZE, &places()), &[]);
    let mut io = std::process::Command::new("qemu-io");
    let status = io.args(["-f", "qcow2", "-c", "write -q -z 7M 1M"]).arg(&image).status().unwrap();
    assert!(status.success());
    let mut left = expected();
    left.remove(2);
    assert_eq!(open(&image, DiskFormat::Qcow2).data().unwrap(), left);
}

#[test]
fn a_disk_without_data() {
    let workshop = Workshop::new();
    assert_eq!(open(&workshop.raw(5 << 40, &[]), DiskFormat::Raw).data().unwrap(), []);
    let image = workshop.path("empty.qcow2");
    qemu_img(&["create", "-q", "-f", "qcow2"], &[&image, "64T".as_ref()]);
    assert_eq!(open(&image, DiskFormat::Qcow2).data().unwrap(), []);
}

#[test]
fn more_may_be_read_than_an_inspection_reads() {
    let workshop = Workshop::new();
    let disk = open(&workshop.raw(MIB, &[(0, noise(MIB as usize))]), DiskFormat::Raw);
    let mut bytes = vec![0; MIB as usize];
    for _ in 0..300 {
        disk.read_at(0, &mut bytes).unwrap();
    }
}
