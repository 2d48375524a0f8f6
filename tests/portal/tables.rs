//! Tables: searched, sorted and cut into pages on the server, kept in the address; and as files.

use serde_json::json;

use super::Portal;
use crate::support::Scene;

/// Sixty nodes that nobody has, and five recipes.
fn scene() -> Scene {
    let scene = Scene::new();
    for number in 2..=60 {
        let path = format!("services/jumpscale__node.ssh__n{number}/service.hrd");
        scene
            .environment
            .write(&path, &format!("service.category = 'node'\ninstance.ip = '10.9.0.{number}'\n"));
    }
    scene.environment.commit();
    scene
}

impl Portal {
    /// What stands in a column of the table, from 1.
    fn column(&self, number: u32) -> Vec<String> {
        let read = format!(
            "return [...document.querySelectorAll('#table-rows tr:not(.empty) td:nth-child({number})')].map((cell) => cell.textContent.trim())"
        );
        serde_json::from_value(self.browser.script(&read)).unwrap()
    }
}

#[test]
fn a_long_table_is_searched_sorted_and_turned_page_by_page() {
    let scene = scene();
    let portal = Portal::start(&scene.lab, &scene.ays, "viewer");
    let browser = &portal.browser;
    portal.go("/nodes");
    assert_eq!(portal.column(1).len(), 25);
    assert_eq!(browser.text("#table-foot [role=status]"), "1–25 of 60");
    browser.click("a[aria-label='Last page']");
    browser.wait("location.search === '?page=3'");
    assert_eq!(browser.text("#table-foot [role=status]"), "51–60 of 60");
    browser.click("a[aria-label='Previous page']");
    browser.wait("location.search === '?page=2'");
    browser.click("a[aria-label='First page']");
    browser.wait("location.search === '?page=1'");
    browser.click("a[aria-label='Next page']");
    browser.wait("location.search === '?page=2'");

    // Every column sorts, up and down, from the first page on.
    let headings = browser.script("return document.querySelectorAll('#table-head a').length");
    assert_eq!(headings, 9);
    browser.click("#table-head th:nth-child(1) a");
    browser.wait("location.search === '?sort=name'");
    browser.click("#table-head th:nth-child(1) a");
    browser.wait("location.search === '?sort=-name'");
    assert_eq!(portal.column(1)[..2], ["n9", "n8"]);
    let sorted = browser.script("return document.querySelector('#table-head th').getAttribute('aria-sort')");
    assert_eq!(sorted, "descending");

    // While one types, in all columns and in one; the keyboard stays where it is.
    browser.write("#table-search", "10.9.0.1");
    browser.wait("location.search === '?sort=-name&search=10.9.0.1'");
    browser.wait("document.querySelectorAll('#table-rows tr').length === 10");
    browser.write("#table-in-name", "n1");
    browser.wait("location.search.includes('in-name=n1')");
    browser.wait("document.activeElement.id === 'table-in-name'");
    browser.write("#table-in-name", "9");
    browser.wait("document.querySelectorAll('#table-rows tr').length === 1");
    assert_eq!(portal.column(1), ["n19"]);
    // The address has all of it.
    let address = browser.path();
    portal.go(&address);
    assert_eq!(portal.column(1), ["n19"]);
    portal.go("/nodes?search=nothing+has+this");
    assert!(browser.text("#table-rows").contains("Nothing has what you search."));
    browser.click("#table-rows a");
    browser.wait("document.querySelectorAll('#table-rows tr').length === 25");

    portal.go("/nodes?size=100");
    assert_eq!(portal.column(1).len(), 60);
    let file = browser.script(
        "const request = new XMLHttpRequest(); request.open('GET', '/nodes?in-name=n5&sort=name&format=json', false); request.send();
         return JSON.parse(request.responseText).map((node) => [node.name, node.address])",
    );
    let nodes: Vec<_> = [5, 50, 51, 52, 53, 54, 55, 56, 57, 58, 59]
        .map(|number| json!([format!("n{number}"), format!("10.9.0.{number}")]))
        .into();
    assert_eq!(file, json!(nodes));
    let lines = browser.script(
        "const request = new XMLHttpRequest(); request.open('GET', '/nodes?format=csv', false); request.send();
         return request.responseText.split('\\n').map((line) => line.split(',').slice(0, 2).join(' ')).slice(0, 2)",
    );
    assert_eq!(lines, json!(["Name Address", "n1 10.199.0.11"]));
}

#[test]
fn an_empty_table_says_what_to_do_next() {
    let scene = Scene::new();
    // To an admin the audit is not empty: it has the users.
    let portal = Portal::start(&scene.lab, &scene.ays, "operator");
    for path in ["/images", "/jobs", "/stacks", "/schedules", "/bin", "/audit"] {
        portal.go(path);
        let said = portal.browser.text(".empty");
        assert!(said.split(". ").count() > 1 || said.contains(':') || path == "/audit", "{path}: {said}");
    }
}
