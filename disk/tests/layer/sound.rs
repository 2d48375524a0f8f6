//! What GNU tar unpacks from a layer is what was put into the file system.

use std::ffi::OsStr;
use std::fs::{self, File, FileTimes};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{FileExt, chown, lchown, symlink};
use std::os::unix::net::UnixListener;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, SystemTime};

use ays_disk::WriteControl;
use ays_disk::layer::{LayerError, find_root, write_layer};
use ays_model::DiskFormat;
use rustix::fs::{CWD, FileType, Mode, XattrFlags, makedev, mknodat, setxattr};

use crate::tree::tell;
use crate::workshop::{MIB, Workshop, debugfs, layer, names, open, run};

const OS_RELEASE: &[u8] = b"NAME=\"Debian GNU/Linux\"\n";

/// Bytes that no block has twice.
fn noise(length: usize) -> Vec<u8> {
    let mut seed = length as u64 | 1;
    let next = || {
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (seed >> 24).to_le_bytes()
    };
    std::iter::repeat_with(next).flatten().take(length).collect()
}

/// A tree with one of everything.
fn everything(workshop: &Workshop) -> PathBuf {
    let tree = workshop.tree(
        "tree",
        &[
            ("usr/lib/os-release", OS_RELEASE),
            ("etc/fstab", b"UUID=1 / ext4\nUUID=2 /boot ext4\nLABEL=UEFI /boot/efi vfat\n"),
            ("usr/bin/program", &noise(300_000)),
            ("usr/bin/sudo", b"#!/bin/sh\n"),
            ("empty", b""),
            ("in the inode", b"short"),
            ("and an attribute", &[b'x'; 130]),
            ("one", b"content of three names"),
            ("links/.keep", b""),
        ],
    );
    symlink("usr/bin", tree.join("bin")).unwrap();
    symlink("../usr/lib/os-release", tree.join("etc/os-release")).unwrap();
    for length in [59, 60, 61, 99, 100, 101, 155, 200, 900] {
        symlink("t".repeat(length), tree.join(format!("links/{length}"))).unwrap();
    }
    symlink("/ä/ö", tree.join("links/ü")).unwrap();
    fs::hard_link(tree.join("one"), tree.join("links/two")).unwrap();
    fs::hard_link(tree.join("one"), tree.join("a third")).unwrap();
    files(&tree);
    devices(&tree);
    attributes(&tree);
    for (path, mode) in [("usr/bin/sudo", 0o4755), ("links", 0o1777), ("empty", 0o000), ("usr/lib", 0o2750)] {
        fs::set_permissions(tree.join(path), std::os::unix::fs::PermissionsExt::from_mode(mode)).unwrap();
    }
    lchown(tree.join("links/59"), Some(7), Some(8)).unwrap();
    times(&tree);
    tree
}

/// Names and contents that are out of the ordinary.
fn files(tree: &Path) {
    let sparse = File::create(tree.join("sparse")).unwrap();
    sparse.set_len(20 * MIB + 77).unwrap();
    sparse.write_all_at(&noise(10_000), 3 * MIB + 5).unwrap();
    // So far apart that a map of blocks needs two levels, and extents a tree.
    for place in 0..30 {
        sparse.write_all_at(b"x", 4 * MIB + place * 500_000).unwrap();
    }
    let hole = File::create(tree.join("hole")).unwrap();
    hole.set_len(5 * MIB).unwrap();
    let mut deep = tree.to_owned();
    for _ in 0..5 {
        deep.push("d".repeat(255));
    }
    fs::create_dir_all(&deep).unwrap();
    fs::write(deep.join("f".repeat(255)), b"at the end of a long path").unwrap();
    for length in [98, 99, 100, 101] {
        fs::write(tree.join("n".repeat(length)), b"").unwrap();
        fs::create_dir(tree.join("m".repeat(length))).unwrap();
    }
    for name in
        [&b"\xff\xfe not UTF-8"[..], "größer".as_bytes(), b"-dash", b"new\nline", b"back\\slash", b" "]
    {
        fs::write(tree.join(OsStr::from_bytes(name)), name).unwrap();
    }
    // So many that they are indexed.
    fs::create_dir(tree.join("many")).unwrap();
    for number in 0..1500 {
        fs::write(tree.join(format!("many/file-with-a-long-name-{number}")), b"").unwrap();
    }
    let owned = tree.join("of a large uid");
    fs::write(&owned, b"").unwrap();
    chown(&owned, Some(3_000_000), Some(2_097_152)).unwrap();
}

fn devices(tree: &Path) {
    fs::create_dir(tree.join("dev")).unwrap();
    let make = |name: &str, kind, device| {
        mknodat(CWD, tree.join("dev").join(name), kind, Mode::from_raw_mode(0o640), device).unwrap();
    };
    make("console", FileType::CharacterDevice, makedev(5, 1));
    make("large", FileType::CharacterDevice, makedev(4000, 1_000_000));
    make("sda", FileType::BlockDevice, makedev(8, 255));
    make("nvme", FileType::BlockDevice, makedev(259, 256));
    make("fifo", FileType::Fifo, 0);
    drop(UnixListener::bind(tree.join("dev/log")).unwrap());
}

fn attributes(tree: &Path) {
    let set = |path: &str, name: &str, value: &[u8]| {
        setxattr(tree.join(path), name, value, XattrFlags::empty()).unwrap();
    };
    // cap_net_raw=ep, version 2.
    set("usr/bin/program", "security.capability", b"\x01\0\0\x02\0\x20\0\0\0\0\0\0\0\0\0\0\0\0\0\0");
    set("usr/bin/program", "user.note", b"line\nand \0 zero = all");
    set("in the inode", "user.small", b"1");
    set("and an attribute", "user.small", b"2");
    set("one", "user.large", &noise(800));
    set("one", "trusted.key", b"value");
    set("usr", "user.directory", b"");
    // A user and a group with numbers, and the owner, its group, the mask, others.
    let access =
        b"\x02\0\0\0\x01\0\x07\0\xff\xff\xff\xff\x02\0\x05\0\xe8\x03\0\0\x04\0\x05\0\xff\xff\xff\xff\
        \x08\0\x04\0\xe9\x03\0\0\x10\0\x05\0\xff\xff\xff\xff\x20\0\0\0\xff\xff\xff\xff";
    set("etc", "system.posix_acl_access", access);
    set("etc", "system.posix_acl_default", access);
    set("etc/fstab", "system.posix_acl_access", access);
}

fn times(tree: &Path) {
    let set = |path: &str, time| {
        File::open(tree.join(path)).unwrap().set_times(FileTimes::new().set_modified(time)).unwrap();
    };
    set("empty", SystemTime::UNIX_EPOCH);
    set("one", SystemTime::UNIX_EPOCH + Duration::from_secs(1_700_000_000));
    set("sparse", SystemTime::UNIX_EPOCH - Duration::from_secs(100_000));
    set("usr/bin", SystemTime::UNIX_EPOCH + Duration::from_secs(1_000_000_000));
}

/// Unpacks a layer as root, and compares all that Linux tells of its files with the tree.
fn check(workshop: &Workshop, tar: &[u8], tree: &Path, what: &str) {
    let (file, out) = (workshop.path("layer.tar"), workshop.path("out"));
    fs::write(&file, tar).unwrap();
    fs::create_dir(&out).unwrap();
    run(Command::new("tar")
        .args(["--xattrs", "--xattrs-include=*", "--acls", "--numeric-owner", "--same-owner", "-xpf"])
        .arg(&file)
        .arg("-C")
        .arg(&out));
    set_access_lists(tar, &out);
    let (expected, mut found) = (tell(tree), tell(&out));
    // mkfs makes it.
    found.remove(&b"lost+found"[..]);
    let keys = |told: &std::collections::BTreeMap<Vec<u8>, _>| -> Vec<_> { told.keys().cloned().collect() };
    assert_eq!(keys(&expected), keys(&found), "{what}");
    for (path, told) in expected {
        assert_eq!(told, found[&path], "{what}: {:?}", String::from_utf8_lossy(&path));
    }
    fs::remove_dir_all(&out).unwrap();
}

/// GNU tar has records of its own for these, and leaves out those of other attributes, which runtimes set.
fn set_access_lists(tar: &[u8], out: &Path) {
    let mut set = 0;
    for entry in tar::Archive::new(tar).entries().unwrap() {
        let mut entry = entry.unwrap();
        let path = out.join(entry.path().unwrap());
        for record in entry.pax_extensions().unwrap().into_iter().flatten() {
            // This reader, unlike others, knows no values of several lines.
            let Ok(record) = record else { continue };
            let key = std::str::from_utf8(record.key_bytes()).unwrap();
            if let Some(name) = key.strip_prefix("SCHILY.xattr.").filter(|name| name.starts_with("system.")) {
                setxattr(&path, name, record.value_bytes(), XattrFlags::empty()).unwrap();
                set += 1;
            }
        }
    }
    assert!(set == 3 || tar.len() < MIB as usize, "{set} lists");
}

#[test]
fn every_file_in_every_file_system() {
    let workshop = Workshop::new();
    let tree = everything(&workshop);
    let mut first = None;
    for options in [
        &[][..],
        &["-b", "4096"],
        &["-b", "65536"],
        &["-t", "ext2"],
        &["-t", "ext3", "-b", "1024"],
        &["-b", "1024", "-O", "^64bit"],
        &["-O", "meta_bg,^resize_inode", "-b", "1024", "-g", "1024"],
        &["-O", "bigalloc", "-b", "4096"],
        &["-O", "sparse_super2,large_dir,casefold,encrypt"],
        &["-O", "^has_journal,^dir_index,^filetype,^sparse_super,^resize_inode"],
    ] {
        let image = workshop.ext4("image", 128, &tree, options);
        run(Command::new("e2fsck").arg("-fn").arg(&image));
        let (tar, written) =
            layer(&image, DiskFormat::Raw).unwrap_or_else(|error| panic!("{options:?}: {error:?}"));
        check(&workshop, &tar, &tree, &format!("{options:?}"));
        assert_eq!((written.sockets, written.attributes), (1, 0), "{options:?}");
        let first = first.get_or_insert(written);
        assert_eq!(written, *first, "{options:?}");
    }
}

#[test]
fn files_in_their_inodes() {
    let workshop = Workshop::new();
    let tree = everything(&workshop);
    // With this feature, mkfs cuts files that end with a hole.
    fs::remove_file(tree.join("sparse")).unwrap();
    let image = workshop.ext4("image", 128, &tree, &["-O", "inline_data", "-I", "512"]);
    let (tar, _) = layer(&image, DiskFormat::Raw).unwrap();
    check(&workshop, &tar, &tree, "inline");
}

#[test]
fn a_file_system_of_old_inodes() {
    let workshop = Workshop::new();
    let tree = workshop.tree("tree", &[("etc/os-release", OS_RELEASE), ("large", &noise(700_000))]);
    setxattr(tree.join("large"), "user.name", b"value", XattrFlags::empty()).unwrap();
    for options in [&["-t", "ext2", "-I", "128"][..], &["-t", "ext4", "-I", "128", "-O", "^metadata_csum"]] {
        let image = workshop.ext4("image", 16, &tree, options);
        let (tar, _) = layer(&image, DiskFormat::Raw).unwrap();
        check(&workshop, &tar, &tree, &format!("{options:?}"));
    }
}

#[test]
fn a_partition_of_a_qcow2() {
    let workshop = Workshop::new();
    let tree = everything(&workshop);
    let root = workshop.ext4("root", 128, &tree, &[]);
    let boot = workshop.tree("boot", &[("vmlinuz", &noise(5000))]);
    let boot = workshop.ext4("boot.ext4", 8, &boot, &[]);
    let table = "label: gpt\n15: start=2048, size=4096, type=C12A7328-F81F-11D2-BA4B-00A0C93EC93B\n\
        2: start=8192, size=16384\n1: start=32768, size=262144\n";
    let disk = workshop.disk(150, table, &[(4, &boot), (16, &root)]);
    let image = workshop.path("disk.qcow2");
    run(Command::new("qemu-img").args(["convert", "-c", "-O", "qcow2"]).args([&disk, &image]));
    let found = find_root(&open(&image, DiskFormat::Qcow2)).unwrap();
    assert_eq!(found.partition(), Some(1));
    assert_eq!(found.left_out(), ["/boot", "/boot/efi"]);
    let (tar, written) = layer(&image, DiskFormat::Qcow2).unwrap();
    check(&workshop, &tar, &tree, "a qcow2");
    // As from the file system alone, and each time.
    assert!((tar, written) == layer(&root, DiskFormat::Raw).unwrap());
    let mut again = Vec::new();
    assert_eq!(write_layer(&found, &mut again, WriteControl::default()).unwrap(), written);
    assert!(again == layer(&disk, DiskFormat::Raw).unwrap().0);
}

#[test]
fn names_are_in_order_and_lost_files_are_left_out() {
    let workshop = Workshop::new();
    let files: &[(&str, &[u8])] =
        &[("etc/os-release", OS_RELEASE), ("b/c", b""), ("b-", b""), ("b.d", b""), ("a", b"")];
    let image = workshop.small(files);
    debugfs(&image, &["cd lost+found", "write /etc/hostname lost+found/#12"]);
    let (tar, written) = layer(&image, DiskFormat::Raw).unwrap();
    let expected = ["a", "b/", "b/c", "b-", "b.d", "etc/", "etc/os-release", "lost+found/"];
    assert_eq!(names(&tar), expected);
    assert_eq!((written.entries, written.file_bytes), (8, OS_RELEASE.len() as u64));
}

#[test]
fn a_link_of_two_names() {
    let workshop = Workshop::new();
    let image = workshop.small(&[("etc/os-release", OS_RELEASE)]);
    debugfs(&image, &["symlink etc/link target", "link etc/link another", "sif another links_count 2"]);
    let (tar, _) = layer(&image, DiskFormat::Raw).unwrap();
    let told: Vec<_> = tar::Archive::new(&tar[..])
        .entries()
        .unwrap()
        .map(|entry| {
            let entry = entry.unwrap();
            let text = |path: Option<std::borrow::Cow<'_, Path>>| {
                path.map(|path| path.to_str().unwrap().to_owned()).unwrap_or_default()
            };
            let kind = entry.header().entry_type();
            (text(Some(entry.path().unwrap())), kind, text(entry.link_name().unwrap()))
        })
        .filter(|(_, _, target)| !target.is_empty())
        .collect();
    let expected = [
        ("another".to_owned(), tar::EntryType::Symlink, "target".to_owned()),
        ("etc/link".to_owned(), tar::EntryType::Link, "another".to_owned()),
    ];
    assert_eq!(told, expected);
}

#[test]
fn attributes_that_a_tar_cannot_have_are_counted() {
    let workshop = Workshop::new();
    let tree = workshop.tree("tree", &[("etc/os-release", OS_RELEASE)]);
    setxattr(tree.join("etc"), "user.a=b", b"value", XattrFlags::empty()).unwrap();
    let image = workshop.ext4("image", 8, &tree, &[]);
    assert_eq!(layer(&image, DiskFormat::Raw).unwrap().1.attributes, 1);
}

#[test]
fn a_file_whose_size_needs_a_record() {
    let workshop = Workshop::new();
    let tree = workshop.tree("tree", &[("etc/os-release", OS_RELEASE)]);
    let large = File::create(tree.join("large")).unwrap();
    large.set_len((8 << 30) + 1).unwrap();
    large.write_all_at(b"end", (8 << 30) - 2).unwrap();
    let image = workshop.ext4("image", 64, &tree, &["-b", "4096"]);
    let root = find_root(&open(&image, DiskFormat::Raw)).unwrap();
    let mut tar = Command::new("tar")
        .args(["-tv", "--numeric-owner"])
        .stdin(std::process::Stdio::piped())
        .stdout(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    let written = write_layer(&root, &mut tar.stdin.take().unwrap(), WriteControl::default()).unwrap();
    let output = tar.wait_with_output().unwrap();
    assert!(output.status.success());
    let listed = String::from_utf8(output.stdout).unwrap();
    assert!(listed.lines().any(|line| line.contains(" 8589934593 ") && line.ends_with(" large")), "{listed}");
    assert_eq!(written.file_bytes, 8_589_934_593 + OS_RELEASE.len() as u64);
}

#[test]
fn progress_and_cancellation() {
    let workshop = Workshop::new();
    let image = workshop.small(&[("etc/os-release", OS_RELEASE), ("large", &noise(MIB as usize))]);
    let root = find_root(&open(&image, DiskFormat::Raw)).unwrap();
    let mut told = Vec::new();
    let progress: &mut dyn FnMut(u64) = &mut |data| told.push(data);
    let control = WriteControl { progress: Some(progress), cancelled: None };
    write_layer(&root, &mut std::io::sink(), control).unwrap();
    assert!(told.len() >= 5 && told.is_sorted(), "{told:?}");
    assert_eq!(told.last(), Some(&(MIB + OS_RELEASE.len() as u64)));
    let control = WriteControl { progress: None, cancelled: Some(&|| true) };
    let result = write_layer(&root, &mut std::io::sink(), control);
    assert!(matches!(result, Err(LayerError::Copy(ays_disk::form::Error::Cancelled))), "{result:?}");
}
