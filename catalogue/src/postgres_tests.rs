//! The server: who is let in, what a restart leaves, and that errors name it without the password.

use super::MIGRATIONS;
use super::test_server::TestServer;
use super::tests::support::{Fixture, at, n1, ops, registration, shared};
use crate::{Catalogue, CatalogueError, Place};

#[tokio::test]
async fn a_server_that_cannot_be_reached_is_named_without_the_password() {
    let url: crate::PostgresUrl = "postgres://ays:s3cret@127.0.0.1:1/ays".parse().unwrap();
    let error = Catalogue::open(&Place::Postgres(url), &"g8".into()).await.unwrap_err();
    assert!(matches!(error, CatalogueError::Open { .. }), "{error:?}");
    assert_eq!(error.to_string(), "postgres://ays@127.0.0.1:1/ays: the catalogue cannot be opened");
    assert!(!format!("{error:?}").contains("s3cret"), "{error:?}");
}

#[tokio::test]
async fn a_restarted_server_is_found_again_and_has_all_that_was_acknowledged() {
    let mut fixture = Fixture::new().await;
    fixture.catalogue.register(&registration("debian", "a", shared(), &["n1"]), &at(0)).await.unwrap();
    fixture.server.restart();
    fixture.catalogue.register(&registration("debian", "b", shared(), &["n1"]), &at(1)).await.unwrap();
    assert_eq!(fixture.catalogue.image("debian").await.unwrap().unwrap().generations.len(), 2);
}

#[tokio::test]
async fn tables_of_a_newer_version_are_refused() {
    let server = TestServer::start().await;
    let database = server.open("g8").await;
    Catalogue::of(database.clone()).set_stacks(&[n1()], &[], None, &ops(0)).await.unwrap();
    sqlx::query(
        "INSERT INTO _sqlx_migrations (version, description, success, checksum, execution_time)
         VALUES (9999, 'later', TRUE, '', 0)",
    )
    .execute(&database.readers)
    .await
    .unwrap();
    let place = Place::Postgres(server.address().parse().unwrap());
    let error = Catalogue::open(&place, &"g8".into()).await.unwrap_err();
    assert!(matches!(&error, CatalogueError::Migrate { .. }), "{error:?}");
    assert!(MIGRATIONS.iter().all(|migration| migration.version < 9999));
}

#[tokio::test]
async fn a_file_moves_to_the_server_and_back_and_is_the_same() {
    let directory = tempfile::TempDir::new().unwrap();
    let file = |name: &str| Place::File(directory.path().join(name));
    let before = Catalogue::open(&file("before"), &"g8".into()).await.unwrap();
    before.set_stacks(&[n1()], &[], None, &ops(0)).await.unwrap();
    before.register(&registration("debian", "a", shared(), &["n1"]), &at(0)).await.unwrap();
    let server = TestServer::start().await;
    let shared_database = Catalogue::of(server.open("g8").await);
    shared_database.import(&before.export().await.unwrap(), None).await.unwrap();
    assert_eq!(shared_database.image("debian").await.unwrap(), before.image("debian").await.unwrap());
    let owner = before.owner("anna".into()).await.unwrap();
    assert!(owner.is(&shared_database.owner("anna".into()).await.unwrap()), "the marks of its pools hold");
    let after = Catalogue::open(&file("after"), &"g8".into()).await.unwrap();
    after.import(&shared_database.export().await.unwrap(), None).await.unwrap();
    assert_eq!(after.export().await.unwrap(), before.export().await.unwrap());
    // The next numbers follow on.
    let next = registration("alpine", "b", shared(), &["n1"]);
    let (one, other) = (
        before.register(&next, &at(1)).await.unwrap(),
        shared_database.register(&next, &at(1)).await.unwrap(),
    );
    assert_eq!(one, other);
}
