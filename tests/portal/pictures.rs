//! Pictures of every page in both themes, for whoever looks at them and for the documentation: `scripts/portal-pictures`.

use std::fs;
use std::path::PathBuf;

use super::pages::{PAGES, scene};

#[test]
#[ignore = "scripts/portal-pictures runs it: it is for eyes"]
fn pictures_of_all_pages() {
    let directory = PathBuf::from(std::env::var_os("AYS_PICTURES").expect("AYS_PICTURES says where"));
    fs::create_dir_all(&directory).unwrap();
    let (_scene, portal) = scene();
    let browser = &portal.browser;
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
