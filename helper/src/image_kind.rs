//! What a file is, by its bytes alone: `qemu-img` never guesses, because a guess can be steered by who made the file.

use ays_disk::{ImageFormat, Refusal, whole_qcow2};

/// How many bytes of a file's start are looked at: the last sign in them is that of btrfs, at 64 KiB.
pub(crate) const HEAD: usize = ays_unpack::HEAD;

/// How many bytes of a file's end are looked at: the footer of a fixed VHD.
pub(crate) const TAIL: usize = 512;

/// Why a file is no disk image that may be registered.
#[derive(Debug, thiserror::Error)]
pub(crate) enum NotAnImage {
    #[error(transparent)]
    Refused(#[from] Refusal),
    #[error("it begins with nothing but zeros")]
    Zeros,
    #[error("it is {0}, not a disk image")]
    Looks(&'static str),
    #[error(
        "it is {0}, not a disk image: `qemu-img convert -O qcow2 DISK.vmdk DISK.qcow2`, where all of its files are, makes \
         one of them"
    )]
    SplitVmdk(&'static str),
    #[error("{0} is not supported")]
    Unsupported(&'static str),
    #[error("no disk image format, partition table or file system was found in it")]
    Unknown,
}

/// Tells by the first [`HEAD`] bytes (fewer when the file is shorter) and the last [`TAIL`] what a file is.
pub(crate) fn recognise(head: &[u8], tail: &[u8]) -> Result<ImageFormat, NotAnImage> {
    if head.is_empty() {
        return Err(Refusal::Empty.into());
    }
    if let Some(kind) = container(head, tail) {
        return kind;
    }
    if let Some(what) = archive(head) {
        return Err(NotAnImage::Looks(what));
    }
    if has_at(head, 0, b"LUKS\xba\xbe") {
        return Err(Refusal::Encrypted.into());
    }
    if has_disk_sign(head) {
        return Ok(ImageFormat::Raw);
    }
    Err(other(head))
}

/// What a machine sees, in bytes, as far as these bytes of a file of `size` say it.
pub(crate) fn virtual_size(kind: ImageFormat, head: &[u8], tail: &[u8], size: Option<u64>) -> Option<u64> {
    let le64 = |at: usize| head.get(at..at + 8)?.try_into().ok().map(u64::from_le_bytes);
    match kind {
        ImageFormat::Qcow2 => be64(head, 24),
        ImageFormat::Vmdk => le64(12)?.checked_mul(512),
        ImageFormat::Vhd if has_at(head, 0, b"conectix") => be64(head, 48),
        ImageFormat::Vhd => be64(tail, 48),
        ImageFormat::Vdi => le64(0x170),
        // It is in a table that may be anywhere.
        ImageFormat::Vhdx => None,
        ImageFormat::Raw => size,
    }
}

fn has_at(bytes: &[u8], at: usize, sign: &[u8]) -> bool {
    bytes.get(at..at + sign.len()) == Some(sign)
}

fn be32(bytes: &[u8], at: usize) -> Option<u32> {
    bytes.get(at..at + 4)?.try_into().ok().map(u32::from_be_bytes)
}

fn be64(bytes: &[u8], at: usize) -> Option<u64> {
    bytes.get(at..at + 8)?.try_into().ok().map(u64::from_be_bytes)
}

/// The formats that have a header of their own.
fn container(head: &[u8], tail: &[u8]) -> Option<Result<ImageFormat, NotAnImage>> {
    if has_at(head, 0, b"QFI\xfb") {
        return Some(whole_qcow2(head).map(|_| ImageFormat::Qcow2).map_err(Into::into));
    }
    if has_at(head, 0, b"KDMV") {
        return Some(vmdk(head));
    }
    if has_at(head, 0, b"conectix") {
        return Some(vhd(head));
    }
    if has_at(tail, 0, b"conectix") {
        return Some(vhd(tail));
    }
    let found = if has_at(head, 0, b"vhdxfile") {
        Ok(ImageFormat::Vhdx)
    } else if has_at(head, 0x40, b"\x7f\x10\xda\xbe") {
        Ok(ImageFormat::Vdi)
    } else if head.trim_ascii_start().starts_with(b"# Disk DescriptorFile") {
        Err(NotAnImage::SplitVmdk("the description of a VMDK whose data is in other files"))
    } else if has_at(head, 0, b"COWD") {
        Err(NotAnImage::Unsupported("the VMDK of an ESX snapshot"))
    } else if has_at(head, 0, b"QED\0") {
        Err(NotAnImage::Unsupported("QED"))
    } else if has_at(head, 0, b"WithoutFreeSpace") || has_at(head, 0, b"WithouFreSpacExt") {
        Err(NotAnImage::Unsupported("the disk format of Parallels"))
    } else {
        return None;
    };
    Some(found)
}

/// A sparse VMDK has its capacity (little endian, in sectors) at 12; with 0 there, QEMU takes the description that
/// is embedded for one of other files. Where the description is, in sectors, stands at 28: the parts of a split
/// disk have none, or an empty one.
fn vmdk(head: &[u8]) -> Result<ImageFormat, NotAnImage> {
    match head.get(12..20) {
        Some([0, 0, 0, 0, 0, 0, 0, 0]) => {
            Err(NotAnImage::SplitVmdk("the description of a VMDK whose data is in other files"))
        }
        Some(_) if !is_described(head) => {
            Err(NotAnImage::SplitVmdk("one part of a VMDK that is split into several files"))
        }
        Some(_) => Ok(ImageFormat::Vmdk),
        None => Err(Refusal::Corrupt.into()),
    }
}

/// A description that lies behind what was read may be there.
fn is_described(head: &[u8]) -> bool {
    let sector = head.get(28..36).and_then(|bytes| bytes.try_into().ok()).map(u64::from_le_bytes);
    match sector.and_then(|sector| usize::try_from(sector.checked_mul(512)?).ok()) {
        Some(0) => false,
        Some(place) => head.get(place).is_none_or(|first| *first != 0),
        None => true,
    }
}

/// A VHD's footer has the kind of disk at 60: 2 fixed, 3 dynamic, 4 the difference to a parent.
fn vhd(footer: &[u8]) -> Result<ImageFormat, NotAnImage> {
    match be32(footer, 60) {
        Some(4) => Err(Refusal::Backed.into()),
        Some(_) => Ok(ImageFormat::Vhd),
        None => Err(Refusal::Corrupt.into()),
    }
}

fn archive(head: &[u8]) -> Option<&'static str> {
    const SIGNS: [(usize, &[u8], &str); 11] = [
        (0, b"\x1f\x8b", "a gzip archive"),
        (0, b"\xfd7zXZ\0", "an xz archive"),
        (0, b"PK\x03\x04", "a zip archive"),
        (0, b"BZh", "a bzip2 archive"),
        (0, b"\x28\xb5\x2f\xfd", "a zstd archive"),
        (0, b"7z\xbc\xaf\x27\x1c", "a 7z archive"),
        (0, b"\x04\x22\x4d\x18", "an lz4 archive"),
        (0, b"Rar!\x1a\x07", "a RAR archive"),
        (0, b"!<arch>\n", "an ar archive or a Debian package"),
        (0, b"\x7fELF", "a program"),
        (257, b"ustar", "a tar archive (an OVA is one)"),
    ];
    SIGNS.iter().find(|(at, sign, _)| has_at(head, *at, sign)).map(|(_, _, what)| *what)
}

/// A partition table, a boot sector or a file system.
fn has_disk_sign(head: &[u8]) -> bool {
    const SIGNS: [(usize, &[u8]); 14] = [
        (510, b"\x55\xaa"),          // MBR, and the boot sectors of FAT and NTFS
        (512, b"EFI PART"),          // GPT
        (4096, b"EFI PART"),         // GPT on sectors of 4 KiB
        (1080, b"\x53\xef"),         // ext2, ext3, ext4
        (0, b"XFSB"),                // XFS
        (0x10040, b"_BHRfS_M"),      // btrfs
        (3, b"NTFS    "),            // NTFS
        (0x36, b"FAT1"),             // FAT12, FAT16
        (0x52, b"FAT32"),            // FAT32
        (32769, b"CD001"),           // ISO 9660
        (1024, b"\x10\x20\xf5\xf2"), // F2FS
        (0x10034, b"ReIsEr"),        // ReiserFS
        (0, b"hsqs"),                // squashfs
        (512, b"LABELONE"),          // LVM
    ];
    SIGNS.iter().any(|(at, sign)| has_at(head, *at, sign))
}

/// The best word for what is no disk.
fn other(head: &[u8]) -> NotAnImage {
    if head.iter().all(|byte| *byte == 0) {
        return NotAnImage::Zeros;
    }
    let start = head[..head.len().min(512)].trim_ascii_start().to_ascii_lowercase();
    if start.starts_with(b"<!doctype html") || start.starts_with(b"<html") {
        return NotAnImage::Looks("an HTML page");
    }
    let is_text = |byte: &u8| matches!(byte, b'\t' | b'\n' | b'\r' | 0x20..=0x7e | 0x80..);
    if head.iter().take(512).all(is_text) { NotAnImage::Looks("text") } else { NotAnImage::Unknown }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(found: Result<ImageFormat, NotAnImage>) -> Result<ImageFormat, String> {
        found.map_err(|error| error.to_string())
    }

    /// Bytes with `parts` at their offsets, zeros between.
    fn bytes(parts: &[(usize, &[u8])]) -> Vec<u8> {
        let mut all = vec![0; HEAD];
        for (at, part) in parts {
            all[*at..at + part.len()].copy_from_slice(part);
        }
        all
    }

    const QCOW3: (usize, &[u8]) = (0, b"QFI\xfb\0\0\0\x03");

    #[test]
    fn disk_images() {
        for (parts, kind) in [
            (vec![QCOW3], ImageFormat::Qcow2),
            (vec![(0, &b"QFI\xfb\0\0\0\x02"[..])], ImageFormat::Qcow2),
            // Version 2 has no features; what stands there is something else.
            (vec![(0, &b"QFI\xfb\0\0\0\x02"[..]), (79, b"\x04")], ImageFormat::Qcow2),
            (vec![(0, b"KDMV\x01\0\0\0"), (12, b"\0\x10"), (28, b"\x01"), (512, b"#")], ImageFormat::Vmdk),
            (vec![(0, b"conectix"), (60, b"\0\0\0\x03")], ImageFormat::Vhd),
            (vec![(0, b"vhdxfile")], ImageFormat::Vhdx),
            (vec![(0x40, b"\x7f\x10\xda\xbe")], ImageFormat::Vdi),
            (vec![(510, b"\x55\xaa")], ImageFormat::Raw),
            (vec![(512, b"EFI PART")], ImageFormat::Raw),
            (vec![(1080, b"\x53\xef")], ImageFormat::Raw),
            (vec![(0, b"XFSB")], ImageFormat::Raw),
            (vec![(0x10040, b"_BHRfS_M")], ImageFormat::Raw),
            (vec![(32769, b"CD001")], ImageFormat::Raw),
        ] {
            assert_eq!(said(recognise(&bytes(&parts), &[0; TAIL])), Ok(kind), "{parts:?}");
        }
    }

    #[test]
    fn a_fixed_vhd_is_known_by_its_end_although_it_begins_as_a_raw_disk() {
        let head = bytes(&[(510, b"\x55\xaa")]);
        let tail = &bytes(&[(0, b"conectix"), (60, b"\0\0\0\x02")])[..TAIL];
        assert_eq!(said(recognise(&head, tail)), Ok(ImageFormat::Vhd));
    }

    #[test]
    fn what_is_refused() {
        for (parts, reason) in [
            (vec![QCOW3, (15, &b"\x01"[..])], Refusal::Backed.into()),
            (vec![QCOW3, (35, b"\x02")], Refusal::Encrypted.into()),
            (vec![QCOW3, (79, b"\x04")], Refusal::DataFile.into()),
            (vec![QCOW3, (79, b"\x02")], Refusal::Corrupt.into()),
            (vec![(0, b"QFI\xfb\0\0\0\x01")], Refusal::Version(1).into()),
            (
                vec![(0, b"KDMV\x01")],
                NotAnImage::SplitVmdk("the description of a VMDK whose data is in other files"),
            ),
            (
                vec![(0, b"KDMV\x01\0\0\0"), (12, b"\0\x10")],
                NotAnImage::SplitVmdk("one part of a VMDK that is split into several files"),
            ),
            (
                vec![(0, b"KDMV\x01\0\0\0"), (12, b"\0\x10"), (28, b"\x01")],
                NotAnImage::SplitVmdk("one part of a VMDK that is split into several files"),
            ),
            (
                vec![(0, b"# Disk DescriptorFile\nversion=1")],
                NotAnImage::SplitVmdk("the description of a VMDK whose data is in other files"),
            ),
            (vec![(0, b"conectix"), (60, b"\0\0\0\x04")], Refusal::Backed.into()),
            (vec![(0, b"LUKS\xba\xbe")], Refusal::Encrypted.into()),
            (vec![(0, b"QED\0")], NotAnImage::Unsupported("QED")),
            (vec![(0, b"\x1f\x8b\x08")], NotAnImage::Looks("a gzip archive")),
            (vec![(0, b"\xfd7zXZ\0")], NotAnImage::Looks("an xz archive")),
            (vec![(0, b"PK\x03\x04")], NotAnImage::Looks("a zip archive")),
            (vec![(0, b"BZh9")], NotAnImage::Looks("a bzip2 archive")),
            (vec![(0, b"\x28\xb5\x2f\xfd")], NotAnImage::Looks("a zstd archive")),
            (vec![(257, b"ustar")], NotAnImage::Looks("a tar archive (an OVA is one)")),
            (vec![(0, b"\x01\x02\x03")], NotAnImage::Unknown),
            (vec![], NotAnImage::Zeros),
        ] {
            let found: Result<ImageFormat, String> = said(recognise(&bytes(&parts), &[0; TAIL]));
            assert_eq!(found, said(Err(reason)), "{parts:?}");
        }
    }

    #[test]
    fn small_files() {
        for (head, reason) in [
            (&b""[..], Refusal::Empty.into()),
            (b"\n<!DOCTYPE HTML><html>", NotAnImage::Looks("an HTML page")),
            (b"<html>", NotAnImage::Looks("an HTML page")),
            (b"a small text\n", NotAnImage::Looks("text")),
            ("T\u{e9}xte\n".as_bytes(), NotAnImage::Looks("text")),
            (b"QFI\xfb", Refusal::Damaged("it ends too early").into()),
            (b"conectix", Refusal::Corrupt.into()),
        ] {
            assert_eq!(said(recognise(head, head)), said(Err(reason)), "{head:?}");
        }
    }
}
