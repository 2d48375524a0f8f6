//! Artifacts of registries: a stand-in for a registry and a server of tokens, which misbehave as they are told.
#![allow(clippy::expect_used, clippy::panic, clippy::unwrap_used, reason = "a test fails by panicking")]

mod support;

use std::fs;
use std::sync::atomic::{AtomicUsize, Ordering};

use ays_model::{Artifact, Check, SecretUrl};
use ays_protocol::{Failure, LookAt, Looked, Outcome, Step};
use serde_json::json;
use support::{Answer, End, Request, Web, answer, by_sha256, content, fetch, look, names, run, sha256};
use tempfile::tempdir;

const MANIFEST: &str = "/v2/disks/x/manifests/1";

fn check() -> Check {
    Check::Artifact(Artifact::default())
}

fn manifest(body: &[u8]) -> Vec<u8> {
    let digest = format!("sha256:{}", sha256(body));
    let layer = json!({"mediaType": "application/x-qcow2", "digest": digest, "size": body.len()});
    json!({"schemaVersion": 2, "layers": [layer]}).to_string().into_bytes()
}

/// What a good registry without a login says of the artifact `disks/x:1`.
fn serve(request: &Request, body: &[u8]) -> Answer {
    let manifest = manifest(body);
    let digest = format!("sha256:{}", sha256(&manifest));
    match request.path.as_str() {
        MANIFEST => Answer::whole(&manifest).with("Docker-Content-Digest", &digest),
        path if *path == format!("/v2/disks/x/manifests/{digest}") => Answer::whole(&manifest),
        path if *path == blob(body) => Answer::file(request, body, "\"one\""),
        _ => Answer::status("404 Not Found"),
    }
}

fn blob(body: &[u8]) -> String {
    format!("/v2/disks/x/blobs/sha256:{}", sha256(body))
}

fn url(web: &Web, rest: &str) -> String {
    format!("oci+http://{}{rest}", web.address)
}

#[tokio::test]
async fn a_tag_and_a_digest_lead_to_a_disk() {
    let body = content(300_000);
    let served = body.clone();
    let web = Web::start(move |request, _| serve(request, &served)).await;
    let directory = tempdir().unwrap();
    let dest = directory.path().join("x");
    let digest = format!("sha256:{}", sha256(&manifest(&body)));
    for (rest, kept) in [("/disks/x:1".to_owned(), false), (format!("/disks/x@{digest}"), true)] {
        let result = run(fetch(&url(&web, &rest), &dest, check())).await;
        let Ok(Outcome::Fetched(fetched)) = result else { panic!("{result:?}") };
        assert_eq!((fetched.verified_by, fetched.version.as_ref()), (by_sha256(&body), Some(&digest)));
        assert_eq!((fetched.kept, fs::read(&dest).unwrap() == body), (kept, true));
        let asked = answer(run(look(&url(&web, &rest), LookAt::State(check()))).await);
        let Ok(Looked::State(state)) = asked else { panic!("{asked:?}") };
        assert_eq!((state.version, state.size, state.address), (Some(digest.clone()), Some(300_000), None));
        assert_eq!(state.file.as_deref(), Some(if rest.contains(":1") { "x-1" } else { "x" }));
    }
    assert!(web.requests()[0].header("accept").unwrap().contains("application/vnd.oci.image.index.v1+json"));
    let wrong = format!("/disks/x@sha256:{}", "0".repeat(64));
    assert!(matches!(run(fetch(&url(&web, &wrong), &dest, check())).await, Err(Failure::Refused { .. })));
}

#[tokio::test]
async fn a_mirror_is_a_registry_too() {
    let body = content(3000);
    let gone = Web::start(|_, _| Answer::status("404 Not Found")).await;
    let served = body.clone();
    let web = Web::start(move |request, _| serve(request, &served)).await;
    let directory = tempdir().unwrap();
    let dest = directory.path().join("x");
    let mut step = fetch(&url(&gone, "/disks/x:1"), &dest, check());
    let Step::Fetch(order) = &mut step else { panic!() };
    // One of another kind is passed over.
    order.download.mirrors =
        [gone.url("/x"), url(&web, "/disks/x:1")].map(|url| SecretUrl::parse(&url).unwrap()).into();
    let result = run(step).await;
    assert!(matches!(result, Ok(Outcome::Fetched(_))), "{result:?}");
    assert_eq!(fs::read(&dest).unwrap(), body);
}

#[tokio::test]
async fn what_is_not_what_its_digest_says_is_refused() {
    let body = content(3000);
    let mut other = body.clone();
    other[7] ^= 1;
    let digest = format!("sha256:{}", sha256(&manifest(&body)));
    let by_digest = format!("/disks/x@{digest}");
    let none = "0".repeat(64);
    let told = format!("sha256:{none}");
    let wrong_manifest = manifest(&other);
    let served = body.clone();
    for (rest, what) in [(by_digest.as_str(), 1), ("/disks/x:1", 2), ("/disks/x:1", 3)] {
        let (served, other, wrong, told) =
            (served.clone(), other.clone(), wrong_manifest.clone(), told.clone());
        let web = Web::start(move |request, _| match (what, request.path.contains("/manifests/")) {
            (1, true) => Answer::whole(&wrong),
            (2, true) => {
                serve(request, &served).without("Docker-Content-Digest").with("Docker-Content-Digest", &told)
            }
            (3, false) => Answer::whole(&other),
            _ => serve(request, &served),
        })
        .await;
        let directory = tempdir().unwrap();
        let result = run(fetch(&url(&web, rest), &directory.path().join("x"), check())).await;
        let Err(Failure::Checksum { algorithm, expected, .. }) = result else { panic!("{what}: {result:?}") };
        let (kind, digits) = match what {
            1 => ("SHA-256 of the manifest", sha256(&manifest(&body)).to_string()),
            2 => ("SHA-256 of the manifest", none.clone()),
            _ => ("SHA-256", sha256(&body).to_string()),
        };
        assert_eq!((algorithm.as_str(), expected), (kind, digits));
        assert_eq!(names(directory.path()), [""; 0]);
    }
}

#[tokio::test]
async fn what_comes_of_a_registry_is_bounded() {
    let body = content(3000);
    let directory = tempdir().unwrap();
    let dest = directory.path().join("x");
    for endless in [false, true] {
        let web = Web::start(move |_, _| {
            let large = Answer::whole(&vec![b' '; (4 << 20) + 1]);
            if endless { large.without("Content-Length").cut(100_000, End::Endless) } else { large }
        })
        .await;
        let result = run(fetch(&url(&web, "/disks/x:1"), &dest, check())).await;
        let Err(Failure::Refused { reason, .. }) = result else { panic!("{result:?}") };
        assert!(reason.starts_with("it is larger than 4194304 bytes"), "{reason}");
    }
    let served = body.clone();
    let web = Web::start(move |request, _| match request.path.contains("/blobs/") {
        true => Answer::whole(&served[..2000]),
        false => serve(request, &served),
    })
    .await;
    let result = run(fetch(&url(&web, "/disks/x:1"), &dest, check())).await;
    let Err(Failure::Artifact { reason, .. }) = result else { panic!("{result:?}") };
    assert_eq!(reason, "the layer has 2000 bytes, and its manifest says 3000");
    // An index that leads to itself.
    let web = Web::start(|request, _| {
        let entry = json!({"digest": format!("sha256:{}", "a".repeat(64)), "size": 1});
        let index = json!({"manifests": [entry], "padding": request.path}).to_string();
        Answer::text(&index)
    })
    .await;
    let result = run(fetch(&url(&web, "/disks/x:1"), &dest, check())).await;
    assert!(matches!(result, Err(Failure::Checksum { .. })), "{result:?}");
    assert_eq!(web.requests().len(), 2);
}

#[tokio::test]
async fn a_layer_goes_on_where_it_stopped_and_elsewhere_nobody_is_told_the_token() {
    let body = content(3_000_000);
    let stored = body.clone();
    // Where layers really lie: it has another host, and no validator.
    let storage = Web::start(move |request, number| {
        let answer = Answer::file(request, &stored, "").without("ETag");
        if number == 0 { answer.cut(2_000_000, End::Close) } else { answer }
    })
    .await;
    let (served, elsewhere) = (body.clone(), storage.url("/signed?for=a-while"));
    let web = Web::start(move |request, _| {
        let token = "Bearer good";
        match request.path.as_str() {
            "/token?service=reg&scope=repository%3Adisks%2Fx%3Apull" => {
                Answer::text(r#"{"token": "good", "expires_in": 300}"#)
            }
            _ if request.header("authorization") != Some(token) => {
                let at = format!(
                    "Bearer realm=\"http://{}/token\",service=\"reg\",scope=\"all\"",
                    request.header("host").unwrap()
                );
                Answer::status("401 Unauthorized").with("WWW-Authenticate", &at)
            }
            path if path.contains("/blobs/") => {
                Answer::status("307 Temporary Redirect").with("Location", &elsewhere)
            }
            _ => serve(request, &served),
        }
    })
    .await;
    let directory = tempdir().unwrap();
    let dest = directory.path().join("x");
    let result = run(fetch(&url(&web, "/disks/x:1"), &dest, check())).await;
    let Ok(Outcome::Fetched(fetched)) = result else { panic!("{result:?}") };
    assert_eq!((fetched.resumed_at, fs::read(&dest).unwrap() == body), (2_000_000, true));
    assert_eq!(storage.ranges(), [None, Some(2_000_000)]);
    assert!(storage.requests().iter().all(|request| request.header("authorization").is_none()));
    let paths: Vec<_> = web.requests().into_iter().map(|request| request.path).collect();
    // One token is enough for all of it.
    assert_eq!(paths.iter().filter(|path| path.starts_with("/token")).count(), 1, "{paths:?}");
}

#[tokio::test]
async fn a_token_that_has_ended_is_replaced() {
    let body = content(3000);
    let served = body.clone();
    // Only the last token is good, and each ends at once.
    let given = AtomicUsize::new(0);
    let web = Web::start(move |request, _| {
        if request.path.starts_with("/token") {
            let number = given.fetch_add(1, Ordering::SeqCst) + 1;
            return Answer::text(&format!(r#"{{"token": "t{number}", "expires_in": 0}}"#));
        }
        let last = format!("Bearer t{}", given.load(Ordering::SeqCst));
        if request.header("authorization") == Some(&last) {
            return serve(request, &served);
        }
        let realm = format!("Bearer realm=\"http://{}/token\"", request.header("host").unwrap());
        Answer::status("401 Unauthorized").with("WWW-Authenticate", &realm)
    })
    .await;
    let directory = tempdir().unwrap();
    let result = run(fetch(&url_of(&web), &directory.path().join("x"), check())).await;
    assert!(matches!(result, Ok(Outcome::Fetched(_))), "{result:?}");
    let asked = web.requests().into_iter().filter(|request| request.path.starts_with("/token")).count();
    assert!(asked > 1, "{asked}");
}

/// A registry that wants a token of `realm`.
async fn registry_with_tokens(
    body: Vec<u8>,
    realm: impl Fn(&Request) -> String + Send + Sync + 'static,
) -> Web {
    Web::start(move |request, _| match request.header("authorization") {
        Some("Bearer good") => serve(request, &body),
        _ if request.path.starts_with("/token") => Answer::text(r#"{"access_token": "good"}"#),
        _ => Answer::status("401 Unauthorized").with("WWW-Authenticate", &realm(request)),
    })
    .await
}

#[tokio::test]
async fn a_login_goes_to_the_registry_and_to_the_server_of_tokens_that_is_named() {
    let body = content(3000);
    let directory = tempdir().unwrap();
    let dest = directory.path().join("x");
    let other = Web::start(|_, _| Answer::text(r#"{"token": "good"}"#)).await;
    let bearer = |at: &str| format!("Bearer realm=\"{at}\",service=\"s\"");
    let login = Some("Basic dTpwQHNz".to_owned());
    let sent = |web: &Web, path: &str| {
        let requests = web.requests().into_iter().filter(|request| request.path.starts_with(path));
        requests.map(|request| request.header("authorization").map(str::to_owned)).collect::<Vec<_>>()
    };

    // The registry's own server.
    let web = registry_with_tokens(body.clone(), move |request| {
        bearer(&format!("http://{}/token", request.header("host").unwrap()))
    })
    .await;
    let with_login = |web: &Web| format!("oci+http://u:p%40ss@{}/disks/x:1", web.address);
    assert!(run(fetch(&with_login(&web), &dest, check())).await.is_ok());
    assert_eq!(sent(&web, "/token"), std::slice::from_ref(&login));
    // Nothing but tokens beside that.
    assert!(sent(&web, "/v2/").iter().flatten().all(|value| value == "Bearer good"));

    // Another one, which nobody has named.
    let realm = bearer(&other.url("/token"));
    let web = registry_with_tokens(body.clone(), move |_| realm.clone()).await;
    fs::remove_file(&dest).unwrap();
    let result = run(fetch(&with_login(&web), &dest, check())).await;
    let Err(Failure::Refused { reason, url }) = result else { panic!("{result:?}") };
    let server = format!("http://{}", other.address);
    assert_eq!(
        reason,
        format!(
            "its tokens come from another server, which may not have the login yet: tokens:'{server}' in the recipe allows it"
        )
    );
    assert!(!url.contains("p%40ss"), "{url}");
    assert_eq!(other.requests(), []);
    // Without a login it is asked like any other.
    assert!(run(fetch(&url_of(&web), &dest, check())).await.is_ok());
    assert_eq!(sent(&other, "/token"), [None]);
    // Named.
    let tokens = Some(SecretUrl::parse(&server).unwrap());
    let named = Check::Artifact(Artifact { tokens, ..Artifact::default() });
    assert!(run(fetch(&with_login(&web), &dest, named)).await.is_ok());
    assert_eq!(sent(&other, "/token"), [None, login]);
}

fn url_of(web: &Web) -> String {
    url(web, "/disks/x:1")
}

#[tokio::test]
async fn a_login_by_name_and_password_is_sent_when_it_is_asked_for() {
    let body = content(3000);
    let directory = tempdir().unwrap();
    let dest = directory.path().join("x");
    let served = body.clone();
    let web = Web::start(move |request, _| match request.header("authorization") {
        Some("Basic dTpwQHNz") => serve(request, &served),
        _ => Answer::status("401 Unauthorized").with("WWW-Authenticate", "Basic realm=\"r\""),
    })
    .await;
    let result = run(fetch(&url_of(&web), &dest, check())).await;
    let Err(Failure::Refused { reason, .. }) = result else { panic!("{result:?}") };
    assert_eq!(reason, "it wants a login, which goes into the address: oci://$(secret.NAME)@HOST/..");
    let wrong = run(fetch(&format!("oci+http://u:wrong@{}/disks/x:1", web.address), &dest, check())).await;
    let Err(failure @ Failure::Refused { .. }) = wrong else { panic!("{wrong:?}") };
    assert!(failure.to_string().ends_with("401 Unauthorized") && !failure.to_string().contains("wrong"));
    let good = format!("oci+http://u:p%40ss@{}/disks/x:1", web.address);
    assert!(run(fetch(&good, &dest, check())).await.is_ok());
    // A registry that wants none is not told.
    let served = body.clone();
    let open = Web::start(move |request, _| serve(request, &served)).await;
    assert!(run(fetch(&format!("oci+http://u:p@{}/disks/x:1", open.address), &dest, check())).await.is_ok());
    assert!(open.requests().iter().all(|request| request.header("authorization").is_none()));
}

#[tokio::test]
async fn what_is_no_token_or_no_server_of_tokens_is_refused() {
    let directory = tempdir().unwrap();
    let dest = directory.path().join("x");
    for (challenge, told) in [
        ("Bearer realm=\"file:///etc/passwd\"", "where its tokens come from cannot be read"),
        ("Bearer realm=\"http://u:p@h/\"", "where its tokens come from cannot be read"),
        ("Bearer realm=\"nothing\"", "where its tokens come from cannot be read"),
        ("Bearer service=\"s\"", "401 Unauthorized"),
        ("Negotiate", "401 Unauthorized"),
    ] {
        let web =
            Web::start(move |_, _| Answer::status("401 Unauthorized").with("WWW-Authenticate", challenge))
                .await;
        let result = run(fetch(&url_of(&web), &dest, check())).await;
        let Err(Failure::Refused { reason, .. }) = result else { panic!("{challenge}: {result:?}") };
        assert_eq!(reason, told, "{challenge}");
    }
    for (text, told) in [
        (r#"{"token": ""}"#.to_owned(), "its answer holds no token"),
        ("{}".to_owned(), "its answer holds no token"),
        (r#"{"token": "a\r\nb: c"}"#.to_owned(), "its answer holds no token"),
        (" ".repeat(70_000), "it is larger than 65536 bytes, too large for what it should be"),
    ] {
        let web = Web::start(move |request, _| match request.path.starts_with("/token") {
            true => Answer::text(&text),
            false => {
                let realm = format!("Bearer realm=\"http://{}/token\"", request.header("host").unwrap());
                Answer::status("401 Unauthorized").with("WWW-Authenticate", &realm)
            }
        })
        .await;
        let result = run(fetch(&url_of(&web), &dest, check())).await;
        let Err(Failure::Refused { reason, .. }) = result else { panic!("{result:?}") };
        assert_eq!(reason, told);
    }
}
