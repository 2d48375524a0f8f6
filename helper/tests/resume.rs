//! Interrupted transfers: what is gone on with, and what is not.
#![allow(clippy::expect_used, clippy::panic, clippy::unwrap_used, reason = "a test fails by panicking")]

mod support;

use std::fs;
use std::path::Path;

use ays_helper::{Limits, Timing};
use ays_model::{Check, Checksum};
use ays_protocol::{Failure, Fetched, Outcome};
use support::{
    Answer, End, Web, by_sha256, content, fetch, fetched, inside, names, released, run, sha256, until,
};
use tempfile::tempdir;

/// What comes before an interruption.
const PIECE: usize = 100_000;
const ETAG: &str = "\"one\"";

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
        let result =
            run(fetch(&web.url("/x"), &dest, Check::Checksum(Checksum::Sha256(sha256(&body))))).await;
        let expected = Fetched {
            verified_by: by_sha256(&body),
            resumed_at: PIECE as u64,
            ..fetched(&dest, &body, Some(ETAG))
        };
        assert_eq!(result, Ok(Outcome::Fetched(expected)), "{end:?}");
        assert!(fs::read(&dest).unwrap() == body);
        assert_eq!(web.ranges(), [None, Some(PIECE), Some(2 * PIECE)]);
        // The check tells whether the rest is of the same file, whatever another mirror says of it.
        assert_eq!(web.requests()[1].header("if-range"), None);
        assert_eq!(names(directory.path()), ["x"]);
    }
}

#[tokio::test]
async fn the_same_source_goes_on_where_nothing_is_checked() {
    let body = content(2 * PIECE);
    let served = body.clone();
    let web = Web::start(move |request, number| {
        let answer = Answer::file(request, &served, ETAG);
        if number == 0 { answer.cut(PIECE, End::Close) } else { answer }
    })
    .await;
    let directory = tempdir().unwrap();
    let dest = directory.path().join("x");
    let result = run(fetch(&web.url("/x"), &dest, Check::None)).await;
    let expected = Fetched { resumed_at: PIECE as u64, ..fetched(&dest, &body, Some(ETAG)) };
    assert_eq!(result, Ok(Outcome::Fetched(expected)));
    assert_eq!(web.requests()[1].header("if-range"), Some(ETAG));
}

/// A redirector that sends every request to another mirror; each has a date and an ETag of its own for the file.
async fn redirector(mirrors: Vec<String>) -> Web {
    Web::start(move |_, number| {
        Answer::status("302 Found").with("Location", &mirrors[number % mirrors.len()])
    })
    .await
}

async fn mirror(body: &[u8], etag: &'static str, cut: Option<usize>) -> Web {
    let served = body.to_vec();
    Web::start(move |request, number| {
        let answer = Answer::file(request, &served, etag).with("Last-Modified", etag);
        match cut {
            Some(cut) if number == 0 => answer.cut(cut, End::Close),
            _ => answer,
        }
    })
    .await
}

#[tokio::test]
async fn another_mirror_goes_on_where_a_check_tells_that_the_pieces_fit() {
    let body = content(3 * PIECE);
    let one = mirror(&body, ETAG, Some(PIECE)).await;
    let two = mirror(&body, "\"two\"", Some(PIECE)).await;
    let three = mirror(&body, "\"three\"", None).await;
    let source = redirector([&one, &two, &three].map(|web| web.url("/x")).to_vec()).await;
    let directory = tempdir().unwrap();
    let dest = directory.path().join("x");
    let check = Check::Checksum(Checksum::Sha256(sha256(&body)));
    let result = run(fetch(&source.url("/x"), &dest, check)).await;
    let Ok(Outcome::Fetched(result)) = result else { panic!("{result:?}") };
    assert_eq!((result.resumed_at, result.verified_by), (PIECE as u64, by_sha256(&body)));
    assert!(fs::read(&dest).unwrap() == body);
    assert_eq!(
        [one.ranges(), two.ranges(), three.ranges()],
        [vec![None], vec![Some(PIECE)], vec![Some(2 * PIECE)]]
    );

    // Without a check nothing tells, and it is read from one mirror.
    let one = mirror(&body, ETAG, Some(PIECE)).await;
    let two = mirror(&body, "\"two\"", None).await;
    let source = redirector([&one, &two].map(|web| web.url("/x")).to_vec()).await;
    let result = run(fetch(&source.url("/x"), &dest, Check::None)).await;
    let Ok(Outcome::Fetched(result)) = result else { panic!("{result:?}") };
    assert_eq!((result.resumed_at, result.etag.as_deref()), (0, Some("\"two\"")));
}

#[tokio::test]
async fn pieces_of_mirrors_that_do_not_fit_are_brought_again_once() {
    let body = content(2 * PIECE);
    let stale = vec![7; 2 * PIECE];
    let one = mirror(&stale, ETAG, Some(PIECE)).await;
    let two = mirror(&body, "\"two\"", None).await;
    let check = || Check::Checksum(Checksum::Sha256(sha256(&body)));
    let directory = tempdir().unwrap();
    let dest = directory.path().join("x");
    let source = redirector([&one, &two, &two].map(|web| web.url("/x")).to_vec()).await;
    let result = run(fetch(&source.url("/x"), &dest, check())).await;
    assert!(matches!(&result, Ok(Outcome::Fetched(found)) if found.resumed_at == 0), "{result:?}");
    assert!(fs::read(&dest).unwrap() == body);

    // Who sent what is wrong is named.
    let token = format!("{}?token=secret", one.url("/x"));
    let source = redirector(vec![token]).await;
    fs::remove_file(&dest).unwrap();
    let result = run(fetch(&source.url("/x"), &dest, check())).await;
    let Err(Failure::Checksum { url, .. }) = result else { panic!("{result:?}") };
    assert_eq!(url, format!("{} (from {}?***)", source.url("/x"), one.url("/x")));
    assert_eq!(names(directory.path()), [""; 0]);
}

#[tokio::test]
async fn a_list_that_changed_with_its_file_is_read_again_once() {
    let (old, new) = (content(PIECE), vec![7; PIECE]);
    for (file_of, lists, is_good, reads) in [
        // The file came after the list was read: the list of now proves it.
        (vec![&new], vec![&old, &new], true, 1),
        // The file came before its list was changed: it is brought once more.
        (vec![&old, &new], vec![&new, &new], false, 1),
        (vec![&old, &new], vec![&[1][..].to_vec(), &new], true, 2),
        (vec![&new], vec![&old, &old], false, 1),
    ] {
        let sums: Vec<_> = lists.iter().map(|body| format!("{}  x\n", sha256(body))).collect();
        let files: Vec<Vec<u8>> = file_of.into_iter().cloned().collect();
        let asked = std::sync::Mutex::new((0, 0));
        let web = Web::start(move |request, _| {
            let mut asked = asked.lock().unwrap();
            if request.path == "/SHA256SUMS" {
                asked.0 += 1;
                return Answer::text(&sums[(asked.0 - 1).min(sums.len() - 1)]);
            }
            asked.1 += 1;
            Answer::file(request, &files[(asked.1 - 1).min(files.len() - 1)], ETAG)
        })
        .await;
        let directory = tempdir().unwrap();
        let dest = directory.path().join("x");
        let check = Check::Sums { list: "SHA256SUMS".to_owned(), file: None, signed: None };
        let result = run(fetch(&web.url("/x"), &dest, check)).await;
        assert_eq!(result.is_ok(), is_good, "{result:?}");
        let paths = web.requests();
        let count = |path: &str| paths.iter().filter(|request| request.path == path).count();
        assert_eq!((count("/x"), count("/SHA256SUMS")), (reads, 2));
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
    let result = run(fetch(&web.url("/x"), &dest, Check::Checksum(Checksum::Sha256(sha256(&body))))).await;
    assert_eq!(
        result,
        Ok(Outcome::Fetched(Fetched { verified_by: by_sha256(&body), ..fetched(&dest, &body, Some(ETAG)) }))
    );
    assert_eq!(web.ranges(), [None, Some(PIECE), None]);
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
    released(dest).await;
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
    for (check, ranges) in
        [(Check::None, [None, None]), (Check::Checksum(Checksum::Sha256(sha256(&body))), [None, Some(PIECE)])]
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
