//! How a source is reached: proxies, authorities, mirrors, a bound on the speed, and which part of it was slow.
#![allow(clippy::expect_used, clippy::panic, clippy::unwrap_used, reason = "a test fails by panicking")]

mod support;

use std::fs;
use std::num::NonZeroU64;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::time::{Duration, Instant};

use ays_helper::{Limits, Timing};
use ays_model::{Check, Checksum, Digest, DiskFormat, Network, SecretUrl};
use ays_protocol::{
    CheckCopy, CheckedCopy, CopyState, Failure, Fetched, Look, LookAt, Looked, Outcome, Phase, ReadCopy,
    SourceState, Step,
};
use support::relay::{Proxy, Tls};
use support::{
    Answer, End, Web, answer, by_md5, by_sha256, content, fetched, inside, look, md5, names, outside, run,
    sha256, short, unreachable,
};
use tempfile::tempdir;
use tokio::net::{TcpListener, TcpSocket, TcpStream};

const PIECE: usize = 100_000;
const ETAG: &str = "\"one\"";

fn url(text: &str) -> SecretUrl {
    SecretUrl::parse(text).unwrap()
}

fn fetch(address: &str, dest: &Path, check: Check, network: &Network) -> Step {
    from(&[address.to_owned()], dest, check, network)
}

fn from(addresses: &[String], dest: &Path, check: Check, network: &Network) -> Step {
    let Step::Fetch(mut order) = support::fetch(&addresses[0], dest, check) else { unreachable!() };
    order.download.mirrors = addresses[1..].iter().map(|address| url(address)).collect();
    order.download.network = network.clone();
    Step::Fetch(order)
}

fn brought(dest: &Path, body: &[u8]) -> Result<Outcome, Failure> {
    Ok(Outcome::Fetched(fetched(dest, body, None)))
}

#[tokio::test]
async fn http_goes_through_its_proxy_with_its_login() {
    let proxy = Web::start(|_, _| Answer::text("by proxy")).await;
    let directory = tempdir().unwrap();
    let dest = directory.path().join("x");
    let network = Network {
        http_proxy: Some(url(&format!("http://us%65r:p%40ss@{}", proxy.address))),
        ..Network::default()
    };
    let address = "http://images.invalid/x";
    assert_eq!(run(fetch(address, &dest, Check::None, &network)).await, brought(&dest, b"by proxy"));
    let state = LookAt::State(Check::None);
    let within = Duration::from_secs(5);
    let looked = run(Step::Look(vec![Look { url: url(address), network, at: state, within }])).await;
    let state = SourceState { size: Some(8), ..SourceState::default() };
    assert_eq!(answer(looked), Ok(Looked::State(state)));
    for request in proxy.requests() {
        assert_eq!(request.path, address);
        // `user:p@ss`
        assert_eq!(request.header("proxy-authorization"), Some("Basic dXNlcjpwQHNz"));
    }
    assert_eq!(proxy.requests().len(), 2);
}

#[tokio::test]
async fn what_needs_no_proxy_is_asked_directly() {
    let web = Web::start(|_, _| Answer::text("directly")).await;
    let proxy = Web::start(|_, _| Answer::text("by proxy")).await;
    let directory = tempdir().unwrap();
    let dest = directory.path().join("x");
    for (hosts, body) in [
        (None, "by proxy"),
        (Some("images.invalid, 10.0.0.0/8"), "by proxy"),
        (Some("images.invalid,127.0.0.0/8"), "directly"),
        (Some("127.0.0.1"), "directly"),
        (Some("*"), "directly"),
    ] {
        let network = Network {
            http_proxy: Some(url(&format!("http://{}", proxy.address))),
            no_proxy: hosts.map(str::to_owned),
            ..Network::default()
        };
        let result = run(fetch(&web.url("/x"), &dest, Check::None, &network)).await;
        assert_eq!(result, brought(&dest, body.as_bytes()), "{hosts:?}");
    }
}

#[tokio::test]
async fn the_node_s_own_environment_counts_where_the_order_says_nothing() {
    let web = Web::start(|_, _| Answer::text("directly")).await;
    let proxy = Web::start(|_, _| Answer::text("by proxy")).await;
    let other = Web::start(|_, _| Answer::text("by another")).await;
    let directory = tempdir().unwrap();
    let dest = directory.path().join("x");
    for (variables, said, body) in [
        (&["http_proxy"][..], None, "by proxy"),
        (&["ALL_PROXY"], None, "by proxy"),
        (&["HTTP_PROXY", "https_proxy"], None, "directly"),
        (&["http_proxy", "no_proxy"], None, "directly"),
        (&["http_proxy"], Some(&other), "by another"),
    ] {
        let (mut node, _child) = outside(|command| {
            for variable in variables {
                let value = match *variable {
                    "no_proxy" => "127.0.0.1".to_owned(),
                    _ => proxy.address.to_string(),
                };
                command.env(variable, value);
            }
        })
        .await;
        let network = Network {
            http_proxy: said.map(|web| url(&format!("http://{}", web.address))),
            ..Network::default()
        };
        let result = node.run(fetch(&web.url("/x"), &dest, Check::None, &network)).await;
        assert_eq!(result, brought(&dest, body.as_bytes()), "{variables:?}");
    }
}

#[tokio::test]
async fn https_goes_through_a_tunnel_and_is_trusted_by_a_further_authority() {
    let web = Web::start(|_, _| Answer::text("safe")).await;
    let tls = Tls::start(web.address).await;
    let proxy = Proxy::start(tls.address).await;
    let directory = tempdir().unwrap();
    let dest = directory.path().join("x");
    let network = Network {
        https_proxy: Some(url(&format!("http://user:p%40ss@{}", proxy.address))),
        authorities: vec![tls.authority.clone()],
        ..Network::default()
    };
    let step = fetch("https://images.invalid/x", &dest, Check::None, &network);
    assert_eq!(run(step).await, brought(&dest, b"safe"));
    let mut lines = proxy.lines();
    lines.sort();
    assert_eq!(
        lines,
        [
            "CONNECT images.invalid:443 HTTP/1.1".to_owned(),
            "proxy-authorization: Basic dXNlcjpwQHNz".to_owned(),
            concat!("user-agent: ays-node/", env!("CARGO_PKG_VERSION")).to_owned(),
        ]
    );
    assert_eq!(web.requests()[0].header("proxy-authorization"), None);
}

#[tokio::test]
async fn a_name_that_only_the_systems_own_way_knows() {
    let web = Web::start(|_, _| Answer::text("here")).await;
    let directory = tempdir().unwrap();
    // A stand-in for a node whose names are in a directory service, say.
    let program = directory.path().join("getent");
    let script = "#!/bin/sh\n[ \"$*\" = 'ahosts -- only.here.invalid' ] || exit 2\necho '127.0.0.1  STREAM only'\necho '127.0.0.1  DGRAM'\n";
    fs::write(&program, script).unwrap();
    fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).unwrap();
    let (mut node, _child) = outside(|command| {
        command.env("PATH", format!("{}:/usr/bin:/bin", directory.path().display()));
    })
    .await;
    let dest = directory.path().join("x");
    let address = web.url("/x").replace("127.0.0.1", "only.here.invalid");
    let step = fetch(&address, &dest, Check::None, &Network::default());
    assert_eq!(node.run(step).await, brought(&dest, b"here"));
    let address = web.url("/x").replace("127.0.0.1", "nobody.invalid");
    let step = fetch(&address, &dest, Check::None, &Network::default());
    let said = node.run(step).await.unwrap_err().to_string();
    assert!(said.contains("the host name is not known"), "{said}");
}

#[tokio::test]
async fn a_certificate_that_nobody_trusts_is_not_tried_again() {
    let web = Web::start(|_, _| Answer::text("safe")).await;
    let (tls, other) = (Tls::start(web.address).await, Tls::start(web.address).await);
    let directory = tempdir().unwrap();
    let dest = directory.path().join("x");
    let trusting =
        |authority: &str| Network { authorities: vec![authority.to_owned()], ..Network::default() };
    let address = tls.url("/x");
    let both = trusting(&format!("{}\n{}", other.authority, tls.authority));
    assert_eq!(run(fetch(&address, &dest, Check::None, &both)).await, brought(&dest, b"safe"));
    for (network, reason) in [
        (Network::default(), "invalid peer certificate: UnknownIssuer"),
        (trusting(&other.authority), "invalid peer certificate: BadSignature"),
    ] {
        let result = run(fetch(&address, &dest, Check::None, &network)).await;
        assert_eq!(result, unreachable(&address, Phase::Tls, reason, 1));
    }
    let broken = trusting("-----BEGIN CERTIFICATE-----\n!\n-----END CERTIFICATE-----\n");
    let result = run(fetch(&address, &dest, Check::None, &broken)).await;
    let reason = "a further authority's certificate cannot be read".to_owned();
    assert_eq!(result, Err(Failure::Refused { url: address, reason }));
}

#[tokio::test]
async fn a_redirect_takes_no_login_along_and_leads_to_nothing_less_safe() {
    let web = Web::start(|_, _| Answer::text("moved")).await;
    let tls = Tls::start(web.address).await;
    let network = Network { authorities: vec![tls.authority.clone()], ..Network::default() };
    let directory = tempdir().unwrap();
    let dest = directory.path().join("x");
    // To https, another port and scheme.
    let target = tls.url("/y");
    let plain = Web::start(move |_, _| {
        Answer::status("302 Found").with("Location", &target).with("Set-Cookie", "key=secret")
    })
    .await;
    let address = format!("http://user:secret@{}/x", plain.address);
    assert_eq!(run(fetch(&address, &dest, Check::None, &network)).await, brought(&dest, b"moved"));
    assert!(plain.requests()[0].header("authorization").is_some());
    let asked = &web.requests()[0];
    assert_eq!((asked.header("authorization"), asked.header("cookie")), (None, None));
    // And from it.
    let target = web.url("/y");
    let safe = Web::start(move |_, _| Answer::status("302 Found").with("Location", &target)).await;
    let tls = Tls::start(safe.address).await;
    let network = Network { authorities: vec![tls.authority.clone()], ..Network::default() };
    let address = tls.url("/x");
    let result = run(fetch(&address, &dest, Check::None, &network)).await;
    let reason = "it redirects from https to http".to_owned();
    assert_eq!(result, Err(Failure::Refused { url: address, reason }));
    assert_eq!(web.requests().len(), 1);
}

#[tokio::test]
async fn what_may_pass_is_tried_again_when_the_server_says_so() {
    for status in ["408 Request Timeout", "425 Too Early", "429 Too Many Requests", "502 Bad Gateway"] {
        let web = Web::start(move |_, number| match number {
            0 => Answer::status(status).with("Retry-After", "1"),
            _ => Answer::text("now"),
        })
        .await;
        let directory = tempdir().unwrap();
        let dest = directory.path().join("x");
        let begun = Instant::now();
        let result = run(fetch(&web.url("/x"), &dest, Check::None, &Network::default())).await;
        assert_eq!(result, brought(&dest, b"now"), "{status}");
        assert!(begun.elapsed() >= Duration::from_secs(1), "{status}");
    }
}

#[tokio::test]
async fn the_order_says_how_often_a_source_is_tried() {
    let web = Web::start(|_, _| Answer::status("503 Service Unavailable")).await;
    let directory = tempdir().unwrap();
    let address = web.url("/x");
    let network = Network { tries: 2, ..Network::default() };
    let result = run(fetch(&address, &directory.path().join("x"), Check::None, &network)).await;
    let reason = "the server answered 503 Service Unavailable";
    assert_eq!(result, unreachable(&address, Phase::Answer, reason, 2));
    assert_eq!(web.requests().len(), 2);
}

#[tokio::test]
async fn mirrors_are_tried_in_turn_each_with_its_own_checksum() {
    let body = content(1000);
    let missing = Web::start(|_, _| Answer::status("404 Not Found")).await;
    let (served, sum) = (body.clone(), md5(&body).to_string());
    let without_sum = Web::start(move |request, _| match request.path.as_str() {
        "/x" => Answer::whole(&content(1000)),
        _ => Answer::status("404 Not Found"),
    })
    .await;
    let damaged = Web::start(|request, _| match request.path.as_str() {
        "/b/x" => Answer::text("damaged"),
        _ => Answer::text(&"0".repeat(32)),
    })
    .await;
    let good = Web::start(move |request, _| match request.path.as_str() {
        "/c/x" => Answer::whole(&served),
        "/c/x.md5sum" => Answer::text(&sum),
        _ => Answer::status("404 Not Found"),
    })
    .await;
    let directory = tempdir().unwrap();
    let dest = directory.path().join("x");
    let bad = [missing.url("/x"), without_sum.url("/x"), damaged.url("/b/x")];
    let all = [&bad[..], &[good.url("/c/x")]].concat();
    let result = run(from(&all, &dest, Check::Md5Beside, &Network::default())).await;
    assert_eq!(
        result,
        Ok(Outcome::Fetched(Fetched { verified_by: by_md5(&body), ..fetched(&dest, &body, None) }))
    );
    assert_eq!(names(directory.path()), ["x"]);
    // When none of them has it, what the first said is told.
    let other = directory.path().join("other");
    let result = run(from(&bad, &other, Check::Md5Beside, &Network::default())).await;
    let failure = Failure::NoChecksum {
        url: missing.url("/x.md5sum"),
        name: "x".into(),
        reason: "404 Not Found".into(),
    };
    assert_eq!(result, Err(failure));
    assert_eq!(names(directory.path()), ["x"]);
}

#[tokio::test]
async fn a_mirror_goes_on_with_a_part_only_where_a_check_proves_the_whole() {
    let body = content(3 * PIECE);
    for (check, range) in
        [(Check::Checksum(Checksum::Sha256(sha256(&body))), Some(PIECE)), (Check::None, None)]
    {
        let served = body.clone();
        let first = Web::start(move |request, number| match number {
            0 => Answer::file(request, &served, ETAG).cut(PIECE, End::Close),
            _ => Answer::status("404 Not Found"),
        })
        .await;
        let served = body.clone();
        let second = Web::start(move |request, number| {
            let answer = Answer::file(request, &served, "\"two\"");
            if number == 0 && range.is_some() { answer.cut(PIECE, End::Close) } else { answer }
        })
        .await;
        let directory = tempdir().unwrap();
        let dest = directory.path().join("x");
        let verified_by = if check == Check::None { None } else { by_sha256(&body) };
        let result = run(from(&[first.url("/x"), second.url("/y")], &dest, check, &Network::default())).await;
        let resumed_at = range.unwrap_or(0) as u64;
        let etag = Some("\"two\"".to_owned());
        assert_eq!(
            result,
            Ok(Outcome::Fetched(Fetched { verified_by, resumed_at, etag, ..fetched(&dest, &body, None) }))
        );
        assert!(fs::read(&dest).unwrap() == body);
        let ranges = second.ranges();
        // The first answer of the second one is cut off too, and is gone on with as usual.
        assert_eq!(ranges, if range.is_some() { vec![range, Some(2 * PIECE)] } else { vec![None] });
    }
}

#[tokio::test]
async fn a_source_is_read_no_faster_than_it_may_be() {
    let body = content(3 * PIECE);
    let served = body.clone();
    let web = Web::start(move |_, _| Answer::whole(&served)).await;
    let directory = tempdir().unwrap();
    let dest = directory.path().join("x");
    let network = Network { limit: NonZeroU64::new(6 * PIECE as u64), ..Network::default() };
    let begun = Instant::now();
    let result = run(fetch(&web.url("/x"), &dest, Check::None, &network)).await;
    assert_eq!(result, brought(&dest, &body));
    let took = begun.elapsed();
    assert!((Duration::from_millis(400)..Duration::from_secs(5)).contains(&took), "{took:?}");
}

#[tokio::test]
async fn a_copy_is_read_no_faster_than_it_may_be() {
    let directory = tempdir().unwrap();
    let path = directory.path().join("x");
    let body = content(3 * PIECE);
    fs::write(&path, &body).unwrap();
    let rate = NonZeroU64::new(6 * PIECE as u64);
    let begun = Instant::now();
    let expected = Digest::Sha256(sha256(&body));
    let read = Some(ReadCopy { format: DiskFormat::Raw, expected });
    let copy = CheckCopy { path, size: body.len() as u64, read, rate };
    let Ok(Outcome::Checked(CheckedCopy { state: CopyState::Good, named: Some(named), .. })) =
        run(Step::CheckCopy(copy)).await
    else {
        panic!("a good copy of before is named")
    };
    assert_eq!(named.digest, Digest::FsVerity(named.content));
    let took = begun.elapsed();
    assert!((Duration::from_millis(400)..Duration::from_secs(5)).contains(&took), "{took:?}");
}

#[tokio::test]
async fn a_source_that_gives_too_little_is_given_up() {
    let web = Web::start(|_, _| Answer::whole(&content(PIECE)).cut(10, End::Drip)).await;
    let directory = tempdir().unwrap();
    let address = web.url("/x");
    let network = Network { tries: 1, stall_rate: 100_000, ..Network::default() };
    let result = run(fetch(&address, &directory.path().join("x"), Check::None, &network)).await;
    let Err(Failure::Unreachable { url, phase: Phase::Transfer, reason, attempts: 1 }) = result else {
        panic!("{result:?}");
    };
    assert_eq!(url, address);
    let count = reason.strip_prefix("only ").and_then(|rest| rest.strip_suffix(" bytes came within 300ms"));
    let count: u64 = count.unwrap_or_else(|| panic!("{reason}")).parse().unwrap();
    assert!((1..1000).contains(&count), "{reason}");
    // Without that rate, it is a slow source and no fault.
    let network = Network { stall_rate: 0, ..Network::default() };
    let step = fetch(&address, &directory.path().join("y"), Check::None, &network);
    let (mut node, _) = inside(Timing::default(), short()).await;
    assert!(tokio::time::timeout(Duration::from_secs(1), node.run(step)).await.is_err());
}

/// What is slow is named: the name, the connection, TLS, the login, the answer.
#[tokio::test]
async fn the_part_that_is_slow_is_named() {
    let limits = Limits { connect: Duration::from_millis(400), ..short() };
    let directory = tempdir().unwrap();
    // It accepts, but the kernel alone: nobody answers.
    let silent = TcpListener::bind("127.0.0.1:0").await.unwrap().into_std().unwrap();
    let silent = silent.local_addr().map(|address| (silent, address)).unwrap();
    // Its queue is full: no connection comes about.
    let full = TcpSocket::new_v4().unwrap();
    full.bind("127.0.0.1:0".parse().unwrap()).unwrap();
    let full = full.listen(0).unwrap();
    let full_address = full.local_addr().unwrap();
    let _first = TcpStream::connect(full_address).await.unwrap();
    for (address, phase, reason) in [
        (format!("http://{full_address}/x"), Phase::Connect, "not done within 400ms"),
        (format!("ftp://{full_address}/x"), Phase::Connect, "no connection within 400ms"),
        (format!("https://{}/x", silent.1), Phase::Tls, "not done within 400ms"),
        (format!("ftp://{}/x", silent.1), Phase::Login, "no answer within 300ms"),
        (format!("http://{}/x", silent.1), Phase::Answer, "no answer within 700ms"),
    ] {
        let (mut node, _) = inside(Timing::default(), limits.clone()).await;
        let network = Network { tries: 1, ..Network::default() };
        let result = node.run(fetch(&address, &directory.path().join("x"), Check::None, &network)).await;
        assert_eq!(result, unreachable(&address, phase, reason, 1));
    }
}

/// The real program, with a name server that never answers.
#[tokio::test]
async fn a_slow_lookup_is_named() {
    let directory = tempdir().unwrap();
    let settings = directory.path().join("resolv.conf");
    fs::write(&settings, "nameserver 10.9.9.2\noptions timeout:60 attempts:1\n").unwrap();
    let (mut node, _child) = support::outside_with_silent_names(&settings).await;
    for scheme in ["http", "ftp"] {
        let address = format!("{scheme}://images.example/x");
        let result = answer(node.run(look(&address, LookAt::State(Check::None))).await);
        let Err(Failure::Unreachable { url, phase, reason, attempts }) = result else { panic!("{result:?}") };
        assert_eq!((url, phase, attempts), (address, Phase::Lookup, 1));
        assert!(reason.starts_with("no answer within "), "{reason}");
    }
}
