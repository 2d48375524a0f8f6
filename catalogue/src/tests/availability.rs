//! Where an image is wanted, and copies that are brought to pools which lack it.

use serde_json::json;

use super::support::{Fixture, at, digest, n1, n2, n3, ops, own, registration, shared};
use crate::{
    AuditOf, Catalogue, CatalogueError, Change, CopyState, HoldingFilter, ImageId, NewCopy, StackFacts,
    StackId, StackStatus,
};

/// The numbers of these stacks.
async fn stacks(catalogue: &Catalogue, names: &[&str]) -> Vec<StackId> {
    let known = catalogue.stacks().await.unwrap();
    names.iter().map(|name| known.iter().find(|stack| stack.name == **name).unwrap().id).collect()
}

/// Which generation each stack offers, by the stack's name.
async fn offered(catalogue: &Catalogue) -> Vec<(String, bool, Option<u32>)> {
    let detail = catalogue.image("debian").await.unwrap().unwrap();
    let stacks = detail.stacks.into_iter();
    stacks.map(|on| (on.stack.name.to_string(), on.wanted, on.offered_generation)).collect()
}

#[tokio::test]
async fn what_stacks_have_is_asked_for_by_stack_or_by_what_is_wrong() {
    let Fixture { catalogue, .. } = &Fixture::new().await;
    let image =
        catalogue.register(&registration("debian", "a", shared(), &["n1"]), &at(0)).await.unwrap().image_id;
    let add = stacks(catalogue, &["n2", "n3"]).await;
    let n1 = stacks(catalogue, &["n1"]).await[0];
    catalogue.change(Change::Wanted { image, add, remove: vec![] }, &ops(1)).await.unwrap();
    let named = async |filter: HoldingFilter| {
        let found = catalogue.holdings(&filter).await.unwrap();
        found.into_iter().map(|held| (held.stack_name.to_string(), held.offers)).collect::<Vec<_>>()
    };
    let all = ["n1", "n2", "n3"].map(|name| (name.to_owned(), (name != "n3").then_some(1)));
    assert_eq!(named(HoldingFilter::default()).await, all);
    assert_eq!(named(HoldingFilter { stack: Some(n1), only_wrong: false }).await, all[..1]);
    // Its pool does not have it.
    assert_eq!(named(HoldingFilter { stack: None, only_wrong: true }).await, all[2..]);
    assert_eq!(catalogue.numbers().await.unwrap().wanted, 3);
}

#[tokio::test]
async fn it_is_wanted_where_that_is_said_or_all_stays() {
    let Fixture { catalogue, .. } = &Fixture::new().await;
    let image =
        catalogue.register(&registration("debian", "a", shared(), &["n1"]), &at(0)).await.unwrap().image_id;
    let want = async |add: &[&str], remove: &[&str]| {
        let (add, remove) = (stacks(catalogue, add).await, stacks(catalogue, remove).await);
        catalogue.change(Change::Wanted { image, add, remove }, &ops(1)).await
    };
    let changed = want(&["n2", "n3"], &["n1"]).await.unwrap();
    assert_eq!((changed.before, changed.after), (json!(["n1"]), json!(["n2", "n3"])));
    assert_eq!(changed.pools, [shared()]);
    let said = [("n1", false, None), ("n2", true, Some(1)), ("n3", true, None)];
    let said = said.map(|(name, wanted, offers)| (name.to_owned(), wanted, offers));
    assert_eq!(offered(catalogue).await, said);

    // A stack of another grid, or none at all, leaves all as it was.
    let mut elsewhere = shared();
    elsewhere.gid = ays_model::Gid(2);
    let n9 = StackFacts { name: "n9".into(), pool: elsewhere };
    catalogue.set_stacks(&[n1(), n2(), n3(), n9], &[], None, &ops(2)).await.unwrap();
    let audited = catalogue.audit(&AuditOf::All, 100).await.unwrap().len();
    let error = want(&["n1", "n9"], &["n2"]).await.unwrap_err();
    assert!(matches!(error, CatalogueError::NoStackOfGrid { .. }), "{error:?}");
    let nowhere = Change::Wanted { image, add: vec![StackId(99)], remove: vec![] };
    catalogue.change(nowhere, &ops(3)).await.unwrap_err();
    assert_eq!(offered(catalogue).await, said);
    want(&["n2", "n3"], &["n1"]).await.unwrap();
    assert_eq!(catalogue.audit(&AuditOf::All, 100).await.unwrap().len(), audited);
    want(&[], &["n2", "n3"]).await.unwrap();
    assert!(offered(catalogue).await.iter().all(|(_, wanted, offers)| !wanted && offers.is_none()));
    let unknown = catalogue
        .change(Change::Wanted { image: ImageId(77), add: vec![], remove: vec![] }, &ops(3))
        .await
        .unwrap_err();
    assert!(matches!(unknown, CatalogueError::UnknownImage { .. }), "{unknown:?}");
}

#[tokio::test]
async fn a_copy_is_offered_when_it_has_arrived_and_not_before() {
    let Fixture { catalogue, .. } = &Fixture::new().await;
    let registered =
        catalogue.register(&registration("debian", "a", shared(), &["n1"]), &at(0)).await.unwrap();
    let wanted = stacks(catalogue, &["n1", "n3"]).await;
    catalogue
        .change(Change::Wanted { image: registered.image_id, add: wanted, remove: vec![] }, &ops(1))
        .await
        .unwrap();
    let copy = NewCopy {
        generation: registered.generation,
        pool: own(),
        file: "debian-a.raw".into(),
        format: ays_model::DiskFormat::Raw,
        digest: digest("a"),
        size: 2000,
    };
    let state = async || {
        let detail = catalogue.image("debian").await.unwrap().unwrap();
        let copies = detail.generations[0].copies.iter();
        copies.clone().find(|copy| copy.pool == own()).map(|copy| (copy.state, copy.verified_at.clone()))
    };
    catalogue.set_arriving(std::slice::from_ref(&copy)).await.unwrap();
    assert_eq!(state().await, Some((CopyState::Arriving, None)));
    assert_eq!(catalogue.offers(&own()).await.unwrap(), []);
    catalogue.forget_arriving(copy.generation, &[own(), shared()]).await.unwrap();
    assert_eq!(state().await, None);

    catalogue.set_arriving(std::slice::from_ref(&copy)).await.unwrap();
    let rehearsed = catalogue.rehearse_arrived(&copy, &at(5)).await.unwrap();
    assert_eq!(catalogue.offers(&own()).await.unwrap(), []);
    catalogue.set_arrived(&copy, &at(5)).await.unwrap();
    assert_eq!(state().await, Some((CopyState::Verified, Some(at(5)))));
    assert_eq!(catalogue.offers(&own()).await.unwrap(), rehearsed);
    assert_eq!(rehearsed.len(), 1);
    // What is there is not on its way.
    catalogue.set_arriving(std::slice::from_ref(&copy)).await.unwrap();
    catalogue.forget_arriving(copy.generation, &[own()]).await.unwrap();
    assert_eq!(state().await, Some((CopyState::Verified, Some(at(5)))));
    catalogue.mark_damaged(&own(), &copy.file).await.unwrap();
    catalogue.set_arriving(std::slice::from_ref(&copy)).await.unwrap();
    assert_eq!(state().await.unwrap().0, CopyState::Damaged);
    catalogue.set_arrived(&copy, &at(6)).await.unwrap();
    assert_eq!(state().await, Some((CopyState::Verified, Some(at(6)))));
    let maintenance = Change::Stack(stacks(catalogue, &["n3"]).await[0], StackStatus::Maintenance);
    catalogue.change(maintenance, &ops(7)).await.unwrap();
    assert_eq!(catalogue.offers(&own()).await.unwrap(), []);
}
