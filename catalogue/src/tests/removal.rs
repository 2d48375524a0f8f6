//! Which stored files may go, and what is forgotten with them.

use super::support::{Fixture, at, debian_on, md5, ops, own, registration, shared, source};
use crate::{
    Adopted, AdoptedBefore, AuditOf, Catalogue, CatalogueError, Change, CopyState, ImageId, ImageMove,
    InstalledImage, Leaving, NewInstalled, StackId, StackStatus,
};
use serde_json::json;

async fn register(catalogue: &Catalogue, name: &str, contents: &[&str]) {
    for content in contents {
        let stored = registration(name, content, shared(), &["n1"]);
        catalogue.register(&stored, &at(1)).await.unwrap();
    }
}

fn old(keep: u32) -> Leaving {
    Leaving::Old { image: None, keep }
}

async fn files(catalogue: &Catalogue, leaving: &Leaving) -> Vec<String> {
    catalogue.removable(leaving).await.unwrap().into_iter().map(|file| file.file).collect()
}

#[tokio::test]
async fn what_is_offered_and_the_newest_others_stay() {
    let Fixture { catalogue, .. } = &Fixture::new().await;
    register(catalogue, "debian", &["a", "b", "c", "d"]).await;
    assert_eq!(files(catalogue, &old(2)).await, ["debian-a.raw"]);
    assert_eq!(files(catalogue, &old(9)).await, [""; 0]);
    let all = catalogue.removable(&old(0)).await.unwrap();
    assert_eq!(all.len(), 3);
    assert_eq!(all[0].of[0].why, "generation 4 is offered here");
    // An undone one is an other one.
    catalogue.change(Change::Undo(ImageId(1), Some(1)), &ops(2)).await.unwrap();
    assert_eq!(files(catalogue, &old(2)).await, ["debian-b.raw"]);
    let why = &catalogue.removable(&old(2)).await.unwrap()[0].of[0].why;
    assert_eq!(why, "generation 1 is offered here, and the 2 newest others are kept");
}

#[tokio::test]
async fn what_would_be_offered_stays_while_a_stack_or_an_image_is_away() {
    let Fixture { catalogue, .. } = &Fixture::new().await;
    register(catalogue, "debian", &["a", "b"]).await;
    catalogue.change(Change::Stack(StackId(1), StackStatus::Maintenance), &ops(2)).await.unwrap();
    assert_eq!(files(catalogue, &old(0)).await, ["debian-a.raw"]);
    catalogue.change(Change::Image(ImageId(1), ImageMove::Delete), &ops(2)).await.unwrap();
    assert_eq!(files(catalogue, &old(0)).await, ["debian-a.raw"]);
    // Where the current one is damaged, the one before is offered; it is healed, and not removed.
    catalogue.mark_damaged(&shared(), "debian-b.raw").await.unwrap();
    assert_eq!(files(catalogue, &old(0)).await, [""; 0]);
}

#[tokio::test]
async fn a_file_goes_only_when_all_that_stand_on_it_let_it_go() {
    let Fixture { catalogue, .. } = &Fixture::new().await;
    register(catalogue, "debian", &["a", "b"]).await;
    let mut stable = registration("stable", "a", shared(), &["n1"]);
    stable.stored.file = "debian-a.raw".into();
    catalogue.register(&stable, &at(2)).await.unwrap();
    assert_eq!(files(catalogue, &old(0)).await, [""; 0], "stable offers it");
    stable.stored = registration("stable", "z", shared(), &[]).stored;
    catalogue.register(&stable, &at(3)).await.unwrap();
    let both = catalogue.removable(&old(0)).await.unwrap();
    assert_eq!(both.len(), 1);
    let of: Vec<_> = both[0].of.iter().map(|of| (of.image.as_str(), of.generation)).collect();
    assert_eq!(of, [("debian", 1), ("stable", 1)]);
    // Pruning one image leaves what the other stands on.
    let only = Leaving::Old { image: Some(ImageId(1)), keep: 0 };
    assert_eq!(files(catalogue, &only).await, [""; 0]);

    let index = json!({ "images": [{ "name": "old", "file": "debian-a.raw", "size": 7 }] }).to_string();
    let adopted = Adopted::all(&index).unwrap();
    catalogue.adopt(&own(), &adopted, AdoptedBefore::Go, &ops(4)).await.unwrap();
    assert_eq!(files(catalogue, &old(0)).await, ["debian-a.raw"], "that one is in another pool");
}

#[tokio::test]
async fn a_file_that_is_being_removed_is_offered_by_nobody_and_its_removal_goes_on() {
    let Fixture { catalogue, .. } = &Fixture::new().await;
    register(catalogue, "debian", &["a", "b", "c"]).await;
    let listed = catalogue.removable(&old(1)).await.unwrap();
    // Meanwhile somebody goes back to it.
    catalogue.change(Change::Undo(ImageId(1), Some(1)), &ops(2)).await.unwrap();
    assert_eq!(catalogue.begin_removal(&old(1), &listed, &ops(3)).await.unwrap(), []);
    catalogue.change(Change::Undo(ImageId(1), Some(3)), &ops(4)).await.unwrap();

    let begun = catalogue.begin_removal(&old(1), &listed, &ops(5)).await.unwrap();
    assert_eq!(begun, listed);
    let error = catalogue.change(Change::Undo(ImageId(1), Some(1)), &ops(6)).await.unwrap_err();
    assert!(matches!(error, CatalogueError::NotHeld { .. }), "{error:?}");
    let left = catalogue.removable(&old(9)).await.unwrap();
    assert_eq!(left[0].of[0].why, "its removal was begun");
    catalogue.end_removal(&shared(), "debian-a.raw", &ops(7)).await.unwrap();
    catalogue.end_removal(&shared(), "debian-b.raw", &ops(7)).await.unwrap();
    let copies: Vec<_> = catalogue.image("debian").await.unwrap().unwrap().generations;
    let copies: Vec<_> = copies.iter().map(|generation| generation.copies.len()).collect();
    assert_eq!(copies, [1, 1, 0], "only what was being removed is forgotten");
    let told = catalogue.audit(&AuditOf::Image("debian".into()), 1).await.unwrap().remove(0);
    assert_eq!((told.before.unwrap()["file"].as_str(), told.after), (Some("debian-a.raw"), None));
}

#[tokio::test]
async fn what_is_installed_outlives_the_copy_that_it_was_installed_as() {
    let Fixture { catalogue, .. } = &Fixture::new().await;
    register(catalogue, "debian", &["a"]).await;
    let generation = catalogue.image("debian").await.unwrap().unwrap().generations[0].id;
    let installed = NewInstalled {
        template_checksum: md5("c1"),
        answers_digest: source("d1"),
        images: vec![InstalledImage { generation, pool: shared() }],
    };
    catalogue.set_installed(&debian_on("n1"), &installed, &at(1)).await.unwrap();
    register(catalogue, "debian", &["b"]).await;
    let listed = catalogue.removable(&old(0)).await.unwrap();
    catalogue.begin_removal(&old(0), &listed, &ops(3)).await.unwrap();
    catalogue.end_removal(&shared(), "debian-a.raw", &ops(3)).await.unwrap();
    let found = catalogue.installed(&debian_on("n1")).await.unwrap().unwrap();
    assert_eq!(found.parts[0].copy, None);
    assert_eq!(catalogue.installed_images().await.unwrap()[0].generation, 1);
}

#[tokio::test]
async fn an_image_goes_only_from_the_recycle_bin_and_leaves_the_files_of_others() {
    let Fixture { catalogue, .. } = &Fixture::new().await;
    register(catalogue, "debian", &["a", "b"]).await;
    let mut stable = registration("stable", "a", shared(), &["n1"]);
    stable.stored.file = "debian-a.raw".into();
    catalogue.register(&stable, &at(2)).await.unwrap();
    let leaving = Leaving::Image(ImageId(1));
    let listed = catalogue.removable(&leaving).await.unwrap();
    assert_eq!(listed.iter().map(|file| file.file.as_str()).collect::<Vec<_>>(), ["debian-b.raw"]);
    let error = catalogue.begin_removal(&leaving, &listed, &ops(3)).await.unwrap_err();
    assert!(matches!(error, CatalogueError::WrongMove { .. }), "{error:?}");
    catalogue.change(Change::Image(ImageId(1), ImageMove::Delete), &ops(3)).await.unwrap();
    assert_eq!(catalogue.begin_removal(&leaving, &listed, &ops(4)).await.unwrap(), listed);
    let states = async || -> Vec<_> {
        let generations = catalogue.image("debian").await.unwrap().unwrap().generations;
        generations.iter().map(|generation| generation.copies.first().map(|copy| copy.state)).collect()
    };
    assert_eq!(states().await, [Some(CopyState::Removing), None]);
    assert_eq!(catalogue.offers(&shared()).await.unwrap()[0].name, "stable");

    // Restored half-way, a scrub has to say what is left; an install of the same bytes knows.
    catalogue.change(Change::Image(ImageId(1), ImageMove::Restore), &ops(5)).await.unwrap();
    assert_eq!(states().await, [Some(CopyState::Damaged), None]);
    catalogue.change(Change::Image(ImageId(1), ImageMove::Delete), &ops(6)).await.unwrap();
    let listed = catalogue.removable(&leaving).await.unwrap();
    catalogue.begin_removal(&leaving, &listed, &ops(7)).await.unwrap();
    register(catalogue, "debian", &["b"]).await;
    assert_eq!(states().await, [Some(CopyState::Verified), None]);
    catalogue.end_removal(&shared(), "debian-b.raw", &ops(8)).await.unwrap();
    assert_eq!(states().await, [Some(CopyState::Verified), None]);
}
