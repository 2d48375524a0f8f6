//! Packed images, from their source into a pool: unpacked while they come, by the real tools' files.
#![allow(clippy::expect_used, clippy::panic, clippy::unwrap_used, reason = "a test fails by panicking")]

mod support;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use ays_model::{Check, Checksum, DiskFormat, Member};
use ays_protocol::{Expected, Failure, Fetch, Fetched, Outcome, SourceDisk, Step, StoreImage, Stored};
use support::{Answer, End, Outside, Web, content, fetch, look, names, sha256, stamp};
use tempfile::{TempDir, tempdir};

/// A disk with an MBR's signature, bytes that do not compress, and zeros.
fn disk(size: usize) -> Vec<u8> {
    let mut bytes = vec![0; size];
    bytes[4096..size / 2].copy_from_slice(&content(size / 2 - 4096));
    bytes[510..512].copy_from_slice(b"\x55\xaa");
    bytes
}

/// A directory with a download and a pool, and a helper.
struct Lab {
    directory: TempDir,
    node: Outside,
    child: tokio::process::Child,
}

impl Lab {
    async fn new() -> Self {
        let directory = tempdir().unwrap();
        fs::create_dir(directory.path().join("pool")).unwrap();
        let (node, child) = support::outside(|_| {}).await;
        Self { directory, node, child }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    fn pool(&self) -> PathBuf {
        self.path("pool")
    }

    /// What a shell command leaves in a file of that name.
    fn made(&self, name: &str, command: &str) -> Vec<u8> {
        let status = Command::new("sh").args(["-ec", command]).current_dir(&self.directory).status().unwrap();
        assert!(status.success(), "{command}");
        let bytes = fs::read(self.path(name)).unwrap();
        fs::remove_file(self.path(name)).unwrap();
        bytes
    }

    async fn fetch(&mut self, url: &str, check: Check, member: Option<&str>) -> Result<Fetched, Failure> {
        let dest = self.path(url.rsplit('/').next().unwrap());
        let Step::Fetch(mut order) = fetch(url, &dest, check) else { unreachable!() };
        order.download.member = member.map(|name| Member { name: name.to_owned(), may_be_layer: false });
        let order = Fetch { unpack: Some(self.pool()), ..order };
        match self.node.run(Step::Fetch(order)).await {
            Ok(Outcome::Fetched(fetched)) => Ok(fetched),
            Ok(other) => panic!("{other:?}"),
            Err(failure) => Err(failure),
        }
    }

    async fn store(&mut self, name: &str, member: Option<&str>) -> Result<Stored, Failure> {
        let order = StoreImage {
            known: None,
            source: self.path(name),
            stamp: Some(stamp(&self.path(name))),
            pool: self.pool(),
            stem: "disk".to_owned(),
            member: member.map(|name| Member { name: name.to_owned(), may_be_layer: false }),
            format: DiskFormat::Raw,
            force: false,
        };
        match self.node.run(Step::StoreImage(order)).await {
            Ok(Outcome::Stored(stored)) => Ok(stored),
            Ok(other) => panic!("{other:?}"),
            Err(failure) => Err(failure),
        }
    }

    /// The only file in the pool.
    fn stored_bytes(&self) -> Vec<u8> {
        let names = names(&self.pool());
        assert_eq!(names.len(), 1, "{names:?}");
        fs::read(self.pool().join(&names[0])).unwrap()
    }
}

async fn serve(body: Vec<u8>) -> Web {
    Web::start(move |request, _| Answer::file(request, &body, "\"one\"")).await
}

fn is_refused(path: &Path, reason: &str) -> Failure {
    Failure::BadImage { path: path.display().to_string(), reason: reason.to_owned() }
}

#[tokio::test]
async fn what_mirrors_serve_becomes_the_disk_that_is_in_it() {
    let bytes = disk(3 << 20);
    for (name, command, format) in [
        ("x.img.xz", "xz x.img", "raw in xz"),
        ("x.img.gz", "gzip x.img", "raw in gzip"),
        ("x.img.bz2", "bzip2 x.img", "raw in bzip2"),
        ("x.img.zst", "zstd -q x.img -o x.img.zst", "raw in zstd"),
        ("x.img.lz4", "lz4 -q x.img x.img.lz4", "raw in lz4"),
        ("x.zip", "zip -q x.zip x.img", "raw in zip"),
        ("x.tar.gz", "tar -Sczf x.tar.gz x.img", "raw in tar in gzip"),
        ("x.tar.xz", "echo text >notes && tar -cJf x.tar.xz notes x.img", "raw in tar in xz"),
        ("x.qcow2.xz", "qemu-img convert -O qcow2 x.img x.qcow2 && xz x.qcow2", "qcow2 in xz"),
        (
            "x.ova",
            "qemu-img convert -O vmdk -o subformat=streamOptimized x.img x-disk1.vmdk \
             && echo '<Envelope/>' >x.ovf && tar --format=ustar -cf x.ova x.ovf x-disk1.vmdk",
            "vmdk in tar",
        ),
        (
            "x.vhd.zip",
            "qemu-img convert -O vpc -o force_size=on x.img x.vhd && zip -q x.vhd.zip x.vhd",
            "vpc in zip",
        ),
    ] {
        let mut lab = Lab::new().await;
        fs::write(lab.path("x.img"), &bytes).unwrap();
        let web = serve(lab.made(name, command)).await;
        let fetched = lab.fetch(&web.url(&format!("/{name}")), Check::None, None).await.unwrap();
        assert!(!fetched.kept);
        let stored = lab.store(name, None).await.unwrap();
        assert_eq!((stored.source_format.as_str(), stored.virtual_size), (format, bytes.len() as u64));
        assert!(lab.stored_bytes() == bytes, "{name}");
        // A helper that did not fetch it unpacks the file that lies there.
        let mut later = Lab { directory: lab.directory, ..Lab::new().await };
        let again = later.store(name, None).await.unwrap();
        assert_eq!((again.kept, again.file), (true, stored.file), "{name}");
    }
}

#[tokio::test]
async fn what_comes_again_from_its_start_is_unpacked_from_its_start() {
    let mut lab = Lab::new().await;
    let (one, two) = (disk(4 << 20), disk(6 << 20));
    let pack = |lab: &Lab, bytes: &[u8]| {
        fs::write(lab.path("x.img"), bytes).unwrap();
        lab.made("x.img.gz", "gzip -1 x.img")
    };
    let (first, second) = (pack(&lab, &one), pack(&lab, &two));
    let half = first.len() / 2;
    // The source changes in the middle; then a connection breaks.
    let web = Web::start(move |request, number| match number {
        0 => Answer::file(request, &first, "\"one\"").cut(half, End::Close),
        1 => Answer::file(request, &second, "\"two\"").cut(half, End::Reset),
        _ => Answer::file(request, &second, "\"two\""),
    })
    .await;
    let fetched = lab.fetch(&web.url("/x.img.gz"), Check::None, None).await.unwrap();
    assert_eq!(fetched.resumed_at, half as u64);
    lab.store("x.img.gz", None).await.unwrap();
    assert!(lab.stored_bytes() == two);
}

#[tokio::test]
async fn a_list_may_name_what_is_packed_in_the_file() {
    let bytes = disk(2 << 20);
    let (inside, wrong) = (sha256(&bytes), sha256(b"other"));
    let check = || Check::Sums { list: "SUMS".to_owned(), file: None, signed: None };
    for (sum, is_right) in [(inside, true), (wrong, false)] {
        let mut lab = Lab::new().await;
        fs::write(lab.path("x.img"), &bytes).unwrap();
        let packed = lab.made("x.img.xz", "xz x.img");
        let served = sha256(&packed);
        for list in [format!("{sum}  x.img\n"), format!("{sum}  x.img\n{served}  x.img.xz\n")] {
            let (names_served, packed) = (list.contains("x.img.xz"), packed.clone());
            let web = Web::start(move |request, _| match request.path.as_str() {
                "/SUMS" => Answer::text(&list),
                _ => Answer::file(request, &packed, "\"one\""),
            })
            .await;
            let url = web.url("/x.img.xz");
            let result = lab.fetch(&url, check(), None).await;
            if !is_right {
                let expected = Failure::Checksum {
                    url,
                    algorithm: "SHA-256 of the disk in it".to_owned(),
                    expected: wrong.to_string(),
                    actual: inside.to_string(),
                };
                assert_eq!(result, Err(expected));
                assert_eq!(names(lab.directory.path()), ["pool"]);
                continue;
            }
            let proof = match names_served {
                true => Expected::Checksum(Checksum::Sha256(served)),
                false => Expected::Inside(Checksum::Sha256(inside)),
            };
            assert_eq!(result.unwrap().verified_by, Some(proof));
            lab.store("x.img.xz", None).await.unwrap();
            assert!(lab.stored_bytes() == bytes);
        }
    }
}

#[tokio::test]
async fn which_disk_of_an_archive() {
    let mut lab = Lab::new().await;
    let (one, two) = (disk(1 << 20), disk(2 << 20));
    fs::write(lab.path("one.img"), &one).unwrap();
    fs::write(lab.path("two.img"), &two).unwrap();
    let web = serve(lab.made("x.tar.xz", "tar -cJf x.tar.xz one.img two.img")).await;
    let url = web.url("/x.tar.xz");
    let path = lab.path("x.tar.xz");
    lab.fetch(&url, Check::None, None).await.unwrap();
    assert_eq!(
        lab.store("x.tar.xz", None).await.unwrap_err(),
        is_refused(&path, "it holds several disks: one.img, two.img; `member:'..'` in the recipe picks one")
    );
    lab.fetch(&url, Check::None, Some("two.img")).await.unwrap();
    lab.store("x.tar.xz", Some("two.img")).await.unwrap();
    assert!(lab.stored_bytes() == two);
    assert_eq!(
        lab.store("one.img", Some("two.img")).await.unwrap_err(),
        is_refused(&lab.path("one.img"), "`member` is for archives, and it is none")
    );
}

#[tokio::test]
async fn what_is_refused_leaves_nothing_in_the_pool() {
    let mut lab = Lab::new().await;
    fs::write(lab.path("x.img"), disk(1 << 20)).unwrap();
    let whole = lab.made("x.img.xz", "xz x.img");
    let cases: [(Vec<u8>, &str); 4] = [
        (whole[..whole.len() / 2].to_owned(), "its xz data cannot be unpacked: "),
        (
            lab.made("x.gz", "echo text | gzip >x.gz"),
            "it is packed with gzip, and what is in it cannot be registered: it is text",
        ),
        (
            lab.made("x.gz", "head -c 9M /dev/zero | gzip >x.gz"),
            "it is packed with gzip, and what is in it cannot be registered: it begins with nothing but zeros",
        ),
        (
            lab.made("x.tar", "echo text >notes && tar -cf x.tar notes"),
            "no file in this tar archive is a disk; it holds notes",
        ),
    ];
    for (packed, reason) in cases {
        let web = serve(packed).await;
        lab.fetch(&web.url("/x"), Check::None, None).await.unwrap();
        let Err(Failure::BadImage { path, reason: said }) = lab.store("x", None).await else {
            panic!("{reason}")
        };
        assert!(path.ends_with("/x") && said.starts_with(reason), "{said}");
        assert_eq!(names(&lab.pool()), Vec::<String>::new());
    }
}

#[tokio::test]
async fn a_bomb_fills_neither_the_disk_nor_the_memory() {
    let mut lab = Lab::new().await;
    // A GPT of 8 MiB, and a hundred times as much behind it.
    let bomb = lab.made(
        "x.zst",
        "truncate -s 8M x.img && echo 'label: gpt' | sfdisk -q x.img && truncate -s 900M x.img && zstd -q --rm x.img -o x.zst",
    );
    let web = serve(bomb).await;
    lab.fetch(&web.url("/x.zst"), Check::None, None).await.unwrap();
    assert_eq!(
        lab.store("x.zst", None).await.unwrap_err(),
        is_refused(
            &lab.path("x.zst"),
            "what is packed in it goes on after 75497472 bytes, which is more than it claims to be"
        )
    );
}

#[tokio::test]
async fn the_largest_windows_take_no_more_memory_than_a_node_gives() {
    const MOST: u64 = 128 << 10;
    for (name, command) in [
        ("x.xz", "xz -9 -c x.img >x.xz"),
        ("x.zst", "zstd -q -1 --long=26 --no-content-size x.img -o x.zst"),
        ("x.lz4", "lz4 -q -B7 -BD x.img x.lz4"),
    ] {
        let mut lab = Lab::new().await;
        let mut bytes = vec![0; 150 << 20];
        bytes[510..512].copy_from_slice(b"\x55\xaa");
        fs::write(lab.path("x.img"), bytes).unwrap();
        let web = serve(lab.made(name, command)).await;
        lab.fetch(&web.url(&format!("/{name}")), Check::None, None).await.unwrap();
        lab.store(name, None).await.unwrap();
        let status = fs::read_to_string(format!("/proc/{}/status", lab.child.id().unwrap())).unwrap();
        let most = status.lines().find_map(|line| line.strip_prefix("VmHWM:")?.trim().strip_suffix(" kB"));
        let most: u64 = most.unwrap().parse().unwrap();
        assert!(most < MOST, "{name}: {most} KiB");
        println!("{name}: {most} KiB");
    }
}

#[tokio::test]
async fn the_start_of_a_packed_source_tells_which_disk_is_in_it() {
    let lab = Lab::new().await;
    fs::write(lab.path("x.img"), disk(6 << 20)).unwrap();
    for (name, command, format, virtual_size) in [
        ("x.qcow2.xz", "qemu-img convert -O qcow2 x.img x.qcow2 && xz x.qcow2", "qcow2 in xz", Some(6 << 20)),
        ("x.tar.gz", "tar -czf x.tar.gz x.img", "raw in tar in gzip", None),
        ("x.zip", "zip -q x.zip x.img", "raw in zip", None),
    ] {
        let web = serve(lab.made(name, command)).await;
        let answer = support::answer(
            support::run(look(&web.url("/x"), ays_protocol::LookAt::Disk(Check::None))).await,
        );
        let disk = SourceDisk { format: format.to_owned(), virtual_size };
        assert_eq!(answer, Ok(ays_protocol::Looked::Disk(disk)), "{name}");
    }
}
