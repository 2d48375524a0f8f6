//! Disks with a pretend Windows: an NTFS, a registry that the usual library wrote, empty drivers.

use std::fs;
use std::path::PathBuf;

use ays_model::{Boot, DiskFormat, Expected, Family, FileSystem, Finding, FirstBoot, Severity, System};

use crate::disks::{Workshop, look, put_grub};

const KEY: [&str; 3] = ["Microsoft", "Windows NT", "CurrentVersion"];

/// A PE header for x86-64.
fn program() -> Vec<u8> {
    let mut program = vec![0; 4096];
    program[..2].copy_from_slice(b"MZ");
    program[0x3c] = 0x80;
    program[0x80..0x86].copy_from_slice(b"PE\0\0\x64\x86");
    program
}

/// A disk whose second partition has Windows, with further files.
fn windows(workshop: &Workshop, texts: &[(&str, &str)], more: &[&str]) -> PathBuf {
    let hive = workshop.hive(&KEY, texts);
    let (exe, empty) = (workshop.path("cmd.exe"), workshop.empty("driver", 64));
    fs::write(&exe, program()).unwrap();
    let mut files = vec![("Windows/System32/config/SOFTWARE", hive.as_path())];
    files.extend(
        more.iter().map(|name| (*name, if name.ends_with(".exe") { exe.as_path() } else { empty.as_path() })),
    );
    let root = workshop.ntfs("root", &files);
    let disk = workshop.disk(
        16,
        "label: dos\n1: start=2048, size=2048, type=7, bootable\n2: start=4096, size=8192, type=7\n",
        &[(2, &root)],
    );
    // The code of Windows' own first sector finds the active partition; any code will do here.
    put_grub(&disk);
    disk
}

fn server(system: &[(&str, &str)], more: &[&str]) -> System {
    let workshop = Workshop::new();
    let found = look(&windows(&workshop, system, more), DiskFormat::Raw).unwrap();
    assert_eq!(found.boot, Some(Boot::Bios));
    assert_eq!(found.unread, [""; 0]);
    let [system] = found.systems.try_into().unwrap();
    system
}

#[test]
fn a_server_that_is_ready_for_kvm() {
    let found = server(
        &[("ProductName", "Windows Server 2022 Standard"), ("CurrentBuild", "20348"), ("Other", "x")],
        &[
            "Windows/System32/cmd.exe",
            "Windows/System32/drivers/viostor.sys",
            "Windows/System32/drivers/NetKVM.sys",
            "Program Files/Cloudbase Solutions/Cloudbase-Init",
        ],
    );
    assert_eq!(
        found,
        System {
            partition: Some(2),
            file_system: FileSystem::Ntfs,
            can_grow: true,
            family: Family::Windows,
            name: Some("Windows Server 2022 Standard".to_owned()),
            version: Some("20348".to_owned()),
            architecture: Some("x86_64".to_owned()),
            first_boot: Some(FirstBoot::CloudbaseInit),
            virtio: Some(vec!["netkvm".to_owned(), "viostor".to_owned()]),
        }
    );
}

#[test]
fn without_virtio_drivers_it_is_said_how_it_fails() {
    let workshop = Workshop::new();
    let found = look(
        &windows(&workshop, &[("ProductName", "Windows 10 Pro"), ("CurrentBuild", "22631")], &[]),
        DiskFormat::Raw,
    );
    let found = found.unwrap();
    assert_eq!(found.systems[0].name.as_deref(), Some("Windows 11 Pro"));
    assert_eq!(found.systems[0].architecture, None);
    assert_eq!(
        found.findings(Expected::default()),
        [
            Finding {
                code: "virtio",
                severity: Severity::Error,
                message:
                    "Windows without VirtIO drivers: it will not boot on KVM: the disk's driver is missing: \
                          stop 0x7B INACCESSIBLE_BOOT_DEVICE"
                        .to_owned(),
                cure: "install the drivers of virtio-win in the image (viostor or vioscsi, and NetKVM)"
                    .to_owned(),
            },
            Finding {
                code: "firstBoot",
                severity: Severity::Warning,
                message:
                    "cloudbase-init is missing: machines get no password and no larger file system at their \
                          first start"
                        .to_owned(),
                cure: "install cloudbase-init in the image".to_owned(),
            },
        ]
    );
}

#[test]
fn the_registry_knows_the_processor_when_no_program_says_it() {
    let found = server(
        &[("BuildLabEx", "20348.859.arm64fre.fe_release_svc_prod2.220707-1832")],
        &["Windows/System32/drivers/vioscsi.sys"],
    );
    assert_eq!((found.architecture.as_deref(), found.name), (Some("aarch64"), None));
    assert_eq!(found.virtio, Some(vec!["vioscsi".to_owned()]));
}

#[test]
fn a_registry_that_is_none_is_said_so_and_the_rest_is_read() {
    let workshop = Workshop::new();
    let disk = windows(&workshop, &[], &["Windows/System32/drivers/viostor.sys"]);
    let bytes = fs::read(&disk).unwrap();
    let place = bytes
        .windows(8)
        .position(|word| word == b"regf\x01\0\0\0" || word == b"regf\x02\0\0\0" || word == b"regf\x03\0\0\0")
        .unwrap();
    crate::disks::write(&disk, place as u64, b"not!");
    let found = look(&disk, DiskFormat::Raw).unwrap();
    assert_eq!(found.unread, ["partition 2 (NTFS): its registry: the registry is damaged"]);
    assert_eq!(found.systems[0].virtio, Some(vec!["viostor".to_owned()]));
}
