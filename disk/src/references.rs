//! Which other files the disk in an image is made of, by what the image's own header says. None of them is opened.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;

use crate::bytes::{be32, be64, le32, le64};

/// How much of an image's beginning is read: headers are short, and those of QEMU end with their first cluster.
const HEAD: usize = 64 << 10;

/// The metadata of a VHDX lies behind its log, which its programs make 1 MiB long.
const HEAD_OF_VHDX: usize = 4 << 20;

/// The longest name of a file in these headers.
const LONGEST_NAME: u64 = 4096;

/// Which other files an image needs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum References {
    /// These, as the image writes them: a path, or what QEMU takes for one. None: it is whole, or no image.
    Named(Vec<Vec<u8>>),
    /// Some, in a way that is not read here: their names are somewhere in these bytes.
    Within(Vec<u8>),
}

/// The files that an image needs beside itself.
///
/// # Errors
///
/// It cannot be read.
pub fn references(image: &File) -> io::Result<References> {
    let none = Ok(References::Named(Vec::new()));
    let start = head(image, 8)?;
    if start.starts_with(b"QFI\xfb") {
        return Ok(References::Named(qcow2(&head(image, HEAD)?)));
    }
    if start.starts_with(b"vhdxfile") {
        return Ok(References::Within(head(image, HEAD_OF_VHDX)?));
    }
    // ESX's snapshots and QED keep the names as plain text, a VHD in UTF-16.
    if start.starts_with(b"COWD") || start.starts_with(b"QED\0") || start.starts_with(b"conectix") {
        return Ok(References::Within(head(image, HEAD)?));
    }
    if start.starts_with(b"KDMV") {
        return Ok(References::Named(described(vmdk_description(image)?)));
    }
    // The text of a VMDK may begin with empty lines.
    if start.iter().all(u8::is_ascii) {
        let text = head(image, HEAD)?;
        if text.trim_ascii_start().starts_with(b"# Disk DescriptorFile") {
            return Ok(References::Named(described(text)));
        }
    }
    none
}

/// The first bytes of a file, fewer where it is shorter.
fn head(file: &File, length: usize) -> io::Result<Vec<u8>> {
    read(file, 0, length)
}

fn read(file: &File, at: u64, length: usize) -> io::Result<Vec<u8>> {
    let mut bytes = vec![0; length];
    let mut filled = 0;
    while filled < length {
        match file.read_at(&mut bytes[filled..], at.saturating_add(filled as u64)) {
            Ok(0) => break,
            Ok(count) => filled += count,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    bytes.truncate(filled);
    Ok(bytes)
}

/// The backing file, and the data file, of QEMU's format.
fn qcow2(head: &[u8]) -> Vec<Vec<u8>> {
    const DATA_FILE_NAME: u32 = 0x4441_5441;
    let mut names = Vec::new();
    if head.len() < 72 {
        return names;
    }
    let (backing, length) = (be64(head, 8), u64::from(be32(head, 16)));
    if backing != 0 {
        names.extend(part(head, backing, length));
    }
    // Version 2 says nothing of its own length.
    let header = if be32(head, 4) >= 3 && head.len() >= 104 { be32(head, 100) } else { 72 };
    let mut at = header as usize;
    while at.checked_add(8).is_some_and(|end| end <= head.len()) {
        let (kind, length) = (be32(head, at), be32(head, at + 4));
        if kind == 0 {
            break;
        }
        if kind == DATA_FILE_NAME {
            names.extend(part(head, at as u64 + 8, length.into()));
        }
        let next = u64::from(length).next_multiple_of(8) + at as u64 + 8;
        let Ok(next) = usize::try_from(next) else { break };
        at = next;
    }
    names
}

fn part(bytes: &[u8], at: u64, length: u64) -> Option<Vec<u8>> {
    if length == 0 || length > LONGEST_NAME {
        return None;
    }
    let at = usize::try_from(at).ok()?;
    let end = at.checked_add(usize::try_from(length).ok()?)?;
    bytes.get(at..end).map(<[u8]>::to_vec)
}

/// The text in a VMDK that describes it.
fn vmdk_description(image: &File) -> io::Result<Vec<u8>> {
    let header = head(image, 512)?;
    if header.len() < 512 {
        return Ok(Vec::new());
    }
    let (first, count) = (le64(&header, 28), le64(&header, 36));
    if first == 0 || le32(&header, 4) == 0 {
        return Ok(Vec::new());
    }
    let length = usize::try_from(count.saturating_mul(512)).unwrap_or(HEAD).min(HEAD);
    read(image, first.saturating_mul(512), length)
}

/// What stands in quotes in a VMDK's description: the extents' files, the parent's, and words that are no files.
fn described(text: Vec<u8>) -> Vec<Vec<u8>> {
    let mut names = Vec::new();
    for line in text.split(|byte| *byte == b'\n') {
        let mut parts = line.splitn(3, |byte| *byte == b'"');
        let is_file = parts.next().is_some_and(|before| {
            let before = before.trim_ascii();
            before.starts_with(b"parentFileNameHint")
                || [&b"RW"[..], b"RDONLY", b"NOACCESS"].iter().any(|word| before.starts_with(word))
        });
        if let Some(name) = parts.next().filter(|name| is_file && !name.is_empty()) {
            names.push(name.to_vec());
        }
    }
    names
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    fn of(bytes: &[u8]) -> References {
        let mut file = tempfile::tempfile().unwrap();
        file.write_all(bytes).unwrap();
        references(&file).unwrap()
    }

    fn named(names: &[&str]) -> References {
        References::Named(names.iter().map(|name| name.as_bytes().to_vec()).collect())
    }

    /// A header of QEMU's format with this backing file and data file.
    fn qcow2(version: u32, backing: &str, data: &str) -> Vec<u8> {
        let mut bytes = vec![0; 1024];
        bytes[..4].copy_from_slice(b"QFI\xfb");
        bytes[4..8].copy_from_slice(&version.to_be_bytes());
        bytes[15] = if backing.is_empty() { 0 } else { 200 };
        bytes[16..20].copy_from_slice(&u32::try_from(backing.len()).unwrap().to_be_bytes());
        bytes[200..200 + backing.len()].copy_from_slice(backing.as_bytes());
        let mut at = 72;
        if version == 3 {
            bytes[103] = 104;
            at = 104;
        }
        // The backing file's format, then the data file.
        for (kind, text) in [(0xe279_2aca_u32, "raw"), (0x4441_5441, data)] {
            bytes[at..at + 4].copy_from_slice(&kind.to_be_bytes());
            bytes[at + 4..at + 8].copy_from_slice(&u32::try_from(text.len()).unwrap().to_be_bytes());
            bytes[at + 8..at + 8 + text.len()].copy_from_slice(text.as_bytes());
            at += 8 + text.len().next_multiple_of(8);
        }
        bytes
    }

    #[test]
    fn files_that_an_image_needs() {
        assert_eq!(of(&qcow2(3, "base.raw", "data.raw")), named(&["base.raw", "data.raw"]));
        assert_eq!(of(&qcow2(2, "base.raw", "")), named(&["base.raw"]));
        assert_eq!(of(&qcow2(3, "", "")), named(&[]));
        let text = "\n# Disk DescriptorFile\nCID=1\nparentFileNameHint=\"/p/base.vmdk\"\nRW 8 FLAT \"x-flat.vmdk\" 0\n\
                    adapterType = \"ide\"\n";
        assert_eq!(of(text.as_bytes()), named(&["/p/base.vmdk", "x-flat.vmdk"]));
        let mut sparse = vec![0; 512];
        sparse[..8].copy_from_slice(b"KDMV\x01\0\0\0");
        (sparse[28], sparse[36]) = (1, 1);
        sparse.extend_from_slice(text.as_bytes());
        assert_eq!(of(&sparse), named(&["/p/base.vmdk", "x-flat.vmdk"]));
        assert!(matches!(of(b"vhdxfile and more"), References::Within(_)));
        assert_eq!(of(b""), named(&[]));
        assert_eq!(of(&[0; 4096]), named(&[]));
    }

    #[test]
    fn a_header_that_ends_early_or_lies_is_of_no_harm() {
        let whole = qcow2(3, "base.raw", "data.raw");
        for length in 0..whole.len() {
            of(&whole[..length]);
        }
        for at in 0..whole.len() {
            let mut bytes = whole.clone();
            bytes[at] = 0xff;
            of(&bytes);
        }
    }
}
