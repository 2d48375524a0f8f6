//! Every change says who made it, when and why, what was and what is.

use super::support::{Fixture, at, n1, n2, ops, own, registration, shared};
use crate::{
    Adopted, AdoptedBefore, AuditOf, AuditRecord, AuditSubject, AuditWhat, Catalogue, Change, ChangedBy,
    ImageId, ImageMove, StackFacts, StackId, StackStatus,
};
use serde_json::{Value, json};

type Told = (String, AuditWhat, Option<Value>, Option<Value>);

async fn told(catalogue: &Catalogue, from: usize) -> Vec<Told> {
    let mut records = catalogue.audit(&AuditOf::All, 1000).await.unwrap();
    records.reverse();
    let told = |AuditRecord { name, what, before, after, .. }: AuditRecord| (name, what, before, after);
    records.into_iter().skip(from).map(told).collect()
}

async fn count(catalogue: &Catalogue) -> usize {
    catalogue.audit(&AuditOf::All, 1000).await.unwrap().len()
}

#[tokio::test]
async fn an_install_tells_what_it_made_and_nothing_when_it_makes_nothing() {
    let Fixture { catalogue, .. } = &Fixture::new().await;
    let from = count(catalogue).await;
    assert_eq!(from, 3, "three stacks");
    catalogue.register(&registration("debian", "a", shared(), &["n1"]), &at(1)).await.unwrap();
    let told = told(catalogue, from).await;
    let whats: Vec<_> = told.iter().map(|(name, what, ..)| (name.as_str(), *what)).collect();
    let made = [AuditWhat::Status, AuditWhat::Generation, AuditWhat::Current, AuditWhat::Wanted];
    assert_eq!(whats, made.map(|what| ("debian", what)));
    assert_eq!((&told[0].2, &told[0].3), (&None, &Some(json!("CREATED"))));
    assert_eq!(told[1].3.as_ref().unwrap()["number"], 1);
    assert_eq!((&told[2].2, &told[2].3), (&None, &Some(json!(1))));
    assert_eq!((&told[3].2, &told[3].3), (&Some(json!([])), &Some(json!(["n1"]))));

    let before = count(catalogue).await;
    let again = registration("debian", "a", shared(), &["n1"]);
    catalogue.rehearse(&registration("debian", "b", shared(), &["n2"]), &at(2)).await.unwrap();
    catalogue.register(&again, &at(2)).await.unwrap();
    catalogue
        .set_scrubbed(&catalogue.copies_to_scrub(None).await.unwrap().unwrap()[0], None, &at(3))
        .await
        .unwrap();
    assert_eq!(count(catalogue).await, before);

    let mut larger = again;
    larger.image.size_gb = 20;
    catalogue.register(&larger, &at(4)).await.unwrap();
    let last = catalogue.audit(&AuditOf::Image("debian".into()), 1).await.unwrap().remove(0);
    assert_eq!((last.before, last.after), (Some(json!({ "size": 10 })), Some(json!({ "size": 20 }))));
    assert_eq!((last.actor.as_str(), last.at), ("an operator", at(4)));
}

#[tokio::test]
async fn what_an_operator_changes_is_told_with_the_reason() {
    let fixture = Fixture::new().await;
    let catalogue = &fixture.catalogue;
    catalogue.register(&registration("debian", "a", shared(), &["n1"]), &at(1)).await.unwrap();
    catalogue.register(&registration("debian", "b", shared(), &[]), &at(2)).await.unwrap();
    catalogue.register(&registration("x", "x", own(), &[]), &at(2)).await.unwrap();
    let from = count(catalogue).await;
    let by = ChangedBy { reason: Some("ticket 7".into()), ..ops(7) };
    catalogue.change(Change::Image(ImageId(1), ImageMove::Disable), &by).await.unwrap();
    catalogue.change(Change::Undo(ImageId(1), None), &by).await.unwrap();
    catalogue.change(Change::Stack(StackId(2), StackStatus::Maintenance), &by).await.unwrap();
    // Neither a preview nor what is so already is a change.
    catalogue.preview(Change::Image(ImageId(1), ImageMove::Enable), &by).await.unwrap();
    catalogue.change(Change::Image(ImageId(1), ImageMove::Disable), &by).await.unwrap();
    let expected = [
        ("debian".to_owned(), AuditWhat::Status, Some(json!("CREATED")), Some(json!("DISABLED"))),
        ("debian".to_owned(), AuditWhat::Current, Some(json!(2)), Some(json!(1))),
        ("n2".to_owned(), AuditWhat::Status, Some(json!("ENABLED")), Some(json!("MAINTENANCE"))),
    ];
    assert_eq!(told(catalogue, from).await, expected);
    let last = catalogue.audit(&AuditOf::All, 1).await.unwrap().remove(0);
    let who = (last.actor.as_str(), last.reason.as_deref(), last.subject, last.environment.as_str());
    assert_eq!(who, ("ops@c", Some("ticket 7"), AuditSubject::Stack, "g8"));
    let of_x = catalogue.audit(&AuditOf::Image("x".into()), 100).await.unwrap();
    assert!(!of_x.is_empty() && of_x.iter().all(|record| record.name == "x"), "{of_x:?}");
}

#[tokio::test]
async fn stacks_and_adopted_pools_are_told_too() {
    let Fixture { catalogue, .. } = &Fixture::new().await;
    let from = count(catalogue).await;
    let moved = StackFacts { pool: own(), ..n1() };
    catalogue.set_stacks(&[moved.clone(), n2()], &[], None, &ops(1)).await.unwrap();
    catalogue.set_stacks(&[moved, n2()], &[], None, &ops(1)).await.unwrap();
    let index = json!({ "images": [{ "name": "old", "file": "old.raw", "size": 7 }] }).to_string();
    let entries = Adopted::all(&index).unwrap();
    catalogue.adopt(&shared(), &entries, AdoptedBefore::Go, &ops(2)).await.unwrap();
    let expected = [
        (
            "n1".to_owned(),
            AuditWhat::Pool,
            Some(json!("pool vmstor, /mnt/vmstor")),
            Some(json!("pool local, /var/lib/ays/templates")),
        ),
        ("n3".to_owned(), AuditWhat::InEnvironment, Some(json!(true)), Some(json!(false))),
        ("vmstor".to_owned(), AuditWhat::Adopted, Some(json!([])), Some(json!(["old"]))),
    ];
    assert_eq!(told(catalogue, from).await, expected);
}

#[tokio::test]
async fn an_environment_sees_only_its_own_changes() {
    let fixture = Fixture::new().await;
    let other = Catalogue::of(fixture.server.open("other").await);
    assert_eq!(other.audit(&AuditOf::All, 100).await.unwrap(), []);
}
