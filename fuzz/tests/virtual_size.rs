//! What `scripts/fuzz` begins with, changed at random places.

use std::fs;
use std::path::Path;

use ays_fuzz::virtual_size::{check, size};

#[test]
fn many_changes_of_every_fixture() {
    let fixtures = Path::new(env!("CARGO_MANIFEST_DIR")).join("../fixtures/fuzz/virtual_size");
    let mut seed = 1_u64;
    let mut random = || {
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        seed >> 33
    };
    for file in fs::read_dir(fixtures).unwrap() {
        let path = file.unwrap().path();
        let whole = fs::read(&path).unwrap();
        // What is only refused leads nowhere.
        assert_eq!(size(&whole).is_some(), !path.ends_with("nothing"), "{}", path.display());
        for _ in 0..100 {
            let mut input = whole.clone();
            for _ in 0..random() % 4 {
                let at = random() as usize % input.len();
                input[at] = random().to_le_bytes()[0];
            }
            input.truncate(input.len().saturating_sub(random() as usize % 4));
            check(&input);
        }
    }
}
