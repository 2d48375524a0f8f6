//! Inspections by the real program, which starts itself again to read the image.
#![allow(clippy::expect_used, clippy::panic, clippy::unwrap_used, reason = "a test fails by panicking")]

mod support;

use std::fs::{self, File};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use ays_model::DiskFormat;
use ays_protocol::{Failure, Inspect, Outcome, Step};
use tempfile::{TempDir, tempdir};

/// A directory with an ext4 of 8 MiB that has an os-release.
fn disk() -> (TempDir, PathBuf) {
    let directory = tempdir().unwrap();
    let (tree, image) = (directory.path().join("tree/etc"), directory.path().join("disk.raw"));
    fs::create_dir_all(&tree).unwrap();
    fs::write(tree.join("os-release"), "NAME=Tiny\n").unwrap();
    File::create(&image).unwrap().set_len(8 << 20).unwrap();
    run(Command::new("mkfs.ext4").arg("-qFd").arg(directory.path().join("tree")).arg(&image));
    (directory, image)
}

fn run(command: &mut Command) {
    assert!(command.stdout(Stdio::null()).status().unwrap().success(), "{command:?}");
}

async fn inspect(path: &Path, format: Option<DiskFormat>) -> Result<Outcome, Failure> {
    let (mut node, _child) = support::outside(|_| {}).await;
    node.run(Step::Inspect(Inspect { path: path.to_owned(), format, unpack: None })).await
}

fn not_inspected(path: &Path, reason: &str) -> Result<Outcome, Failure> {
    Err(Failure::NotInspected { path: path.display().to_string(), reason: reason.to_owned() })
}

#[tokio::test]
async fn an_image_is_told_by_its_bytes_or_as_it_is_said_to_be() {
    let (_directory, image) = disk();
    for format in [None, Some(DiskFormat::Raw)] {
        let begun = Instant::now();
        let Ok(Outcome::Inspected(found)) = inspect(&image, format).await else { panic!("not inspected") };
        assert_eq!((found.systems[0].name.as_deref(), found.unread), (Some("Tiny"), Vec::new()));
        println!("{:?}", begun.elapsed());
    }
    let reason = "its header is damaged: it does not begin as one of qcow2";
    assert_eq!(inspect(&image, Some(DiskFormat::Qcow2)).await, not_inspected(&image, reason));
}

#[tokio::test]
async fn a_packed_image_is_looked_into_and_leaves_nothing() {
    let (directory, image) = disk();
    let empty = directory.path().join("empty");
    fs::create_dir(&empty).unwrap();
    run(Command::new("gzip").args(["-1", "-k"]).arg(&image));
    run(Command::new("tar").args(["-cf", "x.tar", "tree"]).current_dir(&directory));
    let look = async |name: &str| {
        let path = directory.path().join(name);
        let (mut node, _child) = support::outside(|_| {}).await;
        node.run(Step::Inspect(Inspect { path, format: None, unpack: Some(empty.clone()) })).await
    };
    for name in ["disk.raw.gz", "disk.raw"] {
        let Ok(Outcome::Inspected(found)) = look(name).await else { panic!("{name}: not inspected") };
        assert_eq!(found.systems[0].name.as_deref(), Some("Tiny"), "{name}");
    }
    let reason = "no file in this tar archive is a disk; it holds tree/etc/os-release";
    assert_eq!(look("x.tar").await, not_inspected(&directory.path().join("x.tar"), reason));
    assert_eq!(fs::read_dir(&empty).unwrap().count(), 0);
}

#[tokio::test]
async fn what_is_refused() {
    let (directory, image) = disk();
    let vmdk = directory.path().join("disk.vmdk");
    run(Command::new("qemu-img").args(["convert", "-f", "raw", "-O", "vmdk"]).arg(&image).arg(&vmdk));
    let reason = "vmdk is not read here: `qemu-img convert -f vmdk -O raw` makes a disk of it that is";
    assert_eq!(inspect(&vmdk, None).await, not_inspected(&vmdk, reason));
    let text = directory.path().join("text");
    fs::write(&text, "a text\n").unwrap();
    assert_eq!(inspect(&text, None).await, not_inspected(&text, "it is text, not a disk image"));
    let gone = directory.path().join("gone");
    let failure = inspect(&gone, None).await.unwrap_err();
    assert_eq!(
        failure.to_string(),
        format!("{}: reading: No such file or directory (os error 2)", gone.display())
    );
}

/// Reads are counted, so this ends by itself; were they not, the processor's time would be.
#[tokio::test]
async fn an_image_of_the_largest_size_takes_no_time_and_no_memory() {
    let directory = tempdir().unwrap();
    let image = directory.path().join("disk.raw");
    let file = File::create(&image).unwrap();
    file.set_len(8 << 40).unwrap();
    // The superblock of an ext4 that fills it, and nothing else.
    let (_other, small) = disk();
    let mut block = vec![0; 1024];
    File::open(small).unwrap().read_exact_at(&mut block, 1024).unwrap();
    block[4..8].copy_from_slice(&u32::MAX.to_le_bytes());
    file.write_all_at(&block, 1024).unwrap();
    let begun = Instant::now();
    let Ok(Outcome::Inspected(found)) = inspect(&image, None).await else { panic!("not inspected") };
    assert_eq!(found.unread.len(), 1, "{found:?}");
    assert!(begun.elapsed() < Duration::from_secs(10), "{:?}", begun.elapsed());
}

/// What an inspector may do, by the kernel's own word: it waits for its input here, which is a pipe nobody writes to.
#[tokio::test]
async fn an_inspector_can_do_nothing_but_read() {
    let mut child = Command::new(env!("CARGO_BIN_EXE_ays-node"))
        .args(["inspect", &std::process::id().to_string(), "any"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let about = PathBuf::from(format!("/proc/{}", child.id()));
    let line = |name: &str, key: &str| {
        let text = fs::read_to_string(about.join(name)).unwrap_or_default();
        let line = text.lines().find(|line| line.starts_with(key)).unwrap_or_default();
        line.split_whitespace().collect::<Vec<_>>().join(" ")
    };
    // The last one that it gives up.
    support::until("the limits", || line("limits", "Max processes") == "Max processes 0 0 processes").await;
    for (key, expected) in [
        ("Max open files", "Max open files 0 0 files"),
        ("Max file size", "Max file size 0 0 bytes"),
        ("Max core file size", "Max core file size 0 0 bytes"),
        ("Max cpu time", "Max cpu time 20 20 seconds"),
        ("Max address space", "Max address space 268435456 268435456 bytes"),
    ] {
        assert_eq!(line("limits", key), expected);
    }
    assert_eq!(line("status", "NoNewPrivs"), "NoNewPrivs: 1");
    if rustix::process::geteuid().is_root() {
        assert_eq!(line("status", "Uid"), "Uid: 65534 65534 65534 65534");
        assert_eq!(line("status", "Gid"), "Gid: 65534 65534 65534 65534");
        assert_eq!(line("status", "Groups"), "Groups:");
    }
    child.kill().unwrap();
    child.wait().unwrap();
}
