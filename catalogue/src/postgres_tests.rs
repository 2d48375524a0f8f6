//! The server: who is let in, what a restart leaves, and that errors name it without the password.

use std::borrow::Cow;

use sqlx::migrate::Migrator;
use sqlx::postgres::PgConnectOptions;
use sqlx::{AssertSqlSafe, ConnectOptions};

use super::MIGRATIONS;
use super::test_server::TestServer;
use super::tests::support::{Fixture, at, debian_on, digest, md5, n1, ops, registration, shared, source};
use crate::{Catalogue, CatalogueError, Place, StackStatus};

#[tokio::test]
async fn a_server_that_cannot_be_reached_is_named_without_the_password() {
    let url: crate::PostgresUrl = "postgres://ays:s3cret@127.0.0.1:1/ays".parse().unwrap();
    let error = Catalogue::open(&Place::Postgres(url), &"g8".into()).await.unwrap_err();
    assert!(matches!(error, CatalogueError::Open { .. }), "{error:?}");
    assert_eq!(
        error.to_string(),
        "postgres://ays@127.0.0.1:1/ays: the catalogue cannot be opened: no server answers there. Start it, or correct the \
         address in the setting `database`"
    );
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

/// Version 1 had no states: what DISABLED meant is that the environment has the stack no more.
#[tokio::test]
async fn a_catalogue_of_an_older_version_is_brought_forward() {
    let server = TestServer::start().await;
    let mut db = server.address().parse::<PgConnectOptions>().unwrap().connect().await.unwrap();
    let first = MIGRATIONS.iter().filter(|migration| migration.version == 1).cloned().collect();
    let first = Migrator { migrations: Cow::Owned(first), ..Migrator::DEFAULT };
    first.run_direct(None, &mut db, false).await.unwrap();
    let (content, sha256, md5) = (digest("a"), source("a"), md5("a"));
    sqlx::raw_sql(AssertSqlSafe(format!(
        "INSERT INTO environment (name, catalogue) VALUES ('g8', 'c');
         INSERT INTO pool (environment_id, gid, name, node, path) VALUES (1, 1, 'vmstor', '', '/mnt/vmstor');
         INSERT INTO stack (environment_id, gid, name, status, reference_id, pool_id)
         VALUES (1, 1, 'n1', 'ENABLED', 'n1', 1), (1, 1, 'n2', 'DISABLED', 'n2', 1), (1, 1, 'n3', 'MAINTENANCE', 'n3', 1);
         INSERT INTO image (environment_id, guid, gid, name, description, type, size_gb, reference_id, url, last_modified,
                            status, boot_type, hot_resize)
         VALUES (1, 'g', 1, 'debian', '', 'Linux', 10, 'r', 'http://h/d', '2026-11-21T20:00:00.000Z', 'CREATED', 'bios', true);
         INSERT INTO generation (image_id, number, source_url, source_md5, source_sha256, source_size, source_verified, format,
                                 content, stored_size, virtual_size, template, template_checksum, made_at, made_by)
         VALUES (1, 1, 'http://h/d', '{md5}', '{sha256}', 5, true, 'raw', '{content}', 2000, 2000, 'image_debian', '{md5}',
                 '2026-11-21T20:00:00.000Z', 'ops@c');
         UPDATE image SET current_generation = 1;
         INSERT INTO copy (pool_id, generation_id, state, file, format, digest, size, verified_at)
         VALUES (1, 1, 'verified', 'debian-a.raw', 'raw', '{content}', 2000, '2026-11-21T20:00:00.000Z');
         INSERT INTO wanted SELECT 1, id FROM stack;
         INSERT INTO installed VALUES (1, 'image_debian', 'main', 'n1', '{md5}', '{sha256}', '2026-11-21T20:00:00.000Z');
         INSERT INTO installed_part VALUES (1, 'image_debian', 'main', 'n1', 1, 1, 1);"
    )))
    .execute(&mut db)
    .await
    .unwrap();

    let brought = Catalogue::of(server.open("g8").await);
    let offers = brought.offers(&shared()).await.unwrap();
    assert_eq!(
        offers.iter().map(|offer| (offer.file.as_str(), offer.stacks.len())).collect::<Vec<_>>(),
        [("debian-a.raw", 1)]
    );
    let stacks = brought.stacks().await.unwrap();
    let states: Vec<_> = stacks.iter().map(|stack| (stack.status, stack.in_environment)).collect();
    let expected =
        [(StackStatus::Enabled, true), (StackStatus::Disabled, false), (StackStatus::Maintenance, true)];
    assert_eq!(states, expected);
    assert_eq!(brought.installed(&debian_on("n1")).await.unwrap().unwrap().parts.len(), 1);
    brought.register(&registration("alpine", "b", shared(), &["n1"]), &at(1)).await.unwrap();
}
