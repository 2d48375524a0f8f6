//! File systems that were made to keep busy whoever reads them, or to break it.

use std::fs::{self, File};
use std::io;
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::time::{Duration, Instant};

use ays_disk::WriteControl;
use ays_disk::layer::{find_root, write_layer};
use ays_model::DiskFormat;

use crate::workshop::{MIB, Workshop, debugfs, open, refusal};

/// How long all of one test may take, on any machine that tests run on.
const LIMIT: Duration = Duration::from_secs(60);

const RELEASE: (&str, &[u8]) = ("etc/os-release", b"NAME=x\n");

/// Why there is no layer of it, said in time.
fn said(image: &Path) -> String {
    let begun = Instant::now();
    let said = refusal(image);
    assert!(begun.elapsed() < LIMIT, "{said}: {:?}", begun.elapsed());
    said
}

/// Numbers that look like chance, and are the same each time.
struct Chance(u64);

impl Chance {
    fn below(&mut self, end: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % end
    }
}

const TOO_MUCH: &str = "it is damaged: files lead to more data than the disk has";

#[test]
fn a_file_that_claims_petabytes() {
    let workshop = Workshop::new();
    let image = workshop.small(&[RELEASE, ("large", &[7; 5000])]);
    debugfs(&image, &["sif large size 4000000000000000"]);
    assert_eq!(
        said(&image),
        "\"/large\" is not read: it has more than 17179869184 bytes of holes, which the layer would have as zeros"
    );
}

#[test]
fn extents_that_lead_to_one_block_again_and_again() {
    let workshop = Workshop::new();
    // Of 12 MiB, by four extents that are the same blocks.
    let image = workshop.small(&[RELEASE, ("large", &vec![7; 3 * MIB as usize])]);
    let mut bytes = fs::read(&image).unwrap();
    // A node of extents that has one, of a file of 3 MiB.
    let extents = |at: &usize| {
        bytes[*at..].starts_with(b"\x0a\xf3\x01\0\x04\0\0\0") && bytes[at + 16..at + 18] == [0, 12]
    };
    let root = (0..bytes.len() - 60).step_by(4).find(extents).unwrap();
    let length = u16::from_le_bytes([bytes[root + 16], bytes[root + 17]]);
    bytes[root + 2] = 4;
    let extent = bytes[root + 12..root + 24].to_vec();
    for number in 1..4_u32 {
        let at = root + 12 + 12 * number as usize;
        bytes[at..at + 12].copy_from_slice(&extent);
        bytes[at..at + 4].copy_from_slice(&(number * u32::from(length)).to_le_bytes());
    }
    fs::write(&image, bytes).unwrap();
    debugfs(&image, &["sif large size 12582912"]);
    assert_eq!(said(&image), format!("\"/large\" is not read: {TOO_MUCH}"));
}

#[test]
fn names_that_lead_to_one_file_that_says_it_has_one() {
    let workshop = Workshop::new();
    let image = workshop.small(&[RELEASE, ("large", &vec![7; MIB as usize])]);
    for number in 0..20 {
        debugfs(&image, &[&format!("link large {number}")]);
    }
    debugfs(&image, &["sif large links_count 1"]);
    let said = said(&image);
    assert!(said.ends_with(TOO_MUCH), "{said}");
}

#[test]
fn directories_that_are_the_same_blocks() {
    let workshop = Workshop::new();
    let tree = workshop.tree("tree", &[RELEASE]);
    // So many that these directories do not look like empty ones.
    for number in 0..30 {
        for directory in ["", "etc"] {
            fs::write(tree.join(directory).join(format!("{}{number}", "x".repeat(200))), b"").unwrap();
        }
    }
    for number in 0..1000 {
        fs::create_dir_all(tree.join(format!("d/{number}"))).unwrap();
    }
    for number in 0..300 {
        fs::write(tree.join(format!("d/0/{}{number}", "x".repeat(200))), b"").unwrap();
    }
    let image = workshop.ext4("image", 16, &tree, &["-b", "1024"]);
    // All inodes of empty directories become copies of the first one's.
    let mut bytes = fs::read(&image).unwrap();
    let is_directory = |inode: &[u8]| inode[..2] == *b"\xed\x41" && inode[40..42] == *b"\x0a\xf3";
    let places: Vec<_> = (0..bytes.len()).step_by(256).filter(|at| is_directory(&bytes[*at..])).collect();
    let size = |at: usize| u32::from_le_bytes(bytes[at + 4..at + 8].try_into().unwrap());
    let full = *places.iter().filter(|at| size(**at) > 40_000).max_by_key(|at| **at).unwrap();
    let inode = bytes[full..full + 256].to_vec();
    for at in places.iter().copied().filter(|at| size(*at) == 1024).collect::<Vec<_>>() {
        bytes[at..at + 256].copy_from_slice(&inode);
    }
    fs::write(&image, bytes).unwrap();
    let said = said(&image);
    assert!(said.contains("damaged"), "{said}");
}

#[test]
fn file_systems_with_bytes_that_were_changed() {
    let begun = Instant::now();
    let mut chance = Chance(11);
    let (mut written, mut refused) = (0, 0);
    for options in [&["-O", "^has_journal"][..], &["-t", "ext2"], &["-O", "inline_data,^has_journal"]] {
        let workshop = Workshop::new();
        let tree =
            workshop.tree("tree", &[RELEASE, ("a/b/c/d", b"x"), ("large", &[7; 40_000]), ("short", b"y")]);
        std::os::unix::fs::symlink("x".repeat(100), tree.join("link")).unwrap();
        let name = "user.name";
        rustix::fs::setxattr(tree.join("large"), name, &[1; 300], rustix::fs::XattrFlags::empty()).unwrap();
        let sparse = File::create(tree.join("sparse")).unwrap();
        for place in 0..20 {
            sparse.write_all_at(b"x", place * 30_000).unwrap();
        }
        let image = workshop.ext4("image", 2, &tree, &[options, &["-b", "1024", "-N", "32"]].concat());
        let sound = fs::read(&image).unwrap();
        // What is not zero is what is worth a change.
        let places: Vec<_> = (0..sound.len()).filter(|at| sound[*at] != 0 && sound[*at] != 7).collect();
        for _ in 0..200 {
            let mut bytes = sound.clone();
            for _ in 0..=chance.below(6) {
                // At a place that is used, or near one.
                let place = places[chance.below(places.len() as u64) as usize] + chance.below(4) as usize;
                if let Some(byte) = bytes.get_mut(place) {
                    *byte = chance.below(256) as u8;
                }
            }
            fs::write(&image, bytes).unwrap();
            let result = find_root(&open(&image, DiskFormat::Raw))
                .and_then(|root| write_layer(&root, &mut Limited(64 * MIB), WriteControl::default()));
            *(if result.is_ok() { &mut written } else { &mut refused }) += 1;
        }
    }
    assert!(written > 50 && refused > 50, "{written} written, {refused} refused");
    assert!(begun.elapsed() < LIMIT, "{:?}", begun.elapsed());
}

/// It takes so many bytes, so that a file that now has gigabytes of holes costs no time.
struct Limited(u64);

impl io::Write for Limited {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0 = self.0.checked_sub(bytes.len() as u64).ok_or(io::ErrorKind::StorageFull)?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
