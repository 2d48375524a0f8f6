//! The model's rules: only what is true is offered.

use ays_model::{BootType, DiskFormat, Gid, ImageName, NodeName, PoolKey};

use super::support::{Fixture, at, digest, n1, n2, n3, ops, own, registration, shared, source};
use crate::{
    Catalogue, CatalogueError, CommitFacts, GenerationId, ImageId, ImageStatus, KnownCopy, Offer, Registered,
    StackFacts, StackStatus,
};

/// Name, generation, file and stacks of what a pool offers.
async fn offered(catalogue: &Catalogue, pool: &PoolKey) -> Vec<(ImageName, u32, String, Vec<NodeName>)> {
    let offers = catalogue.offers(pool).await.unwrap();
    offers.into_iter().map(|offer| (offer.name, offer.generation, offer.file, offer.stacks)).collect()
}

fn debian(generation: u32, content: &str, stacks: &[&str]) -> Vec<(ImageName, u32, String, Vec<NodeName>)> {
    let stacks = stacks.iter().map(|&stack| stack.into()).collect();
    vec![("debian".into(), generation, format!("debian-{content}.raw"), stacks)]
}

#[tokio::test]
async fn a_registered_image_is_offered_by_the_wanted_stacks_of_its_pool() {
    let Fixture { catalogue, .. } = &Fixture::new().await;
    let registered = catalogue
        .register(&registration("debian", "a", shared(), &["n1", "n2", "n3"]), &at(0))
        .await
        .unwrap();
    assert_eq!(
        registered,
        Registered {
            image_id: ImageId(1),
            generation: GenerationId(1),
            number: 1,
            new_image: true,
            new_generation: true,
            status: ImageStatus::Created,
            undone: false,
        }
    );
    let offer = Offer {
        name: "debian".into(),
        id: ImageId(1),
        generation: 1,
        file: "debian-a.raw".into(),
        format: DiskFormat::Raw,
        digest: digest("a"),
        size: 2000,
        virtual_size: 2000,
        boot_type: BootType::Bios,
        minimum_size: 10,
        hot_resize: true,
        category: "Linux".into(),
        stacks: vec!["n1".into(), "n2".into()],
        verified_at_source: true,
    };
    assert_eq!(catalogue.offers(&shared()).await.unwrap(), [offer]);
    // Wanted on n3 too, but its pool has no copy.
    assert_eq!(catalogue.offers(&own()).await.unwrap(), []);
    let on_stacks: Vec<_> = catalogue
        .image("debian")
        .await
        .unwrap()
        .unwrap()
        .stacks
        .into_iter()
        .map(|on| (on.stack.name, on.wanted, on.offered_generation, on.stack.images))
        .collect();
    assert_eq!(
        on_stacks,
        [
            ("n1".into(), true, Some(1), vec![ImageId(1)]),
            ("n2".into(), true, Some(1), vec![ImageId(1)]),
            ("n3".into(), true, None, vec![]),
        ]
    );
}

#[tokio::test]
async fn what_nobody_wants_is_not_offered() {
    let Fixture { catalogue, .. } = &Fixture::new().await;
    catalogue.register(&registration("debian", "a", shared(), &[]), &at(0)).await.unwrap();
    assert_eq!(catalogue.offers(&shared()).await.unwrap(), []);
    catalogue.register(&registration("debian", "a", shared(), &["n2"]), &at(1)).await.unwrap();
    assert_eq!(offered(catalogue, &shared()).await, debian(1, "a", &["n2"]));
}

#[tokio::test]
async fn a_new_generation_is_offered_only_by_the_pool_that_has_it() {
    let Fixture { catalogue, .. } = &Fixture::new().await;
    catalogue.register(&registration("debian", "a", shared(), &["n1"]), &at(0)).await.unwrap();
    catalogue.register(&registration("debian", "a", own(), &["n3"]), &at(1)).await.unwrap();
    let second = catalogue.register(&registration("debian", "b", own(), &["n3"]), &at(2)).await.unwrap();
    assert_eq!((second.number, second.new_image, second.new_generation), (2, false, true));
    assert_eq!(offered(catalogue, &shared()).await, debian(1, "a", &["n1"]));
    assert_eq!(offered(catalogue, &own()).await, debian(2, "b", &["n3"]));

    catalogue.register(&registration("debian", "b", shared(), &["n1"]), &at(3)).await.unwrap();
    assert_eq!(offered(catalogue, &shared()).await, debian(2, "b", &["n1"]));
}

#[tokio::test]
async fn content_that_comes_back_is_its_old_generation_and_is_offered_again() {
    let Fixture { catalogue, .. } = &Fixture::new().await;
    let first = catalogue.register(&registration("debian", "a", shared(), &["n1"]), &at(0)).await.unwrap();
    catalogue.register(&registration("debian", "b", shared(), &["n1"]), &at(1)).await.unwrap();
    let again = catalogue.register(&registration("debian", "a", shared(), &["n1"]), &at(2)).await.unwrap();
    assert_eq!(again, Registered { new_image: false, new_generation: false, ..first });
    assert_eq!(offered(catalogue, &shared()).await, debian(1, "a", &["n1"]));
}

#[tokio::test]
async fn content_that_comes_back_in_one_pool_takes_the_image_from_no_other() {
    let Fixture { catalogue, .. } = &Fixture::new().await;
    catalogue.register(&registration("debian", "a", shared(), &["n1"]), &at(0)).await.unwrap();
    catalogue.register(&registration("debian", "b", own(), &["n3"]), &at(1)).await.unwrap();
    catalogue.register(&registration("debian", "a", shared(), &["n1"]), &at(2)).await.unwrap();
    assert_eq!(offered(catalogue, &shared()).await, debian(1, "a", &["n1"]));
    assert_eq!(offered(catalogue, &own()).await, debian(2, "b", &["n3"]));

    // Of several newer ones the newest; one that is not newer than the current one goes before all of them.
    catalogue.register(&registration("debian", "c", own(), &["n3"]), &at(3)).await.unwrap();
    catalogue.register(&registration("debian", "a", shared(), &["n1"]), &at(4)).await.unwrap();
    assert_eq!(offered(catalogue, &own()).await, debian(3, "c", &["n3"]));
    catalogue.mark_damaged(&own(), "debian-c.raw").await.unwrap();
    assert_eq!(offered(catalogue, &own()).await, debian(2, "b", &["n3"]));
    catalogue.register(&registration("debian", "a", own(), &["n3"]), &at(5)).await.unwrap();
    assert_eq!(offered(catalogue, &own()).await, debian(1, "a", &["n3"]));
}

#[tokio::test]
async fn a_generation_is_known_by_its_content_whatever_the_source_and_the_format() {
    let Fixture { catalogue, .. } = &Fixture::new().await;
    catalogue.register(&registration("debian", "a", shared(), &["n1"]), &at(0)).await.unwrap();

    // The same disk, packed anew at the source.
    let mut repacked = registration("debian", "a", shared(), &["n1"]);
    repacked.source.sha256 = source("another");
    assert_eq!(catalogue.register(&repacked, &at(1)).await.unwrap().number, 1);

    // The same content in another format: the copy is what lies in that pool.
    let mut converted = registration("debian", "a", own(), &["n3"]);
    converted.stored.format = DiskFormat::Qcow2;
    converted.stored.digest = digest("otherwise");
    converted.stored.file = "debian-other.raw".into();
    assert_eq!(catalogue.register(&converted, &at(2)).await.unwrap().number, 1);
    let offers = catalogue.offers(&own()).await.unwrap();
    let [in_own] = &offers[..] else { panic!("{offers:?}") };
    assert_eq!(
        (in_own.generation, in_own.format, in_own.digest),
        (1, DiskFormat::Qcow2, digest("otherwise"))
    );
    assert_eq!(offered(catalogue, &shared()).await, debian(1, "a", &["n1"]));

    // A converter that makes another content of the same source makes another generation.
    let mut other = registration("debian", "q", shared(), &["n1"]);
    other.source.sha256 = source("a");
    assert_eq!(catalogue.register(&other, &at(3)).await.unwrap().number, 2);

    // Where both are known, what lies in the pool counts.
    catalogue.register(&registration("debian", "b", shared(), &["n1"]), &at(4)).await.unwrap();
    let mut mixed = registration("debian", "b", shared(), &["n1"]);
    mixed.source.sha256 = source("a");
    assert_eq!(catalogue.register(&mixed, &at(5)).await.unwrap().number, 3);
}

#[tokio::test]
async fn registering_again_changes_nothing() {
    let Fixture { catalogue, .. } = &Fixture::new().await;
    let debian = registration("debian", "a", shared(), &["n1"]);
    let first = catalogue.register(&debian, &at(0)).await.unwrap();
    let before = catalogue.image("debian").await.unwrap();
    let again = catalogue.register(&debian, &at(9)).await.unwrap();
    assert_eq!(again, Registered { new_image: false, new_generation: false, ..first });
    assert_eq!(catalogue.image("debian").await.unwrap(), before);
}

#[tokio::test]
async fn a_rehearsal_tells_what_registering_makes_true_and_changes_nothing() {
    let Fixture { catalogue, .. } = &Fixture::new().await;
    catalogue.register(&registration("alpine", "x", shared(), &["n2"]), &at(0)).await.unwrap();
    catalogue.register(&registration("debian", "a", shared(), &["n1"]), &at(1)).await.unwrap();
    let images = catalogue.images().await.unwrap();
    let debian = catalogue.image("debian").await.unwrap();
    for next in [
        registration("debian", "b", shared(), &["n1", "n2"]),
        registration("ubuntu", "u", shared(), &["n1"]),
        registration("ubuntu", "u", own(), &["n3"]),
        registration("ubuntu", "u", PoolKey { path: "/new".into(), ..own() }, &["n3"]),
    ] {
        let rehearsed = catalogue.rehearse(&next, &at(2)).await.unwrap();
        assert_eq!(catalogue.images().await.unwrap(), images);
        assert_eq!(catalogue.image("debian").await.unwrap(), debian);

        let fixture = Fixture::new().await;
        let other = &fixture.catalogue;
        other.register(&registration("alpine", "x", shared(), &["n2"]), &at(0)).await.unwrap();
        other.register(&registration("debian", "a", shared(), &["n1"]), &at(1)).await.unwrap();
        other.register(&next, &at(2)).await.unwrap();
        assert_eq!(rehearsed, other.offers(&next.pool).await.unwrap());
    }
}

#[tokio::test]
async fn a_damaged_copy_gives_way_to_the_generation_before_until_it_is_registered_again() {
    let Fixture { catalogue, .. } = &Fixture::new().await;
    catalogue.register(&registration("debian", "a", shared(), &["n1"]), &at(0)).await.unwrap();
    catalogue.register(&registration("debian", "b", shared(), &["n1"]), &at(1)).await.unwrap();
    catalogue.mark_damaged(&shared(), "debian-b.raw").await.unwrap();
    assert_eq!(offered(catalogue, &shared()).await, debian(1, "a", &["n1"]));
    catalogue.mark_damaged(&shared(), "debian-a.raw").await.unwrap();
    assert_eq!(offered(catalogue, &shared()).await, []);
    catalogue.register(&registration("debian", "b", shared(), &["n1"]), &at(2)).await.unwrap();
    assert_eq!(offered(catalogue, &shared()).await, debian(2, "b", &["n1"]));
}

#[tokio::test]
async fn a_file_is_damaged_or_whole_for_all_images_that_stand_on_it() {
    let Fixture { catalogue, .. } = &Fixture::new().await;
    let debian = registration("debian", "a", shared(), &["n1"]);
    let mut stable = registration("stable", "a", shared(), &["n1"]);
    stable.stored = debian.stored.clone();
    catalogue.register(&debian, &at(0)).await.unwrap();
    catalogue.register(&stable, &at(1)).await.unwrap();
    let both = catalogue.offers(&shared()).await.unwrap();
    assert_eq!(both.len(), 2);
    catalogue.mark_damaged(&shared(), "debian-a.raw").await.unwrap();
    assert_eq!(catalogue.offers(&shared()).await.unwrap(), []);
    catalogue.register(&debian, &at(2)).await.unwrap();
    assert_eq!(catalogue.offers(&shared()).await.unwrap(), both);
}

#[tokio::test]
async fn a_stack_that_the_environment_lost_offers_nothing_until_it_is_back() {
    let Fixture { catalogue, .. } = &Fixture::new().await;
    catalogue.register(&registration("debian", "a", shared(), &["n1", "n2"]), &at(0)).await.unwrap();
    catalogue.set_stacks(&[n2(), n3()], &[], None, &ops(0)).await.unwrap();
    assert_eq!(offered(catalogue, &shared()).await, debian(1, "a", &["n2"]));
    catalogue.set_stacks(&[n1(), n2(), n3()], &[], None, &ops(0)).await.unwrap();
    assert_eq!(offered(catalogue, &shared()).await, debian(1, "a", &["n1", "n2"]));
}

#[tokio::test]
async fn a_stack_that_moves_to_another_pool_offers_what_that_pool_has() {
    let Fixture { catalogue, .. } = &Fixture::new().await;
    catalogue.register(&registration("debian", "a", shared(), &["n1", "n2"]), &at(0)).await.unwrap();
    let moved = PoolKey { path: "/mnt/other".into(), ..shared() };
    catalogue
        .set_stacks(&[StackFacts { pool: moved.clone(), ..n1() }, n2()], &[], None, &ops(0))
        .await
        .unwrap();
    assert_eq!(offered(catalogue, &shared()).await, debian(1, "a", &["n2"]));
    assert_eq!(offered(catalogue, &moved).await, []);
}

#[tokio::test]
async fn only_a_created_image_is_offered() {
    let Fixture { catalogue, database, .. } = &Fixture::new().await;
    catalogue.register(&registration("debian", "a", shared(), &["n1"]), &at(0)).await.unwrap();
    for (status, count) in
        [("CREATING", 0), ("DISABLED", 0), ("DELETED", 0), ("DESTROYED", 0), ("CREATED", 1)]
    {
        sqlx::query("UPDATE image SET status = $1").bind(status).execute(&database.writer).await.unwrap();
        assert_eq!(catalogue.offers(&shared()).await.unwrap().len(), count, "{status}");
    }
}

#[tokio::test]
async fn an_unknown_stack_is_an_error_and_nothing_is_kept() {
    let Fixture { catalogue, .. } = &Fixture::new().await;
    let error =
        catalogue.register(&registration("debian", "a", shared(), &["n1", "n9"]), &at(0)).await.unwrap_err();
    assert!(
        matches!(&error, CatalogueError::UnknownStack { name, gid: Gid(1) } if name == "n9"),
        "{error:?}"
    );
    assert_eq!(error.to_string(), "there is no stack n9 in grid 1");
    assert_eq!(catalogue.images().await.unwrap(), []);
    assert_eq!(catalogue.offers(&shared()).await.unwrap(), []);
}

#[tokio::test]
async fn a_copy_is_found_by_its_source() {
    let Fixture { catalogue, .. } = &Fixture::new().await;
    catalogue.register(&registration("debian", "a", shared(), &["n1"]), &at(0)).await.unwrap();
    catalogue.register(&registration("debian", "b", shared(), &["n1"]), &at(1)).await.unwrap();
    let look = async |image: &str, content: &str, format, pool: &PoolKey| {
        catalogue.copy_of_source(image, source(content), format, pool).await.unwrap()
    };
    let known = KnownCopy {
        pool: shared(),
        generation: GenerationId(1),
        number: 1,
        file: "debian-a.raw".into(),
        format: DiskFormat::Raw,
        content: digest("a"),
        digest: digest("a"),
        size: 2000,
        virtual_size: 2000,
    };
    assert_eq!(look("debian", "a", DiskFormat::Raw, &shared()).await.as_ref(), Some(&known));
    assert_eq!(look("debian", "a", DiskFormat::Qcow2, &shared()).await, None);
    assert_eq!(look("debian", "a", DiskFormat::Raw, &own()).await, None);
    assert_eq!(look("debian", "c", DiskFormat::Raw, &shared()).await, None);
    assert_eq!(look("alpine", "a", DiskFormat::Raw, &shared()).await, None);
    catalogue.mark_damaged(&shared(), "debian-a.raw").await.unwrap();
    assert_eq!(look("debian", "a", DiskFormat::Raw, &shared()).await, None);

    let mut qcow2 = registration("debian", "q", shared(), &["n1"]);
    qcow2.source.sha256 = source("a");
    qcow2.stored.format = DiskFormat::Qcow2;
    catalogue.register(&qcow2, &at(2)).await.unwrap();
    let in_qcow2 = KnownCopy {
        generation: GenerationId(3),
        number: 3,
        file: "debian-q.raw".into(),
        format: DiskFormat::Qcow2,
        content: digest("q"),
        digest: digest("q"),
        ..known
    };
    assert_eq!(look("debian", "a", DiskFormat::Qcow2, &shared()).await, Some(in_qcow2));
}

#[tokio::test]
async fn a_clone_of_an_older_commit_takes_away_no_stack_and_brings_none_back() {
    let Fixture { catalogue, .. } = &Fixture::new().await;
    let commit = |id: &str, seconds| CommitFacts { commit_id: id.into(), committed_at: at(seconds) };
    let names = async || -> Vec<(String, StackStatus)> {
        let stacks = catalogue.stacks().await.unwrap();
        stacks.into_iter().map(|stack| (stack.name.into(), stack.status)).collect()
    };
    let (on, off) = (StackStatus::Enabled, StackStatus::Disabled);
    let newer = commit("new", 10);
    assert_eq!(catalogue.set_stacks(&[n1(), n2()], &[], Some(&newer), &ops(0)).await.unwrap(), None);
    assert_eq!(names().await, [("n1".into(), on), ("n2".into(), on), ("n3".into(), off)]);

    // It does not know n2, and still has n3; n9 is nobody else's, so that it can be installed on.
    let n9 = StackFacts { name: "n9".into(), pool: own() };
    let moved = StackFacts { pool: own(), ..n1() };
    let older = commit("old", 9);
    assert_eq!(
        catalogue.set_stacks(&[moved, n3(), n9], &[], Some(&older), &ops(0)).await.unwrap(),
        Some(newer.clone())
    );
    assert_eq!(names().await, [("n1".into(), on), ("n2".into(), on), ("n3".into(), off), ("n9".into(), on)]);
    let pools = catalogue.stacks().await.unwrap();
    assert_eq!(pools[0].descr, pools[1].descr, "n1 has its pool still");

    // One that is as new, or newer, decides again; one without a commit too.
    for from in [Some(commit("other", 10)), Some(commit("next", 11)), None] {
        assert_eq!(catalogue.set_stacks(&[n1()], &[], from.as_ref(), &ops(0)).await.unwrap(), None);
        assert_eq!(names().await.iter().filter(|(_, status)| *status == on).count(), 1);
    }
}
