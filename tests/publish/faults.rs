//! Whatever fails on the way to a registry or a cloud: the image is there once, or nothing is.
//!
//! A proxy is before each service. One good publication says how many requests there are; then each of them fails in each way.

use nix::sys::signal::Signal;
use serde_json::{Value, json};

use super::stage::{KILLED_WHILE_SENDING, Killed, Stage};
use super::{assert_nothing_to_recover, ledger, refusal, states, without_clear_text};
use crate::support::ProxyFault;

fn each_request_fails_once(stage: &Stage) {
    for place in stage.places() {
        let faults = [(ProxyFault::Status(503), "refused"), (ProxyFault::LoseAnswer, "lost")];
        // All that only reads is asked again by the same lines, so one kind of fault for each of these will do.
        let is_wanted = |number: usize| place.changes || place.number % 2 == number;
        for (number, (fault, how)) in faults.into_iter().enumerate().filter(|(number, _)| is_wanted(*number))
        {
            let name = format!("p{}n{}-{number}", place.proxy, place.number);
            let first = stage.counts();
            stage.proxies[place.proxy].fail("", "", place.number..=place.number, fault);
            let done = stage.publish(&name, &[]);
            let what = format!("{} {how}", stage.request(place, &first));
            stage.proxies[place.proxy].heal();
            assert_eq!(done.code, Some(0), "{what}: {done:#?}");
            stage.assert_once(&name, &what);
        }
    }
    assert_nothing_to_recover(&stage.scene);
}

fn each_request_is_the_last_one(stage: &Stage) {
    let mut killed = Vec::new();
    for place in stage.places() {
        let both = [(Killed::Before, "held up"), (Killed::After, "lost")];
        for (when, how) in both.into_iter().filter(|(when, _)| *when == Killed::Before || place.changes) {
            let name = format!("p{}n{}-{when:?}", place.proxy, place.number).to_lowercase();
            let request = stage.kill(&name, place, when);
            killed.push((name, format!("{request} {how}")));
        }
    }
    // All at once: the locks of all of them are free after the same 8 s.
    stage.recover();
    let found = |(name, what): &(String, String)| {
        let found = stage.found_after(name, what);
        (!found.is_empty()).then(|| format!("{found:?} after {what}"))
    };
    let left: Vec<_> = killed.iter().filter_map(found).collect();
    assert!(left.is_empty(), "{left:#?}");
    let states = states(&stage.scene);
    assert!(states.iter().all(|state| matches!(state.as_str(), Some("failed" | "done"))), "{states:?}");
    assert_eq!(states.iter().filter(|state| **state == "done").count(), 1, "{states:?}");
    for some in killed.chunks(4) {
        let runs: Vec<_> = some.iter().map(|(name, _)| stage.spawn(name, &[])).collect();
        for (run, (name, what)) in runs.into_iter().zip(some) {
            let done = run.wait();
            assert_eq!(done.code, Some(0), "after {what}: {done:#?}");
            stage.assert_once(name, what);
        }
    }
    assert_nothing_to_recover(&stage.scene);
}

fn who_is_stopped_leaves_nothing(stage: &Stage) {
    stage.send_slowly();
    let stopped = stage.kill_when(stage.spawn("x", &[]), Signal::SIGINT, || stage.sendings() > 0);
    assert_eq!(refusal(stopped), (Some(130), "cloud (publication 1): interrupted\n".to_owned()));
    stage.assert_nothing("x", "SIGINT");
    assert_eq!(states(&stage.scene), ["cancelled"]);
    assert!(ledger(&stage.scene, 1).iter().all(|(_, state)| state == "removed"));
    assert_nothing_to_recover(&stage.scene);
}

fn who_is_killed_while_it_sends_leaves_nothing(stage: &Stage) {
    stage.send_slowly();
    for (before, name) in ["x", "y"].into_iter().enumerate() {
        stage.kill_when(stage.spawn(name, &[]), Signal::SIGKILL, || stage.sendings() > before);
    }
    // Somebody may be at it: to try again at once is refused, and harms nothing.
    let (code, said) = refusal(stage.publish("y", &[]));
    let expected = "cloud (publication 2): uid 0@vm has been at work on publication 2 since ";
    assert!(code == Some(1) && said.starts_with(expected), "{code:?} {said}");
    let deleted = stage.scene.ays.run(&["account", "delete", "cloud"]);
    let expected = "error: with account cloud something was begun at its cloud that has come to no end\n  cure: `ays recover --account cloud` ends \
                    what came to no end\n";
    assert_eq!((deleted.code, without_clear_text(&deleted.stderr).as_str()), (Some(2), expected));

    // One goes on, the other is given up.
    let retried =
        stage.when_free(|| stage.scene.ays.run(&["publication", "retry", "2"]), "has been at work on");
    assert_eq!(retried.code, Some(0), "{retried:#?}");
    stage.recover();
    stage.assert_nothing("x", KILLED_WHILE_SENDING);
    stage.assert_once("y", KILLED_WHILE_SENDING);
    assert_eq!(states(&stage.scene), ["done", "failed"]);
    stage.publish_well("x");
    stage.assert_once("x", KILLED_WHILE_SENDING);
    assert_eq!(states(&stage.scene), ["done", "done"]);
}

#[test]
fn each_request_to_a_registry_fails_once() {
    each_request_fails_once(&Stage::registry(61));
}

#[test]
fn each_request_to_a_cloud_fails_once() {
    each_request_fails_once(&Stage::openstack(62));
}

#[test]
fn each_request_to_a_registry_is_the_last_one() {
    each_request_is_the_last_one(&Stage::registry(63));
}

#[test]
fn each_request_to_a_cloud_is_the_last_one() {
    each_request_is_the_last_one(&Stage::openstack(64));
}

#[test]
fn who_is_stopped_leaves_nothing_at_a_registry() {
    who_is_stopped_leaves_nothing(&Stage::registry(65));
}

#[test]
fn who_is_stopped_leaves_nothing_at_a_cloud() {
    who_is_stopped_leaves_nothing(&Stage::openstack(66));
}

#[test]
fn what_somebody_else_cancels_leaves_nothing() {
    let stage = Stage::openstack(71);
    stage.send_slowly();
    let mut run = stage.spawn("x", &[]);
    stage.wait_until(&mut run, || stage.sendings() > 0);
    stage.scene.ays.succeeds(&["publication", "cancel", "1"]);
    let cancelled = run.wait();
    assert_eq!(refusal(cancelled), (Some(130), "cloud (publication 1): interrupted\n".to_owned()));
    stage.assert_nothing("x", "it was cancelled");
    let listed: Value = stage.scene.ays.json(&["publication", "list"]);
    assert_eq!([&listed[0]["status"], &listed[0]["cancelledBy"]], ["cancelled", "uid 0@vm"], "{listed:#}");
    assert_nothing_to_recover(&stage.scene);
}

#[test]
fn who_is_killed_while_it_sends_leaves_nothing_at_a_registry() {
    who_is_killed_while_it_sends_leaves_nothing(&Stage::registry(67));
}

#[test]
fn who_is_killed_while_it_sends_leaves_nothing_at_a_cloud() {
    who_is_killed_while_it_sends_leaves_nothing(&Stage::openstack(68));
}

#[test]
fn what_is_to_be_kept_is_kept_at_a_registry() {
    let stage = Stage::registry(69);
    stage.proxies[0].fail("PUT", "/manifests/", .., ProxyFault::Status(400));
    let failed = stage.publish("x", &["--on-error", "keep"]);
    assert_eq!(failed.code, Some(1), "{failed:#?}");
    let expected = [
        ("upload", "removed"),
        ("blob", "kept"),
        ("blob", "kept"),
        ("upload", "removed"),
        ("manifest", "kept"),
    ];
    assert_eq!(ledger(&stage.scene, 1), expected.map(|(kind, state)| (kind.to_owned(), state.to_owned())));
    assert_eq!(stage.found("x"), ["blob", "blob"]);
    let shown = stage.scene.ays.succeeds(&["publication", "show", "1"]);
    assert_eq!(shown.matches("\n  kept           blob      sha256:").count(), 2, "{shown}");
    // It stays: nothing of it is to be recovered. The next try uses it.
    assert_nothing_to_recover(&stage.scene);
    stage.proxies[0].heal();
    stage.publish_well("x");
    stage.assert_once("x", "it was kept");
    stage.scene.ays.succeeds(&["publication", "delete", "1", "--remote"]);
    stage.assert_nothing("x", "it was kept");
}

/// Distribution removes nothing unless it is told to, and says so also of what is not there.
#[test]
fn a_registry_that_removes_nothing_holds_up_nobody_with_what_never_was() {
    let stage = Stage::registry_that_keeps_all(72);
    stage.proxies[0].fail("PUT", "/blobs/", .., ProxyFault::Status(400));
    let failed = stage.publish("x", &[]);
    assert_eq!(failed.code, Some(1), "{failed:#?}");
    stage.assert_nothing("x", "no blob was ever there");
    assert!(ledger(&stage.scene, 1).iter().all(|(_, state)| state == "removed"), "{failed:#?}");
    assert_nothing_to_recover(&stage.scene);
    // What is there and cannot be removed is named, with what to do.
    stage.proxies[0].heal();
    stage.proxies[0].fail("PUT", "/manifests/", .., ProxyFault::Status(400));
    let (code, said) = refusal(stage.publish("y", &[]));
    assert_eq!(code, Some(1), "{said}");
    assert!(said.contains("2 object(s) that it made may be there still"), "{said}");
    assert_eq!(stage.found("y"), ["blob", "blob"]);
}

#[test]
fn what_is_to_be_kept_is_kept_at_a_cloud() {
    let stage = Stage::openstack(70);
    stage.proxies[1].fail("PUT", "/file", .., ProxyFault::Status(400));
    let failed = stage.publish("x", &["--on-error", "keep"]);
    assert_eq!(failed.code, Some(1), "{failed:#?}");
    assert_eq!(ledger(&stage.scene, 1), [("image".to_owned(), "kept".to_owned())]);
    assert_eq!(stage.found("x"), ["queued"]);
    let shown = stage.scene.ays.succeeds(&["publication", "show", "1"]);
    assert!(shown.contains("\n  kept           image     "), "{shown}");
    assert_nothing_to_recover(&stage.scene);
    stage.proxies[1].heal();
    stage.publish_well("x");
    stage.assert_once("x", "it was kept");
    let listed: Value = stage.scene.ays.json(&["publication", "list"]);
    assert_eq!((listed.as_array().unwrap().len(), &listed[0]["status"]), (1, &json!("done")));
}
