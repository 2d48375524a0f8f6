//! Add Image: an address that fails, then one that works.

use super::Portal;
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
