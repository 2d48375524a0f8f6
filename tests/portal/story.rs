//! The documented story: find the new image, choose Image Availability, confirm on which nodes, see it arrive.

use std::time::{Duration, Instant};

use serde_json::json;

use super::{Portal, serve};
use crate::support::Many;
use crate::support::truth::assert_true;

/// `x` on `n1`, of three nodes.
fn scene(mebibytes: u32) -> Many {
    let scene = Many::new(3, mebibytes);
    scene.succeeds(&["--targetname", "n1"]);
    scene
}

#[test]
fn an_image_is_made_available_and_its_job_followed_through_a_restart_of_the_server() {
    let scene = scene(96);
    scene.nodes[1].limit_rate(160);
    let mut portal = Portal::start(&scene.lab, &scene.ays, "operator");
    let browser = &portal.browser;
    browser.click("a[href='/images']");
    browser.write("#table-search", "x");
    browser.wait("location.search === '?search=x'");
    browser.click("#table-rows a");
    assert_eq!(browser.text("h1"), "Image: x");
    browser.click("#choose-action");
    browser.click("a[href$='/availability']");
    assert_eq!(browser.text("dialog h2"), "Image Availability");
    assert_eq!(browser.text("#select-stacks"), "Select the Stacks you want to make this Image available on");
    let boxes = browser.script(
        "return [...document.querySelectorAll('dialog input[type=checkbox]')].map((box) =>
            [box.parentElement.querySelector('.stack-name').textContent, box.checked])",
    );
    assert_eq!(boxes, json!([["n1", true], ["n2", false], ["n3", false]]));
    browser.click("dialog label:has(input[value='2'])");
    browser.click("dialog button[name=confirm]");
    browser.wait("document.querySelector('#progress progress')");
    // What has happened so far stays, and what happens while the server is away is not missed.
    let first = browser.text("#log li:first-child");
    portal.stop();
    let address = portal.url.strip_prefix("http://").unwrap().to_owned();
    let browser = &portal.browser;
    browser.wait("document.querySelector('#live-state').textContent !== ''");
    (portal.server, _) = serve(&scene.ays, &address);
    browser.wait("document.querySelector('#live-state')?.textContent === ''");
    portal.wait_for_success();
    let numbers = browser.script(
        "return [...document.querySelectorAll('#log li')].map((line) => Number(line.dataset.number))",
    );
    let numbers: Vec<u64> = serde_json::from_value(numbers).unwrap();
    assert!(numbers.is_sorted_by(|a, b| a < b), "{numbers:?}");
    assert_eq!(browser.text("#log li:first-child"), first);
    assert!(browser.text(".results").contains("n2 offers generation 1"), "{}", browser.text(".results"));
    assert!(!browser.text(".results").contains("n3"), "{}", browser.text(".results"));
    scene.nodes.iter().for_each(|node| assert_true(&scene.ays, node, "x"));

    browser.click(".results a");
    let stacks = browser.text("#table-stacks-rows");
    assert!(stacks.contains("n1") && stacks.contains("n2") && !stacks.contains("n3"), "{stacks}");
    portal.go("/matrix");
    let signs =
        browser.script("return [...document.querySelectorAll('.matrix tbody td')].map((cell) => cell.title)");
    assert_eq!(signs, json!(["n1: offered, generation 1", "n2: offered, generation 1", "n3: not wanted"]));
}

#[test]
fn the_story_by_the_keyboard_alone() {
    let scene = scene(2);
    let portal = Portal::start(&scene.lab, &scene.ays, "operator");
    let browser = &portal.browser;
    const TAB: &str = "\u{e004}";
    const ENTER: &str = "\u{e007}";
    // Goes on with Tab until it is at what the selector finds.
    let tab_to = |selector: &str| {
        let is_there = format!("return document.activeElement.matches({selector:?})");
        for _ in 0..80 {
            if browser.script(&is_there) == true {
                return;
            }
            browser.press(TAB);
        }
        panic!("Tab never comes to {selector}");
    };
    browser.press(TAB);
    assert_eq!(browser.script("return document.activeElement.textContent"), "Skip to the content");
    tab_to("a[href='/images']");
    browser.press(ENTER);
    browser.wait("document.title.startsWith('Images')");
    tab_to("#table-rows a");
    browser.press(ENTER);
    browser.wait("document.title.startsWith('Image: x')");
    tab_to("#choose-action");
    browser.press(ENTER);
    tab_to("a[href$='/availability']");
    browser.press(ENTER);
    browser.wait("document.querySelector('dialog:modal')");
    // The keyboard is in the dialog, and stays there.
    assert_eq!(browser.script("return document.activeElement.value"), "1");
    tab_to("input[value='3']");
    browser.press(" ");
    tab_to("button[name=confirm]");
    browser.press(ENTER);
    portal.wait_for_success();
    assert!(browser.text(".results").contains("n3 offers generation 1"));
    // Escape leaves a dialog without doing anything.
    portal.go("/images/1/availability");
    browser.wait("document.querySelector('dialog:modal')");
    browser.press("\u{e00c}");
    browser.wait("location.pathname === '/images/1'");
}

#[test]
fn the_story_without_scripts() {
    let scene = scene(2);
    let portal = Portal::start(&scene.lab, &scene.ays, "operator");
    let browser = &portal.browser;
    browser.scripts(false);
    portal.go("/images?search=x");
    browser.click("#table-rows a");
    browser.click("#choose-action");
    browser.click("a[href$='/availability']");
    // What a script does at once, the server does.
    browser.click("button[value=all]");
    browser.click("dialog button[name=confirm]");
    // The driver may come back from the click before the answer is there.
    let begun = Instant::now();
    while !browser.path().starts_with("/jobs/") {
        assert!(begun.elapsed() < Duration::from_secs(30), "{}", browser.path());
    }
    let job = browser.path();
    for _ in 0..200 {
        if browser.text("#status").contains("succeeded") {
            break;
        }
        std::thread::sleep(Duration::from_millis(200));
        portal.go(&job);
    }
    assert!(browser.text(".results").contains("n3 offers generation 1"), "{}", browser.text("main"));
}
