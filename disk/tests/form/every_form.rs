//! Every disk in every form: QEMU finds the same disk in it, and no fault.

use std::fs::{self, File};
use std::path::Path;

use ays_disk::form::{self, Form};
use ays_disk::{ImageFormat, WriteControl, virtual_size};
use ays_model::DiskFormat;

use crate::{MIB, Workshop, noise, open, qemu_img};

const GIB: u64 = 1 << 30;

const ID: [u8; 16] = *b"sixteen bytes id";

/// Every form, and what QEMU calls it.
const FORMS: [(Form, ImageFormat); 4] = [
    (Form::Raw, ImageFormat::Raw),
    (Form::Qcow2, ImageFormat::Qcow2),
    (Form::FixedVhd { id: ID }, ImageFormat::Vhd),
    (Form::StreamVmdk, ImageFormat::Vmdk),
];

/// What a file of this form says of a disk of `size` bytes.
fn size_in(form: Form, size: u64) -> u64 {
    match form {
        Form::FixedVhd { .. } => size.next_multiple_of(MIB),
        Form::Raw => size,
        Form::Qcow2 | Form::StreamVmdk => size.next_multiple_of(512),
    }
}

/// Writes the disk in these forms, and has QEMU look at each.
fn check(workshop: &Workshop, path: &Path, format: DiskFormat, forms: &[(Form, ImageFormat)]) {
    let disk = open(path, format);
    let data: u64 = disk.data().unwrap().iter().map(|range| range.end - range.start).sum();
    for (form, made) in forms {
        let told = form::length(&disk, *form).unwrap();
        let out = workshop.path("out");
        let written =
            form::write(&disk, *form, &mut Holes(File::create(&out).unwrap()), WriteControl::default())
                .unwrap();
        let length = fs::metadata(&out).unwrap().len();
        assert_eq!((written.length, written.data), (length, data), "{form:?}");
        assert_eq!(told, (*form != Form::StreamVmdk).then_some(length), "{form:?}");
        let size = virtual_size(&mut File::open(&out).unwrap(), *made).unwrap();
        assert_eq!(size, size_in(*form, disk.size()), "{form:?}");
        let name = made.qemu_name();
        let info = qemu_img(&["info", "--output=json", "-f", name], &[&out]);
        // QEMU counts sectors.
        let sectors = size.next_multiple_of(512);
        assert!(info.contains(&format!("\"virtual-size\": {sectors},")), "{form:?}: {info}");
        if matches!(form, Form::Qcow2 | Form::StreamVmdk) {
            let said = qemu_img(&["check", "-f", name], &[&out]);
            assert!(said.contains("No errors were found on the image."), "{form:?}: {said}");
        }
        qemu_img(&["compare", "-f", &format.to_string(), "-F", name], &[path, &out]);
    }
}

/// A file in which zeros are holes, so that large disks need no room.
struct Holes(File);

impl std::io::Write for Holes {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        use std::io::Seek;
        for block in bytes.chunks(4096) {
            if *block == [0; 4096][..block.len()] {
                self.0.seek_relative(block.len() as i64)?;
            } else {
                self.0.write_all(block)?;
            }
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        use std::io::Seek;
        let at = self.0.stream_position()?;
        if self.0.metadata()?.len() < at { self.0.set_len(at) } else { Ok(()) }
    }
}

#[test]
fn disks_of_many_sizes() {
    for size in [512, 3 * 512, 65536, 65536 + 512, MIB, MIB + 512, 5 * MIB - 512, 40 * MIB + 1536] {
        let workshop = Workshop::new();
        // At its beginning, in the middle and at its very end.
        let places = [(0, noise(300)), (size / 2, b"text ".repeat(20)), (size - 100, noise(100))];
        let raw = workshop.raw(size, &places);
        check(&workshop, &raw, DiskFormat::Raw, &FORMS);
        let image = workshop.qcow2(&raw, &["-c"]);
        check(&workshop, &image, DiskFormat::Qcow2, &FORMS);
    }
}

#[test]
fn a_disk_that_ends_within_a_sector() {
    let workshop = Workshop::new();
    let raw = workshop.raw(3 * MIB + 77, &[(3 * MIB + 70, noise(7))]);
    check(&workshop, &raw, DiskFormat::Raw, &FORMS);
}

#[test]
fn disks_without_data() {
    for size in [512, 70_144, 700 * MIB] {
        let workshop = Workshop::new();
        check(&workshop, &workshop.raw(size, &[]), DiskFormat::Raw, &FORMS);
    }
}

#[test]
fn a_disk_of_more_than_four_gibibytes() {
    let workshop = Workshop::new();
    let size = 5 * GIB + 512;
    let places = [(100, noise(1000)), (4 * GIB - 1, noise(200_000)), (size - 1, vec![1])];
    let raw = workshop.raw(size, &places);
    let image = workshop.qcow2(&raw, &["-c"]);
    check(&workshop, &image, DiskFormat::Qcow2, &FORMS[1..]);
}

#[test]
fn a_disk_that_needs_many_tables() {
    let workshop = Workshop::new();
    // A first table of more than one cluster, one range over two second tables, and ranges that share one.
    let size = 9 << 40;
    let places = [
        (512 * MIB - 65536, noise(2 * 65536)),
        (600 * MIB, noise(1)),
        (700 * MIB, noise(1)),
        (size - 1, vec![1]),
    ];
    let raw = workshop.raw(size, &places);
    // QEMU looks at each grain of a VMDK, which would take minutes.
    check(&workshop, &raw, DiskFormat::Raw, &[FORMS[1]]);
}

#[test]
fn a_disk_with_so_much_data_that_it_is_counted_in_two_blocks() {
    let workshop = Workshop::new();
    let size = 2 * GIB + 70 * MIB;
    let places: Vec<_> = (0..size / 65536).map(|cluster| (cluster * 65536, vec![1])).collect();
    let raw = workshop.raw(size, &places);
    assert_eq!(open(&raw, DiskFormat::Raw).data().unwrap(), std::slice::from_ref(&(0..size)));
    check(&workshop, &raw, DiskFormat::Raw, &[FORMS[1]]);
}

#[test]
fn a_form_is_the_same_bytes_each_time() {
    let workshop = Workshop::new();
    let raw = workshop.raw(9 * MIB, &[(5 * MIB, noise(100_000)), (7 * MIB, vec![b'x'; 100_000])]);
    let image = workshop.qcow2(&raw, &["-c", "-o", "cluster_size=4k"]);
    for (form, _) in FORMS {
        let bytes = |path: &Path, format| {
            let mut bytes = Vec::new();
            form::write(&open(path, format), form, &mut bytes, WriteControl::default()).unwrap();
            bytes
        };
        assert!(bytes(&raw, DiskFormat::Raw) == bytes(&raw, DiskFormat::Raw), "{form:?}");
        assert!(bytes(&raw, DiskFormat::Raw) == bytes(&image, DiskFormat::Qcow2), "{form:?}");
    }
}

#[test]
fn a_vhd_says_its_size_and_its_number() {
    let footer = form::fixed_vhd_footer(5 * MIB + 1, ID);
    assert_eq!(footer[48..56], (6 * MIB).to_be_bytes());
    assert_eq!(footer[60..64], [0, 0, 0, 2]);
    assert_eq!(footer[68..84], ID);
    // What the appendix of its specification computes for 2 GiB, and for the most.
    assert_eq!(form::fixed_vhd_footer(2 * GIB, ID)[56..60], [0x10, 0x41, 16, 63]);
    assert_eq!(form::fixed_vhd_footer(4096 * GIB, ID)[56..60], [0xff, 0xff, 16, 255]);
}
