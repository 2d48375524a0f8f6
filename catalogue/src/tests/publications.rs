//! Accounts at clouds, what is published there, and the ledger.

use std::collections::BTreeMap;

use super::support::{Fixture, at, digest, registration, shared};
use crate::{
    AuditOf, AuditSubject, Catalogue, NewCloudAccount, NewPublication, ObjectState, PublicationEnd,
    PublicationFilter, PublicationStatus,
};

pub(super) fn account(name: &str) -> NewCloudAccount {
    NewCloudAccount {
        name: name.to_owned(),
        target: "docker".to_owned(),
        fields: BTreeMap::from([("login".to_owned(), "pub".to_owned())]),
        secrets: vec!["password".to_owned()],
    }
}

pub(super) async fn publication(catalogue: &Catalogue) -> NewPublication {
    let registered =
        catalogue.register(&registration("debian", "a", shared(), &["n1"]), &at(0)).await.unwrap();
    NewPublication {
        image: registered.image_id,
        generation: 1,
        content: digest("a"),
        account: "reg".to_owned(),
        target: "docker".to_owned(),
        fields: BTreeMap::from([("namespace".to_owned(), "images".to_owned())]),
        overwrite: false,
        keep: false,
    }
}

#[tokio::test]
async fn an_account_is_known_once_and_every_change_of_it_is_noted() {
    let Fixture { catalogue, .. } = &Fixture::new().await;
    assert!(catalogue.add_cloud_account(&account("reg"), "anna", &at(0)).await.unwrap());
    assert!(!catalogue.add_cloud_account(&account("reg"), "bob", &at(1)).await.unwrap());
    catalogue.cloud_account_tested("reg", Some("no way"), &at(2)).await.unwrap();
    let [known] = &catalogue.cloud_accounts().await.unwrap()[..] else { panic!() };
    assert_eq!((known.created_by.as_str(), known.problem.as_deref()), ("anna", Some("no way")));
    assert_eq!((&known.fields, &known.secrets), (&account("reg").fields, &account("reg").secrets));
    catalogue.cloud_account_tested("reg", None, &at(3)).await.unwrap();
    assert_eq!(catalogue.cloud_accounts().await.unwrap()[0].problem, None);

    assert!(catalogue.remove_cloud_account("reg", "bob", &at(4)).await.unwrap());
    assert!(!catalogue.remove_cloud_account("reg", "bob", &at(5)).await.unwrap());
    let audit = catalogue.audit(&AuditOf::AllButUsers, 10).await.unwrap();
    let changes: Vec<_> = audit.iter().filter(|record| record.subject == AuditSubject::Account).collect();
    let shown: Vec<_> =
        changes.iter().map(|record| (record.actor.as_str(), record.after.is_some())).collect();
    assert_eq!(shown, [("bob", false), ("anna", true)]);
}

#[tokio::test]
async fn one_that_came_to_no_end_goes_on_and_one_that_is_done_is_another() {
    let Fixture { catalogue, .. } = &Fixture::new().await;
    let new = publication(catalogue).await;
    let (id, is_new) = catalogue.begin_publication(&new, "anna", &at(0)).await.unwrap();
    assert!(is_new);
    assert_eq!(catalogue.begin_publication(&new, "bob", &at(1)).await.unwrap(), (id, false));
    let mut other = new.clone();
    other.fields.insert("tagName".to_owned(), "2".to_owned());
    let (second, is_new) = catalogue.begin_publication(&other, "anna", &at(1)).await.unwrap();
    assert!(is_new && second != id);

    assert!(!catalogue.publication_progress(id, "sending", 5, Some(10)).await.unwrap());
    assert!(catalogue.cancel_publication(id, "carl").await.unwrap());
    assert!(catalogue.publication_progress(id, "sending", 5, Some(10)).await.unwrap());
    catalogue.end_publication(id, &PublicationEnd::Failed("no room".into()), &at(2)).await.unwrap();
    let filter = PublicationFilter { id: Some(id), ..PublicationFilter::default() };
    let found = catalogue.publications(&filter).await.unwrap().remove(0);
    assert_eq!((found.status, found.problem.as_deref()), (PublicationStatus::Failed, Some("no room")));
    assert_eq!((found.bytes_done, found.bytes_total, found.image.as_str()), (5, Some(10), "debian"));
    assert!(!catalogue.cancel_publication(id, "carl").await.unwrap());
    assert_eq!(catalogue.begin_publication(&new, "anna", &at(3)).await.unwrap(), (id, false));
    assert_eq!(catalogue.publications(&filter).await.unwrap()[0].cancelled_by, None);

    let done = PublicationEnd::Done { cloud_id: "sha256:1".into(), location: "images/debian:1".into() };
    catalogue.end_publication(id, &done, &at(4)).await.unwrap();
    assert_eq!(catalogue.begin_publication(&new, "anna", &at(5)).await.unwrap(), (id, false));
    let new = NewPublication { overwrite: true, ..new };
    let (third, is_new) = catalogue.begin_publication(&new, "anna", &at(5)).await.unwrap();
    assert!(is_new && third != id);
    let running =
        PublicationFilter { status: Some(PublicationStatus::Running), ..PublicationFilter::default() };
    let running = catalogue.publications(&running).await.unwrap();
    assert_eq!(running.iter().map(|found| found.id).collect::<Vec<_>>(), [third, second]);
    let elsewhere = PublicationFilter { account: Some("x".into()), ..PublicationFilter::default() };
    assert_eq!(catalogue.publications(&elsewhere).await.unwrap(), []);
}

#[tokio::test]
async fn a_ledger_says_what_was_to_be_made_before_it_is_made() {
    let Fixture { catalogue, .. } = &Fixture::new().await;
    let (id, _) = catalogue.begin_publication(&publication(catalogue).await, "anna", &at(0)).await.unwrap();
    let upload = catalogue.intend(id, "upload", "u1", &at(1)).await.unwrap();
    let image = catalogue.intend(id, "image", "i1", &at(2)).await.unwrap();
    assert_eq!((upload.number, image.number, image.state), (1, 2, ObjectState::Intended));
    catalogue.note_object(id, 2, ObjectState::Made, Some("cloud-7"), &at(3)).await.unwrap();
    // Wanted again, it is the one that was made.
    let again = catalogue.intend(id, "image", "i1", &at(4)).await.unwrap();
    assert_eq!(
        (again.number, again.state, again.cloud_id.as_deref()),
        (2, ObjectState::Made, Some("cloud-7"))
    );
    catalogue.note_object(id, 2, ObjectState::Removed, None, &at(5)).await.unwrap();
    let ledger = catalogue.ledger(id).await.unwrap();
    let states: Vec<_> = ledger.iter().map(|object| (object.kind.as_str(), object.state)).collect();
    assert_eq!(states, [("upload", ObjectState::Intended), ("image", ObjectState::Removed)]);
    let anew = catalogue.intend(id, "image", "i1", &at(6)).await.unwrap();
    assert_eq!((anew.number, anew.state, anew.cloud_id), (2, ObjectState::Intended, None));
}

#[tokio::test]
async fn who_accepted_a_licence_first_is_remembered() {
    let Fixture { catalogue, .. } = &Fixture::new().await;
    let image = publication(catalogue).await.image;
    assert_eq!(catalogue.licence(image).await.unwrap(), None);
    catalogue.accept_licence(image, "anna", &at(1)).await.unwrap();
    catalogue.accept_licence(image, "bob", &at(2)).await.unwrap();
    assert_eq!(catalogue.licence(image).await.unwrap(), Some(("anna".to_owned(), at(1))));
}
