//! States of images and stacks: what operators say of them, and what installs and the environment do to that.

use super::support::{Fixture, at, debian_on, md5, n1, n2, n3, ops, registration, shared, source};
use crate::{
    AuditOf, Catalogue, CatalogueError, Change, Changed, ChangedBy, ImageId, ImageMove, ImageStatus,
    InstalledImage, Leaving, NewInstalled, StackId, StackStatus,
};
use serde_json::json;

const DEBIAN: ImageId = ImageId(1);

async fn moved(catalogue: &Catalogue, step: ImageMove) -> Result<Changed, CatalogueError> {
    catalogue.change(Change::Image(DEBIAN, step), &ops(5)).await
}

async fn names(catalogue: &Catalogue) -> Vec<String> {
    let offers = catalogue.offers(&shared()).await.unwrap();
    offers.into_iter().map(|offer| offer.name.to_string()).collect()
}

async fn image_status(catalogue: &Catalogue) -> ImageStatus {
    catalogue.image("debian").await.unwrap().unwrap().image.status
}

async fn stack_status(catalogue: &Catalogue) -> Vec<StackStatus> {
    catalogue.stacks().await.unwrap().into_iter().map(|stack| stack.status).collect()
}

async fn with_debian() -> Fixture {
    let fixture = Fixture::new().await;
    let debian = registration("debian", "a", shared(), &["n1", "n2"]);
    fixture.catalogue.register(&debian, &at(0)).await.unwrap();
    fixture
}

#[tokio::test]
async fn what_is_disabled_or_deleted_is_offered_no_more_until_it_is_back() {
    let Fixture { catalogue, .. } = &with_debian().await;
    for (away, back, state) in [
        (ImageMove::Disable, ImageMove::Enable, "DISABLED"),
        (ImageMove::Delete, ImageMove::Restore, "DELETED"),
    ] {
        let changed = moved(catalogue, away).await.unwrap();
        let expected = Changed { before: json!("CREATED"), after: json!(state), pools: vec![shared()] };
        assert_eq!(changed, expected);
        assert_eq!(names(catalogue).await, [""; 0]);
        let again = moved(catalogue, away).await.unwrap();
        assert!(again.is_same() && again.pools == [shared()], "{again:?}");
        moved(catalogue, back).await.unwrap();
        assert_eq!(names(catalogue).await, ["debian"]);
    }
}

#[tokio::test]
async fn a_wrong_move_says_why_and_changes_nothing() {
    let Fixture { catalogue, .. } = &with_debian().await;
    moved(catalogue, ImageMove::Delete).await.unwrap();
    let before = catalogue.audit(&AuditOf::All, 100).await.unwrap();
    let error = moved(catalogue, ImageMove::Enable).await.unwrap_err();
    assert_eq!(error.to_string(), "debian is in the recycle bin: `ays image restore debian` brings it back");
    assert_eq!(image_status(catalogue).await, ImageStatus::Deleted);
    assert_eq!(catalogue.audit(&AuditOf::All, 100).await.unwrap(), before);
    let error = catalogue.change(Change::Image(ImageId(7), ImageMove::Enable), &ops(1)).await.unwrap_err();
    assert!(matches!(error, CatalogueError::UnknownImage { id: 7 }), "{error:?}");
}

#[tokio::test]
async fn a_preview_says_what_is_offered_after_the_change_and_changes_nothing() {
    let Fixture { catalogue, .. } = &with_debian().await;
    let offers = catalogue.offers(&shared()).await.unwrap();
    let change = Change::Image(DEBIAN, ImageMove::Disable);
    assert_eq!(catalogue.preview(change.clone(), &ops(1)).await.unwrap(), [(shared(), vec![])]);
    assert_eq!(catalogue.offers(&shared()).await.unwrap(), offers);
    catalogue.change(change, &ops(1)).await.unwrap();
    let back = Change::Image(DEBIAN, ImageMove::Enable);
    assert_eq!(catalogue.preview(back, &ops(1)).await.unwrap(), [(shared(), offers)]);
}

#[tokio::test]
async fn an_install_brings_back_what_was_deleted_and_leaves_what_is_disabled() {
    let Fixture { catalogue, .. } = &with_debian().await;
    let debian = registration("debian", "a", shared(), &["n1"]);
    for (away, status) in
        [(ImageMove::Delete, ImageStatus::Created), (ImageMove::Disable, ImageStatus::Disabled)]
    {
        moved(catalogue, away).await.unwrap();
        let registered = catalogue.register(&debian, &at(9)).await.unwrap();
        assert_eq!((registered.status, image_status(catalogue).await), (status, status), "{away:?}");
    }
}

#[tokio::test]
async fn a_destroyed_image_starts_anew_with_the_same_number() {
    let Fixture { catalogue, .. } = &with_debian().await;
    let before = catalogue.image("debian").await.unwrap().unwrap();
    let installed = NewInstalled {
        template_checksum: md5("c1"),
        answers_digest: source("d1"),
        images: vec![InstalledImage { generation: before.generations[0].id, pool: shared() }],
    };
    catalogue.set_installed(&debian_on("n1"), &installed, &at(1)).await.unwrap();
    moved(catalogue, ImageMove::Delete).await.unwrap();
    let error = moved(catalogue, ImageMove::Destroy).await.unwrap_err();
    assert!(matches!(error, CatalogueError::StillThere { copies: 1, .. }), "{error:?}");

    let leaving = Leaving::Image(DEBIAN);
    let files = catalogue.removable(&leaving).await.unwrap();
    catalogue.begin_removal(&leaving, &files, &ops(6)).await.unwrap();
    catalogue.end_removal(&shared(), "debian-a.raw", &ops(6)).await.unwrap();
    moved(catalogue, ImageMove::Destroy).await.unwrap();
    let gone = catalogue.image("debian").await.unwrap().unwrap();
    assert_eq!((gone.image.status, gone.stacks.iter().any(|on| on.wanted)), (ImageStatus::Destroyed, false));
    assert_eq!(catalogue.installed(&debian_on("n1")).await.unwrap(), None);
    assert_eq!(catalogue.current_generations().await.unwrap(), []);
    let error = moved(catalogue, ImageMove::Restore).await.unwrap_err();
    assert!(matches!(error, CatalogueError::WrongMove { .. }), "{error:?}");

    let debian = registration("debian", "b", shared(), &["n2"]);
    let registered = catalogue.register(&debian, &at(9)).await.unwrap();
    assert_eq!((registered.image_id, registered.number), (DEBIAN, 2));
    let offers = catalogue.offers(&shared()).await.unwrap();
    assert_eq!(offers[0].stacks, ["n2"]);
    assert_eq!(catalogue.image("debian").await.unwrap().unwrap().image.guid, before.image.guid);
}

#[tokio::test]
async fn what_an_operator_said_of_a_stack_outlives_its_absence_from_the_environment() {
    let Fixture { catalogue, .. } = &with_debian().await;
    let repair = ChangedBy { reason: Some("its disk is replaced".into()), ..ops(5) };
    let set = async |stack, to| catalogue.change(Change::Stack(StackId(stack), to), &repair).await;
    set(1, StackStatus::Disabled).await.unwrap();
    let changed = set(2, StackStatus::Maintenance).await.unwrap();
    assert_eq!(changed.pools, [shared()]);
    assert_eq!(names(catalogue).await, [""; 0]);
    let stacks = catalogue.stacks().await.unwrap();
    let said = (stacks[0].status_by.as_deref(), stacks[0].status_reason.as_deref(), stacks[0].in_environment);
    assert_eq!(said, (Some("ops@c"), Some("its disk is replaced"), true));

    catalogue.set_stacks(&[], &[], None, &ops(6)).await.unwrap();
    assert_eq!(stack_status(catalogue).await, [StackStatus::Disabled; 3]);
    let error = set(3, StackStatus::Enabled).await.unwrap_err();
    assert!(matches!(error, CatalogueError::WrongMove { .. }), "{error:?}");
    catalogue.set_stacks(&[n1(), n2(), n3()], &[], None, &ops(7)).await.unwrap();
    let as_before = [StackStatus::Disabled, StackStatus::Maintenance, StackStatus::Enabled];
    assert_eq!(stack_status(catalogue).await, as_before);
    set(1, StackStatus::Enabled).await.unwrap();
    assert_eq!(catalogue.offers(&shared()).await.unwrap()[0].stacks, ["n1"]);
}
