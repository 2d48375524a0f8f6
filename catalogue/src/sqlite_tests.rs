//! The file: made for its owner, shared by writers, whole after a kill, and named in errors.

use std::borrow::Cow;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::{env, fs};

use ays_model::{Digest, Sha256};
use sqlx::ConnectOptions;
use sqlx::migrate::Migrator;
use sqlx::sqlite::SqliteConnectOptions;
use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::Command;
use tokio::task::JoinSet;

use super::MIGRATIONS;
use super::tests::support::{
    Fixture, at, debian_on, digest, md5, n1, n2, n3, ops, registration, shared, source,
};
use crate::{Catalogue, CatalogueError, InstalledPart, Place, RunFilter, ServiceOnNode, StackStatus};

const WRITER_FILE: &str = "AYS_TEST_WRITER_FILE";

async fn open(file: &Path) -> Result<Catalogue, CatalogueError> {
    Catalogue::open(&Place::File(file.to_path_buf()), &"g8".into()).await
}

fn file(fixture: &Fixture) -> PathBuf {
    fixture.server.address().into()
}

fn place_is(place: &Place, path: &Path) -> bool {
    matches!(place, Place::File(file) if file == path)
}

#[tokio::test]
async fn a_new_catalogue_is_its_owners_alone() {
    let directory = TempDir::new().unwrap();
    let file = directory.path().join("ays/50% a?b#c/catalogue.sqlite");
    let database = super::open(&file, &"g8".into()).await.unwrap();
    Catalogue::of(database.clone()).set_stacks(&[n1()], &[], None, &ops(0)).await.unwrap();
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(&directory.path().join("ays")), 0o700);
    assert_eq!(mode(file.parent().unwrap()), 0o700);
    for name in ["catalogue.sqlite", "catalogue.sqlite-wal", "catalogue.sqlite-shm"] {
        assert_eq!(mode(&file.with_file_name(name)), 0o600, "{name}");
    }
    let pragma = async |sql| sqlx::query_scalar::<_, String>(sql).fetch_one(&database.readers).await.unwrap();
    assert_eq!(pragma("SELECT journal_mode FROM pragma_journal_mode").await, "wal");
    assert_eq!(pragma("SELECT CAST(synchronous AS TEXT) FROM pragma_synchronous").await, "2");
    assert_eq!(pragma("SELECT CAST(foreign_keys AS TEXT) FROM pragma_foreign_keys").await, "1");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_may_open_a_new_catalogue_at_once() {
    let directory = TempDir::new().unwrap();
    // The moments in which they meet are short: a few new files, so that they do.
    for round in 0..20 {
        let file = directory.path().join(format!("{round}.sqlite"));
        let mut openers = JoinSet::new();
        for _ in 0..6 {
            let file = file.clone();
            openers.spawn(async move { open(&file).await.map(drop) });
        }
        for opened in openers.join_all().await {
            opened.unwrap();
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_connections_write_at_once_and_nothing_is_lost() {
    let fixture = Fixture::new().await;
    let mut writers = JoinSet::new();
    for writer in ["a", "b"] {
        let file = file(&fixture);
        writers.spawn(async move {
            let catalogue = open(&file).await?;
            for round in 0..10 {
                let content = format!("{writer}{round}");
                catalogue.register(&registration("debian", &content, shared(), &["n1"]), &at(round)).await?;
            }
            Ok::<(), CatalogueError>(())
        });
    }
    for written in writers.join_all().await {
        written.unwrap();
    }
    let detail = fixture.catalogue.image("debian").await.unwrap().unwrap();
    let numbers: Vec<u32> = detail.generations.iter().map(|generation| generation.number).collect();
    assert_eq!(numbers, (1..=20).rev().collect::<Vec<_>>());
    assert_eq!(detail.stacks[0].offered_generation, Some(20));
}

/// What the next test starts and kills.
#[tokio::test]
#[ignore = "writes until it is killed; started by another test"]
async fn a_writer() {
    let catalogue = open(Path::new(&env::var_os(WRITER_FILE).unwrap())).await.unwrap();
    for round in 0.. {
        let content = round.to_string();
        catalogue.register(&registration("debian", &content, shared(), &["n1"]), &at(round)).await.unwrap();
        println!("\nregistered");
    }
}

#[tokio::test]
async fn a_killed_writer_leaves_the_catalogue_whole() {
    let fixture = Fixture::new().await;
    for kill_after in [1, 3, 7] {
        let mut writer = Command::new(env::current_exe().unwrap())
            .args(["--exact", "sqlite::own_tests::a_writer", "--ignored", "--nocapture"])
            .env(WRITER_FILE, file(&fixture))
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .kill_on_drop(true)
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(writer.stdout.take().unwrap()).lines();
        let mut registered = 0;
        while registered < kill_after {
            let line = lines.next_line().await.unwrap().expect("the writer ended by itself");
            registered += u32::from(line == "registered");
        }
        writer.kill().await.unwrap();

        let reopened = super::open(&file(&fixture), &"g8".into()).await.unwrap();
        let check: String =
            sqlx::query_scalar("PRAGMA integrity_check").fetch_one(&reopened.readers).await.unwrap();
        assert_eq!(check, "ok");
        let broken = sqlx::query("PRAGMA foreign_key_check").fetch_all(&reopened.readers).await.unwrap();
        assert_eq!(broken.len(), 0);
        let detail = Catalogue::of(reopened).image("debian").await.unwrap().unwrap();
        let count = u32::try_from(detail.generations.len()).unwrap();
        assert!(count >= kill_after, "{count} generations after {kill_after} were acknowledged");
        assert!(detail.generations.iter().all(|generation| generation.copies.len() == 1));
        assert_eq!(detail.generations.iter().filter(|generation| generation.current).count(), 1);
    }
}

#[tokio::test]
async fn what_cannot_be_opened_is_named() {
    let directory = TempDir::new().unwrap();
    let corrupt = directory.path().join("corrupt.sqlite");
    fs::write(&corrupt, "not a database, and long enough to be read as one's first page\n".repeat(100))
        .unwrap();
    let error = open(&corrupt).await.unwrap_err();
    assert!(matches!(&error, CatalogueError::Open { place, .. } if place_is(place, &corrupt)), "{error:?}");
    let said = error.to_string();
    let start =
        format!("{}: the catalogue cannot be opened: its file is damaged. To go on, ", corrupt.display());
    assert!(said.starts_with(&start), "{said}");

    let error = open(directory.path()).await.unwrap_err();
    assert!(
        matches!(&error, CatalogueError::Open { place, .. } if place_is(place, directory.path())),
        "{error:?}"
    );

    let below_a_file = corrupt.join("catalogue.sqlite");
    let error = open(&below_a_file).await.unwrap_err();
    assert!(matches!(&error, CatalogueError::Create { path, .. } if *path == corrupt), "{error:?}");
    assert_eq!(error.to_string(), format!("{}: the catalogue cannot be made", corrupt.display()));
}

#[tokio::test]
async fn a_catalogue_of_every_older_version_is_brought_forward() {
    let newest = MIGRATIONS.iter().map(|migration| migration.version).max().unwrap();
    for version in 2..newest {
        println!("version {version}");
        is_brought_forward(version).await;
    }
}

/// The migrations up to this version.
fn up_to(version: i64) -> Migrator {
    let first = MIGRATIONS.iter().filter(|migration| migration.version <= version).cloned().collect();
    Migrator { migrations: Cow::Owned(first), ..Migrator::DEFAULT }
}

/// What was written by version 2, and brought to this one since.
async fn is_brought_forward(version: i64) {
    let fixture = Fixture::new().await;
    let older = file(&fixture).with_file_name("older.sqlite");
    let mut db =
        SqliteConnectOptions::new().filename(&older).create_if_missing(true).connect().await.unwrap();
    up_to(2).run_direct(None, &mut db, false).await.unwrap();
    // What lies in it: written by this version elsewhere, as far as that one had columns for it.
    fixture.catalogue.register(&registration("debian", "a", shared(), &["n1"]), &at(0)).await.unwrap();
    // The environment has n3 no more: that was all that DISABLED meant.
    fixture.catalogue.set_stacks(&[n1(), n2()], &[], None, &ops(1)).await.unwrap();
    sqlx::query("ATTACH ? AS newer").bind(fixture.server.address()).execute(&mut db).await.unwrap();
    sqlx::raw_sql(
        "PRAGMA foreign_keys = OFF;
         INSERT INTO pool SELECT id, gid, name, node, path FROM newer.pool;
         INSERT INTO stack
         SELECT id, gid, name, CASE in_environment WHEN 1 THEN status ELSE 'DISABLED' END, reference_id, pool_id
         FROM newer.stack;
         INSERT INTO image
         SELECT id, guid, gid, name, description, type, size_gb, username, account_id, reference_id, url, last_modified,
                status, boot_type, hot_resize, current_generation
         FROM newer.image;
         INSERT INTO generation
         SELECT id, image_id, number, source_url, etag, last_modified, source_md5, source_sha256, source_size,
                source_verified, format, substr(content, 17), stored_size, virtual_size, template, template_checksum,
                template_commit, made_at, made_by
         FROM newer.generation;
         INSERT INTO copy SELECT pool_id, generation_id, state, file, substr(digest, 17), size, verified_at FROM newer.copy;
         INSERT INTO wanted SELECT * FROM newer.wanted;
         INSERT INTO run (service, instance, node, action, status, started_at)
         VALUES ('image_debian', 'main', 'n1', 'install', 'running', '2026-11-21T20:00:00.000Z');
         INSERT INTO installed
         SELECT 'image_debian', 'main', 'n1', '6331' || hex(zeroblob(14)), '6431' || hex(zeroblob(30)), pool_id,
                generation_id, '2026-11-21T20:00:00.000Z'
         FROM copy;
         INSERT INTO installed
         VALUES ('x', 'main', 'n1', hex(zeroblob(16)), hex(zeroblob(32)), NULL, NULL, '2026-11-21T20:00:00.000Z');",
    )
    .execute(&mut db)
    .await
    .unwrap();
    up_to(version).run_direct(None, &mut db, false).await.unwrap();
    drop(db);

    let brought = open(&older).await.unwrap();
    // What was known by its SHA-256 is offered, and known by its content as soon as it has been read.
    let of_before = |digest: Digest| match digest {
        Digest::FsVerity(content) => Digest::Sha256(Sha256(content.0)),
        Digest::Sha256(_) => panic!("{digest}"),
    };
    let mut named = fixture.catalogue.image("debian").await.unwrap().unwrap();
    named.generations.iter_mut().for_each(|generation| generation.verified_by = None);
    let mut expected = named.clone();
    for generation in &mut expected.generations {
        generation.content = of_before(generation.content);
        generation.copies.iter_mut().for_each(|copy| copy.digest = of_before(copy.digest));
    }
    assert_eq!(brought.image("debian").await.unwrap().unwrap(), expected);
    let mut offered = fixture.catalogue.offers(&shared()).await.unwrap();
    offered.iter_mut().for_each(|offer| offer.digest = of_before(offer.digest));
    assert_eq!(brought.offers(&shared()).await.unwrap(), offered);

    let copies = brought.copies_to_scrub(None).await.unwrap().unwrap();
    brought.set_scrubbed(&copies[0], Some((digest("a"), digest("a"))), &at(7)).await.unwrap();
    let mut expected = named;
    expected.generations[0].copies[0].scrubbed_at = Some(at(7));
    assert_eq!(brought.image("debian").await.unwrap().unwrap(), expected);
    brought.set_stacks(&[n1(), n2(), n3()], &[], None, &ops(8)).await.unwrap();
    assert!(brought.stacks().await.unwrap().iter().all(|stack| stack.status == StackStatus::Enabled));
    let runs = brought.runs(&RunFilter::default()).await.unwrap();
    assert_eq!(runs.iter().map(|run| run.rollout.as_deref()).collect::<Vec<_>>(), [None]);
    let installed = brought.installed(&debian_on("n1")).await.unwrap().unwrap();
    assert_eq!((installed.template_checksum, installed.answers_digest), (md5("c1"), source("d1")));
    let [InstalledPart { image, copy: Some(copy), .. }] = &installed.parts[..] else {
        panic!("{installed:?}")
    };
    assert_eq!((image.as_str(), copy.file.as_str()), ("debian", "debian-a.raw"));
    let x = ServiceOnNode { service: "x".into(), ..debian_on("n1") };
    assert_eq!(brought.installed(&x).await.unwrap().unwrap().parts, []);
    open(&older).await.unwrap();
}

#[tokio::test]
async fn a_catalogue_of_a_newer_version_is_refused() {
    let fixture = Fixture::new().await;
    sqlx::query(
        "INSERT INTO _sqlx_migrations (version, description, success, checksum, execution_time)
         VALUES (9999, 'later', TRUE, x'00', 0)",
    )
    .execute(&fixture.database.readers)
    .await
    .unwrap();
    let error = open(&file(&fixture)).await.unwrap_err();
    assert!(
        matches!(&error, CatalogueError::Migrate { place, .. } if place_is(place, &file(&fixture))),
        "{error:?}"
    );
}
