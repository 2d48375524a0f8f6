//! Locks: one holder at a time, and none for ever.

use std::env;
use std::ops::Add;
use std::process::Stdio;
use std::time::Duration;

use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::Command;
use tokio::task::JoinSet;
use tokio::time::timeout;

use super::super::lock_clock;
use super::super::test_server::TestServer;
use super::support::Fixture;
use crate::lock::TRY_EVERY;
use crate::{Catalogue, Lock, LockAttempt, LockHolder};

const LOCKER_ADDRESS: &str = "AYS_TEST_LOCKER_ADDRESS";

fn scopes(scopes: &[&str]) -> Vec<String> {
    scopes.iter().map(|&scope| scope.to_owned()).collect()
}

async fn held(catalogue: &Catalogue, wanted: &[&str]) -> Lock {
    match catalogue.lock(&scopes(wanted), "anna@ctl").await.unwrap() {
        LockAttempt::Held(lock) => lock,
        LockAttempt::Taken(holder) => panic!("{holder:?}"),
    }
}

/// The scope that is taken already, and by whom.
async fn taken(catalogue: &Catalogue, wanted: &[&str]) -> (String, String) {
    match catalogue.lock(&scopes(wanted), "ben@ctl").await.unwrap() {
        LockAttempt::Held(lock) => panic!("{lock:?}"),
        LockAttempt::Taken(holder) => (holder.scope, holder.by),
    }
}

/// Makes it so long since all holders were renewed.
async fn silence(fixture: &Fixture, seconds: f64) {
    sqlx::query("UPDATE lock_holder SET renewed_at = renewed_at - $1")
        .bind(seconds)
        .execute(&fixture.database.writer)
        .await
        .unwrap();
}

/// How many seconds ago the one holder was renewed.
async fn silent(fixture: &Fixture) -> f64 {
    let mut db = fixture.database.readers.acquire().await.unwrap();
    let renewed: f64 =
        sqlx::query_scalar("SELECT renewed_at FROM lock_holder").fetch_one(&mut *db).await.unwrap();
    lock_clock(&mut db).await.unwrap() - renewed
}

/// Waits for the lock to be lost.
async fn lost(lock: &Lock) {
    timeout(Duration::from_secs(20), lock.lost()).await.unwrap();
}

async fn count(fixture: &Fixture, sql: &'static str) -> i64 {
    sqlx::query_scalar(sql).fetch_one(&fixture.database.readers).await.unwrap()
}

#[tokio::test]
async fn all_scopes_are_held_or_none() {
    let fixture = Fixture::new().await;
    let (ours, theirs) = (&fixture.catalogue, &fixture.other().await);
    let lock = held(ours, &["debian on n1", "debian on n2", "debian on n1"]).await;
    for catalogue in [ours, theirs] {
        let (scope, by) = taken(catalogue, &["debian on n3", "debian on n2", "alpine on n2"]).await;
        assert_eq!((scope.as_str(), by.as_str()), ("debian on n2", "anna@ctl"));
    }
    let elsewhere = held(theirs, &["debian on n3", "alpine on n2"]).await;
    lock.release().await.unwrap();
    let again = held(theirs, &["debian on n2", "debian on n1"]).await;
    assert_eq!(taken(ours, &["alpine on n2"]).await.0, "alpine on n2");
    elsewhere.release().await.unwrap();
    again.release().await.unwrap();
    assert_eq!(count(&fixture, "SELECT count(*) FROM lock").await, 0);
}

#[tokio::test]
async fn who_has_a_lock_is_told_with_the_time() {
    let fixture = Fixture::new().await;
    let before = crate::Timestamp::now();
    let _lock = held(&fixture.catalogue, &["debian on n1"]).await;
    let after = crate::Timestamp::now();
    let attempt = fixture.catalogue.lock(&scopes(&["debian on n1"]), "ben@ctl").await.unwrap();
    let LockAttempt::Taken(LockHolder { since, .. }) = attempt else { panic!("{attempt:?}") };
    assert!(before <= since && since <= after, "{before} {since} {after}");
}

#[tokio::test]
async fn all_locks_of_a_process_have_one_holder_and_one_beat() {
    let fixture = Fixture::new().await;
    let mut takers = JoinSet::new();
    for node in 0..50 {
        let catalogue = fixture.catalogue.clone();
        takers.spawn(async move { held(&catalogue, &[&format!("debian on n{node}")]).await });
    }
    let locks = takers.join_all().await;
    assert_eq!(count(&fixture, "SELECT count(*) FROM lock").await, 50);
    assert_eq!(count(&fixture, "SELECT count(*) FROM lock_holder").await, 1);
    // It lives: the next beat comes before it is dead.
    silence(&fixture, 4.0).await;
    while silent(&fixture).await > 3.0 {
        assert!(timeout(Duration::from_millis(10), locks[0].lost()).await.is_err());
    }
    assert_eq!(taken(&fixture.other().await, &["debian on n7"]).await.0, "debian on n7");
    drop(locks);
}

#[tokio::test]
async fn a_holder_that_was_silent_for_too_long_is_dead_and_learns_it() {
    let fixture = Fixture::new().await;
    let (ours, theirs) = (&fixture.catalogue, &fixture.other().await);
    let lock = held(ours, &["debian on n1"]).await;
    silence(&fixture, 9.0).await;
    let taken_over = held(theirs, &["debian on n1"]).await;
    lost(&lock).await;
    // It takes nothing from who has it now, and may take other locks.
    lock.release().await.unwrap();
    assert_eq!(taken(ours, &["debian on n1"]).await.0, "debian on n1");
    let anew = held(ours, &["debian on n2"]).await;
    assert!(timeout(Duration::from_millis(50), anew.lost()).await.is_err());
    taken_over.release().await.unwrap();
}

#[tokio::test]
async fn who_slept_too_long_has_lost_the_lock_even_when_nobody_took_it() {
    let fixture = Fixture::new().await;
    let lock = held(&fixture.catalogue, &["debian on n1"]).await;
    silence(&fixture, 9.0).await;
    lost(&lock).await;
    // Its own earlier self is dead for it too.
    let again = held(&fixture.catalogue, &["debian on n1"]).await;
    assert!(timeout(Duration::from_millis(50), again.lost()).await.is_err());
}

#[tokio::test]
async fn a_clock_that_was_set_back_keeps_no_dead_holder_alive() {
    let fixture = Fixture::new().await;
    let lock = held(&fixture.catalogue, &["debian on n1"]).await;
    silence(&fixture, -3600.0).await;
    let _taken_over = held(&fixture.other().await, &["debian on n1"]).await;
    lost(&lock).await;
}

#[tokio::test]
async fn a_lock_that_cannot_be_renewed_is_lost_before_anybody_may_take_it() {
    let fixture = Fixture::new().await;
    let lock = held(&fixture.catalogue, &["debian on n1"]).await;
    let mut busy = fixture.database.write("being busy").await.unwrap();
    sqlx::query("UPDATE lock_holder SET renewed_at = renewed_at").execute(&mut *busy).await.unwrap();
    lost(&lock).await;
    let silent = silent(&fixture).await;
    assert!((5.0..8.0).contains(&silent), "{silent}");
    // Not dead for others yet; but a lock that is taken from now on is not lost with it.
    drop(busy);
    let anew = held(&fixture.catalogue, &["debian on n2"]).await;
    assert!(timeout(Duration::from_millis(50), anew.lost()).await.is_err());
}

#[tokio::test]
async fn a_dropped_lock_is_free_soon_and_the_others_are_kept() {
    let fixture = Fixture::new().await;
    let (ours, theirs) = (&fixture.catalogue, &fixture.other().await);
    let kept = held(ours, &["debian on n1"]).await;
    drop(held(ours, &["debian on n2"]).await);
    let _theirs = theirs.wait_for_lock(&scopes(&["debian on n2"]), "ben@ctl", |_| {}).await.unwrap();
    assert_eq!(taken(theirs, &["debian on n1"]).await.0, "debian on n1");
    // The last one of a process ends the renewal.
    drop(kept);
    silence(&fixture, 9.0).await;
    held(ours, &["debian on n1"]).await.release().await.unwrap();
}

#[tokio::test]
async fn who_waits_is_told_once_for_whom() {
    let fixture = Fixture::new().await;
    let (ours, theirs) = (&fixture.catalogue, &fixture.other().await);
    let first = held(ours, &["debian on n1"]).await;
    let second = held(ours, &["debian on n2"]).await;
    let (tell, mut told) = tokio::sync::mpsc::unbounded_channel();
    let wanted = scopes(&["debian on n2", "debian on n1"]);
    let waiting = theirs.wait_for_lock(&wanted, "ben@ctl", |holder| {
        let _ = tell.send(holder.scope.clone());
    });
    let holding = async {
        assert_eq!(told.recv().await.unwrap(), "debian on n1");
        // It has tried again meanwhile.
        assert!(timeout(3 * TRY_EVERY, told.recv()).await.is_err());
        first.release().await.unwrap();
        assert_eq!(told.recv().await.unwrap(), "debian on n2");
        second.release().await.unwrap();
    };
    let (lock, ()) = tokio::join!(waiting, holding);
    drop(tell);
    assert_eq!(told.recv().await, None);
    assert_eq!(taken(ours, &["debian on n1"]).await.1, "ben@ctl");
    lock.unwrap().release().await.unwrap();
}

/// What the next test starts and kills.
#[tokio::test]
#[ignore = "holds a lock until it is killed; started by another test"]
async fn a_locker() {
    let database = TestServer::open_at(&env::var(LOCKER_ADDRESS).unwrap(), "g8").await;
    let catalogue = Catalogue::of(database);
    let lock = held(&catalogue, &["debian on n1"]).await;
    println!("\nheld");
    lock.lost().await;
}

#[tokio::test]
async fn the_lock_of_a_killed_process_is_taken_over_in_seconds() {
    let fixture = Fixture::new().await;
    let mut locker = Command::new(env::current_exe().unwrap())
        .args([
            "--exact",
            &module_path!().replacen("ays_catalogue::", "", 1).add("::a_locker"),
            "--ignored",
            "--nocapture",
        ])
        .env(LOCKER_ADDRESS, fixture.server.address())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .kill_on_drop(true)
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(locker.stdout.take().unwrap()).lines();
    while lines.next_line().await.unwrap().expect("the locker ended by itself") != "held" {}
    assert_eq!(taken(&fixture.catalogue, &["debian on n1"]).await.1, "anna@ctl");
    locker.kill().await.unwrap();
    let wanted = scopes(&["debian on n1"]);
    let waiting = fixture.catalogue.wait_for_lock(&wanted, "ben@ctl", |_| {});
    timeout(Duration::from_secs(10), waiting).await.unwrap().unwrap().release().await.unwrap();
}
