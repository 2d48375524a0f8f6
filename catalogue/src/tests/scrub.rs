//! Scrubbing: what is to be read, and what reading it came to.

use ays_model::{DiskFormat, Gid, PoolKey};

use super::support::{Fixture, at, digest, own, registration, shared};
use crate::{CatalogueError, CopyState, ScrubCopy};

fn debian(content: &str, pool: PoolKey) -> ScrubCopy {
    ScrubCopy {
        pool,
        file: format!("debian-{content}.raw"),
        format: DiskFormat::Raw,
        digest: digest(content),
        size: 2000,
        state: CopyState::Verified,
        verified_at: Some(at(0)),
        scrubbed_at: None,
        images: vec!["debian".into()],
        template: "image_debian".into(),
    }
}

#[tokio::test]
async fn a_file_is_scrubbed_once_in_each_pool_whatever_stands_on_it() {
    let Fixture { catalogue, .. } = &Fixture::new().await;
    let a = registration("debian", "a", shared(), &["n1"]);
    let mut stable = registration("stable", "a", shared(), &["n1"]);
    stable.stored = a.stored.clone();
    for registration in [&a, &stable, &registration("debian", "b", shared(), &[]), &{
        let mut elsewhere = a.clone();
        elsewhere.pool = own();
        elsewhere.wanted_on.clear();
        elsewhere
    }] {
        catalogue.register(registration, &at(0)).await.unwrap();
    }
    let of_both = ScrubCopy { images: vec!["debian".into(), "stable".into()], ..debian("a", shared()) };
    let copies = async |image| catalogue.copies_to_scrub(image).await.unwrap();
    assert_eq!(copies(None).await, Some(vec![debian("a", own()), of_both.clone(), debian("b", shared())]));
    assert_eq!(copies(Some("debian")).await, copies(None).await);
    assert_eq!(copies(Some("stable")).await, Some(vec![of_both.clone()]));
    assert_eq!(copies(Some("2")).await, Some(vec![of_both]));
    assert_eq!(copies(Some("3")).await, None);
    assert_eq!(copies(Some("alpine")).await, None);

    let grid_2 = PoolKey { gid: Gid(2), ..shared() };
    catalogue.register(&registration("debian", "a", grid_2, &[]), &at(1)).await.unwrap();
    let error = catalogue.copies_to_scrub(Some("debian")).await.unwrap_err();
    assert!(matches!(&error, CatalogueError::AmbiguousImage { ids, .. } if *ids == [1, 3]), "{error:?}");
}

#[tokio::test]
async fn what_was_read_longest_ago_is_read_first_and_what_is_on_its_way_not_at_all() {
    let Fixture { catalogue, database, .. } = &Fixture::new().await;
    for content in ["a", "b", "c"] {
        catalogue.register(&registration("debian", content, shared(), &["n1"]), &at(0)).await.unwrap();
    }
    catalogue.set_scrubbed(&debian("a", shared()), None, &at(9)).await.unwrap();
    catalogue.set_scrubbed(&debian("b", shared()), None, &at(5)).await.unwrap();
    // Neither of them is in the catalogue.
    let other_bytes = ScrubCopy { digest: digest("other bytes"), ..debian("c", shared()) };
    catalogue.set_scrubbed(&other_bytes, None, &at(6)).await.unwrap();
    catalogue.set_scrubbed(&debian("c", own()), None, &at(6)).await.unwrap();
    let expected = [
        debian("c", shared()),
        ScrubCopy { scrubbed_at: Some(at(5)), ..debian("b", shared()) },
        ScrubCopy { scrubbed_at: Some(at(9)), ..debian("a", shared()) },
    ];
    assert_eq!(catalogue.copies_to_scrub(None).await.unwrap().unwrap(), expected);

    for (state, left) in [("arriving", &expected[1..]), ("removing", &expected[1..])] {
        sqlx::query("UPDATE copy SET state = $1 WHERE file = 'debian-c.raw'")
            .bind(state)
            .execute(&database.writer)
            .await
            .unwrap();
        assert_eq!(catalogue.copies_to_scrub(None).await.unwrap().unwrap(), left, "{state}");
        catalogue.set_scrubbed(&debian("c", shared()), None, &at(7)).await.unwrap();
        assert_eq!(catalogue.copies_to_scrub(None).await.unwrap().unwrap(), left, "{state}");
    }
}

#[tokio::test]
async fn a_damaged_file_that_was_healed_is_offered_again_by_all_images_that_stand_on_it() {
    let Fixture { catalogue, .. } = &Fixture::new().await;
    let of_debian = registration("debian", "a", shared(), &["n1"]);
    let mut stable = registration("stable", "a", shared(), &["n1"]);
    stable.stored = of_debian.stored.clone();
    catalogue.register(&of_debian, &at(0)).await.unwrap();
    catalogue.register(&stable, &at(1)).await.unwrap();
    let both = catalogue.offers(&shared()).await.unwrap();
    assert_eq!(both.len(), 2);

    let copy = async |image| {
        let copy = catalogue.image(image).await.unwrap().unwrap().generations.remove(0).copies.remove(0);
        (copy.state, copy.verified_at, copy.scrubbed_at)
    };
    catalogue.set_scrubbed(&debian("a", shared()), None, &at(2)).await.unwrap();
    assert_eq!(copy("debian").await, (CopyState::Verified, Some(at(0)), Some(at(2))));
    assert_eq!(copy("stable").await, (CopyState::Verified, Some(at(1)), Some(at(2))));

    catalogue.mark_damaged(&shared(), "debian-a.raw").await.unwrap();
    assert_eq!(catalogue.offers(&shared()).await.unwrap(), []);
    let damaged = catalogue.copies_to_scrub(None).await.unwrap().unwrap();
    assert_eq!(damaged.iter().map(|copy| copy.state).collect::<Vec<_>>(), [CopyState::Damaged]);
    assert_eq!(catalogue.rehearse_scrubbed(&damaged[0], None, &at(3)).await.unwrap(), both);
    assert_eq!(catalogue.copies_to_scrub(None).await.unwrap().unwrap(), damaged, "it was only rehearsed");
    assert_eq!(catalogue.offers(&shared()).await.unwrap(), []);
    catalogue.set_scrubbed(&debian("a", shared()), None, &at(3)).await.unwrap();
    assert_eq!(copy("debian").await, (CopyState::Verified, Some(at(3)), Some(at(3))));
    assert_eq!(copy("stable").await, (CopyState::Verified, Some(at(3)), Some(at(3))));
    assert_eq!(catalogue.offers(&shared()).await.unwrap(), both);

    // Written anew, it has not been read again.
    catalogue.mark_damaged(&shared(), "debian-a.raw").await.unwrap();
    catalogue.register(&of_debian, &at(4)).await.unwrap();
    assert_eq!(copy("debian").await, (CopyState::Verified, Some(at(4)), None));
    assert_eq!(copy("stable").await, (CopyState::Verified, Some(at(4)), None));
}

#[tokio::test]
async fn what_was_brought_anew_while_it_was_read_is_not_bad() {
    let Fixture { catalogue, .. } = &Fixture::new().await;
    let registration = registration("debian", "a", shared(), &["n1"]);
    catalogue.register(&registration, &at(0)).await.unwrap();
    let listed = async || catalogue.copies_to_scrub(None).await.unwrap().unwrap().remove(0);
    let before = listed().await;

    assert!(catalogue.set_bad(&before).await.unwrap());
    assert_eq!(listed().await.state, CopyState::Damaged);
    assert!(catalogue.set_bad(&before).await.unwrap(), "it still is");

    catalogue.register(&registration, &at(1)).await.unwrap();
    assert!(!catalogue.set_bad(&before).await.unwrap());
    assert_eq!(listed().await.state, CopyState::Verified);
    assert!(catalogue.set_bad(&listed().await).await.unwrap());
    assert_eq!(listed().await.state, CopyState::Damaged);
}

#[tokio::test]
async fn the_same_bytes_in_other_pools_are_good_copies_until_they_are_damaged() {
    let Fixture { catalogue, .. } = &Fixture::new().await;
    let grid_2 = PoolKey { gid: Gid(2), ..shared() };
    let grid_0 = PoolKey { gid: Gid(0), ..shared() };
    for pool in [shared(), own(), grid_2.clone(), grid_0.clone()] {
        catalogue.register(&registration("debian", "a", pool, &[]), &at(0)).await.unwrap();
    }
    catalogue.register(&registration("debian", "b", own(), &[]), &at(0)).await.unwrap();
    let damaged = debian("a", shared());
    let pools = async || {
        let copies = catalogue.good_copies(&damaged).await.unwrap();
        copies.into_iter().map(|copy| copy.pool).collect::<Vec<_>>()
    };
    assert_eq!(pools().await, [own(), grid_0.clone(), grid_2.clone()]);
    catalogue.mark_damaged(&own(), "debian-a.raw").await.unwrap();
    assert_eq!(pools().await, [grid_0, grid_2]);
}
