//! What a name, a number or a checksum leads to.

use ays_model::{Gid, PoolKey};

use super::support::{Fixture, at, own, registration, shared};
use crate::{Catalogue, Registration};

const SOURCE: &str = "5ba3c476f5aa4b2a9d3c1f1f2d9e0b7a6c5d4e3f2a1b0c9d8e7f6a5b4c3d2e1f";
const STORED: &str = "5ba3c47600000000000000000000000000000000000000000000000000000001";
const OTHERWISE: &str = "0123456700000000000000000000000000000000000000000000000000000002";
const MD5: &str = "d41d8cd98f00b204e9800998ecf8427e";

/// Debian's generations 1, with real checksums, in two pools and in other bytes in the second, and 2; then Alpine.
async fn fixture() -> Fixture {
    let fixture = Fixture::new().await;
    let mut first = registration("debian", "a", shared(), &["n1", "n2"]);
    first.source.sha256 = SOURCE.parse().unwrap();
    first.source.md5 = MD5.parse().unwrap();
    first.stored.content = format!("fsverity-sha256:{STORED}").parse().unwrap();
    first.stored.digest = first.stored.content;
    let mut converted = Registration { pool: own(), ..first.clone() };
    converted.stored.format = ays_model::DiskFormat::Qcow2;
    converted.stored.digest = format!("fsverity-sha256:{OTHERWISE}").parse().unwrap();
    for registration in [
        registration("debian", "b", own(), &["n3"]),
        first,
        converted,
        registration("alpine", "x", shared(), &["n1"]),
    ] {
        fixture.catalogue.register(&registration, &at(0)).await.unwrap();
    }
    fixture
}

/// Image, grid and generation of what is found.
async fn found(catalogue: &Catalogue, asked: &str) -> Vec<(String, u32, u32)> {
    let found = catalogue.find(asked).await.unwrap();
    found
        .into_iter()
        .map(|found| (found.image.name.into(), found.image.gid.0, found.generation.number))
        .collect()
}

/// The numbers of all images, by name.
async fn ids(catalogue: &Catalogue) -> Vec<String> {
    catalogue.images().await.unwrap().into_iter().map(|image| image.id.0.to_string()).collect()
}

#[tokio::test]
async fn names_and_numbers_lead_to_all_generations() {
    let Fixture { catalogue, .. } = &fixture().await;
    let debian = [("debian".to_owned(), 1, 2), ("debian".to_owned(), 1, 1)];
    assert_eq!(found(catalogue, "debian").await, debian);
    let [alpine_id, debian_id] = &ids(catalogue).await[..] else { panic!() };
    assert_eq!(found(catalogue, debian_id).await, debian);
    assert_eq!(found(catalogue, alpine_id).await, [("alpine".into(), 1, 1)]);
    for unknown in ["999", "Debian", "", "*", "debian*"] {
        assert_eq!(found(catalogue, unknown).await, [], "{unknown}");
    }

    // A name goes before a number, and may be that of several grids' images.
    catalogue.register(&registration(debian_id, "y", shared(), &[]), &at(1)).await.unwrap();
    assert_eq!(found(catalogue, debian_id).await, [(debian_id.clone(), 1, 1)]);
    let grid_2 = PoolKey { gid: Gid(2), ..shared() };
    catalogue.register(&registration("debian", "z", grid_2, &[]), &at(1)).await.unwrap();
    assert_eq!(found(catalogue, "debian").await, [&debian[..], &[("debian".into(), 2, 1)]].concat());
}

#[tokio::test]
async fn checksums_and_their_first_digits_lead_to_what_has_them() {
    let Fixture { catalogue, .. } = &fixture().await;
    let first = [("debian".to_owned(), 1, 2)];
    for checksum in [SOURCE, STORED, OTHERWISE, MD5] {
        for asked in [checksum, &checksum[..8], &checksum.to_uppercase()] {
            assert_eq!(found(catalogue, asked).await, first, "{asked}");
        }
        for asked in
            [&checksum[..7], &checksum[1..], &format!("{checksum}0"), &format!("{}*", &checksum[..8])]
        {
            assert_eq!(found(catalogue, asked).await, [], "{asked}");
        }
    }
    // One that is called so goes first.
    catalogue.register(&registration(MD5, "m", shared(), &[]), &at(1)).await.unwrap();
    assert_eq!(found(catalogue, MD5).await, [(MD5.parse().unwrap(), 1, 1)]);
}

#[tokio::test]
async fn what_is_found_is_what_the_image_shows_and_who_offers_it() {
    let Fixture { catalogue, .. } = &fixture().await;
    catalogue.mark_damaged(&own(), "debian-a.raw").await.unwrap();
    let shown = catalogue.image("debian").await.unwrap().unwrap();
    let found = catalogue.find("debian").await.unwrap();
    assert_eq!(found[0].image, shown.image);
    let generations: Vec<_> = found.iter().map(|found| found.generation.clone()).collect();
    assert_eq!(generations, shown.generations);
    let offered_by: Vec<_> = found.into_iter().map(|found| found.offered_by).collect();
    assert_eq!(offered_by, [vec!["n1", "n2"], vec!["n3"]]);
}
