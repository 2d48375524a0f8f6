//! Disks in every packing, made by the crates' own writers and by the tools that mirrors use.
#![allow(clippy::expect_used, clippy::panic, clippy::unwrap_used, reason = "a test fails by panicking")]

use std::io::{self, Cursor, Read, Seek, Write};
use std::process::{Command, Stdio};

use ays_unpack::{Error, HEAD, Packing, Receiver, Unpacked, peek, unpack};

/// Takes what begins with `DISK` for a disk, up to a size.
struct Disk {
    bytes: Vec<u8>,
    most: usize,
    found: Option<Unpacked>,
}

impl Disk {
    fn new() -> Self {
        Self { bytes: Vec::new(), most: usize::MAX, found: None }
    }
}

fn is_disk(head: &[u8]) -> bool {
    head.starts_with(b"DISK")
}

impl Receiver for Disk {
    fn check(&self, head: &[u8]) -> Result<(), String> {
        if is_disk(head) { Ok(()) } else { Err("it is no disk".to_owned()) }
    }

    fn begin(&mut self, found: &Unpacked, _: &[u8]) -> io::Result<()> {
        self.found = Some(found.clone());
        Ok(())
    }

    fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.bytes.extend_from_slice(bytes);
        if self.bytes.len() > self.most { Err(io::Error::other("it is too large")) } else { Ok(()) }
    }
}

/// A disk with bytes that do not compress, and zeros.
fn disk(number: u8, length: usize) -> Vec<u8> {
    let mut state = u64::from(number) + 1;
    let mut bytes = Vec::with_capacity(length);
    while bytes.len() < length / 2 {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        bytes.push((state >> 33) as u8);
    }
    bytes.resize(length, 0);
    bytes[..4].copy_from_slice(b"DISK");
    bytes
}

/// Makes a packed file of bytes.
type Pack = fn(&[u8]) -> Vec<u8>;

fn gz(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

fn xz(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = liblzma::write::XzEncoder::new(Vec::new(), 1);
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

fn bz2(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = bzip2::write::BzEncoder::new(Vec::new(), bzip2::Compression::fast());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

fn zst(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = zstd::stream::write::Encoder::new(Vec::new(), 1).unwrap();
    encoder.include_checksum(true).unwrap();
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

fn lz4(bytes: &[u8]) -> Vec<u8> {
    let info = lz4_flex::frame::FrameInfo::new().content_checksum(true);
    let mut encoder = lz4_flex::frame::FrameEncoder::with_frame_info(info, Vec::new());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

fn tar(files: &[(&str, &[u8])]) -> Vec<u8> {
    let mut builder = tar::Builder::new(Vec::new());
    for (name, bytes) in files {
        let mut header = tar::Header::new_gnu();
        header.set_size(bytes.len() as u64);
        header.set_mode(0o644);
        builder.append_data(&mut header, name, *bytes).unwrap();
    }
    builder.into_inner().unwrap()
}

fn zip(files: &[(&str, &[u8])], method: zip::CompressionMethod) -> Vec<u8> {
    let mut writer = zip::ZipWriter::new(Cursor::new(Vec::new()));
    for (name, bytes) in files {
        let options = zip::write::SimpleFileOptions::default().compression_method(method);
        writer.start_file(*name, options).unwrap();
        writer.write_all(bytes).unwrap();
    }
    writer.finish().unwrap().into_inner()
}

/// What comes out of a tool that reads the bytes and writes others.
fn tool(program: &str, arguments: &[&str], bytes: &[u8]) -> Vec<u8> {
    let mut child = Command::new(program)
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap_or_else(|error| panic!("{program}: {error}"));
    let mut stdin = child.stdin.take().unwrap();
    let bytes = bytes.to_owned();
    let writer = std::thread::spawn(move || stdin.write_all(&bytes).unwrap());
    let output = child.wait_with_output().unwrap();
    writer.join().unwrap();
    assert!(output.status.success(), "{program} {arguments:?}");
    output.stdout
}

fn unpacked(packed: &[u8]) -> (Vec<u8>, Vec<Packing>, Option<String>) {
    let mut receiver = Disk::new();
    let found = unpack(Cursor::new(packed), None, &mut receiver).unwrap().unwrap();
    assert_eq!(receiver.found.as_ref(), Some(&found));
    (receiver.bytes, found.packings, found.member)
}

fn refused(packed: &[u8], member: Option<&str>) -> String {
    unpack(Cursor::new(packed), member, &mut Disk::new()).unwrap_err().to_string()
}

#[test]
fn what_is_not_packed_is_left_alone() {
    for bytes in [&b""[..], b"DISK", &disk(0, 3 * HEAD)] {
        assert_eq!(unpack(Cursor::new(bytes), None, &mut Disk::new()).unwrap(), None);
    }
}

#[test]
fn every_packing() {
    use Packing::{Bzip2, Gzip, Lz4, Tar, Xz, Zip, Zstd};
    let d = disk(0, (3 << 20) + 77);
    let files: &[(&str, &[u8])] = &[("README", b"text"), ("a/disk.raw", &d), ("disk.mf", b"SHA256(..)= ..")];
    let in_tar = tar(files);
    let member = || Some("a/disk.raw".to_owned());
    for (packed, packings, named) in [
        (gz(&d), vec![Gzip], None),
        (xz(&d), vec![Xz], None),
        (bz2(&d), vec![Bzip2], None),
        (zst(&d), vec![Zstd], None),
        (lz4(&d), vec![Lz4], None),
        (tool("gzip", &["-c"], &d), vec![Gzip], None),
        (tool("xz", &["-c", "-0"], &d), vec![Xz], None),
        (tool("xz", &["-c", "-9", "--check=sha256"], &d), vec![Xz], None),
        (tool("xz", &["-c", "-0", "--block-size=100000", "-T2"], &d), vec![Xz], None),
        (tool("bzip2", &["-c"], &d), vec![Bzip2], None),
        (tool("zstd", &["-c", "-q", "-19"], &d), vec![Zstd], None),
        (tool("zstd", &["-c", "-q", "--long=26"], &d), vec![Zstd], None),
        (tool("lz4", &["-c", "-q"], &d), vec![Lz4], None),
        (tool("lz4", &["-c", "-q", "-9", "-B7", "-BD", "--content-size"], &d), vec![Lz4], None),
        (in_tar.clone(), vec![Tar], member()),
        (gz(&in_tar), vec![Gzip, Tar], member()),
        (xz(&in_tar), vec![Xz, Tar], member()),
        (tar(&[("x.ovf", b"<?xml?>"), ("x.img.gz", &gz(&d))]), vec![Tar, Gzip], Some("x.img.gz".to_owned())),
        (zip(files, zip::CompressionMethod::Deflated), vec![Zip], member()),
        (zip(files, zip::CompressionMethod::Stored), vec![Zip], member()),
    ] {
        let (bytes, found, name) = unpacked(&packed);
        assert_eq!((found, name), (packings.clone(), named), "{packings:?}");
        assert!(bytes == d, "{packings:?}: {} bytes", bytes.len());
    }
}

#[test]
fn small_disks_and_those_of_just_a_head() {
    for length in [4, HEAD - 1, HEAD, HEAD + 1] {
        let d = disk(1, length);
        for packed in [gz(&d), xz(&d), bz2(&d), zst(&d), lz4(&d), tar(&[("d", &d)])] {
            assert!(unpacked(&packed).0 == d, "{length}");
        }
    }
}

#[test]
fn parts_that_follow_each_other_are_one_file_and_what_follows_them_is_left_out() {
    let (one, two) = (disk(2, 200_000), vec![7; 100_000]);
    let whole = [&one[..], &two].concat();
    let pack: [Pack; 5] = [gz, xz, bz2, zst, lz4];
    for (number, pack) in pack.into_iter().enumerate() {
        assert!(unpacked(&[pack(&one), pack(&two)].concat()).0 == whole, "{number}");
    }
    // Firmware for routers carries its description behind the gzip; tapes pad.
    for pack in [gz, bz2, lz4] {
        for rest in [&b"FWx0 not packed"[..], &[0; 1000], b"\x1f"] {
            assert!(unpacked(&[&pack(&one)[..], rest].concat()).0 == one, "{rest:?}");
        }
        assert!(unpacked(&[&pack(&one)[..], &[0; 512], &pack(&two)].concat()).0 == whole);
    }
    assert!(unpacked(&[&xz(&one)[..], &[0; 8]].concat()).0 == one);
}

#[test]
fn a_file_that_was_cut_off_or_damaged() {
    let d = disk(3, 1 << 20);
    let pack: [(&str, Pack); 5] = [("gzip", gz), ("xz", xz), ("bzip2", bz2), ("zstd", zst), ("lz4", lz4)];
    for (name, pack) in pack {
        let packed = pack(&d);
        for cut in [packed.len() / 2, packed.len() - 3] {
            let said = refused(&packed[..cut], None);
            assert!(said.starts_with(&format!("its {name} data cannot be unpacked: ")), "{cut}: {said}");
        }
        let mut damaged = packed.clone();
        for at in (packed.len() / 3..packed.len() / 3 + 40).step_by(3) {
            damaged[at] ^= 0x55;
        }
        assert!(refused(&damaged, None).starts_with(&format!("its {name} data")), "{name}");
    }
    let cut = &tar(&[("d", &d)])[..500_000];
    assert!(refused(cut, None).contains("tar"), "{}", refused(cut, None));
    assert!(refused(&zip(&[("d", &d)], zip::CompressionMethod::Stored)[..500_000], None).contains("zip"));
}

#[test]
fn which_file_of_an_archive_is_the_disk() {
    let (one, two) = (disk(4, 300_000), disk(5, 300_000));
    let both: &[(&str, &[u8])] = &[("a/one.raw", &one), ("notes", b"text"), ("two.raw", &two)];
    for archive in [tar(both), zip(both, zip::CompressionMethod::Deflated), xz(&tar(both))] {
        assert_eq!(
            refused(&archive, None),
            "it holds several disks: a/one.raw, two.raw; `member:'..'` in the recipe picks one"
        );
        for (member, expected) in
            [("two.raw", &two), ("one.raw", &one), ("a/one.raw", &one), ("./two.raw", &two)]
        {
            let mut receiver = Disk::new();
            unpack(Cursor::new(&archive), Some(member), &mut receiver).unwrap();
            assert!(receiver.bytes == *expected, "{member}");
        }
        assert_eq!(
            refused(&archive, Some("three.raw")),
            "it holds no file `three.raw`; it holds a/one.raw, notes, two.raw"
        );
        assert!(refused(&archive, Some("notes")).contains("cannot be registered: it is no disk"));
    }
    assert!(refused(&tar(&[("a", b"x"), ("b\x1b[31m", b"y")]), None).ends_with("it holds a, b\u{fffd}[31m"));
    assert_eq!(refused(&gz(&one), Some("x")), "`member` is for archives, and it is none");
    assert_eq!(
        refused(&gz(b"text"), None),
        "it is packed with gzip, and what is in it cannot be registered: it is no disk"
    );
    assert!(matches!(
        unpack(Cursor::new(gz(&gz(&gz(&gz(&one))))), None, &mut Disk::new()),
        Err(Error::Layers)
    ));
}

#[test]
fn holes_in_a_tar_archive() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("disk.raw");
    let mut file = std::fs::File::create(&path).unwrap();
    file.write_all(&disk(6, 100_000)).unwrap();
    file.set_len(64 << 20).unwrap();
    file.seek(io::SeekFrom::Start(40 << 20)).unwrap();
    file.write_all(b"in the middle").unwrap();
    let whole = std::fs::read(&path).unwrap();
    let tarred = |form: &str| {
        let output = Command::new("tar")
            .args([form, "-S", "-c", "disk.raw"])
            .current_dir(&directory)
            .output()
            .unwrap();
        assert!(output.status.success());
        output.stdout
    };
    let sparse = tarred("--format=oldgnu");
    assert!(sparse.len() < 1 << 20);
    assert!(unpacked(&sparse).0 == whole);
    assert!(refused(&tarred("--format=posix"), None).contains("tar --format=gnu"));
}

#[test]
fn what_would_take_too_much_memory() {
    let d = disk(7, 200_000);
    let large = tool("xz", &["-c", "--lzma2=preset=0,dict=256MiB"], &d);
    assert!(refused(&large, None).starts_with("to unpack its xz data takes more memory"));
    // The window is as large as is said only when the size is not told before.
    let large = tool("zstd", &["-c", "-q", "--long=30", "--no-content-size"], &d);
    let said = refused(&large, None);
    assert!(said.starts_with("to unpack its zstd data takes more memory"), "{said}");
    // A name of a file that never ends.
    let mut header = tar::Header::new_gnu();
    header.set_entry_type(tar::EntryType::GNULongName);
    header.set_size(1 << 40);
    header.set_path("././@LongLink").unwrap();
    header.set_cksum();
    let endless = Cursor::new(header.as_bytes().to_vec()).chain(io::repeat(b'x'));
    let said = unpack(Endless(endless), None, &mut Disk::new()).unwrap_err().to_string();
    assert!(said.contains("the list of its files is too long"), "{said}");
}

/// A reader that is rewound only.
struct Endless<R>(io::Chain<Cursor<Vec<u8>>, R>);

impl<R: Read> Read for Endless<R> {
    fn read(&mut self, bytes: &mut [u8]) -> io::Result<usize> {
        self.0.read(bytes)
    }
}

impl<R: Read> Seek for Endless<R> {
    fn seek(&mut self, _: io::SeekFrom) -> io::Result<u64> {
        self.0.get_mut().0.set_position(0);
        Ok(0)
    }
}

#[test]
fn a_bomb_ends_where_the_receiver_says() {
    let mut receiver = Disk { most: 10 << 20, ..Disk::new() };
    let bomb = tool("sh", &["-c", "{ printf DISK; head -c 300M /dev/zero; } | zstd -q -c"], b"");
    let said = unpack(Cursor::new(bomb), None, &mut receiver).unwrap_err().to_string();
    assert_eq!(said, "it is too large");
    assert!(receiver.bytes.len() < 11 << 20);
}

#[test]
fn the_start_of_a_file_tells_what_is_in_it() {
    let d = disk(8, 4 << 20);
    let check: &dyn Fn(&[u8]) -> Result<(), String> = &|head| Disk::new().check(head);
    let small_blocks = tool("lz4", &["-c", "-q", "-B4"], &d);
    for packed in
        [gz(&d), xz(&d), zst(&d), bz2(&d), small_blocks, gz(&tar(&[("x.ovf", b"<"), ("x.raw", &d)]))]
    {
        let peeked = peek(&packed[..1 << 20], None, check).unwrap().unwrap();
        assert!(d.starts_with(&peeked.head) && !peeked.head.is_empty(), "{:?}", peeked.packed);
    }
    let packed = zip(&[("notes", b"x"), ("x.raw", &d)], zip::CompressionMethod::Deflated);
    let peeked = peek(&packed[..1 << 20], None, check).unwrap().unwrap();
    assert_eq!(peeked.packed.member.as_deref(), Some("x.raw"));
    // The start of what cannot be shown in parts tells nothing, and no more than that.
    let large_blocks = tool("lz4", &["-c", "-q", "-B7"], &[&b"DISK"[..], &vec![7; 3 << 20]].concat());
    assert!(peek(&large_blocks[..large_blocks.len() / 2], None, check).unwrap().is_none());
    for (packed, reason) in [
        (gz(b"text"), "it is packed with gzip, and what is in it cannot be registered: it is no disk"),
        (tar(&[("notes", b"text")]), "no file in this tar archive is a disk; it holds notes"),
    ] {
        assert_eq!(peek(&packed, None, check).unwrap_err().to_string(), reason);
    }
}
