//! Images with random changes, most of them where partition tables and file systems begin.

use ays_fuzz::disk::check;

#[test]
fn many_inputs_of_the_fuzzer() {
    let mut seed = 1_u64;
    let mut random = || {
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        seed >> 33
    };
    for round in 0..1600_u64 {
        let mut input = vec![round.to_le_bytes()[0]];
        for _ in 0..=random() % 4 {
            let place = random() % if random() % 4 == 0 { 1 << 20 } else { 2048 };
            input.extend(&place.to_le_bytes()[..3]);
            input.push(random().to_le_bytes()[0]);
        }
        check(&input);
    }
}
