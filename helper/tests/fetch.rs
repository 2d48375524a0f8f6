//! Files brought over HTTP and from the node itself, as it should be and when servers misbehave.
#![allow(clippy::expect_used, clippy::panic, clippy::unwrap_used, reason = "a test fails by panicking")]

mod support;

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::time::Duration;

use ays_helper::{Limits, Timing};
use ays_model::{Check, Checksum, Sha256};
use ays_protocol::{Expected, Failure, Fetched, FromNode, Outcome, Phase};
use support::{
    Answer, End, Web, by_md5, content, fetch, fetched, inside, md5, names, run, sha256, unreachable, until,
};
use tempfile::tempdir;

/// What comes before an interruption.
const PIECE: usize = 100_000;
const ETAG: &str = "\"one\"";

#[tokio::test]
async fn a_file_is_brought_whole_and_nothing_else_stays() {
    let body = content((2 << 20) + 17);
    let served = body.clone();
    let web = Web::start(move |request, _| Answer::file(request, &served, ETAG)).await;
    let directory = tempdir().unwrap();
    let dest = directory.path().join("made/for/it/x.img");
    let result = run(fetch(&web.url("/x.img"), &dest, Check::None)).await;
    assert_eq!(result, Ok(Outcome::Fetched(fetched(&dest, &body, Some(ETAG)))));
    assert!(fs::read(&dest).unwrap() == body);
    assert_eq!(names(dest.parent().unwrap()), ["x.img"]);
    assert_eq!(web.requests()[0].header("accept-encoding"), Some("identity"));
}

#[tokio::test]
async fn an_empty_file_and_one_without_a_length() {
    let directory = tempdir().unwrap();
    for (body, answer) in [
        (vec![], Answer::whole(b"")),
        (content(PIECE), Answer::whole(&content(PIECE)).without("Content-Length")),
    ] {
        let web = Web::start(move |_, _| answer.clone()).await;
        let dest = directory.path().join("x");
        let result = run(fetch(&web.url("/x"), &dest, Check::None)).await;
        assert_eq!(result, Ok(Outcome::Fetched(fetched(&dest, &body, None))));
        assert!(fs::read(&dest).unwrap() == body);
    }
}

#[tokio::test]
async fn a_file_that_matches_its_checksum_is_kept() {
    let body = content(1000);
    let (served, sum) = (body.clone(), md5(&body).to_string());
    let web = Web::start(move |request, _| match request.path.as_str() {
        "/x.img?token=1" => Answer::whole(&served),
        "/x.img.md5sum?token=1" => Answer::text(&format!("{}  x.img\n", sum.to_uppercase())),
        _ => Answer::status("404 Not Found"),
    })
    .await;
    let directory = tempdir().unwrap();
    let dest = directory.path().join("y.img");
    let step = || fetch(&web.url("/x.img?token=1"), &dest, Check::Md5Beside);
    let result = run(step()).await;
    let first = Fetched { verified_by: by_md5(&body), ..fetched(&dest, &body, None) };
    assert_eq!(result, Ok(Outcome::Fetched(first.clone())));
    let second = Fetched { kept: true, ..first };
    assert_eq!(run(step()).await, Ok(Outcome::Fetched(second)));
    assert_eq!(web.requests().len(), 3);
    fs::write(&dest, "damaged").unwrap();
    let result = run(step()).await;
    let third = Fetched { verified_by: by_md5(&body), ..fetched(&dest, &body, None) };
    assert_eq!(result, Ok(Outcome::Fetched(third)));
    assert_eq!(names(directory.path()), ["y.img"]);
}

#[tokio::test]
async fn a_wrong_checksum_leaves_what_was_there() {
    let body = content(1000);
    let served = body.clone();
    let web = Web::start(move |request, _| match request.path.as_str() {
        "/x.img" => Answer::file(request, &served, ETAG),
        "/SHA256SUMS" => Answer::text(&format!("{}  other.img\n{} *x.img\n", "a".repeat(64), "b".repeat(64))),
        _ => Answer::text(&"c".repeat(32)),
    })
    .await;
    let directory = tempdir().unwrap();
    let dest = directory.path().join("x.img");
    fs::write(&dest, "old").unwrap();
    let url = web.url("/x.img");
    for (check, algorithm, expected, actual) in [
        (Check::Md5Beside, "MD5", "c".repeat(32), md5(&body).to_string()),
        (
            Check::Checksum(Checksum::Sha256(Sha256([0xdd; 32]))),
            "SHA-256",
            "d".repeat(64),
            sha256(&body).to_string(),
        ),
        (
            Check::Sums { list: "SHA256SUMS".into(), file: None, signed: None },
            "SHA-256",
            "b".repeat(64),
            sha256(&body).to_string(),
        ),
    ] {
        let failure = Failure::Checksum { url: url.clone(), algorithm: algorithm.into(), expected, actual };
        assert_eq!(run(fetch(&url, &dest, check)).await, Err(failure));
        assert_eq!(fs::read(&dest).unwrap(), b"old");
        assert_eq!(names(directory.path()), ["x.img"]);
    }
}

#[tokio::test]
async fn a_checksum_file_that_is_none_is_named() {
    let web = Web::start(|request, _| match request.path.as_str() {
        "/html.md5sum" => Answer::text("<!DOCTYPE html><h1>Welcome</h1>"),
        "/large.md5sum" => Answer::whole(&vec![b' '; 2 << 20]),
        _ => Answer::status("404 Not Found"),
    })
    .await;
    let directory = tempdir().unwrap();
    for (name, reason) in [
        ("html", "it is an HTML page"),
        ("missing", "404 Not Found"),
        ("large", "it is larger than 1048576 bytes, too large for what it should be"),
    ] {
        let dest = directory.path().join("x");
        let result = run(fetch(&web.url(&format!("/{name}")), &dest, Check::Md5Beside)).await;
        let url = web.url(&format!("/{name}.md5sum"));
        assert_eq!(result, Err(Failure::NoChecksum { url, name: name.into(), reason: reason.into() }));
        assert_eq!(names(directory.path()), [""; 0]);
    }
}

#[tokio::test]
async fn servers_that_never_send_it_all_are_given_up() {
    type Respond = fn() -> Answer;
    let cases: [(&str, Respond, Phase, &str); 5] = [
        (
            "short",
            || Answer::whole(&content(PIECE)).cut(1000, End::Close),
            Phase::Transfer,
            "end of file before message length reached",
        ),
        (
            "stalled",
            || Answer::whole(&content(PIECE)).cut(1000, End::Hang),
            Phase::Transfer,
            "no byte came for 300ms",
        ),
        (
            "broken",
            || Answer::status("503 Service Unavailable"),
            Phase::Answer,
            "the server answered 503 Service Unavailable",
        ),
        (
            "busy",
            || Answer::status("429 Too Many Requests"),
            Phase::Answer,
            "the server answered 429 Too Many Requests",
        ),
        (
            "reset",
            || Answer::whole(&content(PIECE)).cut(1000, End::Reset),
            Phase::Transfer,
            "Connection reset by peer (os error 104)",
        ),
    ];
    for (case, answer, phase, reason) in cases {
        let web = Web::start(move |_, _| answer()).await;
        let directory = tempdir().unwrap();
        let dest = directory.path().join("x");
        fs::write(&dest, "old").unwrap();
        let url = web.url("/x");
        let result = run(fetch(&url, &dest, Check::None)).await;
        assert_eq!(result, unreachable(&url, phase, reason, 3), "{case}");
        assert_eq!(names(directory.path()), ["x"], "{case}");
        assert_eq!(fs::read(&dest).unwrap(), b"old", "{case}");
    }
}

#[tokio::test]
async fn a_refusal_is_not_tried_again() {
    for (status, reason) in [("404 Not Found", "404 Not Found"), ("403 Forbidden", "403 Forbidden")] {
        let web = Web::start(move |_, _| Answer::status(status)).await;
        let directory = tempdir().unwrap();
        let url = web.url("/x");
        let result = run(fetch(&url, &directory.path().join("x"), Check::None)).await;
        assert_eq!(result, Err(Failure::Refused { url, reason: reason.into() }));
        assert_eq!(web.requests().len(), 1);
        assert_eq!(names(directory.path()), [""; 0]);
    }
}

#[tokio::test]
async fn where_a_connection_fails_is_named() {
    let directory = tempdir().unwrap();
    let closed = {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        listener.local_addr().unwrap()
    };
    let ending = support::speak(b"").await;
    let plain = support::speak(b"HTTP/1.1 400 Bad Request\r\n\r\n").await;
    let corrupt = "received corrupt message of type InvalidContentType";
    for (url, phase, reason, attempts) in [
        (format!("http://{closed}/x"), Phase::Connect, "Connection refused (os error 111)", 3),
        (format!("ftp://{closed}/x"), Phase::Connect, "Connection refused (os error 111)", 3),
        ("http://no-such-host.invalid/x".into(), Phase::Lookup, "the host name is not known", 1),
        ("ftp://no-such-host.invalid/x".into(), Phase::Lookup, "the host name is not known", 1),
        (format!("https://{ending}/x"), Phase::Tls, "tls handshake eof", 3),
        (format!("https://{plain}/x"), Phase::Tls, corrupt, 3),
    ] {
        let result = run(fetch(&url, &directory.path().join("x"), Check::None)).await;
        assert_eq!(result, unreachable(&url, phase, reason, attempts));
    }
}

#[tokio::test]
async fn a_login_goes_to_its_own_host_alone() {
    let other = Web::start(|_, _| Answer::text("moved here")).await;
    let target = other.url("/y");
    let web = Web::start(move |_, _| Answer::status("302 Found").with("Location", &target)).await;
    let directory = tempdir().unwrap();
    let url = format!("http://user:p%40ss@{}/x", web.address);
    let dest = directory.path().join("x");
    let result = run(fetch(&url, &dest, Check::None)).await;
    assert_eq!(result, Ok(Outcome::Fetched(fetched(&dest, b"moved here", None))));
    // `user:p@ss`
    assert_eq!(web.requests()[0].header("authorization"), Some("Basic dXNlcjpwQHNz"));
    assert_eq!(other.requests()[0].header("authorization"), None);
    assert_eq!(other.requests()[0].header("referer"), None);
}

#[tokio::test]
async fn a_redirect_in_a_circle_ends() {
    let web = Web::start(|_, _| Answer::status("302 Found").with("Location", "/x")).await;
    let directory = tempdir().unwrap();
    let url = web.url("/x");
    let result = run(fetch(&url, &directory.path().join("x"), Check::None)).await;
    assert_eq!(result, Err(Failure::Refused { url, reason: "too many redirects".into() }));
    assert_eq!(web.requests().len(), 11);
}

#[tokio::test]
async fn credentials_are_in_no_failure() {
    let web = Web::start(|_, _| Answer::status("401 Unauthorized")).await;
    let directory = tempdir().unwrap();
    let url = format!("http://user:secret@{}/x?token=secret", web.address);
    let shown = format!("http://***@{}/x?***", web.address);
    let result = run(fetch(&url, &directory.path().join("x"), Check::None)).await;
    assert_eq!(result, Err(Failure::Refused { url: shown, reason: "401 Unauthorized".into() }));
}

#[tokio::test]
async fn beats_and_progress_go_on_while_a_source_is_silent() {
    let web = Web::start(|_, _| Answer::whole(&content(2 * PIECE)).cut(PIECE, End::Hang)).await;
    let directory = tempdir().unwrap();
    let every = Duration::from_millis(10);
    let timing = Timing { beat_every: every, progress_every: every, ..Timing::default() };
    let (mut node, _) = inside(timing, Limits::default()).await;
    node.start(fetch(&web.url("/x"), &directory.path().join("x"), Check::None)).await;
    let mut done = 0;
    let mut beats = 0;
    while done < PIECE as u64 || beats < 5 {
        match node.next().await {
            FromNode::Beat => beats += 1,
            FromNode::Progress { progress, .. } => {
                assert!(progress.done >= done, "{progress:?}");
                assert_eq!(progress.total, Some(2 * PIECE as u64));
                done = progress.done;
            }
            other => panic!("{other:?}"),
        }
    }
}

#[tokio::test]
async fn destinations_that_no_step_may_replace() {
    let directory = tempdir().unwrap();
    let fifo = directory.path().join("fifo");
    assert!(std::process::Command::new("mkfifo").arg(&fifo).status().unwrap().success());
    for (dest, reason) in [
        (Path::new("x"), "the path is not absolute"),
        (Path::new("/tmp/../etc/x"), "the path goes up with `..`"),
        (Path::new("/"), "it is not a file name"),
        (directory.path(), "it is a directory"),
        (&fifo, "it is a device or a pipe, not a file"),
        (Path::new("/dev/null"), "it is a device or a pipe, not a file"),
    ] {
        let result = run(fetch("http://127.0.0.1:1/x", dest, Check::None)).await;
        let path = dest.display().to_string();
        assert_eq!(result, Err(Failure::BadPath { path, reason: reason.into() }));
    }
}

#[tokio::test]
async fn links_are_replaced_and_never_written_through() {
    let web = Web::start(|_, _| Answer::text("new")).await;
    let directory = tempdir().unwrap();
    let (dest, part, behind) =
        (directory.path().join("x"), directory.path().join(".x.ays-part"), directory.path().join("behind"));
    fs::write(&behind, "untouched").unwrap();
    symlink(&behind, &dest).unwrap();
    let result = run(fetch(&web.url("/x"), &dest, Check::None)).await;
    assert_eq!(result, Ok(Outcome::Fetched(fetched(&dest, b"new", None))));
    assert!(dest.symlink_metadata().unwrap().is_file());
    symlink(&behind, &part).unwrap();
    let result = run(fetch(&web.url("/x"), &dest, Check::None)).await;
    assert_eq!(
        result,
        Err(Failure::Disk {
            path: part.display().to_string(),
            doing: "creating".into(),
            reason: "Too many levels of symbolic links (os error 40)".into()
        })
    );
    assert_eq!(fs::read(&behind).unwrap(), b"untouched");
}

#[tokio::test]
async fn an_answer_that_was_packed_for_the_way_is_named() {
    for (path, encoding, is_the_file) in [
        ("/x.img", "gzip", false),
        ("/x.qcow2", "X-Gzip", false),
        ("/x.img", "br", false),
        ("/x.xz", "gzip", false),
        ("/x.img", "identity", true),
        ("/x.img.GZ", "x-gzip", true),
        ("/x.tgz", "gzip", true),
        ("/x.xz?token=1", "xz", true),
        ("/x.zst", "zstd", true),
        ("/x.bz2", "x-bzip2", true),
    ] {
        let web = Web::start(move |_, _| Answer::whole(b"12345").with("Content-Encoding", encoding)).await;
        let directory = tempdir().unwrap();
        let dest = directory.path().join("x");
        let result = run(fetch(&web.url(path), &dest, Check::None)).await;
        if is_the_file {
            assert_eq!(result, Ok(Outcome::Fetched(fetched(&dest, b"12345", None))), "{path} {encoding}");
        } else {
            let said = result.unwrap_err().to_string();
            assert!(said.contains(&format!("Content-Encoding: {}", encoding.to_lowercase())), "{said}");
            assert_eq!(names(directory.path()), [""; 0], "{path} {encoding}");
        }
    }
}

/// What `md5sum`, `sha1sum` and so on say of `12345`.
const OF_12345: [&str; 5] = [
    "md5:827ccb0eea8a706c4c34a16891f84e7b",
    "sha1:8cb2237d0679ca88db6464eac60da96345513964",
    "sha256:5994471abb01112afcc18159f6cc74b4f511b99806da59b3caf5a9c173cacfc5",
    "sha384:0fa76955abfa9dafd83facca8343a92aa09497f98101086611b0bfa95dbc0dcc661d62e9568a5a032ba81960f3e55d4a",
    "sha512:3627909a29c31381a071ec27f7c9ca97726182aed29a7ddd2e54353322cfb30abb9e3a6df2ac2c20fe23436311d678564d0c8d3\
     05930575f60e2d3d048184d79",
];

#[tokio::test]
async fn every_kind_of_checksum_verifies_by_value_and_by_list() {
    for text in OF_12345 {
        let sum: Checksum = text.parse().unwrap();
        let list = format!("{} (x) = {}\nMD5 (y) = {}\n", sum.kind().title(), sum.digits(), "0".repeat(32));
        let web = Web::start(move |request, _| match request.path.split('?').next() {
            Some("/x") => Answer::whole(b"12345"),
            Some("/LIST") => Answer::text(&list),
            _ => Answer::whole(b"other"),
        })
        .await;
        let directory = tempdir().unwrap();
        let dest = directory.path().join("x");
        let by_list = || Check::Sums { list: "LIST".to_owned(), file: None, signed: None };
        for check in [Check::Checksum(sum), by_list()] {
            let _ = fs::remove_file(&dest);
            let result = run(fetch(&web.url("/x"), &dest, check)).await;
            let verified_by = Some(Expected::Checksum(sum));
            assert_eq!(
                result,
                Ok(Outcome::Fetched(Fetched { verified_by, ..fetched(&dest, b"12345", None) }))
            );
        }
        // What is there is known again by it, and another file is not taken for it.
        let kept = run(fetch(&web.url("/x"), &dest, Check::Checksum(sum))).await;
        assert!(matches!(kept, Ok(Outcome::Fetched(Fetched { kept: true, .. }))), "{kept:?}");
        let other = run(fetch(&web.url("/y"), &directory.path().join("y"), Check::Checksum(sum))).await;
        assert!(
            matches!(&other, Err(Failure::Checksum { algorithm, .. }) if *algorithm == sum.kind().title()),
            "{other:?}"
        );
        // A list may call the file otherwise than its address does.
        let check = Check::Sums { list: "LIST".to_owned(), file: Some("x".to_owned()), signed: None };
        let other = run(fetch(&web.url("/download.php?id=5"), &directory.path().join("z"), check)).await;
        assert!(matches!(other, Err(Failure::Checksum { .. })), "{other:?}");
        let check = by_list();
        let unlisted = run(fetch(&web.url("/download.php?id=5"), &directory.path().join("z"), check)).await;
        assert!(matches!(unlisted, Err(Failure::NoChecksum { .. })), "{unlisted:?}");
    }
}

#[tokio::test]
async fn a_file_on_the_node_is_copied_or_kept() {
    let directory = tempdir().unwrap();
    let body = content(2 * PIECE + 5);
    let source = directory.path().join("a file.img");
    fs::write(&source, &body).unwrap();
    fs::write(directory.path().join("a file.img.md5sum"), md5(&body).to_string()).unwrap();
    let url = format!("file://{}/a%20file.img", directory.path().display());
    let dest = directory.path().join("x");
    let modified = source.metadata().unwrap().modified().unwrap();
    let modified = modified.duration_since(std::time::UNIX_EPOCH).unwrap().as_secs().to_string();
    let result = run(fetch(&url, &dest, Check::Md5Beside)).await;
    let copied =
        Fetched { verified_by: by_md5(&body), last_modified: Some(modified), ..fetched(&dest, &body, None) };
    assert_eq!(result, Ok(Outcome::Fetched(copied)));
    assert!(fs::read(&dest).unwrap() == body);

    let link = directory.path().join("link");
    fs::hard_link(&source, &link).unwrap();
    for (dest, check, verified_by) in
        [(&source, Check::None, None), (&source, Check::Md5Beside, by_md5(&body)), (&link, Check::None, None)]
    {
        let kept = Fetched { verified_by, kept: true, is_source: true, ..fetched(dest, &body, None) };
        assert_eq!(run(fetch(&url, dest, check)).await, Ok(Outcome::Fetched(kept)));
    }
    assert_eq!(names(directory.path()), ["a file.img", "a file.img.md5sum", "link", "x"]);

    let missing = format!("file://{}/missing", directory.path().display());
    let result = run(fetch(&missing, &dest, Check::None)).await;
    assert_eq!(
        result,
        Err(Failure::Refused { url: missing, reason: "No such file or directory (os error 2)".into() })
    );
}

#[tokio::test]
async fn an_interrupted_copy_of_a_file_on_the_node_leaves_nothing() {
    let (from, to) = (tempdir().unwrap(), tempdir().unwrap());
    let source = from.path().join("source");
    // A hole, large enough that the copy is still under way when it is ended.
    fs::File::create(&source).unwrap().set_len(1 << 30).unwrap();
    let (mut node, ended) = inside(Timing::default(), Limits::default()).await;
    node.start(fetch(&format!("file://{}", source.display()), &to.path().join("x"), Check::None)).await;
    let part = to.path().join(".x.ays-part");
    until("the first bytes", || part.metadata().is_ok_and(|found| found.len() > 0)).await;
    drop(node);
    ended.await.unwrap();
    assert_eq!(names(to.path()), [""; 0]);
}

/// A file system of 4 MiB that the helper alone sees, and how it is seen from outside.
#[tokio::test]
async fn a_small_disk_is_not_filled() {
    let directory = tempdir().unwrap();
    let endless = || Answer::whole(&content(PIECE)).without("Content-Length").cut(PIECE, End::Endless);
    let web = Web::start(move |request, _| match request.path.as_str() {
        "/endless" => endless(),
        "/endless-with-etag" => endless().with("ETag", ETAG),
        _ => Answer::whole(b"").without("Content-Length").with("Content-Length", "5000000"),
    })
    .await;
    let (mut node, child) = support::outside_on_small_disk(directory.path(), 4 << 20).await;
    let inside = format!("/proc/{}/root{}", child.id().unwrap(), directory.path().display());
    for path in ["/announced", "/endless", "/endless-with-etag"] {
        let result = node.run(fetch(&web.url(path), &directory.path().join("x"), Check::None)).await;
        let Err(Failure::Space { path, needed, free }) = result else { panic!("{result:?}") };
        assert_eq!(path, directory.path().display().to_string());
        assert!(free < needed && needed <= 5_000_000 && free > 3_000_000, "{needed} of {free}");
        assert_eq!(names(Path::new(&inside)), [""; 0]);
    }
}
