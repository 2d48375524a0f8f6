//! The content of disks that no tool can make or read in time, and of many small ones, against the plain implementation.

use std::time::{Duration, Instant};

use ays_fuzz::content::{Extent, check, check_raw};
use proptest::prelude::{ProptestConfig, any, prop, prop_oneof, proptest};
use proptest::strategy::{Just, Strategy};

const KIB: u64 = 1 << 10;
const MIB: u64 = 1 << 20;
const TIB: u64 = 1 << 40;

#[test]
fn terabytes_of_holes() {
    let begun = Instant::now();
    let data = |place, length, seed| Extent { place, length, seed };
    for size in [TIB, TIB + 1, 3 * TIB + 4097, 8 * TIB - 4096, 8 * TIB] {
        check_raw(size, &[]);
        check_raw(size, &[data(size - 1, 1, 3)]);
        check_raw(
            size,
            &[
                data(0, 1, 1),
                data(64 * MIB - 5, 10, 7),
                data(TIB - 600 * 1024, 1 << 20, 9),
                data(size / 2, 4096, 0),
            ],
        );
    }
    assert!(begun.elapsed() < Duration::from_secs(20), "{:?}", begun.elapsed());
}

/// A size that is round, or nearly.
fn size() -> impl Strategy<Value = u64> {
    let units = prop_oneof![Just(4 * KIB), Just(512 * KIB), Just(64 * MIB), Just(8192 * MIB)];
    (units, 0..130_u64, -2..=2_i64).prop_map(|(unit, count, by)| (unit * count).saturating_add_signed(by))
}

fn extents() -> impl Strategy<Value = Vec<Extent>> {
    let near = prop_oneof![0..2 * MIB, any::<u64>(), (0..1000_u64).prop_map(|count| count * 512 * KIB)];
    let extent =
        (near, 0..700_000_u32, any::<u8>()).prop_map(|(place, length, seed)| Extent { place, length, seed });
    prop::collection::vec(extent, 0..5)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_raw_file(size in size(), extents in extents()) {
        check_raw(size, &extents);
    }
}

#[test]
fn many_inputs_of_the_fuzzer() {
    let mut seed = 1_u64;
    for round in 0..600 {
        let input: Vec<u8> = (0..40 + round % 160)
            .map(|_| {
                seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
                (seed >> 40).to_le_bytes()[0]
            })
            .collect();
        for kind in 0..3 {
            check(&[&[kind], &input[..]].concat());
        }
    }
}
