//! The pieces of a stored disk, in any of its formats.
#![allow(clippy::expect_used, clippy::panic, clippy::unwrap_used, reason = "a test fails by panicking")]

mod support;

use std::fs::File;
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::process::Command;

use ays_helper::Timing;
use ays_model::{DiskFormat, Sha256};
use ays_protocol::{
    CONTENT_PIECE, DigestDisk, DigestedDisk, Failure, FromNode, Outcome, ReadPieces, Said, Step,
};
use support::{content, inside, run, short};
use tempfile::tempdir;

/// What a helper tells of a file: the pieces with data, and how the step ended.
async fn read(path: &Path, format: DiskFormat) -> (Vec<(u64, Sha256)>, Result<Outcome, Failure>) {
    let (mut node, _serving) = inside(Timing::default(), short()).await;
    let order = ReadPieces { path: path.to_owned(), format, rate: None };
    let step = node.start(Step::ReadPieces(order)).await;
    let mut told = Vec::new();
    loop {
        match node.next().await {
            FromNode::Said { id, said: Said::Pieces(pieces) } if id == step => {
                assert_eq!(pieces.epoch, 0);
                told.extend((pieces.first..).zip(pieces.sha256));
            }
            FromNode::Done { id, result } if id == step => return (told, result),
            FromNode::Beat | FromNode::Progress { .. } => {}
            other => panic!("{other:?}"),
        }
    }
}

#[tokio::test]
async fn a_disk_has_the_same_pieces_in_every_format_and_holes_are_not_told() {
    let directory = tempdir().unwrap();
    let (raw, qcow2) = (directory.path().join("x.raw"), directory.path().join("x.qcow2"));
    let file = File::create(&raw).unwrap();
    file.set_len(1 << 30).unwrap();
    file.write_all_at(&content(3 << 20), 0).unwrap();
    file.write_all_at(&content(100), 700 * CONTENT_PIECE).unwrap();
    let convert = ["convert", "-q", "-f", "raw", "-O", "qcow2"];
    assert!(Command::new("qemu-img").args(convert).args([&raw, &qcow2]).status().unwrap().success());

    let (of_raw, ended) = read(&raw, DiskFormat::Raw).await;
    assert_eq!(of_raw.iter().map(|(number, _)| *number).collect::<Vec<_>>(), [0, 1, 2, 3, 4, 5, 700]);
    let order =
        DigestDisk { path: raw, format: Some(DiskFormat::Raw), temporary: directory.path().to_owned() };
    assert_eq!(ended, run(Step::Digest(order)).await, "it is read whole, so that it has its name");
    let (of_qcow2, ended_too) = read(&qcow2, DiskFormat::Qcow2).await;
    assert_eq!((of_qcow2, ended_too), (of_raw, ended));
}

#[tokio::test]
async fn what_is_no_disk_is_told_so() {
    let directory = tempdir().unwrap();
    let path = directory.path().join("x.qcow2");
    std::fs::write(&path, b"no qcow2").unwrap();
    let (told, ended) = read(&path, DiskFormat::Qcow2).await;
    assert!(told.is_empty() && matches!(ended, Err(Failure::BadImage { .. })), "{ended:?}");
    let (_, ended) = read(&directory.path().join("none"), DiskFormat::Raw).await;
    assert!(matches!(ended, Err(Failure::Disk { .. })), "{ended:?}");
    let (_, ended) = read(Path::new("relative"), DiskFormat::Raw).await;
    assert!(matches!(ended, Err(Failure::BadPath { .. })), "{ended:?}");
    let empty = directory.path().join("empty");
    std::fs::write(&empty, b"").unwrap();
    let (told, ended) = read(&empty, DiskFormat::Raw).await;
    assert!(told.is_empty());
    assert!(matches!(ended, Ok(Outcome::Digested(DigestedDisk { virtual_size: 0, .. }))), "{ended:?}");
}
