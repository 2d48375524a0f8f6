//! Files brought over FTP.
#![allow(clippy::expect_used, clippy::panic, clippy::unwrap_used, reason = "a test fails by panicking")]

mod support;

use std::path::Path;

use ays_model::{Check, Network, SecretUrl};
use ays_protocol::{Failure, Fetched, Look, LookAt, Looked, Outcome, Phase, Step};
use support::ftp::{Faults, Ftp, GOOD};
use support::{content, fetch, names, run};
use tempfile::tempdir;

const PIECE: usize = 100_000;

fn url(server: &Ftp) -> String {
    format!("ftp://us%3Aer:p%40ss@{}/dir/x%20y.img", server.address)
}

fn shown(server: &Ftp) -> String {
    format!("ftp://***@{}/dir/x%20y.img", server.address)
}

fn fetched(
    dest: &Path,
    body: &[u8],
    resumed_at: usize,
    last_modified: Option<&str>,
) -> Result<Outcome, Failure> {
    Ok(Outcome::Fetched(Fetched {
        resumed_at: resumed_at as u64,
        last_modified: last_modified.map(str::to_owned),
        ..support::fetched(dest, body, None)
    }))
}

#[tokio::test]
async fn a_file_is_brought_by_either_way() {
    const TIME: Option<&str> = Some("20261120101112");
    let body = content(3 * PIECE);
    let retr = "RETR dir/x y.img";
    for (faults, resumed_at, time, commands) in [
        (GOOD, 0, TIME, vec!["EPSV", retr]),
        (Faults { extended: false, ..GOOD }, 0, TIME, vec!["EPSV", "PASV", retr]),
        // All bytes came; that nobody says so does not matter.
        (Faults { confirms: false, ..GOOD }, 0, TIME, vec!["EPSV", retr]),
        (Faults { tells: false, ..GOOD }, 0, None, vec!["EPSV", retr]),
        (
            Faults { cuts: vec![PIECE, PIECE], ..GOOD },
            PIECE,
            TIME,
            vec!["EPSV", retr, "EPSV", "REST 100000", retr, "EPSV", "REST 200000", retr],
        ),
        (
            Faults { extended: false, cuts: vec![PIECE], ..GOOD },
            PIECE,
            TIME,
            vec!["EPSV", "PASV", retr, "PASV", "REST 100000", retr],
        ),
        // Without size and date there is nothing to go on by.
        (Faults { tells: false, cuts: vec![PIECE], ..GOOD }, 0, None, vec!["EPSV", retr, "EPSV", retr]),
    ] {
        let server = Ftp::start(body.clone(), faults.clone()).await;
        let directory = tempdir().unwrap();
        let dest = directory.path().join("x");
        let result = run(fetch(&url(&server), &dest, Check::None)).await;
        assert_eq!(result, fetched(&dest, &body, resumed_at, time), "{faults:?}");
        assert!(std::fs::read(&dest).unwrap() == body, "{faults:?}");
        assert_eq!(server.commands(), commands, "{faults:?}");
        assert_eq!(names(directory.path()), ["x"], "{faults:?}");
    }
}

#[tokio::test]
async fn whatever_is_answered_to_epsv_pasv_is_tried() {
    let body = content(PIECE);
    for epsv in [
        "227 passive (10,0,0,1,4,1)",
        "229 extended",
        "229 extended (|||port|)",
        // Nobody listens there.
        "229 extended (|||1|)",
        "200 well",
        "425 no connection",
        "500 what?",
        "522 another protocol, use (1)",
    ] {
        let server = Ftp::start(body.clone(), Faults { instead: vec![("EPSV", epsv)], ..GOOD }).await;
        let directory = tempdir().unwrap();
        let dest = directory.path().join("x");
        let result = run(fetch(&url(&server), &dest, Check::None)).await;
        assert_eq!(result, fetched(&dest, &body, 0, Some("20261120101112")), "{epsv}");
        assert_eq!(server.commands(), ["EPSV", "PASV", "RETR dir/x y.img"], "{epsv}");
    }
}

/// Servers that know less, or say it in their own way.
#[tokio::test]
async fn what_a_server_does_not_tell_is_done_without() {
    const TIME: Option<&str> = Some("20261120101112");
    let body = content(3 * PIECE);
    let retr = "RETR dir/x y.img";
    let with = |instead: &[(&'static str, &'static str)]| Faults { instead: instead.to_vec(), ..GOOD };
    for (faults, resumed_at, time, commands) in [
        (with(&[("SIZE", "550 SIZE not allowed in ASCII mode")]), 0, TIME, vec!["EPSV", retr]),
        (with(&[("SIZE", "502 not implemented")]), 0, TIME, vec!["EPSV", retr]),
        (with(&[("SIZE", "213 many")]), 0, TIME, vec!["EPSV", retr]),
        (with(&[("MDTM", "500 ?")]), 0, None, vec!["EPSV", retr]),
        (with(&[("MDTM", "213 20261120101112.123")]), 0, TIME, vec!["EPSV", retr]),
        (with(&[("USER", "230 no password is needed")]), 0, TIME, vec!["EPSV", retr]),
        (
            Faults { greeting: "220-Welcome\r\n    x\r\n100 guests\r\n220 ready", ..GOOD },
            0,
            TIME,
            vec!["EPSV", retr],
        ),
        (Faults { greeting: "120 soon\r\n220", ..GOOD }, 0, TIME, vec!["EPSV", retr]),
        // It begins again on the same connection.
        (
            Faults { cuts: vec![PIECE], ..with(&[("REST", "502 no")]) },
            0,
            TIME,
            vec!["EPSV", retr, "EPSV", "REST 100000", retr],
        ),
        // The size that is told with the transfer tells where it ends, and what goes on is the same file.
        (
            Faults { announces: true, confirms: false, cuts: vec![PIECE], ..with(&[("SIZE", "502 no")]) },
            PIECE,
            TIME,
            vec!["EPSV", retr, "EPSV", "REST 100000", retr],
        ),
        (Faults { paths: false, ..GOOD }, 0, TIME, vec!["EPSV", retr, "CWD dir", "EPSV", "RETR x y.img"]),
    ] {
        let server = Ftp::start(body.clone(), faults.clone()).await;
        let directory = tempdir().unwrap();
        let dest = directory.path().join("x");
        let result = run(fetch(&url(&server), &dest, Check::None)).await;
        assert_eq!(result, fetched(&dest, &body, resumed_at, time), "{faults:?}");
        assert_eq!(server.commands(), commands, "{faults:?}");
    }
}

#[tokio::test]
async fn what_is_answered_to_pasv_is_told() {
    for pasv in ["227 (1,2,3)", "500 no"] {
        let instead = vec![("EPSV", "500 no"), ("PASV", pasv)];
        let server = Ftp::start(content(1), Faults { instead, ..GOOD }).await;
        let directory = tempdir().unwrap();
        let result = run(fetch(&url(&server), &directory.path().join("x"), Check::None)).await;
        assert_eq!(result, Err(Failure::Refused { url: shown(&server), reason: pasv.into() }));
    }
}

#[tokio::test]
async fn a_file_that_a_server_tells_nothing_of_is_seen_to_be_there() {
    let refuse = |words: &'static str| vec![("SIZE", words), ("MDTM", words), ("MLSD", "500 what?")];
    let body = content(17);
    for words in ["550 not allowed", "502 not known"] {
        let faults = Faults { instead: refuse(words), announces: true, ..GOOD };
        let server = Ftp::start(body.clone(), faults).await;
        let state = |url: &str| run(support::look(url, LookAt::State(Check::None)));
        let found = support::answer(state(&url(&server)).await);
        let Ok(Looked::State(found)) = found else { panic!("{found:?}") };
        assert_eq!(found.size, Some(17), "{words}");
        let gone = support::answer(state(&url(&server).replace("x%20y", "z")).await);
        let Err(Failure::Refused { reason, .. }) = gone else { panic!("{gone:?}") };
        assert_eq!(reason, "550 dir/z.img: no such file");
        let listing = run(support::look(&url(&server).replace("x%20y.img", ""), LookAt::Listing)).await;
        let names = ["20151001", "x y.img"].map(str::to_owned).to_vec();
        assert_eq!(support::answer(listing), Ok(Looked::Listing(names)));
    }
}

#[tokio::test]
async fn a_server_that_lets_in_only_so_many_is_asked_again() {
    let server = Ftp::start(content(PIECE), Faults { most: 1, ..GOOD }).await;
    let within = std::time::Duration::from_secs(60);
    let network = Network::default();
    let at = LookAt::State(Check::None);
    let look = Look { url: SecretUrl::parse(&url(&server)).unwrap(), network, at, within };
    let Ok(Outcome::Looked(answers)) = run(Step::Look(vec![look; 6])).await else { panic!("no answer") };
    for answer in answers {
        assert!(matches!(answer, Ok(Looked::State(_))), "{answer:?}");
    }
}

#[tokio::test]
async fn an_end_that_nobody_confirms_is_none_when_the_size_is_not_known() {
    let server = Ftp::start(content(PIECE), Faults { tells: false, confirms: false, ..GOOD }).await;
    let directory = tempdir().unwrap();
    let result = run(fetch(&url(&server), &directory.path().join("x"), Check::None)).await;
    let failure = Failure::Unreachable {
        url: shown(&server),
        phase: Phase::Transfer,
        reason: "the server did not confirm the transfer's end".into(),
        attempts: 3,
    };
    assert_eq!(result, Err(failure));
    assert_eq!(names(directory.path()), [""; 0]);
}

#[tokio::test]
async fn a_refusal_is_told_without_the_login() {
    let server = Ftp::start(content(1), GOOD).await;
    let directory = tempdir().unwrap();
    for (address, reason) in [
        (url(&server).replace("p%40ss", "wrong-secret"), "the login was refused: 530 no *** with *** here"),
        (url(&server).replace("x%20y", "z"), "550 dir/z.img: no such file"),
        (url(&server).replace("x%20y", "x%0d%0aDELE%20y"), "its login or path holds a control character"),
    ] {
        let url = SecretUrl::parse(&address).unwrap().to_string();
        let result = run(fetch(&address, &directory.path().join("x"), Check::None)).await;
        assert_eq!(result, Err(Failure::Refused { url, reason: reason.into() }));
        assert_eq!(names(directory.path()), [""; 0]);
    }
}
