//! Packed files with random changes.

use std::fs;
use std::path::Path;

use ays_fuzz::unpack::check;

#[test]
fn many_changes_of_every_fixture() {
    let mut seed = 1_u64;
    let mut random = |below: usize| {
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(seed >> 33).unwrap() % below
    };
    let fixtures = Path::new(env!("CARGO_MANIFEST_DIR")).join("../fixtures/fuzz/unpack");
    let inputs: Vec<Vec<u8>> =
        fs::read_dir(fixtures).unwrap().map(|entry| fs::read(entry.unwrap().path()).unwrap()).collect();
    assert!(inputs.len() >= 7);
    for input in &inputs {
        for _ in 0..400 {
            let mut changed = input.clone();
            for _ in 0..=random(3) {
                let at = random(changed.len());
                changed[at] = random(256).to_le_bytes()[0];
            }
            changed.truncate(1 + random(changed.len() * 4));
            check(&changed);
        }
    }
}
