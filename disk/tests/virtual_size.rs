//! The sizes that images of every format say, by qemu-img and by hand.
#![allow(clippy::expect_used, clippy::panic, clippy::unwrap_used, reason = "a test fails by panicking")]

use std::fs;
use std::io::Cursor;
use std::process::Command;

use ays_disk::{ImageFormat, virtual_size};

/// Of no round number of cylinders, and more than 32 bits hold.
const SIZE: u64 = (5 << 30) + 3 * 512 * 7;

fn size(image: &[u8], format: ImageFormat) -> Result<u64, String> {
    virtual_size(&mut Cursor::new(image), format).map_err(|refusal| refusal.to_string())
}

/// An image of `SIZE` bytes that qemu-img makes, in memory where it is small.
fn made(format: &str, options: &[&str]) -> (tempfile::TempDir, std::path::PathBuf) {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("image");
    let mut command = Command::new("qemu-img");
    command.args(["create", "-q", "-f", format]).args(options).arg(&path).arg(SIZE.to_string());
    assert!(command.status().unwrap().success(), "{command:?}");
    (directory, path)
}

/// The same, changed.
fn changed(format: &str, options: &[&str], changes: &[(usize, &[u8])]) -> Vec<u8> {
    let (_directory, path) = made(format, options);
    let mut image = fs::read(path).unwrap();
    for (at, bytes) in changes {
        image[*at..at + bytes.len()].copy_from_slice(bytes);
    }
    image
}

#[test]
fn what_qemu_img_makes() {
    use ImageFormat::{Qcow2, Raw, Vdi, Vhd, Vhdx, Vmdk};
    for (name, options, format) in [
        ("raw", "", Raw),
        ("qcow2", "", Qcow2),
        ("qcow2", "compat=0.10", Qcow2),
        ("qcow2", "compression_type=zstd", Qcow2),
        ("vmdk", "", Vmdk),
        ("vmdk", "subformat=streamOptimized", Vmdk),
        ("vmdk", "subformat=monolithicFlat", Vmdk),
        ("vmdk", "subformat=twoGbMaxExtentFlat", Vmdk),
        ("vmdk", "subformat=twoGbMaxExtentSparse", Vmdk),
        ("vpc", "force_size=on", Vhd),
        ("vpc", "force_size=on,subformat=fixed", Vhd),
        ("vhdx", "", Vhdx),
        ("vhdx", "subformat=fixed", Vhdx),
        ("vdi", "", Vdi),
        ("vdi", "static=on", Vdi),
    ] {
        let options = if options.is_empty() { vec![] } else { vec!["-o", options] };
        let (_directory, path) = made(name, &options);
        let said = virtual_size(&mut fs::File::open(&path).unwrap(), format);
        assert_eq!(said.ok(), Some(SIZE), "{name} {options:?}");
        // What another format calls a size is none of this one.
        for other in [Qcow2, Vmdk, Vhd, Vhdx, Vdi] {
            let said = virtual_size(&mut fs::File::open(&path).unwrap(), other);
            assert_eq!(said.is_ok(), other == format, "{name} {options:?} as {other:?}");
        }
    }
}

/// A footer for a disk of `SIZE` bytes; the geometry is that of no disk.
fn vhd_footer(kind: u8) -> Vec<u8> {
    let mut footer = vec![0; 512];
    footer[..8].copy_from_slice(b"conectix");
    footer[40..48].copy_from_slice(&1_u64.to_be_bytes());
    footer[48..56].copy_from_slice(&SIZE.to_be_bytes());
    footer[63] = kind;
    let sum: u32 = footer.iter().map(|byte| u32::from(*byte)).sum();
    footer[64..68].copy_from_slice(&(!sum).to_be_bytes());
    footer
}

#[test]
fn footers_of_vhd() {
    let damaged = |what: &str| Err(format!("its header is damaged: {what}"));
    let said = |image: &[u8]| size(image, ImageFormat::Vhd);
    let fixed = [vec![0; 2048], vhd_footer(2)].concat();
    assert_eq!(said(&fixed), Ok(SIZE));
    // The end is lost, so the copy says it.
    let dynamic = [vhd_footer(3), vec![0; 2048]].concat();
    assert_eq!(said(&dynamic), Ok(SIZE));
    assert_eq!(
        said(&[vhd_footer(4), vec![0; 2048], vhd_footer(4)].concat()),
        Err("it stands on a backing file, so it is not whole: `qemu-img convert -O qcow2`, where that file is, makes one that is".to_owned())
    );
    let mut wrong = vhd_footer(3);
    wrong[55] ^= 1;
    assert_eq!(said(&[&wrong[..], &[0; 512], &vhd_footer(3)].concat()), Ok(SIZE));
    assert_eq!(said(&wrong), damaged("the checksum of its footer is wrong"));
    assert_eq!(said(&fixed[..2048]), damaged("it has no footer of VHD"));
    assert_eq!(said(&fixed[2048..2558]), damaged("it ends too early"));
}

#[test]
fn tables_of_vhdx() {
    let damaged = |what: &str| Err(format!("its header is damaged: {what}"));
    let said = |changes: &[(usize, &[u8])]| size(&changed("vhdx", &[], changes), ImageFormat::Vhdx);
    // One table, then both.
    assert_eq!(said(&[(192 << 10, b"lost")]), Ok(SIZE));
    assert_eq!(said(&[((192 << 10) + 40, b"lost")]), Ok(SIZE));
    let both = [(192 << 10, &b"lost"[..]), ((256 << 10) + 20, b"lost")];
    assert_eq!(said(&both), damaged("both tables of its regions are damaged"));
    let image = changed("vhdx", &[], &[]);
    let find = |word: &[u8]| image.windows(word.len()).position(|found| found == word).unwrap();
    let metadata = find(b"metadata\0\0");
    assert_eq!(said(&[(metadata, b"lost")]), damaged("its metadata is not where it should be"));
    assert_eq!(said(&[(metadata + 10, &[0, 0])]), damaged("it does not say how large its disk is"));
    let parameters = metadata + 32 + 16;
    assert_eq!(said(&[(parameters, &[0xff; 4])]), damaged("it ends too early"));
    let place = metadata + u32::from_le_bytes(image[parameters..parameters + 4].try_into().unwrap()) as usize;
    assert_eq!(said(&[(place + 4, &[2])]), Err("it stands on a backing file, so it is not whole: `qemu-img convert -O qcow2`, where that file is, makes one that is".to_owned()));
    let size_at = find(&SIZE.to_le_bytes());
    assert_eq!(
        said(&[(size_at, &u64::MAX.to_le_bytes())]),
        Err(format!("it claims {} bytes, more than any disk here may have", u64::MAX))
    );
}

#[test]
fn headers_of_vmdk_and_vdi() {
    let backed = || {
        Err("it stands on a backing file, so it is not whole: `qemu-img convert -O qcow2`, where that file is, makes one that is".to_owned())
    };
    let vmdk = |text: &str| size(text.as_bytes(), ImageFormat::Vmdk);
    let begin = "# Disk DescriptorFile\nversion=1\n";
    for (text, expected) in [
        (
            "parentCID=ffffffff\nRW 4192256 FLAT \"a b-f001.vmdk\" 0\nRW 10 FLAT \"b\" 0\n",
            Ok(4_192_266 * 512),
        ),
        ("parentCID = FFFFFFFF\r\nRDONLY 10 ZERO\r\n  NOACCESS 3 ZERO\r\n", Ok(13 * 512)),
        ("RW 4194304 VMFS \"disk-flat.vmdk\"\n", Ok(2 << 30)),
        ("parentCID=1a2b3c4d\nRW 10 SPARSE \"delta.vmdk\"\n", backed()),
        ("# RW 10 FLAT\n", Err("its header is damaged: its description names no extent".to_owned())),
        ("RW x FLAT\n", Err("its header is damaged: an extent of its description has no size".to_owned())),
        ("RW 0 FLAT\n", Err("it is empty".to_owned())),
        (
            "RW 18446744073709551615 FLAT\nRW 2 FLAT\n",
            Err(format!("it claims {} bytes, more than any disk here may have", u64::MAX)),
        ),
    ] {
        assert_eq!(vmdk(&format!("{begin}{text}")), expected, "{text}");
    }
    let long = format!("{begin}{}", "RW 1 FLAT \"x\" 0\n".repeat(1 << 17));
    assert_eq!(vmdk(&long), Err("its header is damaged: its description is too long".to_owned()));
    assert_eq!(vmdk("KDMV"), Err("its header is damaged: it ends too early".to_owned()));
    let sparse = |capacity: u64| {
        let header = changed("vmdk", &[], &[(12, &capacity.to_le_bytes())]);
        size(&header, ImageFormat::Vmdk)
    };
    assert_eq!(
        sparse(0),
        Err(
            "its data is in another file: `qemu-img convert -O qcow2`, where that file is, makes one of both"
                .to_owned()
        )
    );
    assert_eq!(
        sparse(u64::MAX),
        Err(format!("it claims {} bytes, more than any disk here may have", u64::MAX))
    );
    let vdi = |at: usize, byte: u8| size(&changed("vdi", &[], &[(at, &[byte])]), ImageFormat::Vdi);
    assert_eq!(vdi(0x44, 0), Ok(SIZE));
    assert_eq!(vdi(0x46, 0), Err("its header is damaged: a VDI of this version does not exist".to_owned()));
    assert_eq!(vdi(0x4c, 4), backed());
}

#[test]
fn every_image_that_is_cut_short_is_refused_or_says_its_size() {
    for (name, format) in [
        ("qcow2", ImageFormat::Qcow2),
        ("vmdk", ImageFormat::Vmdk),
        ("vpc", ImageFormat::Vhd),
        ("vhdx", ImageFormat::Vhdx),
        ("vdi", ImageFormat::Vdi),
    ] {
        let options: &[&str] = if name == "vpc" { &["-o", "force_size=on"] } else { &[] };
        let image = changed(name, options, &[]);
        for length in (0..1024).chain((0..image.len()).step_by(16381)) {
            let said = size(&image[..length.min(image.len())], format);
            assert!(said == Ok(SIZE) || said.is_err(), "{name}, {length}: {said:?}");
        }
    }
}
