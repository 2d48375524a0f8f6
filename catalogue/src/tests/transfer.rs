//! An environment in another database is the same, and nothing of it is lost on the way.

use super::super::test_server::{COLUMNS, TestServer};
use super::publications;
use super::support::{Fixture, at, debian_on, ops, own, registration, shared};
use crate::transfer::TABLES;
use crate::{
    Adopted, AdoptedBefore, Catalogue, CatalogueError, Cell, CommitFacts, DiskFacts, Export, InstalledImage,
    LockAttempt, NewInstalled, NewToken, Place, Role, RunEnd, ServiceState,
};

/// Something in every table.
async fn fill(fixture: &Fixture) {
    let catalogue = &fixture.catalogue;
    let commit = CommitFacts { commit_id: "abc".into(), committed_at: at(0) };
    let stacks = [super::support::n1(), super::support::n2(), super::support::n3()];
    catalogue.set_stacks(&stacks, &[], Some(&commit), &ops(0)).await.unwrap();
    let first =
        catalogue.register(&registration("debian", "a", shared(), &["n1", "n2"]), &at(0)).await.unwrap();
    catalogue.register(&registration("debian", "b", own(), &["n3"]), &at(1)).await.unwrap();
    catalogue.register(&registration("alpine", "c", shared(), &["n1"]), &at(2)).await.unwrap();
    let facts = DiskFacts { os: Some("Debian".into()), virtio: Some(true), ..DiskFacts::default() };
    catalogue.set_disk_facts(first.generation, &facts).await.unwrap();
    let images = vec![InstalledImage { generation: first.generation, pool: shared() }];
    let installed = NewInstalled {
        template_checksum: super::support::md5("c1"),
        answers_digest: super::support::source("d1"),
        images,
    };
    catalogue.set_installed(&debian_on("n1"), &installed, &at(3)).await.unwrap();
    let state = ServiceState { inputs: "c1 d1".to_owned(), ..ServiceState::default() };
    catalogue.set_service_state(&debian_on("n1"), &state).await.unwrap();
    let run = catalogue
        .begin_run(&debian_on("n1"), ays_model::RunAction::Install, "r", "log".as_ref(), &at(3))
        .await;
    catalogue.end_run(run.unwrap(), RunEnd::Succeeded, Some("well"), &at(4)).await.unwrap();
    let entries = Adopted::all(r#"{"images":[{"name":"x","file":"x.raw","size":7}]}"#).unwrap();
    catalogue.adopt(&own(), &entries, AdoptedBefore::Stay, &ops(0)).await.unwrap();
    let scrub = serde_json::json!({"kind": "scrub"});
    catalogue.add_schedule("hourly", &scrub, "anna", &at(10), &at(0)).await.unwrap();
    let due = catalogue.schedules().await.unwrap().remove(0);
    let job = catalogue.run_schedule(&due, "scrub", &at(20), &at(10)).await.unwrap().unwrap();
    catalogue.add_job_events(job, &[serde_json::json!({"event": "warning"})]).await.unwrap();
    catalogue.add_webhook("https://example.org/", "hook", "anna", &at(0)).await.unwrap();
    catalogue.add_account("anna", Role::Viewer, "root", &at(0)).await.unwrap();
    let token = NewToken { account: "anna", name: "ci", hash: "h", role: Role::Viewer, expires_at: None };
    catalogue.add_token(&token, "root", &at(0)).await.unwrap();
    catalogue.add_cloud_account(&publications::account("reg"), "anna", &at(0)).await.unwrap();
    let publication = publications::publication(catalogue).await;
    let (id, _) = catalogue.begin_publication(&publication, "anna", &at(1)).await.unwrap();
    catalogue.intend(id, "image", "i1", &at(1)).await.unwrap();
    catalogue.accept_licence(publication.image, "anna", &at(1)).await.unwrap();
}

/// All rows, but for their numbers.
fn numberless(mut export: Export) -> Export {
    for table in &mut export.tables {
        let cells = table.rows.iter_mut().flatten();
        cells.filter(|cell| matches!(cell, Cell::Row(_))).for_each(|cell| *cell = Cell::Row(None));
        table.rows.sort();
    }
    export
}

#[tokio::test]
async fn beside_another_environment_all_is_taken_over_with_new_numbers() {
    let fixture = Fixture::new().await;
    fill(&fixture).await;
    let export = fixture.catalogue.export().await.unwrap();
    assert!(export.tables.iter().all(|table| !table.rows.is_empty()), "{export:?}");
    assert_eq!(export.tables.len(), TABLES.len());

    let there = TestServer::start().await;
    let neighbour = Catalogue::of(there.open("g9").await);
    neighbour.set_stacks(&[super::support::n1()], &[], None, &ops(0)).await.unwrap();
    neighbour.register(&registration("debian", "q", shared(), &["n1"]), &at(0)).await.unwrap();
    let neighbours = neighbour.export().await.unwrap();
    let other = Catalogue::of(there.open("g8").await);
    other.import(&export, None).await.unwrap();
    assert_eq!(numberless(other.export().await.unwrap()), numberless(export.clone()));
    assert_eq!(other.installed(&debian_on("n1")).await.unwrap().unwrap().parts.len(), 1);
    assert_eq!(other.offers(&shared()).await.unwrap().len(), 2);
    // It is not taken over twice, and goes on by itself.
    assert!(matches!(other.import(&export, None).await, Err(CatalogueError::NotEmpty { .. })));
    let next = other.register(&registration("debian", "z", shared(), &["n1"]), &at(9)).await.unwrap();
    assert_eq!(next.number, 3);
    other.register(&registration("new", "y", shared(), &["n1"]), &at(9)).await.unwrap();
    other
        .begin_run(&debian_on("n1"), ays_model::RunAction::Install, "r", "log".as_ref(), &at(3))
        .await
        .unwrap();
    assert_eq!(neighbour.export().await.unwrap(), neighbours);
}

#[tokio::test]
async fn a_catalogue_that_has_moved_is_not_opened_any_more_and_comes_back() {
    let fixture = Fixture::new().await;
    fill(&fixture).await;
    let (there, to) = (TestServer::start().await, Place::File("/elsewhere".into()));
    let export = fixture.catalogue.export().await.unwrap();
    let elsewhere = Catalogue::of(there.open("g8").await);
    elsewhere.import(&export, None).await.unwrap();
    assert_eq!(elsewhere.export().await.unwrap(), export, "numbers stay where they are free");

    // Whoever works holds it back; so does what was changed meanwhile.
    let scopes = ["debian on n1".to_owned()];
    let LockAttempt::Held(lock) = fixture.catalogue.lock(&scopes, "anna@ctl").await.unwrap() else {
        panic!()
    };
    let error = fixture.catalogue.leave(&to, &export).await.unwrap_err();
    assert!(matches!(&error, CatalogueError::InUse { by, .. } if by == "anna@ctl"), "{error:?}");
    lock.release().await.unwrap();
    fixture.catalogue.register(&registration("debian", "z", shared(), &["n1"]), &at(9)).await.unwrap();
    let error = fixture.catalogue.leave(&to, &export).await.unwrap_err();
    assert!(matches!(error, CatalogueError::Changed { .. }), "{error:?}");
    let export = fixture.catalogue.export().await.unwrap();
    fixture.catalogue.leave(&to, &export).await.unwrap();
    let error = Catalogue::open(&fixture.server.place(), &"g8".into()).await.unwrap_err();
    assert!(matches!(&error, CatalogueError::Moved { to, .. } if to == "/elsewhere"), "{error:?}");
    // Whoever had opened it before loses nothing that is written there.
    let late = fixture.catalogue.register(&registration("late", "l", shared(), &["n1"]), &at(9)).await;
    assert!(matches!(late, Err(CatalogueError::Moved { .. })), "{late:?}");

    let back = elsewhere.export().await.unwrap();
    Catalogue::open_moved(&fixture.server.place(), &"g8".into())
        .await
        .unwrap()
        .import(&back, None)
        .await
        .unwrap();
    let opened = Catalogue::open(&fixture.server.place(), &"g8".into()).await.unwrap();
    assert_eq!(opened.export().await.unwrap(), back);
}

#[tokio::test]
async fn all_columns_of_all_tables_are_taken_along() {
    let fixture = Fixture::new().await;
    let found: Vec<(String, String)> =
        sqlx::query_as(COLUMNS).fetch_all(&fixture.database.readers).await.unwrap();
    let stays = ["environment", "lock", "lock_holder", "image_number", "_sqlx_migrations", "sqlite_sequence"];
    let is_moved = |(table, column): &(String, String)| {
        let facts = TABLES.iter().find(|facts| facts.name == table);
        column == "environment_id"
            || facts.is_some_and(|facts| facts.columns.iter().any(|(name, _)| name == column))
    };
    let left: Vec<_> =
        found.iter().filter(|found| !stays.contains(&found.0.as_str()) && !is_moved(found)).collect();
    assert!(left.is_empty(), "{left:?}");
    assert!(found.len() > 80, "{found:?}");
}
