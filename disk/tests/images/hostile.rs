//! Images that were made to break, mislead or keep busy whoever reads them.

use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use ays_model::{DiskFormat, Expected};

use crate::disks::{MIB, Workshop, look, put_grub, read_at, run, write};

/// No image may keep its reader longer, on any machine that tests run on.
const LIMIT: Duration = Duration::from_secs(10);

/// What is said of an image: why it was refused, or what in it could not be read.
fn said(path: &Path, format: DiskFormat) -> Vec<String> {
    let begun = Instant::now();
    let said = match look(path, format) {
        Ok(found) => found.unread,
        Err(refusal) => vec![refusal.to_string()],
    };
    assert!(begun.elapsed() < LIMIT, "{said:?} took {:?}", begun.elapsed());
    said
}

/// The words of what is wrong with a raw disk.
fn codes(path: &Path) -> Vec<&'static str> {
    let found = look(path, DiskFormat::Raw).unwrap();
    found.findings(Expected::default()).into_iter().map(|finding| finding.code).collect()
}

/// A qcow2 of a disk with a partition table, changed at some places.
fn qcow2(changes: &[(u64, &[u8])]) -> Vec<String> {
    let workshop = Workshop::new();
    let disk = workshop.disk(16, "label: dos\n1: start=2048\n", &[]);
    put_grub(&disk);
    let image = workshop.qcow2(&disk, &[]);
    for (at, bytes) in changes {
        write(&image, *at, bytes);
    }
    said(&image, DiskFormat::Qcow2)
}

#[test]
fn headers_of_qcow2() {
    for (changes, refusal) in [
        (&[][..], None),
        (&[(0, &b"QFX"[..])], Some("its header is damaged: it does not begin as one of qcow2")),
        (&[(7, b"\x09")], Some("its qcow version 9 is not supported; 2 and 3 are")),
        (&[(20, &[0, 0, 0, 40])], Some("its header is damaged: clusters of this size do not exist")),
        // 8 EiB, less one sector.
        (
            &[(24, b"\x7f\xff\xff\xff\xff\xff\xfe\0")],
            Some("it claims 9223372036854775296 bytes, more than any disk here may have"),
        ),
        // 16 TiB, by a table for 16 MiB.
        (
            &[(24, b"\0\0\x10\0\0\0\0\0")],
            Some("its header is damaged: its first table is too short for its disk"),
        ),
        (
            &[(8, b"\0\0\0\0\0\0\x02\0\0\0\0\x0b")],
            Some(
                "it stands on a backing file, so it is not whole: `qemu-img convert -O qcow2`, where that file is, makes one that is",
            ),
        ),
        (
            &[(79, b"\x04")],
            Some(
                "its data is in another file: `qemu-img convert -O qcow2`, where that file is, makes one of both",
            ),
        ),
        (&[(79, b"\x02")], Some("it is marked as corrupt")),
        (&[(35, b"\x02")], Some("it is encrypted")),
        (
            &[(79, b"\x08"), (104, b"\x01")],
            Some(
                "its clusters compressed by zstd are not read here: `qemu-img convert -O raw` makes a disk of it that is",
            ),
        ),
        // Tables that lie beyond the file.
        (&[(40, b"\0\xff\0\0\0\0\0\0")], Some("it cannot be read")),
    ] {
        assert_eq!(
            qcow2(changes),
            refusal.map_or(Vec::new(), |refusal| vec![refusal.to_owned()]),
            "{changes:?}"
        );
    }
}

#[test]
fn other_files_are_never_opened() {
    let workshop = Workshop::new();
    for options in
        [&["-b", "/etc/shadow", "-F", "raw"][..], &["-o", "data_file=/etc/shadow.copy,data_file_raw=on"]]
    {
        let image = workshop.path("image.qcow2");
        let mut command = std::process::Command::new("qemu-img");
        command.args(["create", "-q", "-u", "-f", "qcow2"]).args(options).arg(&image).arg("16M");
        // The data file would be made anew: in the workshop then.
        let moved = options.iter().map(|option| option.replace("/etc/shadow.copy", "data"));
        let mut command = std::process::Command::new("qemu-img");
        command.current_dir(workshop.path("."));
        run(command.args(["create", "-q", "-u", "-f", "qcow2"]).args(moved).arg(&image).arg("16M"));
        let reason = if options[0] == "-b" {
            "it stands on a backing file, so it is not whole: `qemu-img convert -O qcow2`, where that file is, makes one that is"
        } else {
            "its data is in another file: `qemu-img convert -O qcow2`, where that file is, makes one of both"
        };
        assert_eq!(said(&image, DiskFormat::Qcow2), [reason]);
    }
}

#[test]
fn a_cut_off_qcow2_is_no_disk_of_zeros() {
    let workshop = Workshop::new();
    let root = workshop.ext4("root", &[("etc/fstab", b"")]);
    let image = workshop.qcow2(&root, &[]);
    let file = fs::OpenOptions::new().write(true).open(&image).unwrap();
    // The header and the tables are left.
    file.set_len(5 * 65536).unwrap();
    assert_eq!(said(&image, DiskFormat::Qcow2), ["it cannot be read"]);
}

#[test]
fn every_cluster_compressed_to_nothing() {
    let workshop = Workshop::new();
    // Each of its 2 MiB takes some hundred bytes; a reader that loads much of it has work to do.
    let disk = workshop.empty("large.raw", 64 * MIB);
    for cluster in 0..4 {
        write(&disk, cluster * 16 * MIB, b"QFI");
    }
    let image = workshop.qcow2(&disk, &["-c", "-o", "cluster_size=2M"]);
    assert_eq!(said(&image, DiskFormat::Qcow2), ["no partition table and no file system was found in it"]);
}

#[test]
fn a_chain_of_partitions_that_is_a_ring() {
    let workshop = Workshop::new();
    let disk = workshop.disk(16, "label: dos\n1: start=2048, type=5\n5: start=4096, size=2048\n", &[]);
    // The second entry of the first logical table leads to itself.
    let mut entry = read_at(&disk, MIB + 446, 16);
    entry[4] = 5;
    entry[8..12].copy_from_slice(&4096_u32.to_le_bytes());
    write(&disk, MIB + 462, &entry);
    let mut table = read_at(&disk, MIB, 512);
    table[446 + 8..446 + 12].copy_from_slice(&64_u32.to_le_bytes());
    write(&disk, 3 * MIB, &table);
    let found = look(&disk, DiskFormat::Raw).unwrap();
    assert!(found.partitions.len() < 256, "{}", found.partitions.len());
}

#[test]
fn a_partition_table_that_claims_more_than_the_disk() {
    let workshop = Workshop::new();
    let disk = workshop.disk(16, "label: gpt\n1: start=2048, size=2048\n", &[]);
    // Both headers damaged.
    write(&disk, 512 + 80, &u32::MAX.to_le_bytes());
    write(&disk, 16 * MIB - 512 + 80, &u32::MAX.to_le_bytes());
    assert_eq!(codes(&disk), ["gpt"]);
    let disk = workshop.disk(16, "label: dos\n1: start=2048, size=2048\n", &[]);
    write(&disk, 446 + 12, &u32::MAX.to_le_bytes());
    assert_eq!(codes(&disk), ["partitionEnd"]);
}

#[test]
fn file_systems_that_claim_what_they_have_not() {
    let workshop = Workshop::new();
    let root = workshop.ext4("root", &[("etc/fstab", b"")]);
    // One block in a group, and as many groups as there can be.
    write(&root, 1024 + 32, &1_u32.to_le_bytes());
    write(&root, 1024 + 4, &u32::MAX.to_le_bytes());
    assert_eq!(said(&root, DiskFormat::Raw), ["the disk (ext4): it claims more than its partition holds"]);
    let root = workshop.ntfs("windows", &[]);
    // Records of 1 GiB.
    write(&root, 64, &[(-30_i8).cast_unsigned()]);
    assert_eq!(said(&root, DiskFormat::Raw), ["the disk (NTFS): it claims more than its partition holds"]);
}

#[test]
fn links_that_lead_in_circles_and_a_huge_release() {
    let workshop = Workshop::new();
    let release = [b"NAME=x\n".repeat(300_000), b"VERSION_ID=late\n".to_vec()].concat();
    let root = workshop.ext4(
        "root",
        &[
            ("usr/lib/os-release", &release),
            ("usr/bin/env->", b"../../bin/sh"),
            ("bin/sh->", b"/usr/bin/env"),
            ("usr/bin/cloud-init->", b"cloud-init"),
        ],
    );
    let found = look(&root, DiskFormat::Raw).unwrap();
    let [system] = &found.systems[..] else { panic!("{found:?}") };
    assert_eq!((system.name.as_deref(), &system.version), (Some("x"), &None));
    assert_eq!((&system.architecture, system.first_boot), (&None, None));
    assert_eq!(
        found.unread,
        [
            "the disk (ext4): its programs: too many levels of symbolic links",
            "the disk (ext4): whether cloud-init is in it: too many levels of symbolic links",
        ]
    );
}

#[test]
fn whatever_byte_is_wrong() {
    let workshop = Workshop::new();
    let linux = workshop.ext4("linux", &[("etc/os-release", b"NAME=x\n"), ("usr/bin/env", b"\x7fELF")]);
    let windows = workshop.ntfs("windows", &[]);
    let mut seed = 1_u64;
    for image in [linux, windows] {
        let whole = fs::read(&image).unwrap();
        // Where structures are, as a rule: in the first MiB.
        for _ in 0..40 {
            for _ in 0..20 {
                seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
                let at = (seed >> 33) % MIB;
                write(&image, at, &[(seed >> 24).to_le_bytes()[0]]);
            }
            said(&image, DiskFormat::Raw);
            fs::write(&image, &whole).unwrap();
        }
    }
}
