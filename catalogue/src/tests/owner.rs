//! Pools that a catalogue owns, and what stays of their former owners.

use serde_json::{Value, json};

use super::support::{Fixture, at, ops, own, registration, shared};
use crate::{Adopted, AdoptedBefore, Catalogue, index_json};

fn entry(name: &str, file: &str) -> Value {
    json!({ "name": name, "file": file, "size": 7, "later": [name] })
}

fn index(entries: &[Value]) -> String {
    json!({ "version": 1, "images": entries }).to_string()
}

fn files(adopted: &[Adopted]) -> Vec<&str> {
    adopted.iter().map(|entry| entry.file.as_str()).collect()
}

#[tokio::test]
async fn a_catalogue_stays_what_it_is_called_and_no_two_are_called_the_same() {
    let (one, other) = (Fixture::new().await, Fixture::new().await);
    let owner = async |catalogue: &Catalogue| catalogue.owner("ops@c".into()).await.unwrap();
    let first = owner(&one.catalogue).await;
    assert_eq!(owner(&one.other().await).await, first);
    assert_eq!(first.catalogue.len(), 32);
    assert!(!first.is(&owner(&other.catalogue).await));
}

#[tokio::test]
async fn what_a_former_owner_said_stays_in_the_index_as_it_was_said() {
    let fixture = Fixture::new().await;
    let catalogue = &fixture.catalogue;
    let entries = [entry("b", "b-1.raw"), entry("a", "a-1.raw")];
    let found = Adopted::all(&index(&entries)).unwrap();
    catalogue.adopt(&shared(), &found, AdoptedBefore::Go, &ops(0)).await.unwrap();
    let adopted = catalogue.adopted(&shared()).await.unwrap();
    assert_eq!(files(&adopted), ["a-1.raw", "b-1.raw"]);
    let text = index_json(&[], &adopted);
    let read: Value = serde_json::from_str(&text).unwrap();
    assert_eq!(read, json!({ "version": 1, "images": [entries[1], entries[0]] }));
    assert_eq!(catalogue.known_files(&shared()).await.unwrap(), ["a-1.raw", "b-1.raw"]);
    assert_eq!(catalogue.adopted(&own()).await.unwrap(), []);

    // Those of another owner take their place; those of the same one join them.
    let next = Adopted::all(&index(&[entry("c", "c-1.raw")])).unwrap();
    catalogue.adopt(&shared(), &next, AdoptedBefore::Stay, &ops(0)).await.unwrap();
    assert_eq!(files(&catalogue.adopted(&shared()).await.unwrap()), ["a-1.raw", "b-1.raw", "c-1.raw"]);
    catalogue.adopt(&shared(), &next, AdoptedBefore::Go, &ops(0)).await.unwrap();
    assert_eq!(files(&catalogue.adopted(&shared()).await.unwrap()), ["c-1.raw"]);
}

#[tokio::test]
async fn what_this_catalogue_has_itself_takes_the_place_of_what_was_adopted() {
    let fixture = Fixture::new().await;
    let catalogue = &fixture.catalogue;
    let registered = registration("debian", "x", shared(), &["n1"]);
    let entries =
        [entry("debian", "debian-old.raw"), entry("other", &registered.stored.file), entry("a", "a.raw")];
    let found = Adopted::all(&index(&entries)).unwrap();
    catalogue.adopt(&shared(), &found, AdoptedBefore::Go, &ops(0)).await.unwrap();
    // Already as the preview of a registration, which the record does not know yet.
    let preview = catalogue.rehearse(&registered, &at(0)).await.unwrap();
    let before = index_json(&preview, &catalogue.adopted(&shared()).await.unwrap());
    catalogue.register(&registered, &at(0)).await.unwrap();
    let adopted = catalogue.adopted(&shared()).await.unwrap();
    assert_eq!(files(&adopted), ["a.raw"]);
    let offers = catalogue.offers(&shared()).await.unwrap();
    assert_eq!(index_json(&offers, &adopted), before);

    // A damaged copy does not bring back what it took the place of.
    catalogue.mark_damaged(&shared(), &registered.stored.file).await.unwrap();
    assert_eq!(files(&catalogue.adopted(&shared()).await.unwrap()), ["a.raw"]);
    // What the catalogue has is never adopted.
    catalogue.adopt(&shared(), &found, AdoptedBefore::Go, &ops(0)).await.unwrap();
    let known = catalogue.known_files(&shared()).await.unwrap();
    assert_eq!(known, ["a.raw", "debian-old.raw", &registered.stored.file]);
}

#[test]
fn an_entry_names_a_file_of_the_pool() {
    let bad = ["../x", "a/b", "", ".hidden", "/etc/shadow"].map(|file| entry("a", file));
    let other = [json!({}), json!({ "name": "a", "file": "a" }), json!("a"), entry("a", "a.raw")];
    let found = Adopted::all(&index(&[&bad[..], &other].concat())).unwrap();
    assert_eq!(files(&found), ["a.raw"]);
    for text in ["", "{", "[]", "{}", r#"{"images": 1}"#] {
        assert!(Adopted::all(text).is_err(), "{text}");
    }
}
