//! Disks with a Linux.

use ays_model::{
    Boot, BootType, DiskFormat, Expected, Family, FileSystem, Finding, FirstBoot, Inspection, Partition,
    Role, Severity, System, Table,
};

use crate::disks::{MIB, Workshop, look, put_grub};

/// The layout of Debian's cloud images: the root is the first partition and the last one.
const LAYOUT: &str = "label: gpt\n\
    14: start=2048, size=2048, type=21686148-6449-6E6F-744E-656564454649\n\
    15: start=4096, size=4096, type=C12A7328-F81F-11D2-BA4B-00A0C93EC93B\n\
    1: start=8192, size=16384\n";

/// Of `LAYOUT`, in MiB.
const ROOT: u64 = 4;

fn debian(workshop: &Workshop) -> std::path::PathBuf {
    let program = std::fs::read("/usr/bin/env").unwrap();
    workshop.ext4(
        "root",
        &[
            ("usr/lib/os-release", b"PRETTY_NAME=\"Debian GNU/Linux 12 (bookworm)\"\nNAME=\"Debian GNU/Linux\"\nVERSION_ID=\"12\"\n"),
            ("etc/os-release->", b"../usr/lib/os-release"),
            ("usr/bin/env", &program),
            ("bin->", b"usr/bin"),
            ("usr/bin/cloud-init", b"#!/usr/bin/python3\n"),
        ],
    )
}

fn as_expected(format: DiskFormat) -> Inspection {
    let partition = |number, start: u64, size: u64, role, file_system| Partition {
        number,
        start: start * MIB,
        size: size * MIB,
        role,
        file_system,
    };
    Inspection {
        format,
        virtual_size: 16 * MIB,
        table: Some(Table::Gpt),
        boot: Some(Boot::Both),
        partitions: vec![
            partition(14, 1, 1, Some(Role::BiosBoot), None),
            partition(15, 2, 2, Some(Role::EfiSystem), None),
            partition(1, ROOT, 8, None, Some(FileSystem::Ext4)),
        ],
        systems: vec![System {
            partition: Some(1),
            file_system: FileSystem::Ext4,
            can_grow: true,
            family: Family::Linux,
            name: Some("Debian GNU/Linux".to_owned()),
            version: Some("12".to_owned()),
            architecture: Some("x86_64".to_owned()),
            first_boot: Some(FirstBoot::CloudInit),
            virtio: None,
        }],
        unread: Vec::new(),
        flaws: Vec::new(),
    }
}

#[test]
fn a_cloud_image_in_every_form() {
    let workshop = Workshop::new();
    let disk = workshop.disk(16, LAYOUT, &[(ROOT, &debian(&workshop))]);
    put_grub(&disk);
    let found = look(&disk, DiskFormat::Raw).unwrap();
    assert_eq!(found, as_expected(DiskFormat::Raw));
    for firmware in [BootType::Bios, BootType::Uefi] {
        assert_eq!(found.findings(Expected { boot: Some(firmware) }), []);
    }
    for options in [
        &[][..],
        &["-c"],
        &["-o", "compat=0.10"],
        &["-o", "cluster_size=512"],
        &["-c", "-o", "cluster_size=2M"],
    ] {
        let image = workshop.qcow2(&disk, options);
        assert_eq!(look(&image, DiskFormat::Qcow2).unwrap(), as_expected(DiskFormat::Qcow2), "{options:?}");
    }
}

#[test]
fn an_image_that_is_its_root_file_system() {
    let workshop = Workshop::new();
    let found = look(&debian(&workshop), DiskFormat::Raw).unwrap();
    let expected = as_expected(DiskFormat::Raw);
    let systems = expected.systems.into_iter().map(|system| System { partition: None, ..system }).collect();
    let (table, boot, partitions, virtual_size) = (None, None, Vec::new(), 8 * MIB);
    assert_eq!(found, Inspection { table, boot, partitions, systems, virtual_size, ..expected });
}

#[test]
fn what_is_wrong_with_an_old_image() {
    let workshop = Workshop::new();
    let root = workshop.ext4("root", &[("etc/fstab", b""), ("etc/cloud/cloud.cfg", b"")]);
    // An active partition that lies before others, one of them XFS in a logical partition, and no boot code.
    let table = "label: dos\n1: start=2048, size=16384, bootable\n2: start=18432, size=8192, type=5\n\
        5: start=20480, size=2048\n6: start=24576, size=2048\n";
    let xfs = workshop.empty("xfs", MIB);
    crate::disks::write(&xfs, 0, b"XFSB");
    let disk = workshop.disk(16, table, &[(1, &root), (12, &xfs)]);
    let found = look(&disk, DiskFormat::Raw).unwrap();
    let numbers: Vec<_> = found.partitions.iter().map(|found| (found.number, found.start / MIB)).collect();
    assert_eq!(numbers, [(1, 1), (5, 10), (6, 12)]);
    assert_eq!(
        found.unread,
        ["partition 6 (XFS): its files are not read here, so what is in it is not known"]
    );
    let said: Vec<_> = found
        .findings(Expected::default())
        .into_iter()
        .map(|Finding { severity, message, .. }| (severity, message))
        .collect();
    assert_eq!(
        said,
        [
            (
                Severity::Error,
                "nothing starts it: it has neither boot code for a BIOS nor an EFI system partition".to_owned()
            ),
            (
                Severity::Warning,
                "cloud-init is missing: machines get no users, no keys and no larger file system at their first start"
                    .to_owned()
            ),
            (
                Severity::Warning,
                "the root file system, partition 1, cannot grow: another partition lies behind it".to_owned()
            ),
        ]
    );
    put_grub(&disk);
    let found = look(&disk, DiskFormat::Raw).unwrap();
    assert_eq!(found.boot, Some(Boot::Bios));
    let first = found.findings(Expected { boot: Some(BootType::Uefi) }).into_iter().next();
    assert_eq!(
        first,
        Some(Finding {
            code: "boot",
            severity: Severity::Error,
            message: "it is registered for uefi and has no EFI system partition: machines will stay in the firmware"
                .to_owned(),
            cure: "register it with bootType 'bios'".to_owned(),
        })
    );
}
