//! Files brought over HTTP and from the node itself, as it should be and when servers misbehave.
#![allow(clippy::expect_used, clippy::panic, clippy::unwrap_used, reason = "a test fails by panicking")]

mod support;

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::time::Duration;

use ays_node::helper::{Limits, Timing};
use ays_node::{Check, Failure, Fetched, FromNode, Outcome, Phase, Probed};
use tempfile::tempdir;

use support::{Answer, End, Web, content, fetch, inside, md5, names, run, sha256, short, stamp, until};

/// What comes before an interruption.
const PIECE: usize = 100_000;
const ETAG: &str = "\"one\"";

/// What a fetch of `body` to `dest`, where it lies now, says when nothing was in its way.
fn fetched(dest: &Path, body: &[u8], etag: Option<&str>) -> Fetched {
    Fetched {
        size: body.len() as u64,
        md5: md5(body),
        sha256: sha256(body),
        verified: false,
        kept: false,
        is_source: false,
        resumed_at: 0,
        etag: etag.map(str::to_owned),
        last_modified: None,
        stamp: stamp(dest),
    }
}

fn unreachable(url: String, phase: Phase, reason: &str, attempts: u32) -> Result<Outcome, Failure> {
    Err(Failure::Unreachable { url, phase, reason: reason.to_owned(), attempts })
}

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
    let (served, sum) = (body.clone(), md5(&body));
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
    let first = Fetched { verified: true, ..fetched(&dest, &body, None) };
    assert_eq!(result, Ok(Outcome::Fetched(first.clone())));
    let second = Fetched { kept: true, ..first };
    assert_eq!(run(step()).await, Ok(Outcome::Fetched(second)));
    assert_eq!(web.requests().len(), 3);
    fs::write(&dest, "damaged").unwrap();
    let result = run(step()).await;
    let third = Fetched { verified: true, ..fetched(&dest, &body, None) };
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
        (Check::Md5Beside, "MD5", "c".repeat(32), md5(&body)),
        (Check::Sha256("d".repeat(64)), "SHA-256", "d".repeat(64), sha256(&body)),
        (Check::Sums("SHA256SUMS".into()), "SHA-256", "b".repeat(64), sha256(&body)),
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
        ("large", "it is larger than 1048576 bytes, too large for a list of checksums"),
    ] {
        let dest = directory.path().join("x");
        let result = run(fetch(&web.url(&format!("/{name}")), &dest, Check::Md5Beside)).await;
        let url = web.url(&format!("/{name}.md5sum"));
        assert_eq!(result, Err(Failure::NoChecksum { url, name: name.into(), reason: reason.into() }));
        assert_eq!(names(directory.path()), [""; 0]);
    }
}

#[tokio::test]
async fn an_interrupted_transfer_goes_on_where_it_stopped() {
    for end in [End::Close, End::Reset, End::Hang] {
        let body = content(3 * PIECE);
        let served = body.clone();
        let web = Web::start(move |request, number| {
            let answer = Answer::file(request, &served, ETAG);
            if number < 2 { answer.cut(PIECE, end) } else { answer }
        })
        .await;
        let directory = tempdir().unwrap();
        let dest = directory.path().join("x");
        let result = run(fetch(&web.url("/x"), &dest, Check::Sha256(sha256(&body)))).await;
        let expected =
            Fetched { verified: true, resumed_at: PIECE as u64, ..fetched(&dest, &body, Some(ETAG)) };
        assert_eq!(result, Ok(Outcome::Fetched(expected)), "{end:?}");
        assert!(fs::read(&dest).unwrap() == body);
        assert_eq!(web.ranges(), [None, Some(PIECE), Some(2 * PIECE)]);
        assert_eq!(web.requests()[1].header("if-range"), Some(ETAG));
        assert_eq!(names(directory.path()), ["x"]);
    }
}

#[tokio::test]
async fn a_date_serves_where_there_is_no_etag() {
    const DATE: &str = "Fri, 20 Nov 2026 10:00:00 GMT";
    let body = content(2 * PIECE);
    let served = body.clone();
    let web = Web::start(move |request, number| {
        let answer = Answer::file(request, &served, DATE).without("ETag").with("Last-Modified", DATE);
        if number == 0 { answer.cut(PIECE, End::Close) } else { answer }
    })
    .await;
    let directory = tempdir().unwrap();
    let dest = directory.path().join("x");
    let result = run(fetch(&web.url("/x"), &dest, Check::None)).await;
    let expected =
        Fetched { resumed_at: PIECE as u64, last_modified: Some(DATE.into()), ..fetched(&dest, &body, None) };
    assert_eq!(result, Ok(Outcome::Fetched(expected)));
    assert_eq!(web.requests()[1].header("if-range"), Some(DATE));
    assert!(fs::read(&dest).unwrap() == body);
}

/// Each of these servers interrupts the first transfer after 1 MiB, and cannot or must not be resumed.
#[tokio::test]
async fn what_cannot_be_resumed_starts_over() {
    let old = content(2 * PIECE);
    let new: Vec<_> = content(2 * PIECE + 1).iter().map(|byte| byte ^ 0xff).collect();
    type Respond = fn(&support::Request, &[u8]) -> Answer;
    let cases: [(&str, Respond, Option<&str>); 6] = [
        ("ranges are not known", |_, body| Answer::whole(body).with("ETag", "\"two\""), Some("\"two\"")),
        ("the file is another one", |request, body| Answer::file(request, body, "\"two\""), Some("\"two\"")),
        (
            "the file is another one, and the condition is not known",
            |request, body| match request.range() {
                Some(at) => Answer::whole(&body[at..])
                    .with("Content-Range", &format!("bytes {at}-{}/{}", body.len() - 1, body.len()))
                    .with("ETag", "\"two\"")
                    .partial(),
                None => Answer::whole(body).with("ETag", "\"two\""),
            },
            Some("\"two\""),
        ),
        (
            "another range comes",
            |request, body| match request.range() {
                Some(at) => Answer::whole(&body[at + 1..])
                    .with("Content-Range", &format!("bytes {}-{}/{}", at + 1, 2 * PIECE - 1, 2 * PIECE))
                    .partial(),
                None => Answer::whole(body),
            },
            None,
        ),
        (
            "a range that cannot be read",
            |request, body| match request.range() {
                Some(_) => Answer::whole(body).with("Content-Range", "bytes of it").partial(),
                None => Answer::whole(body),
            },
            None,
        ),
        (
            "the file is shorter now",
            |request, body| match request.range() {
                Some(_) => Answer::status("416 Range Not Satisfiable"),
                None => Answer::whole(body),
            },
            None,
        ),
    ];
    for (case, respond, etag) in cases {
        let (first, then) = (old.clone(), new.clone());
        let web = Web::start(move |request, number| match number {
            0 => Answer::file(request, &first, ETAG).cut(PIECE, End::Close),
            _ => respond(request, &then),
        })
        .await;
        let directory = tempdir().unwrap();
        let dest = directory.path().join("x");
        let result = run(fetch(&web.url("/x"), &dest, Check::None)).await;
        assert_eq!(result, Ok(Outcome::Fetched(fetched(&dest, &new, etag))), "{case}");
        assert!(fs::read(&dest).unwrap() == new, "{case}");
        assert_eq!(web.ranges()[..2], [None, Some(PIECE)], "{case}");
    }
}

#[tokio::test]
async fn without_validators_nothing_is_resumed() {
    let body = content(2 * PIECE);
    let served = body.clone();
    let web = Web::start(move |_, number| {
        let answer = Answer::whole(&served).with("ETag", "W/\"weak\"");
        if number == 0 { answer.cut(PIECE, End::Close) } else { answer }
    })
    .await;
    let directory = tempdir().unwrap();
    let dest = directory.path().join("x");
    let result = run(fetch(&web.url("/x"), &dest, Check::None)).await;
    assert_eq!(result, Ok(Outcome::Fetched(fetched(&dest, &body, Some("W/\"weak\"")))));
    assert_eq!(web.ranges(), [None, None]);
}

#[tokio::test]
async fn pieces_of_two_files_are_noticed_and_fetched_again() {
    let body = content(2 * PIECE);
    let (served, other) = (body.clone(), vec![7; 2 * PIECE]);
    // The validators do not tell the two apart; the checksum does.
    let web = Web::start(move |request, number| match number {
        0 => Answer::file(request, &other, ETAG).cut(PIECE, End::Close),
        _ => Answer::file(request, &served, ETAG),
    })
    .await;
    let directory = tempdir().unwrap();
    let dest = directory.path().join("x");
    let result = run(fetch(&web.url("/x"), &dest, Check::Sha256(sha256(&body)))).await;
    assert_eq!(result, Ok(Outcome::Fetched(Fetched { verified: true, ..fetched(&dest, &body, Some(ETAG)) })));
    assert_eq!(web.ranges(), [None, Some(PIECE), None]);
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
        assert_eq!(result, unreachable(url, phase, reason, 3), "{case}");
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
        assert_eq!(result, unreachable(url, phase, reason, attempts));
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
async fn a_second_run_of_the_same_file_is_told_at_once() {
    let web = Web::start(|_, _| Answer::whole(&content(PIECE)).cut(1000, End::Hang)).await;
    let directory = tempdir().unwrap();
    let dest = directory.path().join("x");
    let step = || fetch(&web.url("/x"), &dest, Check::None);
    let (mut first, _) = inside(Timing::default(), Limits::default()).await;
    first.start(step()).await;
    until("the first request", || !web.requests().is_empty()).await;
    assert_eq!(run(step()).await, Err(Failure::Busy { path: dest.display().to_string() }));
}

/// A helper that ends in the middle of a transfer, once the first MiB is on disk.
async fn end_in_the_middle(url: &str, dest: &Path) {
    let (mut node, ended) = inside(Timing::default(), Limits::default()).await;
    node.start(fetch(url, dest, Check::None)).await;
    let part = dest.with_file_name(".x.ays-part");
    until("the first MiB", || part.metadata().is_ok_and(|found| found.len() == PIECE as u64)).await;
    drop(node);
    ended.await.unwrap();
}

#[tokio::test]
async fn what_an_ended_run_left_is_taken_up() {
    let body = content(2 * PIECE);
    let served = body.clone();
    let web = Web::start(move |request, number| {
        let answer = Answer::file(request, &served, ETAG);
        if number == 0 { answer.cut(PIECE, End::Hang) } else { answer }
    })
    .await;
    let directory = tempdir().unwrap();
    let dest = directory.path().join("x");
    end_in_the_middle(&web.url("/x"), &dest).await;
    assert_eq!(names(directory.path()), [".x.ays-part", ".x.ays-part.json"]);
    let state = fs::read_to_string(directory.path().join(".x.ays-part.json")).unwrap();
    assert!(!state.contains("127.0.0.1"), "{state}");

    // Another address is another file, whatever lies there.
    let elsewhere = Web::start(|_, _| Answer::text("other")).await;
    let copy = directory.path().join("copy");
    fs::create_dir(&copy).unwrap();
    for name in [".x.ays-part", ".x.ays-part.json"] {
        fs::copy(directory.path().join(name), copy.join(name)).unwrap();
    }
    let result = run(fetch(&elsewhere.url("/x"), &copy.join("x"), Check::None)).await;
    assert_eq!(result, Ok(Outcome::Fetched(fetched(&copy.join("x"), b"other", None))));

    let result = run(fetch(&web.url("/x"), &dest, Check::None)).await;
    let expected = Fetched { resumed_at: PIECE as u64, ..fetched(&dest, &body, Some(ETAG)) };
    assert_eq!(result, Ok(Outcome::Fetched(expected)));
    assert_eq!(web.ranges(), [None, Some(PIECE)]);
    assert_eq!(names(directory.path()), ["copy", "x"]);
}

#[tokio::test]
async fn what_can_be_resumed_outlives_a_run_that_never_asks_the_source() {
    let body = content(2 * PIECE);
    let served = body.clone();
    let web = Web::start(move |request, number| match request.path.as_str() {
        "/x.md5sum" => Answer::status("404 Not Found"),
        _ if number == 0 => Answer::file(request, &served, ETAG).cut(PIECE, End::Hang),
        _ => Answer::file(request, &served, ETAG),
    })
    .await;
    let directory = tempdir().unwrap();
    let dest = directory.path().join("x");
    end_in_the_middle(&web.url("/x"), &dest).await;
    let result = run(fetch(&web.url("/x"), &dest, Check::Md5Beside)).await;
    let failure =
        Failure::NoChecksum { url: web.url("/x.md5sum"), name: "x".into(), reason: "404 Not Found".into() };
    assert_eq!(result, Err(failure));
    assert_eq!(names(directory.path()), [".x.ays-part", ".x.ays-part.json"]);
    let result = run(fetch(&web.url("/x"), &dest, Check::None)).await;
    let expected = Fetched { resumed_at: PIECE as u64, ..fetched(&dest, &body, Some(ETAG)) };
    assert_eq!(result, Ok(Outcome::Fetched(expected)));
    assert_eq!(names(directory.path()), ["x"]);
}

#[tokio::test]
async fn after_another_start_of_the_system_only_a_check_makes_the_bytes_good() {
    let body = content(2 * PIECE);
    for (check, ranges) in [(Check::None, [None, None]), (Check::Sha256(sha256(&body)), [None, Some(PIECE)])]
    {
        let served = body.clone();
        let web = Web::start(move |request, number| {
            let answer = Answer::file(request, &served, ETAG);
            if number == 0 { answer.cut(PIECE, End::Hang) } else { answer }
        })
        .await;
        let directory = tempdir().unwrap();
        let dest = directory.path().join("x");
        end_in_the_middle(&web.url("/x"), &dest).await;
        let state = directory.path().join(".x.ays-part.json");
        let boot = fs::read_to_string("/proc/sys/kernel/random/boot_id").unwrap();
        let text = fs::read_to_string(&state).unwrap();
        fs::write(&state, text.replace(boot.trim(), "another")).unwrap();
        let result = run(fetch(&web.url("/x"), &dest, check)).await;
        assert!(result.is_ok(), "{result:?}");
        assert!(fs::read(&dest).unwrap() == body);
        assert_eq!(web.ranges(), ranges);
    }
}

#[tokio::test]
async fn what_cannot_be_resumed_does_not_stay() {
    let web = Web::start(|_, _| Answer::whole(&content(2 * PIECE)).cut(PIECE, End::Hang)).await;
    let directory = tempdir().unwrap();
    end_in_the_middle(&web.url("/x"), &directory.path().join("x")).await;
    assert_eq!(names(directory.path()), [""; 0]);
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
async fn a_file_on_the_node_is_copied_or_kept() {
    let directory = tempdir().unwrap();
    let body = content(2 * PIECE + 5);
    let source = directory.path().join("a file.img");
    fs::write(&source, &body).unwrap();
    fs::write(directory.path().join("a file.img.md5sum"), md5(&body)).unwrap();
    let url = format!("file://{}/a%20file.img", directory.path().display());
    let dest = directory.path().join("x");
    let modified = source.metadata().unwrap().modified().unwrap();
    let modified = modified.duration_since(std::time::UNIX_EPOCH).unwrap().as_secs().to_string();
    let result = run(fetch(&url, &dest, Check::Md5Beside)).await;
    let copied = Fetched { verified: true, last_modified: Some(modified), ..fetched(&dest, &body, None) };
    assert_eq!(result, Ok(Outcome::Fetched(copied)));
    assert!(fs::read(&dest).unwrap() == body);

    let link = directory.path().join("link");
    fs::hard_link(&source, &link).unwrap();
    for (dest, check, verified) in
        [(&source, Check::None, false), (&source, Check::Md5Beside, true), (&link, Check::None, false)]
    {
        let kept = Fetched { verified, kept: true, is_source: true, ..fetched(dest, &body, None) };
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

#[tokio::test]
async fn a_probe_tells_the_size_and_writes_nothing() {
    let probe = |url: String| run(support::probe(&url));
    let web = Web::start(|request, _| match (request.method.as_str(), request.path.as_str()) {
        ("HEAD", "/no-head") => Answer::status("405 Method Not Allowed"),
        (_, "/gone") => Answer::status("404 Not Found"),
        (_, "/silent") => Answer::status("200 OK").without("Content-Length").cut(0, End::Hang),
        _ => Answer::whole(b"12345"),
    })
    .await;
    let size = |size| Ok(Outcome::Probed(Probed { size }));
    assert_eq!(probe(web.url("/x")).await, size(Some(5)));
    assert_eq!(probe(web.url("/no-head")).await, size(Some(5)));
    assert_eq!(probe(web.url("/silent")).await, size(None));
    assert_eq!(probe("file:///proc/self/mem".into()).await, size(Some(0)));
    let url = web.url("/gone");
    assert_eq!(probe(url.clone()).await, Err(Failure::Refused { url, reason: "404 Not Found".into() }));
}

#[tokio::test]
async fn a_probe_of_a_dead_source_ends_soon() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/x", listener.local_addr().unwrap());
    let limits = Limits { probe: Duration::from_millis(300), ..short() };
    let (mut node, _) = inside(Timing::default(), limits).await;
    let begun = std::time::Instant::now();
    let result = node.run(support::probe(&url)).await;
    assert_eq!(result, unreachable(url, Phase::Answer, "no answer within 250ms", 1));
    assert!(begun.elapsed() < Duration::from_secs(1));
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
