//! What is in a file system that no layer is made of, each changed at one place.

use std::fs::{self, OpenOptions};
use std::io::Read;
use std::os::unix::fs::FileExt;
use std::path::Path;

use crate::workshop::{Workshop, debugfs, refusal};

const RELEASE: (&str, &[u8]) = ("etc/os-release", b"NAME=x\n");

/// Sets bits of the 32 that are at this place of the superblock.
fn set_feature(image: &Path, at: u64, bits: u32) {
    let file = OpenOptions::new().read(true).write(true).open(image).unwrap();
    let mut word = [0; 4];
    file.read_exact_at(&mut word, 1024 + at).unwrap();
    file.write_all_at(&(u32::from_le_bytes(word) | bits).to_le_bytes(), 1024 + at).unwrap();
}

#[test]
fn features() {
    let unclean = "the file system of the disk is not read: its journal holds changes that are not made yet, since it was in \
        use when the image was made: start a machine from the image, or `e2fsck -fy` the file system, and publish what that \
        leaves";
    for (bit, said) in [
        (0x4, unclean),
        (
            0x400,
            "the file system of the disk is not read: it uses attributes that have inodes of their own (ea_inode), which is not read here",
        ),
        (
            0x8,
            "the file system of the disk is not read: it uses a journal without files, which is not read here",
        ),
        (
            1 << 31,
            "the file system of the disk is not read: it uses a feature that is not known, which is not read here",
        ),
    ] {
        let workshop = Workshop::new();
        let image = workshop.small(&[RELEASE]);
        set_feature(&image, 96, bit);
        assert_eq!(refusal(&image), said);
    }
}

#[test]
fn a_name_that_a_layer_takes_for_a_removal() {
    let workshop = Workshop::new();
    let image = workshop.small(&[RELEASE, ("var/.wh.file", b"")]);
    assert_eq!(
        refusal(&image),
        "\"/var/.wh.file\" begins with '.wh.', which means in a layer that a file is removed: remove or rename it"
    );
}

#[test]
fn an_encrypted_file() {
    let workshop = Workshop::new();
    let image = workshop.small(&[RELEASE, ("secret", b"x")]);
    debugfs(&image, &["sif secret flags 0x80800"]);
    assert_eq!(refusal(&image), "\"/secret\" is not read: it is encrypted");
}

#[test]
fn a_circle_of_directories() {
    let workshop = Workshop::new();
    let image = workshop.small(&[RELEASE, ("a/b/c", b"")]);
    debugfs(&image, &["link a a/b/circle"]);
    assert_eq!(
        refusal(&image),
        "\"/a/b/circle\" is not read: it is damaged: a directory is in several directories"
    );
    let image = workshop.small(&[RELEASE]);
    debugfs(&image, &["link / etc/circle"]);
    assert_eq!(
        refusal(&image),
        "\"/etc/circle\" is not read: it is damaged: a directory is in several directories"
    );
}

#[test]
fn a_path_that_nobody_can_open() {
    let workshop = Workshop::new();
    let tree = workshop.tree("tree", &[RELEASE]);
    // Made by moving one directory into another, since no path of that length can be given.
    let below = workshop.path("below");
    fs::create_dir(&below).unwrap();
    for _ in 0..24 {
        let above = workshop.path("above");
        fs::create_dir_all(&above).unwrap();
        fs::rename(&below, above.join("x".repeat(200))).unwrap();
        fs::rename(&above, &below).unwrap();
    }
    fs::rename(&below, tree.join("deep")).unwrap();
    let image = workshop.ext4("image", 8, &tree, &[]);
    let said = refusal(&image);
    assert!(said.ends_with("\" is below a path of more than 4096 bytes"), "{said}");
}

#[test]
fn a_name_of_a_file_that_was_deleted() {
    let workshop = Workshop::new();
    let image = workshop.small(&[RELEASE, ("gone", b"x")]);
    debugfs(&image, &["sif gone links_count 0"]);
    assert_eq!(
        refusal(&image),
        "\"/gone\" is not read: it is damaged: a name leads to a file that was deleted"
    );
}

#[test]
fn a_name_that_leads_out() {
    let workshop = Workshop::new();
    for name in [&b"a/b"[..], b"a\0b"] {
        let image = workshop.small(&[RELEASE, ("sub/abc", b"x")]);
        let mut bytes = Vec::new();
        fs::File::open(&image).unwrap().read_to_end(&mut bytes).unwrap();
        let at = bytes.windows(5).position(|found| found == b"\x03\x01abc").unwrap() + 2;
        bytes[at..at + 3].copy_from_slice(name);
        fs::write(&image, bytes).unwrap();
        assert_eq!(
            refusal(&image),
            "\"/sub/\" is not read: it is damaged: a file has a name that no file can have"
        );
    }
}
