//! Every entry of "Choose Action", and two people at one image.

use std::fs;

use super::Portal;
use crate::states::install_next;
use crate::support::Many;
use crate::support::truth::{POOL, stored};

impl Portal {
    /// Opens an entry of an image's menu.
    fn choose(&self, entry: &str) {
        self.go("/images/1");
        self.browser.click("#choose-action");
        let found = self.browser.script(&format!(
            "const entries = [...document.querySelectorAll('.dropdown a')];
             const found = entries.find((entry) => entry.textContent.trim() === {entry:?});
             found?.click();
             return entries.map((entry) => entry.textContent.trim())"
        ));
        assert!(found.as_array().unwrap().iter().any(|is| is == entry), "{entry} is not in {found}");
        self.browser.wait("document.querySelector('dialog:modal')");
    }

    fn confirm(&self) {
        self.browser.click("dialog footer button[type=submit]");
        self.wait_for_success();
    }

    fn status(&self) -> String {
        self.go("/images/1");
        self.browser.text(".facts .state")
    }
}

#[test]
fn every_entry_does_what_it_says() {
    let scene = Many::new(1, 1);
    scene.succeeds(&["--all"]);
    install_next(&scene, 2);
    let portal = Portal::start(&scene.lab, &scene.ays, "operator");
    let browser = &portal.browser;

    portal.choose("Disable");
    browser.write("dialog input[name=reason]", "a fault in its kernel");
    portal.confirm();
    assert_eq!(portal.status(), "DISABLED");
    portal.choose("Enable");
    portal.confirm();
    assert_eq!(portal.status(), "CREATED");

    portal.choose("Undo to generation 1");
    portal.confirm();
    portal.go("/images/1");
    assert!(browser.text("#table-stacks-rows").ends_with('1'), "{}", browser.text("#table-stacks-rows"));

    portal.choose("Edit");
    browser.fill("dialog input[name=description]", "For tests");
    browser.fill("dialog input[name=size]", "none");
    browser.click("dialog footer button[type=submit]");
    assert_eq!(browser.text("#size-problem"), "A whole number of GB, from 1 to 65536.");
    browser.fill("dialog input[name=size]", "12");
    portal.confirm();
    portal.go("/images/1");
    let facts = browser.text(".facts");
    assert!(facts.contains("12 GB") && facts.contains("For tests"), "{facts}");

    portal.choose("Delete");
    portal.confirm();
    assert_eq!(portal.status(), "DELETED");
    portal.go("/bin");
    assert!(browser.text("#table-rows").contains('x'));
    portal.choose("Restore");
    portal.confirm();
    assert_eq!(portal.status(), "CREATED");
    portal.choose("Delete");
    portal.confirm();

    portal.choose("Permanent delete");
    browser.write("dialog input[name=name]", "y");
    browser.click("dialog footer button[type=submit]");
    assert_eq!(browser.text("#name-problem"), "This is not its name.");
    assert!(!stored(&scene.nodes[0]).is_empty());
    browser.write("dialog input[name=name]", "x");
    portal.confirm();
    assert_eq!(portal.status(), "DESTROYED");
    assert!(stored(&scene.nodes[0]).is_empty());

    portal.go("/audit?search=kernel");
    assert!(browser.text("#table-rows").contains("a fault in its kernel"));
}

#[test]
fn of_two_who_edit_one_image_the_second_is_told_and_nothing_is_lost() {
    let scene = Many::new(1, 1);
    scene.succeeds(&["--all"]);
    let portal = Portal::start(&scene.lab, &scene.ays, "operator");
    let browser = &portal.browser;
    portal.choose("Edit");
    scene.ays.succeeds(&["image", "edit", "x", "--description", "the first"]);
    browser.fill("dialog input[name=description]", "the second");
    browser.fill("dialog input[name=username]", "cloud");
    browser.click("dialog footer button[type=submit]");
    let told = browser.text("dialog [role=alert]");
    assert!(told.contains("is now `the first`, and you wrote `the second`"), "{told}");
    assert_eq!(browser.script("return document.querySelector('dialog input[name=username]').value"), "cloud");
    assert_eq!(scene.ays.json(&["image", "show", "x"])["description"], "the first");
    portal.confirm();
    let image = scene.ays.json(&["image", "show", "x"]);
    assert_eq!((&image["description"], &image["username"]), (&"the second".into(), &"cloud".into()));

    // The same of where it is wanted.
    portal.choose("Image Availability");
    scene.ays.succeeds(&["image", "availability", "x", "--set"]);
    browser.click("dialog button[name=confirm]");
    assert!(browser.text("dialog [role=alert]").contains("Somebody else has changed"));

    // And of an undo, which says how far back it goes.
    install_next(&scene, 2);
    install_next(&scene, 3);
    portal.choose("Undo to generation 2");
    scene.ays.succeeds(&["image", "undo", "x"]);
    browser.click("dialog footer button[type=submit]");
    browser.wait(
        "document.querySelector('dialog [role=alert]')?.textContent.includes('The generations have changed')",
    );
    assert!(browser.text("dialog").contains("Generation 1 of x becomes the current one"));
    portal.confirm();
    let generations = scene.ays.json(&["image", "show", "x"])["generations"].clone();
    let current = generations.as_array().unwrap().iter().find(|generation| generation["current"] == true);
    assert_eq!(current.unwrap()["number"], 1, "{generations}");
}

#[test]
fn what_needs_a_person_is_told_with_what_helps() {
    let scene = Many::new(1, 1);
    scene.succeeds(&["--all"]);
    let node = &scene.nodes[0];
    fs::write(node.path(POOL).join(&stored(node)[0]), b"other bytes").unwrap();
    assert_ne!(scene.ays.run(&["scrub"]).code, Some(0));
    let portal = Portal::start(&scene.lab, &scene.ays, "operator");
    let needs = portal.browser.text(".needs");
    assert!(needs.contains("damaged") && needs.contains("Image x") && needs.contains("Heal it"), "{needs}");
    portal.browser.click(".needs button");
    portal.browser.wait("location.pathname.startsWith('/jobs/')");
}
