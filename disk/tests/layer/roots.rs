//! Which file system of a disk is the root.

use std::path::{Path, PathBuf};

use ays_disk::layer::find_root;
use ays_model::DiskFormat;

use crate::workshop::{Workshop, layer, names, open, refusal};

/// Two partitions of 8 MiB.
const TWO: &str = "label: dos\n1: start=2048, size=16384\n2: start=18432, size=16384\n";

const RELEASE: (&str, &[u8]) = ("usr/lib/os-release", b"NAME=x\n");

fn ext4(workshop: &Workshop, name: &str, files: &[(&str, &[u8])]) -> PathBuf {
    let tree = workshop.tree(&format!("{name}.tree"), files);
    workshop.ext4(name, 8, &tree, &[])
}

fn with(workshop: &Workshop, name: &str, at: usize, sign: &[u8]) -> PathBuf {
    let path = workshop.path(name);
    let mut bytes = vec![0; 1 << 20];
    bytes[at..at + sign.len()].copy_from_slice(sign);
    std::fs::write(&path, bytes).unwrap();
    path
}

fn partition(disk: &Path) -> Option<u32> {
    find_root(&open(disk, DiskFormat::Raw)).unwrap().partition()
}

#[test]
fn the_one_that_says_what_it_is() {
    let workshop = Workshop::new();
    let boot = ext4(&workshop, "boot", &[("bin/rescue", b""), ("vmlinuz", b"")]);
    let root = ext4(&workshop, "root", &[RELEASE]);
    assert_eq!(partition(&workshop.disk(20, TWO, &[(1, &boot), (9, &root)])), Some(2));
    assert_eq!(partition(&workshop.disk(20, TWO, &[(1, &root), (9, &boot)])), Some(1));
    assert_eq!(partition(&root), None);
}

#[test]
fn the_one_that_has_programs() {
    let workshop = Workshop::new();
    let data = ext4(&workshop, "data", &[("home/me", b""), ("bin.txt", b"")]);
    let root = ext4(&workshop, "root", &[("sbin/init", b"")]);
    let disk = workshop.disk(20, TWO, &[(1, &data), (9, &root)]);
    assert_eq!(partition(&disk), Some(2));
    let (tar, _) = layer(&disk, DiskFormat::Raw).unwrap();
    assert_eq!(names(&tar), ["lost+found/", "sbin/", "sbin/init"]);
}

#[test]
fn none_or_several() {
    let workshop = Workshop::new();
    let data = ext4(&workshop, "data", &[("home/me", b"")]);
    let (one, other) = (ext4(&workshop, "one", &[RELEASE]), ext4(&workshop, "other", &[RELEASE]));
    let none = "no root file system was found in it: none has /etc/os-release, /usr/lib/os-release, /bin or /sbin/init";
    assert_eq!(refusal(&data), none);
    assert_eq!(refusal(&workshop.empty("zeros", 1 << 20)), none);
    assert_eq!(
        refusal(&workshop.disk(20, TWO, &[(1, &one), (9, &other)])),
        "it has several root file systems, in the partitions 1, 2: which one is meant is not known"
    );
}

#[test]
fn what_is_not_read() {
    let workshop = Workshop::new();
    let boot = ext4(&workshop, "boot", &[("vmlinuz", b"")]);
    for (at, sign, said) in [
        (0, &b"XFSB"[..], "XFS"),
        (0x10040, b"_BHRfS_M", "btrfs"),
        (512, b"LABELONE", "LVM"),
        (0, b"LUKS\xba\xbe", "LUKS"),
        (1024, b"\x10\x20\xf5\xf2", "F2FS"),
        (0, b"hsqs", "squashfs"),
    ] {
        let other = with(&workshop, "other", at, sign);
        let disk = workshop.disk(20, TWO, &[(1, &boot), (9, &other)]);
        let expected = format!(
            "no root file system was found; partition 2 is {said}, which is not read here: only ext2, ext3 and ext4 are"
        );
        assert_eq!(refusal(&disk), expected);
    }
    let alone = with(&workshop, "other", 0, b"XFSB");
    assert_eq!(
        refusal(&alone),
        "no root file system was found; the disk is XFS, which is not read here: only ext2, ext3 and ext4 are"
    );
}

#[test]
fn a_windows() {
    let workshop = Workshop::new();
    for (sign, said) in [(b"NTFS    ", "NTFS"), (b"-FVE-FS-", "BitLocker")] {
        let windows = with(&workshop, "windows", 3, sign);
        let disk = workshop.disk(20, TWO, &[(9, &windows)]);
        assert_eq!(
            refusal(&disk),
            format!("partition 2 is {said}, as of a Windows: only a Linux becomes a container layer")
        );
        // Besides a Linux it does not matter.
        let root = ext4(&workshop, "root", &[RELEASE]);
        assert_eq!(partition(&workshop.disk(20, TWO, &[(1, &root), (9, &windows)])), Some(1));
    }
}
