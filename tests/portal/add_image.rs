//! Add Image: an address that fails, then one that works.

use std::fs;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use serde_json::Value;

use super::{Portal, serve};
use crate::support::disk::large_qcow2;
use crate::support::truth::assert_true;
use crate::support::{Lab, Scene, qcow2};

#[test]
fn an_image_by_its_address_that_fails_and_then_works() {
    let scene = Scene::new();
    qcow2(&scene.origin.file("debian.qcow2"), 1);
    scene.origin.publish_md5("debian.qcow2");
    let portal = Portal::start(&scene.lab, &scene.ays, "operator");
    let browser = &portal.browser;
    portal.go("/images");
    browser.click(".heading a");
    browser.wait("location.pathname === '/images/new'");
    browser.write("input[name=url]", &format!("http://{}/debian.raw", Lab::SOURCE));
    browser.click("button[value=add]");
    browser.wait("document.querySelector('#url-help').textContent.includes('404')");
    assert_eq!(browser.text("#name-help"), "What will users know it by?");
    browser.fill("input[name=name]", "Debian 13");
    browser.fill("input[name=url]", &format!("http://{}/debian.qcow2", Lab::SOURCE));
    browser.click("button[value=look]");
    browser.wait("document.querySelector('.facts')");
    let found = browser.text(".facts");
    assert!(found.contains("qcow2") && found.contains("the MD5 beside it"), "{found}");
    browser.click("button[value=add]");
    browser.wait("location.pathname.startsWith('/jobs/')");
    portal.wait_for_success();
    assert_true(&scene.ays, &scene.node, "Debian 13");
    portal.go("/images?search=debian");
    assert!(browser.text("#table-rows").contains("Debian 13"));

    // A login would be in a job that all may read.
    portal.go("/images/new");
    browser.write("input[name=url]", &format!("http://anna:secret@{}/debian.qcow2", Lab::SOURCE));
    browser.write("input[name=name]", "Debian 14");
    browser.click("button[value=add]");
    browser.wait("document.querySelector('#url-help').textContent.includes('a job keeps no login')");
}

/// What the server knows of the only upload: its id, and how much of it stays.
fn upload(scene: &Scene) -> Option<(String, u64)> {
    let inside = |dir: PathBuf| fs::read_dir(dir).into_iter().flatten().map(|entry| entry.unwrap().path());
    let dirs: Vec<_> =
        inside(scene.ays.state().to_owned()).flat_map(|dir| inside(dir.join("uploads"))).collect();
    let known: Vec<Value> = dirs
        .iter()
        .filter_map(|dir| serde_json::from_slice(&fs::read(dir.join(".upload.json")).ok()?).ok())
        .collect();
    assert!(known.len() <= 1, "{known:?}");
    let known = known.first()?;
    Some((known["id"].as_str()?.to_owned(), known["received"].as_u64()?))
}

#[test]
fn a_file_goes_on_where_it_stopped_and_becomes_an_image() {
    const MIB: u64 = 1 << 20;
    let scene = Scene::new();
    let mut portal = Portal::start(&scene.lab, &scene.ays, "operator");
    let wait_for = |portal: &Portal, bytes: u64| {
        let begun = Instant::now();
        loop {
            match upload(&scene) {
                Some((id, received)) if received >= bytes => return id,
                _ => assert!(begun.elapsed() < Duration::from_secs(20), "{}", portal.browser.text("main")),
            }
            std::thread::sleep(Duration::from_millis(10));
        }
    };
    let file = scene.lab.dir().join("debian 13.qcow2");
    large_qcow2(&file, 5, 60);
    portal.go("/images/new");
    portal.browser.slow(Some(10_000_000));
    portal.browser.write("input[type=file]", file.to_str().unwrap());
    let id = wait_for(&portal, 16 * MIB);
    // Whoever leaves the page and comes back goes on.
    portal.go("/images");
    portal.go("/images/new");
    portal.browser.slow(Some(10_000_000));
    portal.browser.write("input[type=file]", file.to_str().unwrap());
    // And so does a page whose server is started again.
    wait_for(&portal, 32 * MIB);
    portal.stop();
    (portal.server, _) = serve(&scene.ays, portal.url.strip_prefix("http://").unwrap());
    portal.browser.slow(None);
    portal.browser.fill("input[name=name]", "Debian 15");
    portal.browser.click("button[value=add]");
    portal.browser.wait("location.pathname.startsWith('/jobs/')");
    portal.wait_for_success();
    assert_true(&scene.ays, &scene.node, "Debian 15");
    assert_eq!(upload(&scene), None, "it stays no longer than it is needed");
    let log = portal.browser.text("main");
    assert!(log.contains(&id), "it was one upload: {log}");

    // What is no image says so beside the field, and one that was cancelled is gone.
    let file = scene.lab.dir().join("letter.txt");
    fs::write(&file, "Dear").unwrap();
    portal.go("/images/new");
    portal.browser.write("input[type=file]", file.to_str().unwrap());
    portal.browser.wait("document.querySelector('[role=status]').textContent.includes('is sent')");
    portal.browser.click("button[value=look]");
    portal.browser.wait("document.querySelector('[type=file][aria-invalid]')");
    let said = portal.browser.text("#file-help");
    assert!(said.starts_with("the file: not registered: it is text, not a disk image"), "{said}");
    portal.browser.slow(Some(1_000_000));
    let file = scene.lab.dir().join("debian 13.qcow2");
    portal.browser.write("input[type=file]", file.to_str().unwrap());
    portal.browser.wait("!document.querySelector('[data-upload] button').hidden");
    portal.browser.click("[data-upload] button");
    portal.browser.wait("document.querySelector('[role=status]').textContent === 'Cancelled.'");
}
