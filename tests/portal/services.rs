//! Services: what is installed, looked at, stopped and started.

use std::fs;

use serde_json::json;

use super::Portal;
use crate::support::{Lab, Scene};

#[test]
fn a_service_is_looked_at_stopped_and_started() {
    let scene = Scene::new();
    fs::write(scene.origin.file("index"), "hello\n").unwrap();
    let export = format!("url:'http://{}', source:'/index', dest:'/srv/www/index.html'", Lab::SOURCE);
    let process = "name:'httpd', cmd:'busybox', args:'httpd -f -p 8080 -h /srv/www', ports:'8080'";
    scene.environment.write(
        "servicetemplates/web/service.hrd",
        &(format!("web.export.1 =\n    {export},\n\nprocess.1 =\n    {process},\n").replace(", ", ",\n    ")
            + "dependencies.1 = 'base'\n"),
    );
    scene.environment.write("servicetemplates/base/service.hrd", "");
    scene.ays.succeeds(&["install", "-n", "web", "--targetname", "n1"]);
    let portal = Portal::start(&scene.lab, &scene.ays, "operator");
    let row = || {
        portal.go("/services");
        portal.browser.text("#table-rows")
    };
    let first = row();
    assert!(first.contains("web") && first.contains("not looked at yet"), "{first}");
    for (button, state) in [
        (".heading button", "up"),
        ("button[aria-label='Stop web (main) on n1']", "stopped"),
        ("button[aria-label='Start web (main) on n1']", "runs"),
    ] {
        portal.browser.click(button);
        portal.browser.wait("location.pathname.startsWith('/jobs/')");
        portal.wait_for_success();
        let row = row();
        assert!(row.contains(state), "{state}: {row}");
    }

    // Its own page: who needs whom, what was done, and the log of that.
    portal.browser.click("#table-rows a[href='/services/n1/web/main']");
    portal.browser.wait("location.pathname === '/services/n1/web/main'");
    let graph =
        portal.browser.script("return document.querySelector('svg.graph').getAttribute('aria-label')");
    assert_eq!(graph, json!("web needs base"));
    let page = portal.browser.text("main");
    for part in ["State\nruns", "httpd: runs", "start", "stop", "succeeded", "started: httpd: runs"] {
        assert!(page.contains(part), "{part}: {page}");
    }
    portal.browser.click(".heading form:nth-of-type(3) button");
    portal.browser.wait("location.pathname.startsWith('/jobs/')");
    portal.wait_for_success();
    portal.go("/services/n1/web/main");
    assert!(portal.browser.text(".scroll table").contains("restart"));
    portal.browser.click("svg.graph a");
    portal.browser.wait("location.pathname === '/services/n1/base/main'");
    portal.go("/services/n1/nothing/main");
    assert!(portal.browser.text("main").contains("was never on n1"));
}
