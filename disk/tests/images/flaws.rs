//! Disks whose partition table or file systems claim what the disk does not have.

use std::path::{Path, PathBuf};
use std::process::Command;

use ays_model::{Boot, DiskFormat, Expected, Severity};

use crate::disks::{MIB, Workshop, look, put_grub, read_at, run_with, set_size, write};

/// A disk of 16 MiB that starts by BIOS and UEFI; its root is 8 MiB from 4 MiB on.
const GPT: &str = "label: gpt\n\
    14: start=2048, size=2048, type=21686148-6449-6E6F-744E-656564454649\n\
    15: start=4096, size=4096, type=C12A7328-F81F-11D2-BA4B-00A0C93EC93B\n\
    1: start=8192, size=16384\n";

/// Its logical partitions begin at 10 and 12 MiB, the tables before them at 9 and 11 MiB.
const MBR: &str = "label: dos\n1: start=2048, size=16384, bootable\n2: start=18432, size=14336, type=5\n\
    5: start=20480, size=2048\n6: start=24576, size=8192\n";

const END: u64 = 16 * MIB;

fn disk(workshop: &Workshop, table: &str) -> PathBuf {
    let disk = workshop.disk(16, table, &[]);
    put_grub(&disk);
    disk
}

/// The findings, each as its severity and code, and whether it is said what starts the disk.
fn found(path: &Path) -> (Vec<String>, Option<Boot>) {
    let found = look(path, DiskFormat::Raw).unwrap();
    let findings = found.findings(Expected::default()).into_iter();
    let findings = findings.map(|finding| format!("{} {}", finding.severity, finding.code)).collect();
    (findings, found.boot)
}

fn broken(codes: &[&str]) -> (Vec<String>, Option<Boot>) {
    (codes.iter().map(|code| format!("error {code}")).collect(), None)
}

fn change(path: &Path, at: u64) {
    write(path, at, &[!read_at(path, at, 1)[0]]);
}

#[test]
fn a_disk_that_is_cut_short() {
    let workshop = Workshop::new();
    for (table, size, codes) in [
        (GPT, 3 * MIB, &["partitionEnd", "backupGpt"][..]),
        (GPT, 10 * MIB, &["partitionEnd", "backupGpt"]),
        (GPT, 12 * MIB - 1, &["partitionEnd", "backupGpt"]),
        (GPT, 12 * MIB, &["backupGpt"]),
        (GPT, END - 512, &["backupGpt"]),
        (GPT, END - 1, &["backupGpt"]),
        (MBR, MIB, &["partitionEnd"]),
        // Between partitions, before a logical one, in one, and at the end of the last.
        (MBR, 9 * MIB, &["partitionEnd"]),
        (MBR, 11 * MIB + 100, &["partitionEnd"]),
        (MBR, 13 * MIB, &["partitionEnd"]),
        (MBR, END - 1, &["partitionEnd"]),
    ] {
        let disk = disk(&workshop, table);
        set_size(&disk, size);
        assert_eq!(found(&disk), broken(codes), "{size} bytes of {table}");
    }
    let disk = disk(&workshop, GPT);
    set_size(&disk, 10 * MIB);
    let said = look(&disk, DiskFormat::Raw).unwrap().findings(Expected::default());
    let said: Vec<_> = said.iter().map(|finding| finding.message.as_str()).collect();
    assert_eq!(
        said,
        [
            "the disk is cut short: it ends at byte 10485760, partition 1 at byte 12582912",
            "the disk is cut short: it ends at byte 10485760, its GPT is for a disk of 16777216 bytes",
        ]
    );
}

#[test]
fn logical_partitions_that_no_extended_one_holds() {
    let workshop = Workshop::new();
    let disk = disk(&workshop, MBR);
    // The extended partition ends where the disk is cut; its last logical partition is longer than it.
    set_size(&disk, 14 * MIB);
    write(&disk, 446 + 16 + 12, &10240_u32.to_le_bytes());
    assert_eq!(found(&disk), broken(&["partitionEnd"]));
    // The next table of its chain lies behind the disk.
    set_size(&disk, 10 * MIB + MIB / 2);
    write(&disk, 446 + 16 + 12, &2048_u32.to_le_bytes());
    write(&disk, 9 * MIB + 446 + 12, &1024_u32.to_le_bytes());
    assert_eq!(found(&disk), broken(&["partitionEnd"]));
}

#[test]
fn copies_of_a_gpt_that_are_damaged() {
    let workshop = Workshop::new();
    let both = Some(Boot::Both);
    // Headers, and tables: the second copy's is before its header.
    for (place, zeros) in [(512, 512), (512 + 40, 0), (1024 + 32, 0), (1024, 512)] {
        let disk = disk(&workshop, GPT);
        if zeros == 0 {
            change(&disk, place)
        } else {
            write(&disk, place, &vec![0; zeros])
        }
        assert_eq!(found(&disk), broken(&["primaryGpt"]), "{place}");
    }
    for (place, zeros) in [(END - 512, 512), (END - 512 + 40, 0), (END - 33 * 512 + 32, 0)] {
        let disk = disk(&workshop, GPT);
        if zeros == 0 {
            change(&disk, place)
        } else {
            write(&disk, place, &vec![0; zeros])
        }
        assert_eq!(found(&disk), (vec!["warning backupGpt".to_owned()], both), "{place}");
    }
    let disk = disk(&workshop, GPT);
    change(&disk, 512 + 40);
    change(&disk, END - 512 + 40);
    assert_eq!(found(&disk), broken(&["gpt"]));
    // A header that is whole and in another place than it says.
    let disk = self::disk(&workshop, GPT);
    write(&disk, 512, &read_at(&disk, END - 512, 512));
    assert_eq!(found(&disk), broken(&["primaryGpt"]));
}

#[test]
fn a_gpt_for_large_sectors() {
    let workshop = Workshop::new();
    let disk = workshop.empty("disk.raw", END);
    // A GPT, and an EFI system partition in all of it.
    run_with(Command::new("fdisk").args(["-b", "4096"]).arg(&disk), b"g\nn\n\n\n\nt\n1\nw\n");
    put_grub(&disk);
    assert_eq!(look(&disk, DiskFormat::Raw).unwrap().partitions.len(), 1);
    assert_eq!(found(&disk), broken(&["gptSectorSize"]));
    change(&disk, 4096 + 40);
    assert_eq!(found(&disk), broken(&["gptSectorSize", "primaryGpt"]));
    set_size(&disk, END - 4096);
    assert_eq!(found(&disk), broken(&["gpt"]));
}

#[test]
fn a_gpt_that_the_first_sector_does_not_tell_of() {
    let workshop = Workshop::new();
    for (place, zeros) in [(0, 512), (446, 64), (510, 2)] {
        let disk = disk(&workshop, GPT);
        write(&disk, place, &vec![0; zeros]);
        assert_eq!(look(&disk, DiskFormat::Raw).unwrap().partitions.len(), 3);
        assert_eq!(found(&disk), broken(&["protectiveMbr"]), "{place}");
    }
}

#[test]
fn partitions_that_lie_on_each_other() {
    let workshop = Workshop::new();
    // The end of the first one; that of the first logical one.
    for (place, size) in [(446 + 12, 18433_u32 + 2048), (9 * MIB + 446 + 12, 4097)] {
        let disk = disk(&workshop, MBR);
        write(&disk, place, &size.to_le_bytes());
        assert_eq!(found(&disk), broken(&["partitionOverlap"]), "{place}");
    }
}

#[test]
fn file_systems_that_are_larger_than_their_place() {
    let workshop = Workshop::new();
    let table = |size: u64| format!("label: dos\n1: start=2048, size={}, bootable\n", size / 512);
    let ext4 = workshop.ext4("ext4", &[]);
    let ntfs = workshop.empty_ntfs("ntfs");
    let made = |name: &str, parts: &[(u64, &[u8])]| {
        let path = workshop.empty(name, MIB);
        parts.iter().for_each(|(at, bytes)| write(&path, *at, bytes));
        path
    };
    // As mkfs.xfs, mkfs.btrfs and mkfs.vfat write them, as far as sizes need it: all for 8 MiB.
    let xfs = made("xfs", &[(0, b"XFSB\0\0\x10\0\0\0\0\0\0\0\x08\0")]);
    let btrfs =
        made("btrfs", &[(0x10040, b"_BHRfS_M"), (0x10070, &[0xff; 8]), (0x100d1, &(8 * MIB).to_le_bytes())]);
    let sign: (u64, &[u8]) = (510, b"\x55\xaa");
    let fat16 = made("fat16", &[(11, b"\0\x02"), (19, b"\0\x40"), (0x36, b"FAT16"), sign]);
    let fat32 = made("fat32", &[(11, b"\0\x02"), (32, b"\0\x40\0\0"), (0x52, b"FAT32"), sign]);
    for (file_system, size) in [(ext4, 8), (ntfs, 4), (xfs, 8), (btrfs, 8), (fat16, 8), (fat32, 8)] {
        let size = size * MIB;
        for (size, expected) in [
            (size, (vec![], Some(Boot::Bios))),
            (size - 4096, broken(&["fileSystemSize"])),
            (MIB, broken(&["fileSystemSize"])),
        ] {
            let disk = workshop.disk(16, &table(size), &[(1, &file_system)]);
            put_grub(&disk);
            assert_eq!(found(&disk), expected, "{} in {size}", file_system.display());
        }
        for (size, expected) in [(size, vec![]), (size - 4096, broken(&["fileSystemSize"]).0)] {
            set_size(&file_system, size);
            assert_eq!(found(&file_system), (expected, None), "{} of {size}", file_system.display());
        }
    }
    let said = look(&workshop.path("ext4"), DiskFormat::Raw).unwrap().findings(Expected::default());
    assert_eq!(said[0].message, "the ext4 of the disk has 8388608 bytes, the disk only 8384512");
    assert_eq!(said[0].severity, Severity::Error);
}
