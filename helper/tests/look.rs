//! What sources say when they are asked.
#![allow(clippy::expect_used, clippy::panic, clippy::unwrap_used, reason = "a test fails by panicking")]

mod support;

use std::time::{Duration, Instant};

use ays_helper::Timing;
use ays_model::{Check, Checksum, Network, SecretUrl};
use ays_protocol::{Expected, Failure, Look, LookAt, Looked, Outcome, Phase, SourceDisk, SourceState, Step};
use support::ftp::{Ftp, GOOD};
use support::{Answer, End, Web, answer, content, inside, look, md5, run, sha256, short};

async fn at(url: &str, at: LookAt) -> Result<Looked, Failure> {
    answer(run(look(url, at)).await)
}

async fn state(url: &str, check: Check) -> Result<Looked, Failure> {
    at(url, LookAt::State(check)).await
}

fn says(size: Option<u64>) -> SourceState {
    SourceState { size, ..SourceState::default() }
}

#[tokio::test]
async fn a_web_server_says_what_it_has() {
    let sums = format!("{}  x\n", sha256(b"12345"));
    let web = Web::start(move |request, _| match (request.method.as_str(), request.path.as_str()) {
        ("HEAD", "/no-head") => Answer::status("405 Method Not Allowed"),
        (_, "/gone") => Answer::status("404 Not Found"),
        (_, "/silent") => Answer::status("200 OK").without("Content-Length").cut(0, End::Hang),
        (_, "/x.md5sum") => Answer::text(&md5(b"12345").to_string()),
        (_, "/SHA256SUMS") => Answer::text(&sums),
        (_, "/x") => Answer::whole(b"12345").with("ETag", "\"one\"").with("Last-Modified", "Fri"),
        _ => Answer::whole(b"12345"),
    })
    .await;
    let x = |expected| {
        let (etag, last_modified) = (Some("\"one\"".to_owned()), Some("Fri".to_owned()));
        Ok(Looked::State(SourceState {
            size: Some(5),
            etag,
            last_modified,
            expected,
            ..SourceState::default()
        }))
    };
    assert_eq!(state(&web.url("/x"), Check::None).await, x(None));
    assert_eq!(
        state(&web.url("/x"), Check::Md5Beside).await,
        x(Some(Expected::Checksum(Checksum::Md5(md5(b"12345")))))
    );
    let sums = Check::Sums { list: "SHA256SUMS".to_owned(), file: None, signed: None };
    assert_eq!(
        state(&web.url("/x"), sums).await,
        x(Some(Expected::Checksum(Checksum::Sha256(sha256(b"12345")))))
    );
    assert_eq!(state(&web.url("/no-head"), Check::None).await, Ok(Looked::State(says(Some(5)))));
    assert_eq!(state(&web.url("/silent"), Check::None).await, Ok(Looked::State(says(None))));
    let url = web.url("/gone");
    let refused = Err(Failure::Refused { url: url.clone(), reason: "404 Not Found".into() });
    assert_eq!(state(&url, Check::None).await, refused);
}

#[tokio::test]
async fn an_ftp_server_says_what_it_has() {
    let server = Ftp::start(content(17), GOOD).await;
    let url = format!("ftp://us%3Aer:p%40ss@{}/dir/x%20y.img", server.address);
    let last_modified = Some("20261120101112".to_owned());
    let expected = Ok(Looked::State(SourceState { last_modified, ..says(Some(17)) }));
    assert_eq!(state(&url, Check::None).await, expected);
    assert_eq!(
        state(&url.replace("x%20y", "z"), Check::None).await,
        Err(Failure::Refused {
            url: format!("ftp://***@{}/dir/z.img", server.address),
            reason: "550 dir/z.img: no such file".into()
        })
    );
    let names = ["20151001/", "x y.img", "current/"].map(str::to_owned).to_vec();
    assert_eq!(at(&url.replace("x%20y.img", ""), LookAt::Listing).await, Ok(Looked::Listing(names)));
}

#[tokio::test]
async fn the_kind_of_disk_is_seen_in_its_first_bytes() {
    let mut qcow2 = vec![0; 300_000];
    qcow2[..8].copy_from_slice(b"QFI\xfb\0\0\0\x03");
    qcow2[24..32].copy_from_slice(&(10_u64 << 30).to_be_bytes());
    let mut vhd = vec![0; 300_000];
    vhd[510..512].copy_from_slice(b"\x55\xaa");
    let footer = vhd.len() - 512;
    vhd[footer..footer + 8].copy_from_slice(b"conectix");
    vhd[footer + 48..footer + 56].copy_from_slice(&4096_u64.to_be_bytes());
    vhd[footer + 63] = 2;
    let web = Web::start(move |request, _| {
        let body = match request.path.as_str() {
            "/qcow2" => qcow2.as_slice(),
            "/vhd" => vhd.as_slice(),
            "/empty" => b"",
            _ => b"<!doctype html>",
        };
        // The first bytes by their range, the end by its own.
        match request.header("range").and_then(|range| range.strip_prefix("bytes=0-")?.parse::<usize>().ok())
        {
            Some(last) if last + 1 < body.len() => {
                let range = format!("bytes 0-{last}/{}", body.len());
                Answer::whole(&body[..=last]).with("Content-Range", &range).partial()
            }
            _ => Answer::file(request, body, "\"one\""),
        }
    })
    .await;
    let disk =
        |format: &str, virtual_size| Ok(Looked::Disk(SourceDisk { format: format.into(), virtual_size }));
    assert_eq!(at(&web.url("/qcow2"), LookAt::Disk(Check::None)).await, disk("qcow2", Some(10 << 30)));
    assert_eq!(at(&web.url("/vhd"), LookAt::Disk(Check::None)).await, disk("vpc", Some(4096)));
    for (path, reason) in [("/empty", "it is empty"), ("/page", "it is an HTML page, not a disk image")] {
        let refused = Failure::BadImage { path: web.url(path), reason: reason.into() };
        assert_eq!(at(&web.url(path), LookAt::Disk(Check::None)).await, Err(refused));
    }
}

#[tokio::test]
async fn all_are_asked_at_once_and_answered_in_order() {
    let web = Web::start(|request, _| match request.path.as_str() {
        "/dead" => Answer::whole(b"").cut(0, End::Hang).without("Content-Length"),
        path => Answer::whole(path.as_bytes()),
    })
    .await;
    let silent = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let dead = format!("http://{}/x", silent.local_addr().unwrap());
    let one = |url: String| Look {
        url: SecretUrl::parse(&url).unwrap(),
        network: Network::default(),
        at: LookAt::State(Check::None),
        within: Duration::from_millis(600),
    };
    let mut looks: Vec<_> = (0..100).map(|number| one(web.url(&"/x".repeat(number + 1)))).collect();
    looks.extend((0..20).map(|_| one(dead.clone())));
    let (mut node, _) = inside(Timing::default(), short()).await;
    let begun = Instant::now();
    let Ok(Outcome::Looked(answers)) = node.run(Step::Look(looks)).await else { panic!() };
    let (alive, silent) = answers.split_at(100);
    for (number, answer) in alive.iter().enumerate() {
        let size = (number as u64 + 1) * 2;
        assert_eq!(*answer, Ok(Looked::State(says(Some(size)))));
    }
    for answer in silent {
        let Err(Failure::Unreachable { url, phase, reason, attempts }) = answer else { panic!("{answer:?}") };
        assert_eq!((url, *phase, *attempts), (&dead, Phase::Answer, 1));
        assert!(reason.starts_with("no answer within "), "{reason}");
    }
    assert!(begun.elapsed() < Duration::from_secs(5), "{:?}", begun.elapsed());
}
