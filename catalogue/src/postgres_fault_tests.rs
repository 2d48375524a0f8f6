//! What goes wrong with a server: it is away, it takes no writes, its disk is full, it stops in the middle of a write. The
//! message says what to do, nothing that was recorded is lost, and the catalogue goes on when the cause is gone.

use ays_model::causes;

use super::tests::support::{Fixture, at, registration, shared};
use crate::{Catalogue, LockAttempt};

async fn generations(fixture: &Fixture) -> usize {
    fixture.catalogue.image("debian").await.unwrap().map_or(0, |detail| detail.generations.len())
}

/// Registers a content of debian; what is said when that fails.
async fn register(fixture: &Fixture, content: &str) -> Result<(), String> {
    let registering = registration("debian", content, shared(), &["n1"]);
    fixture.catalogue.register(&registering, &at(0)).await.map(drop).map_err(|error| error.to_string())
}

/// What is said when it is opened anew.
async fn refusal(fixture: &Fixture) -> String {
    causes(&Catalogue::open(&fixture.server.place(), &"g8".into()).await.unwrap_err())
}

#[tokio::test]
async fn a_server_that_is_away_is_named_and_found_when_it_is_back() {
    let mut fixture = Fixture::new().await;
    register(&fixture, "a").await.unwrap();
    fixture.server.stop();
    let said = refusal(&fixture).await;
    assert!(said.contains("the catalogue cannot be opened: no server answers there. Start it"), "{said}");
    fixture.server.go_on();
    register(&fixture, "b").await.unwrap();
    assert_eq!(generations(&fixture).await, 2);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_database_that_takes_no_writes_says_so_and_loses_nothing() {
    let fixture = Fixture::new().await;
    register(&fixture, "a").await.unwrap();
    fixture.server.sql("ALTER DATABASE postgres SET default_transaction_read_only = on");
    let said = refusal(&fixture).await;
    assert!(said.contains("the database takes no writes: it is a standby, or is set to"), "{said}");
    // One that was open already meets it at its next connection.
    fixture.server.sql(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid <> pg_backend_pid() AND usename = 'ays'",
    );
    let said = register(&fixture, "b").await.unwrap_err();
    assert!(said.contains("the database takes no writes"), "{said}");
    assert_eq!(generations(&fixture).await, 1);
    let lock = fixture.catalogue.lock(&["debian on n1".to_owned()], "anna@ctl").await;
    assert!(lock.unwrap_err().to_string().contains("the database takes no writes"));
    fixture.server.sql("ALTER DATABASE postgres RESET default_transaction_read_only");
    let other = fixture.other().await;
    other.register(&registration("debian", "b", shared(), &["n1"]), &at(1)).await.unwrap();
    assert_eq!(generations(&fixture).await, 2);
}

/// The server's own code for a full disk, at the last statement of a registration. On several threads: what was read is
/// given back while the server waits for that.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_full_disk_of_the_server_loses_nothing() {
    let fixture = Fixture::new().await;
    register(&fixture, "a").await.unwrap();
    fixture.server.sql(
        "CREATE FUNCTION full_disk() RETURNS trigger LANGUAGE plpgsql
         AS $$ BEGIN RAISE 'could not extend file' USING ERRCODE = 'disk_full'; END $$",
    );
    fixture.server.sql("CREATE TRIGGER full_disk BEFORE INSERT ON copy EXECUTE FUNCTION full_disk()");
    let before = fixture.catalogue.export().await.unwrap();
    let said = register(&fixture, "b").await.unwrap_err();
    assert!(said.ends_with("registering an image failed: the server's disk is full. Free some space there, then do the same again"), "{said}");
    assert_eq!(fixture.catalogue.export().await.unwrap(), before, "nothing of it is kept");
    fixture.server.sql("DROP TRIGGER full_disk ON copy");
    register(&fixture, "b").await.unwrap();
    assert_eq!(generations(&fixture).await, 2);
}

#[tokio::test]
async fn a_server_that_stops_in_the_middle_of_a_write_keeps_nothing_of_it_and_locks_go_on() {
    let mut fixture = Fixture::new().await;
    let scopes = ["debian on n1".to_owned()];
    let LockAttempt::Held(lock) = fixture.catalogue.lock(&scopes, "anna@ctl").await.unwrap() else {
        panic!("nobody has it")
    };
    let mut half = fixture.database.write("being half-way").await.unwrap();
    sqlx::query("UPDATE stack SET status = 'DISABLED'").execute(&mut *half).await.unwrap();
    fixture.server.restart();
    let error = sqlx::query("UPDATE stack SET status = 'DISABLED'").execute(&mut *half).await.unwrap_err();
    let said = crate::cure::explained(&fixture.server.place(), &error);
    assert!(
        said.ends_with("When it is back, do the same again: it goes on from what is there"),
        "{said} {error:?}"
    );
    drop(half);
    register(&fixture, "a").await.unwrap();
    assert_eq!(fixture.catalogue.offers(&shared()).await.unwrap().len(), 1, "no stack is disabled");
    // Its holder has found the server again in time.
    assert!(tokio::time::timeout(crate::lock::DEAD_AFTER, lock.lost()).await.is_err());
    let other = fixture.other().await.lock(&scopes, "ben@ctl").await.unwrap();
    assert!(matches!(other, LockAttempt::Taken(_)), "{other:?}");
    lock.release().await.unwrap();
}

/// Connecting fails at once there: nothing that takes long tells that the time is over.
#[tokio::test]
async fn a_lock_is_lost_while_the_server_stays_away() {
    let mut fixture = Fixture::new().await;
    let scopes = ["debian on n1".to_owned()];
    let LockAttempt::Held(lock) = fixture.catalogue.lock(&scopes, "anna@ctl").await.unwrap() else {
        panic!("nobody has it")
    };
    fixture.server.stop();
    tokio::time::timeout(crate::lock::DEAD_AFTER, lock.lost()).await.unwrap();
    fixture.server.go_on();
}
