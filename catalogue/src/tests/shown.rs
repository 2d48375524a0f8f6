//! What is shown: AYS's field names, the pool's index, names and numbers.

use serde_json::json;

use ays_model::{Gid, PoolKey};

use super::support::{Fixture, at, digest, md5, n1, ops, own, registration, shared, source};
use crate::{CatalogueError, DiskFacts, Findings, FirstBoot, StackFacts, StackStatus, StartedBy, index_json};

#[tokio::test]
async fn an_image_has_the_fields_of_ays() {
    let Fixture { catalogue, .. } = &Fixture::new().await;
    catalogue.register(&registration("debian", "a", own(), &["n3"]), &at(0)).await.unwrap();
    catalogue.register(&registration("debian", "a", shared(), &["n1"]), &at(1)).await.unwrap();
    let images = catalogue.images().await.unwrap();
    let [image] = images.as_slice() else { panic!("{images:?}") };
    assert_ne!(image.guid, image.reference_id);
    assert_eq!(
        serde_json::to_value(image).unwrap(),
        json!({
            "id": 1,
            "guid": image.guid,
            "name": "debian",
            "description": "Debian 12",
            "type": "Linux",
            "size": 10,
            "username": "root",
            "password": null,
            "accountId": 0,
            "acl": [],
            "gid": 1,
            "providerName": "libvirt",
            "referenceId": image.reference_id,
            "UNCPath": "/mnt/vmstor/debian-a.raw",
            "url": "http://images.example/debian.qcow2",
            "lastModified": "2026-11-21T20:00:00.000Z",
            "status": "CREATED",
            "bootType": "bios",
            "hotResize": true,
        })
    );
}

#[tokio::test]
async fn an_image_shows_its_generations_copies_and_stacks() {
    let Fixture { catalogue, .. } = &Fixture::new().await;
    catalogue.register(&registration("debian", "a", shared(), &["n1"]), &at(0)).await.unwrap();
    catalogue.register(&registration("debian", "b", own(), &["n3"]), &at(1)).await.unwrap();
    let detail = serde_json::to_value(catalogue.image("debian").await.unwrap()).unwrap();
    assert_eq!(detail["lastModified"], json!("2026-11-21T20:00:01.000Z"));
    assert_eq!(
        detail["generations"],
        json!([generation(2, "b", own(), true), generation(1, "a", shared(), false)])
    );
    assert_eq!(
        detail["stacks"],
        json!([
            { "stack": stack(1, "n1", "vmstor, /mnt/vmstor", &[1]), "wanted": true, "offeredGeneration": 1 },
            { "stack": stack(2, "n2", "vmstor, /mnt/vmstor", &[]), "wanted": false, "offeredGeneration": null },
            { "stack": stack(3, "n3", "local, /var/lib/ays/templates", &[1]), "wanted": true,
              "offeredGeneration": 2 },
        ])
    );
}

#[tokio::test]
async fn what_was_found_in_a_disk_is_of_its_generation_alone() {
    let Fixture { catalogue, .. } = &Fixture::new().await;
    catalogue.register(&registration("debian", "a", own(), &["n3"]), &at(0)).await.unwrap();
    let second = catalogue.register(&registration("debian", "b", own(), &["n3"]), &at(1)).await.unwrap();
    let facts = DiskFacts {
        os: Some("Debian GNU/Linux".into()),
        os_version: Some("12".into()),
        architecture: Some("x86_64".into()),
        started_by: Some(StartedBy::Both),
        first_boot: Some(FirstBoot::CloudInit),
        virtio: None,
        can_grow: Some(true),
        inspected_at: Some(at(2)),
        findings: Findings(vec!["error: the disk is cut short".into(), "warning: no cloud-init".into()]),
    };
    catalogue.set_disk_facts(second.generation, &facts).await.unwrap();
    let generations = catalogue.image("debian").await.unwrap().unwrap().generations;
    let found: Vec<_> = generations.iter().map(|generation| &generation.disk).collect();
    assert_eq!(found, [&facts, &DiskFacts::default()]);
    assert_eq!(
        serde_json::to_value(&facts).unwrap(),
        json!({
            "os": "Debian GNU/Linux", "osVersion": "12", "architecture": "x86_64", "startedBy": "both",
            "firstBoot": "cloud-init", "virtio": null, "canGrow": true, "inspectedAt": "2026-11-21T20:00:02.000Z",
            "findings": ["error: the disk is cut short", "warning: no cloud-init"],
        })
    );
}

fn generation(number: u32, content: &str, pool: PoolKey, current: bool) -> serde_json::Value {
    let time = at(i64::from(number) - 1);
    json!({
        "id": number,
        "number": number,
        "current": current,
        "undoneAt": null,
        "undoneBy": null,
        "sourceUrl": "http://images.example/debian.qcow2",
        "etag": "\"1\"",
        "lastModified": null,
        "sourceMd5": md5(content),
        "sourceSha256": source(content),
        "sourceSize": 500,
        "verifiedAtSource": true,
        "verifiedBy": format!("md5:{}", md5(content)),
        "signedBy": null,
        "signer": null,
        "sourceVersion": null,
        "format": "raw",
        "content": digest(content),
        "storedSize": 2000,
        "virtualSize": 2000,
        "template": "image_debian",
        "templateChecksum": md5("c1"),
        "templateCommit": "abc",
        "madeAt": time,
        "madeBy": "an operator",
        "disk": {
            "os": null, "osVersion": null, "architecture": null, "startedBy": null, "firstBoot": null, "virtio": null,
            "canGrow": null, "inspectedAt": null, "findings": [],
        },
        "copies": [{
            "pool": pool,
            "state": "verified",
            "file": format!("debian-{content}.raw"),
            "format": "raw",
            "digest": digest(content),
            "size": 2000,
            "verifiedAt": time,
            "scrubbedAt": null,
        }],
    })
}

fn stack(id: i64, name: &str, pool: &str, images: &[i64]) -> serde_json::Value {
    json!({
        "id": id,
        "gid": 1,
        "name": name,
        "status": "ENABLED",
        "inEnvironment": true,
        "statusBy": null,
        "statusReason": null,
        "referenceId": name,
        "type": "LIBVIRT",
        "descr": format!("pool {pool}"),
        "images": images,
    })
}

#[tokio::test]
async fn stacks_are_added_changed_and_disabled_never_deleted() {
    let Fixture { catalogue, .. } = &Fixture::new().await;
    let moved = StackFacts { pool: own(), ..n1() };
    let added = StackFacts { name: "n4".into(), pool: shared() };
    catalogue.set_stacks(&[moved, added], &[], None, &ops(0)).await.unwrap();
    let stacks: Vec<_> = catalogue
        .stacks()
        .await
        .unwrap()
        .into_iter()
        .map(|stack| (stack.id.0, stack.name, stack.status, stack.descr))
        .collect();
    let shared = "pool vmstor, /mnt/vmstor".to_owned();
    let own = "pool local, /var/lib/ays/templates".to_owned();
    assert_eq!(
        stacks,
        [
            (1, "n1".into(), StackStatus::Enabled, own.clone()),
            (2, "n2".into(), StackStatus::Disabled, shared.clone()),
            (3, "n3".into(), StackStatus::Disabled, own),
            (4, "n4".into(), StackStatus::Enabled, shared),
        ]
    );
}

#[tokio::test]
async fn a_stack_that_is_to_be_left_stays_as_it_is() {
    let Fixture { catalogue, .. } = &Fixture::new().await;
    let status = async || -> Vec<_> {
        catalogue.stacks().await.unwrap().into_iter().map(|stack| stack.status).collect()
    };
    catalogue.set_stacks(&[n1()], &["n2".into(), "unknown".into()], None, &ops(0)).await.unwrap();
    assert_eq!(status().await, [StackStatus::Enabled, StackStatus::Enabled, StackStatus::Disabled]);
    // One that is disabled does not come back by it.
    catalogue.set_stacks(&[n1()], &["n3".into()], None, &ops(0)).await.unwrap();
    assert_eq!(status().await, [StackStatus::Enabled, StackStatus::Disabled, StackStatus::Disabled]);
}

#[tokio::test]
async fn a_stack_in_maintenance_stays_so() {
    let Fixture { catalogue, database, .. } = &Fixture::new().await;
    sqlx::query("UPDATE stack SET status = 'MAINTENANCE'").execute(&database.writer).await.unwrap();
    catalogue.set_stacks(&[n1()], &[], None, &ops(0)).await.unwrap();
    let status: Vec<_> = catalogue.stacks().await.unwrap().into_iter().map(|stack| stack.status).collect();
    assert_eq!(status, [StackStatus::Maintenance, StackStatus::Disabled, StackStatus::Disabled]);
}

#[tokio::test]
async fn an_image_is_found_by_name_and_by_number() {
    let Fixture { catalogue, .. } = &Fixture::new().await;
    catalogue.register(&registration("debian", "a", shared(), &["n1"]), &at(0)).await.unwrap();
    let elsewhere = PoolKey { gid: Gid(2), ..shared() };
    catalogue.register(&registration("2", "b", shared(), &["n1"]), &at(1)).await.unwrap();
    catalogue.register(&registration("debian", "a", elsewhere, &[]), &at(2)).await.unwrap();

    let name_and_gid = async |asked: &str| {
        let found = catalogue.image(asked).await.unwrap();
        found.map(|found| (found.image.name.to_string(), found.image.gid.0))
    };
    assert_eq!(name_and_gid("1").await, Some(("debian".into(), 1)));
    assert_eq!(name_and_gid("3").await, Some(("debian".into(), 2)));
    assert_eq!(name_and_gid("2").await, Some(("2".into(), 1)));
    assert_eq!(name_and_gid("4").await, None);
    assert_eq!(name_and_gid("Debian").await, None);

    let error = catalogue.image("debian").await.unwrap_err();
    assert!(matches!(&error, CatalogueError::AmbiguousImage { ids, .. } if *ids == [1, 3]), "{error:?}");
    assert_eq!(error.to_string(), "debian is the name of several images: ids 1, 3");
}

#[tokio::test]
async fn a_changed_recipe_changes_the_record_and_says_when() {
    let Fixture { catalogue, .. } = &Fixture::new().await;
    let mut debian = registration("debian", "a", shared(), &["n1"]);
    catalogue.register(&debian, &at(0)).await.unwrap();
    let before = catalogue.images().await.unwrap().remove(0);
    debian.image.size_gb = 20;
    debian.image.username = None;
    catalogue.register(&debian, &at(5)).await.unwrap();
    let mut expected = before.clone();
    expected.size_gb = 20;
    expected.username = None;
    expected.last_modified = at(5);
    assert_eq!(catalogue.images().await.unwrap(), [expected]);
}

#[tokio::test]
async fn the_index_is_the_same_text_for_the_same_offers() {
    let Fixture { catalogue, .. } = &Fixture::new().await;
    catalogue.register(&registration("debian", "a", shared(), &["n2", "n1"]), &at(0)).await.unwrap();
    catalogue.register(&registration("alpine", "x", shared(), &["n1"]), &at(1)).await.unwrap();
    let mut offers = catalogue.offers(&shared()).await.unwrap();
    let image = |name: &str, id: u32, content: &str, stacks: &str| {
        format!(
            r#"    {{
      "name": "{name}",
      "id": {id},
      "generation": 1,
      "file": "{name}-{content}.raw",
      "format": "raw",
      "digest": "{}",
      "size": 2000,
      "virtualSize": 2000,
      "bootType": "bios",
      "minimumSize": 10,
      "hotResize": true,
      "category": "Linux",
      "stacks": [
{stacks}
      ],
      "verifiedAtSource": true
    }}"#,
            digest(content)
        )
    };
    let expected = format!(
        "{{\n  \"version\": 1,\n  \"images\": [\n{},\n{}\n  ]\n}}\n",
        image("alpine", 2, "x", "        \"n1\""),
        image("debian", 1, "a", "        \"n1\",\n        \"n2\"")
    );
    assert_eq!(index_json(&offers, &[]), expected);
    offers.reverse();
    assert_eq!(index_json(&offers, &[]), expected);
    assert_eq!(index_json(&[], &[]), "{\n  \"version\": 1,\n  \"images\": []\n}\n");
}
