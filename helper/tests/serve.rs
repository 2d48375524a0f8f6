//! The loop of the helper: how it begins, how it goes on, and every way in which it must end.
#![allow(clippy::expect_used, clippy::panic, clippy::unwrap_used, reason = "a test fails by panicking")]

mod support;

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use ays_disk::content::Hasher;
use ays_helper::{Ended, Limits, Timing};
use ays_model::{Check, Content, Digest, DiskFormat};
use ays_protocol::{
    CheckCopy, CheckedCopy, CopyState, Failure, FromNode, IndexBefore, Outcome, PROTOCOL, ReadCopy,
    Requirements, Step, StoreImage, WriteIndex,
};
use rustix::process::{Pid, Signal, kill_process, test_kill_process};
use support::{Answer, End, PATIENCE, Web, claim, content, fetch, inside, names, outside, run, short, until};
use tempfile::tempdir;
use tokio::io::AsyncWriteExt;

#[tokio::test]
async fn the_real_program_greets_and_ends_with_its_input() {
    let (node, mut child) = outside(|_| {}).await;
    assert_eq!(node.hello.protocol, PROTOCOL);
    assert_eq!(node.hello.arch, std::env::consts::ARCH);
    let hostname = fs::read_to_string("/proc/sys/kernel/hostname").unwrap();
    assert_eq!(node.hello.hostname, hostname.trim());
    // Its output stays open: that nobody reads it would be another reason to end.
    let support::Outside { to, from: _open, .. } = node;
    drop(to);
    let status = tokio::time::timeout(PATIENCE, child.wait()).await.unwrap().unwrap();
    assert_eq!(status.code(), Some(0));
}

#[test]
fn started_otherwise_it_says_what_it_is() {
    for arguments in [&[][..], &["serve", "more"], &["--help"], &["child"], &["child", "x", "true"]] {
        let output = Command::new(env!("CARGO_BIN_EXE_ays-node")).args(arguments).output().unwrap();
        assert_eq!(output.status.code(), Some(2), "{arguments:?}");
        assert_eq!(output.stdout, b"", "{arguments:?}");
    }
}

#[test]
fn a_child_without_its_parent_does_not_begin() {
    let directory = tempdir().unwrap();
    let made = directory.path().join("made");
    let status = Command::new(env!("CARGO_BIN_EXE_ays-node"))
        .args(["child", "1", "touch"])
        .arg(&made)
        .status()
        .unwrap();
    assert_eq!(status.code(), Some(127));
    assert!(!made.exists());
}

#[tokio::test]
async fn silence_ends_it() {
    let timing = Timing { silence_limit: Duration::from_millis(200), ..Timing::default() };
    let (mut node, ended) = inside(timing, short()).await;
    for _ in 0..10 {
        node.beat().await;
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    assert!(!ended.is_finished());
    let ended = tokio::time::timeout(PATIENCE, ended).await.unwrap().unwrap();
    assert!(matches!(ended, Ended::Silence), "{ended:?}");
}

#[tokio::test]
async fn what_is_no_frame_ends_it() {
    for bytes in [&b"\0\0\0\x02{}"[..], b"\xff\xff\xff\xff", b"\0\0\0\x08{}"] {
        let (mut node, ended) = inside(Timing::default(), short()).await;
        node.to.write_all(bytes).await.unwrap();
        node.to.shutdown().await.unwrap();
        let ended = tokio::time::timeout(PATIENCE, ended).await.unwrap().unwrap();
        assert!(matches!(ended, Ended::Broken(_)), "{bytes:?}: {ended:?}");
    }
}

#[tokio::test]
async fn an_output_that_nobody_reads_ends_it() {
    let (node, mut child) = outside(|_| {}).await;
    let support::Outside { to, from, .. } = node;
    drop(from);
    let status = tokio::time::timeout(PATIENCE, child.wait()).await.unwrap().unwrap();
    assert_eq!(status.code(), Some(1));
    drop(to);
}

#[tokio::test]
async fn a_signal_ends_it_and_what_cannot_be_resumed_goes() {
    let web = Web::start(|_, _| Answer::whole(&content(2000)).cut(1000, End::Hang)).await;
    for signal in [Signal::TERM, Signal::HUP, Signal::INT] {
        let directory = tempdir().unwrap();
        let (mut node, mut child) = outside(|_| {}).await;
        node.start(fetch(&web.url("/x"), &directory.path().join("x"), Check::None)).await;
        until("the first bytes", || names(directory.path()) == [".x.ays-part"]).await;
        kill_process(Pid::from_raw(child.id().unwrap() as i32).unwrap(), signal).unwrap();
        let status = tokio::time::timeout(PATIENCE, child.wait()).await.unwrap().unwrap();
        assert_eq!(status.code(), Some(1));
        assert_eq!(names(directory.path()), [""; 0]);
    }
}

/// A copy whose names are not asked for, with so many bytes.
fn is(state: CopyState, size: u64) -> CheckedCopy {
    let data = if state == CopyState::Good { size } else { 0 };
    CheckedCopy { state, data, named: None }
}

#[tokio::test]
async fn steps_run_one_after_another() {
    let directory = tempdir().unwrap();
    let (mut node, _) = inside(Timing::default(), Limits::default()).await;
    let file = directory.path().join("x");
    fs::write(&file, "x").unwrap();
    let check = || Step::CheckCopy(CheckCopy { path: file.clone(), size: 1, read: None, rate: None });
    let ids =
        [node.start(check()).await, node.start(Step::Remove(file.clone())).await, node.start(check()).await];
    let mut results = Vec::new();
    while results.len() < ids.len() {
        if let FromNode::Done { id, result } = node.next().await {
            results.push((id, result));
        }
    }
    assert_eq!(
        results,
        [
            (ids[0], Ok(Outcome::Checked(is(CopyState::Good, 1)))),
            (ids[1], Ok(Outcome::Removed)),
            (ids[2], Ok(Outcome::Checked(is(CopyState::Missing, 1)))),
        ]
    );
}

/// A pretended `qemu-img` that says what it is asked, but never ends a conversion; it notes its process id first.
fn slow_qemu_img(directory: &Path) -> PathBuf {
    let noted = directory.join("pid");
    let script = format!(
        "#!/bin/sh\ncase $1 in\n\
         info) echo '{{\"virtual-size\": 512}}';;\n\
         measure) echo '{{\"required\": 512}}';;\n\
         convert) echo $$ > {0}.new; mv {0}.new {0}; exec sleep 1000;;\nesac\n",
        noted.display()
    );
    let program = directory.join("qemu-img");
    fs::write(&program, script).unwrap();
    fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).unwrap();
    noted
}

#[tokio::test]
async fn however_the_helper_ends_its_child_does() {
    for end in [Some(Signal::KILL), Some(Signal::TERM), None] {
        let directory = tempdir().unwrap();
        let noted = slow_qemu_img(directory.path());
        let (source, pool) = (directory.path().join("x.img"), directory.path().join("pool"));
        let mut disk = vec![0; 512];
        disk[510..].copy_from_slice(b"\x55\xaa");
        fs::write(&source, disk).unwrap();
        let (mut node, child) = outside(|command| {
            command.env("PATH", format!("{}:/usr/bin:/bin", directory.path().display()));
        })
        .await;
        let order = StoreImage {
            known: None,
            source,
            stamp: None,
            pool: pool.clone(),
            stem: "x".into(),
            member: None,
            format: DiskFormat::Raw,
            force: false,
        };
        node.start(Step::StoreImage(order)).await;
        until("the conversion", || noted.exists()).await;
        let converter: i32 = fs::read_to_string(&noted).unwrap().trim().parse().unwrap();
        let converter = Pid::from_raw(converter).unwrap();
        test_kill_process(converter).unwrap();
        match end {
            Some(signal) => kill_process(Pid::from_raw(child.id().unwrap() as i32).unwrap(), signal).unwrap(),
            None => drop(node),
        }
        until("the end of the conversion", || is_gone(converter)).await;
        if end != Some(Signal::KILL) {
            until("the removal of the unfinished file", || names(&pool).is_empty()).await;
        }
    }
}

/// Without a parent that waits for it, a process may stay as a zombie.
fn is_gone(process: Pid) -> bool {
    let stat = fs::read_to_string(format!("/proc/{}/stat", process.as_raw_nonzero()));
    stat.map_or(true, |stat| stat.rsplit_once(") ").is_some_and(|(_, state)| state.starts_with('Z')))
}

#[tokio::test]
async fn requirements() {
    let directory = tempdir().unwrap();
    let pool = directory.path().join("var/lib/pool");
    let check =
        |pool: &Path| Step::CheckRequirements(Requirements { pool: Some(claim(pool)), qemu_img: false });
    assert_eq!(run(check(&pool)).await, Ok(Outcome::Ready));
    assert_eq!(names(&pool), [".ays-owner.json"]);
    let file = directory.path().join("file");
    fs::write(&file, "").unwrap();
    assert_eq!(
        run(check(&file)).await,
        Err(Failure::Disk {
            path: file.display().to_string(),
            doing: "making the directory".into(),
            reason: "File exists (os error 17)".into()
        })
    );
    assert_eq!(
        run(check(Path::new("pool"))).await,
        Err(Failure::BadPath { path: "pool".into(), reason: "the path is not absolute".into() })
    );
}

#[tokio::test]
async fn a_look_at_a_pool_removes_what_stopped_runs_left() {
    let directory = tempdir().unwrap();
    for name in [".ays-stopped.ays-part", ".ays-running.ays-part", ".other.ays-part", ".ays-other"] {
        fs::write(directory.path().join(name), "").unwrap();
    }
    let running =
        fs::File::options().write(true).open(directory.path().join(".ays-running.ays-part")).unwrap();
    running.lock().unwrap();
    let check = Requirements { pool: Some(claim(directory.path())), qemu_img: false };
    assert_eq!(run(Step::CheckRequirements(check)).await, Ok(Outcome::Ready));
    let left = [".ays-other", ".ays-owner.json", ".ays-running.ays-part", ".other.ays-part"];
    assert_eq!(names(directory.path()), left);
}

#[tokio::test]
async fn an_index_is_replaced_only_when_it_changes() {
    let directory = tempdir().unwrap();
    let write = |content: &str| {
        Step::WriteIndex(WriteIndex { claim: claim(directory.path()), content: content.to_owned() })
    };
    for (content, before) in
        [("[1]", IndexBefore::Missing), ("[1]", IndexBefore::Same), ("[]", IndexBefore::Other)]
    {
        assert_eq!(run(write(content)).await, Ok(Outcome::Written(before.into())));
        assert_eq!(fs::read_to_string(directory.path().join("ays-images.json")).unwrap(), content);
        assert_eq!(names(directory.path()), [".ays-owner.json", "ays-images.json"]);
    }
}

#[tokio::test]
async fn everybody_may_read_an_index() {
    let directory = tempdir().unwrap();
    let (mut node, _child) = support::outside_with_strict_umask().await;
    let index = WriteIndex { claim: claim(directory.path()), content: "[]".to_owned() };
    assert_eq!(node.run(Step::WriteIndex(index)).await, Ok(Outcome::Written(IndexBefore::Missing.into())));
    for name in ["ays-images.json", ".ays-owner.json"] {
        let found = directory.path().join(name).metadata().unwrap();
        assert_eq!(found.permissions().mode() & 0o777, 0o644, "{name}");
    }
}

#[tokio::test]
async fn everybody_may_look_into_a_pool() {
    let directory = tempdir().unwrap();
    let (mut node, _child) = support::outside_with_strict_umask().await;
    let pool = directory.path().join("deep/pool");
    let requirements = Requirements { pool: Some(claim(&pool)), qemu_img: false };
    assert_eq!(node.run(Step::CheckRequirements(requirements)).await, Ok(Outcome::Ready));
    for made in [&pool, &directory.path().join("deep")] {
        assert_eq!(made.metadata().unwrap().permissions().mode() & 0o777, 0o755, "{}", made.display());
    }
}

#[tokio::test]
async fn a_removed_file_leaves_nothing_behind() {
    let directory = tempdir().unwrap();
    for name in ["x", ".x.ays-part", ".x.ays-part.json", "y"] {
        fs::write(directory.path().join(name), "").unwrap();
    }
    for _ in 0..2 {
        assert_eq!(run(Step::Remove(directory.path().join("x"))).await, Ok(Outcome::Removed));
        assert_eq!(names(directory.path()), ["y"]);
    }
    assert_eq!(run(Step::Remove("/no/such/directory/x".into())).await, Ok(Outcome::Removed));
    let path = directory.path().display().to_string();
    assert_eq!(
        run(Step::Remove(directory.path().to_owned())).await,
        Err(Failure::BadPath { path, reason: "it is a directory".into() })
    );
}

#[tokio::test]
async fn what_another_run_is_fetching_is_not_removed_with_the_file() {
    let directory = tempdir().unwrap();
    for name in ["x", ".x.ays-part", ".x.ays-part.json"] {
        fs::write(directory.path().join(name), "").unwrap();
    }
    let part = fs::File::options().write(true).open(directory.path().join(".x.ays-part")).unwrap();
    part.lock().unwrap();
    let remove = || Step::Remove(directory.path().join("x"));
    assert_eq!(run(remove()).await, Ok(Outcome::Removed));
    assert_eq!(names(directory.path()), [".x.ays-part", ".x.ays-part.json"]);
    drop(part);
    assert_eq!(run(remove()).await, Ok(Outcome::Removed));
    assert_eq!(names(directory.path()), [""; 0]);
}

#[tokio::test]
async fn the_state_of_a_copy() {
    let directory = tempdir().unwrap();
    let path = directory.path().join("x");
    fs::write(&path, "bytes").unwrap();
    let check = |size, content: Option<&[u8]>| {
        let expected = |bytes: &[u8]| {
            let mut hasher = Hasher::new();
            hasher.update(bytes);
            Digest::FsVerity(Content(hasher.finalize().content))
        };
        let read = content.map(|bytes| ReadCopy { format: DiskFormat::Raw, expected: expected(bytes) });
        Step::CheckCopy(CheckCopy { path: path.clone(), size, read, rate: None })
    };
    for (step, state) in [
        (check(5, None), CopyState::Good),
        (check(5, Some(b"bytes")), CopyState::Good),
        (check(5, Some(b"other")), CopyState::Damaged),
        (check(6, None), CopyState::Damaged),
        (
            Step::CheckCopy(CheckCopy { path: path.join("x"), size: 5, read: None, rate: None }),
            CopyState::Missing,
        ),
    ] {
        assert_eq!(run(step.clone()).await, Ok(Outcome::Checked(is(state, 5))), "{step:?}");
    }
}
