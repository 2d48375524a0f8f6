//! Pictures of every page in both themes, for whoever looks at them and for the documentation: `scripts/portal-pictures`.

use std::fs;
use std::path::PathBuf;

use super::Portal;
use super::pages::{PAGES, add_account};
use crate::support::truth::{POOL, stored};
use crate::support::{Lab, Many, Registry, qcow2};

const IMAGES: [(&str, u64); 6] = [
    ("alpine-3.22", 2),
    ("debian-13", 3),
    ("fedora-43", 4),
    ("opensuse-16", 5),
    ("rocky-10", 6),
    ("ubuntu-24.04", 7),
];

/// Images on twelve nodes, not all of them as they should be, and `x` on its way to some.
fn scene() -> (Many, Portal, Registry) {
    let scene = Many::new(12, 48);
    for (name, seed) in IMAGES {
        qcow2(&scene.origin.file(&format!("{name}.qcow2")), seed);
        scene.origin.publish_md5(&format!("{name}.qcow2"));
        let source = format!("/{name}.qcow2");
        scene.environment.add_image(name, &format!("http://{}", Lab::SOURCE), &source, "checkmd5:'true'");
    }
    scene.environment.commit();
    let install = |name: &str, more: &[&str]| {
        scene.ays.succeeds(&[&["install", "-n", &format!("image_{name}")], more].concat());
    };
    for (at, (name, _)) in IMAGES.into_iter().enumerate() {
        install(name, &["--targetname", if at % 2 == 0 { "n*" } else { "n1*" }]);
    }
    install("x", &["--targetname", "n1"]);
    // A new generation that not all have, and a copy that is damaged.
    qcow2(&scene.origin.file("rocky-10.qcow2"), 60);
    scene.origin.publish_md5("rocky-10.qcow2");
    install("rocky-10", &["--targetname", "n1"]);
    let node = &scene.nodes[4];
    let file = stored(node).into_iter().find(|file| file.starts_with("alpine")).unwrap();
    fs::write(node.path(POOL).join(file), b"other bytes").unwrap();
    assert_ne!(scene.ays.run(&["scrub"]).code, Some(0));
    let registry = add_account(&scene);
    let fields = ["--set", "namespace=images", "--set", "repositoryName=fedora", "--set", "as=artifact"];
    scene.ays.succeeds(&[&["publish", "-n", "fedora-43", "--account", "reg"], &fields[..]].concat());
    let portal = Portal::start(&scene.lab, &scene.ays, "admin");
    portal.go("/nodes");
    portal.browser.click(".heading button");
    portal.browser.wait("location.pathname.startsWith('/jobs/') && !document.querySelector('[data-live]')");
    // Stacks are numbered in the order of their names: 2 to 4 are n10 to n12.
    scene.nodes[9..12].iter().for_each(|node| node.limit_rate(40));
    portal.go("/images?search=x&in-name=x&sort=-id");
    portal.browser.click("#table-rows a");
    portal.browser.click("#choose-action");
    portal.browser.click("a[href$='/availability']");
    for stack in 2..=4 {
        portal.browser.click(&format!("dialog label:has(input[value='{stack}'])"));
    }
    portal.browser.click("dialog button[name=confirm]");
    portal.browser.wait("document.querySelector('#progress polyline')");
    (scene, portal, registry)
}

#[test]
#[ignore = "scripts/portal-pictures runs it: it is for eyes"]
fn pictures_of_all_pages() {
    let directory = PathBuf::from(std::env::var_os("AYS_PICTURES").expect("AYS_PICTURES says where"));
    fs::create_dir_all(&directory).unwrap();
    let (_scene, portal, _registry) = scene();
    let browser = &portal.browser;
    let job = browser.path();
    for (theme, dark) in [("light", false), ("dark", true)] {
        browser.dark(dark);
        browser.picture(&directory.join(format!("job-live-{theme}-wide.png")));
    }
    assert!(browser.script("return Boolean(document.querySelector('[data-live]'))") == true, "{job} is over");
    for (theme, dark) in [("light", false), ("dark", true)] {
        browser.dark(dark);
        for (size, width, height) in [("wide", 1280, 800), ("phone", 360, 740)] {
            browser.resize(width, height);
            for (name, path) in PAGES {
                portal.go(path);
                browser.picture(&directory.join(format!("{name}-{theme}-{size}.png")));
            }
        }
    }
}
