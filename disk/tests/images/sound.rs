//! Disks as they are out there, which have an unusual partition table and nothing wrong with it.

use std::path::Path;
use std::process::Command;

use ays_model::{Boot, DiskFormat, Expected, Table};

use crate::disks::{MIB, Workshop, look, put_grub, read_at, run, set_size, write};

const PARTITIONS: &str = "15: start=4096, size=4096, type=C12A7328-F81F-11D2-BA4B-00A0C93EC93B\n\
    1: start=8192, size=16384\n";

/// What it is, when there is nothing to find.
fn sound(path: &Path, format: DiskFormat) -> (Option<Table>, Option<Boot>) {
    let found = look(path, format).unwrap();
    assert_eq!(found.findings(Expected::default()), [], "{found:?}");
    (found.table, found.boot)
}

const GPT: (Option<Table>, Option<Boot>) = (Some(Table::Gpt), Some(Boot::Both));
const MBR: (Option<Table>, Option<Boot>) = (Some(Table::Mbr), Some(Boot::Bios));

#[test]
fn tables_with_other_numbers_of_entries() {
    let workshop = Workshop::new();
    for table in ["", "table-length: 16\n", "table-length: 128\n", "table-length: 1024\n"] {
        let disk = workshop.disk(16, &format!("label: gpt\n{table}{PARTITIONS}"), &[]);
        put_grub(&disk);
        assert_eq!(sound(&disk, DiskFormat::Raw), GPT, "{table}");
    }
}

#[test]
fn first_sectors_beside_a_gpt() {
    let workshop = Workshop::new();
    let table = format!("label: gpt\n{PARTITIONS}");
    let entry = |kind: u8, flag: u8, start: u32, count: u32| {
        [&[flag, 0, 0, 0, kind, 0, 0, 0][..], &start.to_le_bytes(), &count.to_le_bytes()].concat()
    };
    for (entries, expected) in [
        // Protective: with the size that the disk would have with 32 bits, with an active entry, of a smaller disk.
        (vec![entry(0xee, 0, 1, u32::MAX)], GPT),
        (vec![entry(0xee, 0x80, 1, 32767)], GPT),
        (vec![entry(0xee, 0, 1, 100)], GPT),
        // Hybrid, in either order.
        (vec![entry(0xee, 0, 1, 4095), entry(0x83, 0x80, 8192, 16384)], GPT),
        (vec![entry(0x0c, 0x80, 4096, 4096), entry(0xee, 0, 1, u32::MAX)], GPT),
        // The GPT is left from before.
        (vec![entry(0x83, 0x80, 2048, 20000)], MBR),
    ] {
        let disk = workshop.disk(16, &table, &[]);
        put_grub(&disk);
        write(&disk, 446, &[&entries.concat()[..], &[0; 64][entries.len() * 16..]].concat());
        assert_eq!(sound(&disk, DiskFormat::Raw), expected, "{entries:?}");
    }
}

#[test]
fn a_cd_that_is_a_disk_too() {
    let workshop = Workshop::new();
    // As isohybrid makes it: one partition is the whole CD, the EFI system partition lies in it.
    let disk = workshop.disk(16, "label: dos\n1: start=64, size=30000, type=17, bootable\n", &[]);
    put_grub(&disk);
    let second =
        [&[0, 0, 0, 0, 0xef, 0, 0, 0][..], &4096_u32.to_le_bytes(), &8192_u32.to_le_bytes()].concat();
    write(&disk, 446 + 16, &second);
    write(&disk, 32769, b"CD001");
    // xorriso's partition for the whole CD has no kind.
    for kind in [0x17, 0x83, 0] {
        write(&disk, 446 + 4, &[kind]);
        assert_eq!(sound(&disk, DiskFormat::Raw), (Some(Table::Mbr), Some(Boot::Both)), "{kind}");
    }
}

#[test]
fn disks_that_are_longer_than_their_gpt() {
    let workshop = Workshop::new();
    let disk = workshop.disk(16, &format!("label: gpt\n{PARTITIONS}"), &[]);
    put_grub(&disk);
    // As a tool rounds a disk up: to a sector, to a MiB, to a cylinder.
    for slack in [512, 1000, MIB, 255 * 16 * 512] {
        set_size(&disk, 16 * MIB + slack);
        assert_eq!(sound(&disk, DiskFormat::Raw), GPT, "{slack}");
    }
    set_size(&disk, 16 * MIB);
    let image = workshop.qcow2(&disk, &[]);
    run(Command::new("qemu-img").args(["resize", "-q", "-f", "qcow2"]).arg(&image).arg("1G"));
    let found = look(&image, DiskFormat::Qcow2).unwrap();
    let said: Vec<_> = found.findings(Expected::default());
    let said: Vec<_> = said.iter().map(|finding| format!("{} {}", finding.severity, finding.code)).collect();
    assert_eq!((said, (found.table, found.boot)), (vec!["warning backupGpt".to_owned()], GPT));
}

#[test]
fn disks_without_a_partition_table() {
    let workshop = Workshop::new();
    let nothing = (None, None);
    let ext4 = workshop.ext4("ext4", &[]);
    assert_eq!(sound(&ext4, DiskFormat::Raw), nothing);
    assert_eq!(sound(&workshop.empty_ntfs("ntfs"), DiskFormat::Raw), nothing);
    let fat = workshop.empty("fat", MIB);
    write(&fat, 11, b"\0\x02");
    write(&fat, 19, &2048_u16.to_le_bytes());
    write(&fat, 0x36, b"FAT12");
    // Its code lies where a table would.
    write(&fat, 440, &[0xeb; 70]);
    write(&fat, 510, b"\x55\xaa");
    assert_eq!(sound(&fat, DiskFormat::Raw), nothing);
    // So does the code of a boot sector that is not known here.
    write(&fat, 3, b"EXFAT   ");
    write(&fat, 0x36, b"      ");
    assert_eq!(sound(&fat, DiskFormat::Raw), nothing);
    // A file system over a disk that had a GPT, whose second copy is left.
    let disk = workshop.disk(16, &format!("label: gpt\n{PARTITIONS}"), &[(0, &ext4)]);
    assert!(read_at(&disk, 16 * MIB - 512, 8) == b"EFI PART");
    assert_eq!(sound(&disk, DiskFormat::Raw), nothing);
}

#[test]
fn an_efi_system_partition_alone() {
    let workshop = Workshop::new();
    let esp = "15: start=4096, size=4096, type=C12A7328-F81F-11D2-BA4B-00A0C93EC93B\n";
    let disk = workshop.disk(16, &format!("label: gpt\n{esp}"), &[]);
    assert_eq!(sound(&disk, DiskFormat::Raw), (Some(Table::Gpt), Some(Boot::Uefi)));
    let disk = workshop.disk(16, "label: dos\n1: start=2048, size=2048, type=ef\n", &[]);
    assert_eq!(sound(&disk, DiskFormat::Raw), (Some(Table::Mbr), Some(Boot::Uefi)));
}
