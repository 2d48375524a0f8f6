//! Sources, and lists of their checksums, that must be signed: real keys of gpg and of minisign.
#![allow(clippy::expect_used, clippy::panic, clippy::unwrap_used, reason = "a test fails by panicking")]

#[path = "../../signatures/tests/support/gpg.rs"]
#[allow(dead_code, reason = "not all of it is needed here")]
mod gpg;
mod support;

use std::collections::HashMap;
use std::fs;

use ays_model::{Check, Checksum, KeyFile, Sha256, SignatureFault, Signed, Signer};
use ays_protocol::{Failure, Fetched, LookAt, Looked, Outcome};
use gpg::Gpg;
use support::{Answer, Web, answer, content, fetch, look, names, run, sha256};
use tempfile::tempdir;

const USER: &str = "Builder <builder@images.example>";

fn key_file(name: &str, text: Vec<u8>) -> KeyFile {
    KeyFile { name: format!("keys/{name}"), text: String::from_utf8(text).unwrap() }
}

fn signer(gpg: &Gpg) -> Signer {
    Signer { fingerprint: gpg.fingerprint(USER).into(), user_id: USER.to_owned() }
}

/// Serves these files.
async fn serve(files: HashMap<String, Vec<u8>>) -> Web {
    Web::start(move |request, _| match files.get(&request.path) {
        Some(bytes) => Answer::file(request, bytes, "\"one\""),
        None => Answer::status("404 Not Found"),
    })
    .await
}

fn files(served: &[(&str, &[u8])]) -> HashMap<String, Vec<u8>> {
    served.iter().map(|(name, bytes)| ((*name).to_owned(), bytes.to_vec())).collect()
}

fn fault(result: Result<Outcome, Failure>) -> SignatureFault {
    match result {
        Err(Failure::Signature { fault, .. }) => *fault,
        other => panic!("{other:?}"),
    }
}

fn brought(result: Result<Outcome, Failure>) -> Fetched {
    match result {
        Ok(Outcome::Fetched(fetched)) => fetched,
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_list_counts_when_it_is_signed() {
    let gpg = Gpg::new();
    gpg.key(USER, "rsa2048", "sign", "0");
    let body = content(100_000);
    let list = format!("{}  x\n", sha256(&body));
    let other = format!("{}  x\n", sha256(b"other"));
    let signature = gpg.sign(USER, &["--detach-sign"], list.as_bytes());
    let clear = gpg.sign(USER, &["--clearsign"], list.as_bytes());
    // What stands around the signed text says something else.
    let around = [other.as_bytes(), b"\n", &clear, other.as_bytes()].concat();
    let web = serve(files(&[
        ("/x", &body),
        ("/SUMS", list.as_bytes()),
        ("/SUMS.gpg", &signature),
        ("/CHECKSUM", &around),
        ("/evil/x", &body),
        ("/evil/SUMS", other.as_bytes()),
        ("/evil/SUMS.gpg", &signature),
        ("/evil/CHECKSUM", &String::from_utf8(clear.clone()).unwrap().replace(&list, &other).into_bytes()),
        ("/evil/SUMS.html", b"<html>"),
        ("/evil/LIST", list.as_bytes()),
    ]))
    .await;
    let keys = vec![key_file("builder.asc", gpg.public(USER))];
    let check = |list: &str, file: &str| Check::Sums {
        list: list.to_owned(),
        file: None,
        signed: Some(Signed { file: file.to_owned(), keys: keys.clone() }),
    };
    let directory = tempdir().unwrap();
    // A clear-signed list is its own signature, and may also stand beside one that does not count.
    for (number, (list, file)) in
        [("SUMS", "SUMS.gpg"), ("CHECKSUM", "CHECKSUM"), ("SUMS", "CHECKSUM")].into_iter().enumerate()
    {
        let dest = directory.path().join(number.to_string());
        let fetched = brought(run(fetch(&web.url("/x"), &dest, check(list, file))).await);
        assert_eq!(fetched.signed_by, Some(signer(&gpg)), "{list} {file}");
        assert!(fs::read(&dest).unwrap() == body);
        let again = brought(run(fetch(&web.url("/x"), &dest, check(list, file))).await);
        assert_eq!((again.kept, again.signed_by), (true, Some(signer(&gpg))));
        let state = answer(run(look(&web.url("/x"), LookAt::State(check(list, file)))).await);
        let Ok(Looked::State(state)) = state else { panic!("{state:?}") };
        assert_eq!(state.signed_by, Some(signer(&gpg)));
    }
    let dest = directory.path().join("evil");
    for (list, file) in [("SUMS", "SUMS.gpg"), ("CHECKSUM", "CHECKSUM")] {
        let fault = fault(run(fetch(&web.url("/evil/x"), &dest, check(list, file))).await);
        assert_eq!(fault, SignatureFault::Bad { signer: signer(&gpg) });
    }
    for file in ["SUMS.html", "LIST"] {
        let fault = fault(run(fetch(&web.url("/evil/x"), &dest, check("LIST", file))).await);
        assert!(matches!(fault, SignatureFault::Unreadable { .. }), "{file}: {fault}");
    }
    let missing = run(fetch(&web.url("/evil/x"), &dest, check("LIST", "LIST.gpg"))).await;
    let reason = "404 Not Found".to_owned();
    let url = web.url("/evil/LIST.gpg");
    assert_eq!(missing, Err(Failure::Signature { url, fault: Box::new(SignatureFault::Missing { reason }) }));
    assert_eq!(names(directory.path()), ["0", "1", "2"]);
}

#[tokio::test]
async fn an_image_is_signed_itself() {
    let gpg = Gpg::new();
    gpg.key(USER, "ed25519", "sign", "0");
    let pair = minisign::KeyPair::generate_unencrypted_keypair().unwrap();
    let body = content(3 << 20);
    let signature = gpg.sign(USER, &["--detach-sign"], &body);
    let minisig = minisign::sign(None, &pair.sk, &body[..], None, None).unwrap().to_string();
    let web = serve(files(&[
        ("/x", &body),
        ("/x.sig", &signature),
        ("/x.minisig", minisig.as_bytes()),
        ("/y", &content(1 << 20)),
        ("/y.sig", &signature),
        ("/y.minisig", minisig.as_bytes()),
    ]))
    .await;
    let public = pair.pk.to_box().unwrap().to_string();
    let keys = vec![key_file("builder.asc", gpg.public(USER)), key_file("builder.pub", public.into_bytes())];
    let check = |file: &str, checksum: Option<Sha256>| Check::Signed {
        signed: Signed { file: file.to_owned(), keys: keys.clone() },
        checksum: checksum.map(Checksum::Sha256),
    };
    let directory = tempdir().unwrap();
    for ending in ["sig", "minisig"] {
        let dest = directory.path().join(ending);
        let fetched = brought(run(fetch(&web.url("/x"), &dest, check(&format!("x.{ending}"), None))).await);
        let proven = fetched.signed_by.clone().unwrap();
        assert_eq!(proven == signer(&gpg), ending == "sig", "{proven}");
        assert_eq!((fetched.verified_by, fetched.kept), (None, false));
        let kept = brought(run(fetch(&web.url("/x"), &dest, check(&format!("x.{ending}"), None))).await);
        assert_eq!((kept.kept, kept.signed_by), (true, Some(proven)));
        // What is there and does not fit is brought again.
        fs::write(&dest, "other").unwrap();
        let again = brought(run(fetch(&web.url("/x"), &dest, check(&format!("x.{ending}"), None))).await);
        assert!(!again.kept && fs::read(&dest).unwrap() == body);
        fs::write(&dest, "other").unwrap();
        let result = run(fetch(&web.url("/y"), &dest, check(&format!("y.{ending}"), None))).await;
        assert!(matches!(fault(result), SignatureFault::Bad { .. }));
        assert_eq!(fs::read(&dest).unwrap(), b"other", "what was there stays");
    }
    assert_eq!(names(directory.path()), ["minisig", "sig"]);
    // A checksum of the recipe holds as well.
    let dest = directory.path().join("both");
    let wrong = run(fetch(&web.url("/x"), &dest, check("x.sig", Some(Sha256([1; 32]))))).await;
    assert!(matches!(wrong, Err(Failure::Checksum { .. })), "{wrong:?}");
    let both = brought(run(fetch(&web.url("/x"), &dest, check("x.sig", Some(sha256(&body))))).await);
    assert_eq!((both.signed_by, both.verified_by), (Some(signer(&gpg)), support::by_sha256(&body)));
}

#[tokio::test]
async fn an_image_by_an_unknown_key_is_not_even_fetched() {
    let gpg = Gpg::new();
    gpg.key(USER, "ed25519", "sign", "0");
    gpg.key("Another <a@x>", "ed25519", "sign", "0");
    let body = content(1000);
    let web = serve(files(&[("/x", &body), ("/x.sig", &gpg.sign(USER, &["--detach-sign"], &body))])).await;
    let keys = vec![key_file("another.asc", gpg.public("a@x"))];
    let check = Check::Signed { signed: Signed { file: "x.sig".to_owned(), keys }, checksum: None };
    let directory = tempdir().unwrap();
    let result = run(fetch(&web.url("/x"), &directory.path().join("x"), check)).await;
    let fingerprint = gpg.fingerprint(USER);
    let issuers = vec![fingerprint.clone().into()];
    assert_eq!(
        fault(result),
        SignatureFault::UnknownKey { issuers, file: format!("keys/{fingerprint}.asc") }
    );
    let asked: Vec<_> = web.requests().into_iter().map(|request| request.path).collect();
    assert_eq!(asked, ["/x.sig"]);
    assert_eq!(names(directory.path()), [""; 0]);
}
