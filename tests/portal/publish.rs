//! An image is published from its page: planned, sent, watched, cancelled, tried again, removed; and with an account that is
//! wrong.

use std::fs;

use super::Portal;
use crate::support::{Door, FaultProxy, ProxyFault, Registry, Scene};

/// Waits until the page of publications says so.
fn wait_for(portal: &Portal, said: &str) {
    let begun = std::time::Instant::now();
    loop {
        portal.go("/publications");
        let page = portal.browser.text("main");
        if page.contains(said) {
            return;
        }
        assert!(begun.elapsed() < std::time::Duration::from_secs(30), "{said}: {page}");
    }
}

#[test]
fn an_image_is_published_from_its_page() {
    let scene = Scene::new();
    scene.publish_x(51);
    scene.succeeds(&[]);
    let registry = Registry::start_with_deletion(&scene.lab, 5000, &Door::Open);
    let proxy = FaultProxy::start(crate::support::Lab::CONTROLLER, 5080, registry.host());
    let file = scene.lab.dir().join("accounts.toml");
    let account = |name: &str| {
        format!(
            "[[accounts]]\ntype = 'docker'\nname = '{name}'\nendpointUrl = '{}'\nlogin = 'pub'\npassword = 'pub1234'\n",
            proxy.url()
        )
    };
    fs::write(&file, [account("reg"), account("gone")].concat()).unwrap();
    scene.ays.succeeds(&["account", "create", "--file", file.to_str().unwrap()]);
    // What one of them needs is lost on this machine.
    scene.ays.succeeds(&["secret", "remove", "account.gone.password"]);

    let portal = Portal::start(&scene.lab, &scene.ays, "operator");
    portal.go("/publications");
    assert!(portal.browser.text("main").contains("Nothing was published yet"));
    portal.go("/images/x");
    let menu = portal.browser.script("return document.querySelector(\"a[href$='/publish']\").textContent");
    assert!(menu.as_str().unwrap().contains("Publish"), "{menu}");

    portal.go("/images/x/publish?account=gone");
    let said = portal.browser.text("[role=alert]");
    assert!(said.contains("its password is not known on this machine"), "{said}");

    portal.go("/images/x/publish?account=reg");
    portal.browser.click("button[value=plan]");
    portal.browser.wait("document.querySelector('[role=alert]')");
    let said = portal.browser.text("[role=alert]");
    assert!(said.contains("needs `namespace`") && said.contains("needs `repositoryName`"), "{said}");

    portal.browser.fill("input[name=field-namespace]", "disks");
    portal.browser.fill("input[name=field-repositoryName]", "x");
    portal.browser.script("document.querySelector('select[name=field-as]').value = 'artifact'");
    portal.browser.click("button[value=plan]");
    portal.browser.wait("document.querySelector('dl.facts')");
    let plan = portal.browser.text("main");
    assert!(plan.contains("Nothing was done yet"), "{plan}");
    assert_eq!(registry.manifest("disks/x", "1"), None);

    // It is cancelled while the disk is sent.
    proxy.fail("PATCH", "", 1..=1, ProxyFault::Stall);
    portal.browser.click("button[value=publish]");
    portal.browser.wait("location.pathname.startsWith('/jobs/')");
    wait_for(&portal, "In progress");
    portal.browser.click("button[aria-label='Cancel publication 1']");
    wait_for(&portal, "Canceled");
    assert_eq!(registry.manifest("disks/x", "1"), None);

    // Tried again, it is there.
    portal.browser.click("button[aria-label='Retry publication 1']");
    portal.browser.wait("location.pathname.startsWith('/jobs/')");
    portal.wait_for_success();
    wait_for(&portal, "Done");
    assert!(registry.manifest("disks/x", "1").is_some());
    portal.go("/images/x");
    assert!(portal.browser.text("main").contains("disks/x:1"));

    portal.go("/publications");
    portal.browser.click("button[aria-label='Remove there publication 1']");
    portal.browser.wait("location.pathname.startsWith('/jobs/')");
    portal.wait_for_success();
    wait_for(&portal, "Removed");
    assert_eq!(registry.manifest("disks/x", "1"), None);

    // Who may only look is offered nothing, and refused.
    portal.sign_out();
    portal.sign_in("viewer");
    portal.go("/images/x/publish");
    assert!(portal.browser.text("main").contains("only an operator may do this"));
}
