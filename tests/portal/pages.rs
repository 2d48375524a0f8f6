//! All pages: nothing that axe finds, in both themes; on a phone nothing is cut off; little on the wire.

use super::Portal;
use crate::support::lab::run;
use crate::support::{Browser, Door, Lab, Many, Registry};

/// Every page, with an image, a job, a stack and a recipe on them.
pub const PAGES: [(&str, &str); 26] = [
    ("overview", "/"),
    ("images", "/images"),
    ("add-image", "/images/new"),
    ("image", "/images/1"),
    ("image-availability", "/images/1/availability"),
    ("image-edit", "/images/1/edit"),
    ("image-delete", "/images/1/change/delete"),
    ("generations", "/images/1/generations"),
    ("matrix", "/matrix"),
    ("stacks", "/stacks"),
    ("stack", "/stacks/n1"),
    ("nodes", "/nodes"),
    ("recipes", "/recipes"),
    ("recipe", "/recipes/image_x"),
    ("publications", "/publications"),
    ("publish", "/images/1/publish"),
    ("services", "/services"),
    ("service", "/services/n1/image_x/main"),
    ("jobs", "/jobs"),
    ("job", "/jobs/1"),
    ("schedules", "/schedules"),
    ("recycle-bin", "/bin"),
    ("audit", "/audit"),
    ("users", "/users"),
    ("unknown", "/images/none"),
    ("licences", "/licences"),
];

/// `x` on two of three nodes, a job that made it so, nodes that were checked, and an admin.
pub fn scene() -> (Many, Portal) {
    let scene = Many::new(3, 8);
    scene.succeeds(&["--targetname", "n1"]);
    // The registry is gone when somebody looks.
    drop(add_account(&scene));
    let portal = Portal::start(&scene.lab, &scene.ays, "admin");
    portal.go("/images/1/availability");
    portal.browser.click("dialog label:has(input[value='2'])");
    portal.browser.click("dialog button[name=confirm]");
    portal.wait_for_success();
    portal.go("/nodes");
    portal.browser.click(".heading button");
    portal.browser.wait("location.pathname.startsWith('/jobs/') && !document.querySelector('[data-live]')");
    (scene, portal)
}

/// An account at a registry.
pub fn add_account(scene: &Many) -> Registry {
    let registry = Registry::start_at(&scene.lab, Lab::CONTROLLER, 5000, &Door::Open);
    let file = scene.lab.dir().join("account.yaml");
    let address = registry.host();
    let text =
        format!("type: docker\nname: reg\nendpointUrl: http://{address}\nlogin: pub\npassword: pub1234\n");
    std::fs::write(&file, text).unwrap();
    scene.ays.succeeds(&["account", "create", "--file", file.to_str().unwrap()]);
    registry
}

/// By how much a page is wider than what is seen of it.
fn surplus(browser: &Browser) -> i64 {
    let read = "return document.documentElement.scrollWidth - document.documentElement.clientWidth";
    browser.script(read).as_i64().unwrap()
}

#[test]
fn nothing_is_in_anybodys_way() {
    let (_scene, portal) = scene();
    let browser = &portal.browser;
    for (dark, width) in [(false, 1280), (true, 1280), (false, 360)] {
        browser.dark(dark);
        browser.resize(width, 900);
        for (name, path) in PAGES {
            portal.go(path);
            let found = browser.violations();
            assert!(found.is_empty(), "{name}, dark: {dark}, width {width}: {found:#?}");
            assert_eq!(surplus(browser), 0, "{name} is wider than {width}");
        }
    }
    portal.go("/");
    portal.sign_out();
    for dark in [false, true] {
        browser.dark(dark);
        assert_eq!(browser.violations(), [""; 0], "sign-in, dark: {dark}");
    }
}

#[test]
fn the_first_page_is_small_and_asks_no_other_host() {
    let (_scene, portal) = scene();
    let browser = &portal.browser;
    portal.go("/images");
    let asked = browser.script(
        "return [...performance.getEntriesByType('navigation'), ...performance.getEntriesByType('resource')].map((entry) =>
            [new URL(entry.name).origin === location.origin, entry.encodedBodySize])",
    );
    let asked: Vec<(bool, u64)> = serde_json::from_value(asked).unwrap();
    assert!(asked.len() > 4 && asked.iter().all(|(is_here, _)| *is_here), "{asked:?}");
    let bytes: u64 = asked.iter().map(|(_, bytes)| bytes).sum();
    assert!(bytes < 150_000, "{bytes} bytes: {asked:?}");
    // What has a name of its contents is asked for once.
    let style = browser.script("return document.querySelector('link[rel=stylesheet]').href");
    let headers = run("curl", &["-sSI", style.as_str().unwrap()]);
    assert!(headers.contains("immutable"), "{headers}");
}
