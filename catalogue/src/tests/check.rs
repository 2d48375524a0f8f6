//! The catalogue is held against itself, and files that were found in pools are recorded.

use ays_model::DiskFormat;

use super::support::{Fixture, at, digest, ops, own, registration, shared};
use crate::{
    AuditOf, AuditWhat, CopyState, GenerationId, ImageMove, Leaving, LockAttempt, NewCopy, RecordedCopy,
};

/// A catalogue with one image in the shared pool.
async fn with_debian() -> (Fixture, GenerationId) {
    let fixture = Fixture::new().await;
    let registered =
        fixture.catalogue.register(&registration("debian", "a", shared(), &["n1"]), &at(0)).await.unwrap();
    (fixture, registered.generation)
}

fn found(generation: GenerationId) -> NewCopy {
    NewCopy {
        pool: own(),
        file: "debian-a.raw".to_owned(),
        format: DiskFormat::Raw,
        digest: digest("a"),
        size: 2000,
        generation,
    }
}

async fn sql(fixture: &Fixture, statement: &'static str) {
    sqlx::query(statement).execute(&fixture.database.writer).await.unwrap();
}

/// Codes and messages of what is found.
async fn findings(fixture: &Fixture) -> Vec<(&'static str, String)> {
    let findings = fixture.catalogue.check_records().await.unwrap();
    assert!(findings.iter().all(|finding| !finding.cure.is_empty()));
    findings.into_iter().map(|finding| (finding.code, finding.message)).collect()
}

async fn state_in(fixture: &Fixture) -> Vec<CopyState> {
    let record = fixture.catalogue.pool_record(&own()).await.unwrap();
    record.copies.iter().map(|copy| copy.state).collect()
}

#[tokio::test]
async fn what_operations_leave_breaks_no_rule() {
    let (fixture, _) = with_debian().await;
    let catalogue = &fixture.catalogue;
    assert_eq!(findings(&fixture).await, []);
    catalogue.register(&registration("debian", "b", own(), &["n3"]), &at(1)).await.unwrap();
    let copies = catalogue.copies_to_scrub(None).await.unwrap().unwrap();
    catalogue.set_bad(&copies[0]).await.unwrap();
    let id = catalogue.image("debian").await.unwrap().unwrap().image.id;
    catalogue.change(crate::Change::Image(id, ImageMove::Delete), &ops(2)).await.unwrap();
    assert_eq!(findings(&fixture).await, []);
    let leaving = Leaving::Image(id);
    let files = catalogue.removable(&leaving).await.unwrap();
    for file in catalogue.begin_removal(&leaving, &files, &ops(3)).await.unwrap() {
        assert_eq!(findings(&fixture).await, []);
        catalogue.end_removal(&file.pool, &file.file, &ops(3)).await.unwrap();
    }
    assert_eq!(findings(&fixture).await, []);
}

#[tokio::test]
async fn each_broken_rule_is_a_finding_that_names_what_breaks_it() {
    for (statement, code, message) in [
        (
            "UPDATE image SET current_generation = NULL",
            "noCurrentGeneration",
            "image debian of grid 1 has no current generation of its own",
        ),
        (
            "UPDATE copy SET verified_at = NULL",
            "verifiedWithoutTime",
            "debian-a.raw in /mnt/vmstor is recorded as verified, and not when",
        ),
        (
            "UPDATE copy SET digest = 'fsverity-sha256:00'",
            "otherDigest",
            "debian-a.raw in /mnt/vmstor is recorded with another digest than the content that it is a copy of",
        ),
        (
            "UPDATE image SET status = 'DESTROYED'",
            "destroyedWithCopies",
            "debian is destroyed, and debian-a.raw is still recorded as a copy of it",
        ),
        (
            "UPDATE image SET gid = 2",
            "copyElsewhere",
            "debian-a.raw is recorded as a copy of debian, in a pool of another grid or environment",
        ),
        (
            "UPDATE image SET gid = 2",
            "wantedElsewhere",
            "debian is wanted on stack n1, which is of another grid or environment",
        ),
        (
            "UPDATE stack SET pool_id = (SELECT id FROM pool WHERE name = 'local'), gid = 2 WHERE name = 'n3'",
            "stackPoolElsewhere",
            "stack n3 has the pool local, which is of another grid or environment",
        ),
    ] {
        let (fixture, _) = with_debian().await;
        sql(&fixture, statement).await;
        let said = findings(&fixture).await;
        assert!(said.contains(&(code, message.to_owned())), "{statement}: {said:?}");
    }
    // Two images stand on one file.
    let (fixture, _) = with_debian().await;
    let mut other = registration("alpine", "a", shared(), &["n1"]);
    other.stored.file = "debian-a.raw".to_owned();
    fixture.catalogue.register(&other, &at(1)).await.unwrap();
    assert_eq!(findings(&fixture).await, []);
    sql(&fixture, "UPDATE copy SET size = 1 WHERE generation_id = 1").await;
    let expected = "debian-a.raw in /mnt/vmstor has two records that say different things of its bytes";
    assert_eq!(findings(&fixture).await, [("twoRecordsOfOneFile", expected.to_owned())]);
}

#[tokio::test]
async fn a_pools_record_has_all_copies_and_what_its_index_must_say() {
    let (fixture, generation) = with_debian().await;
    let catalogue = &fixture.catalogue;
    let record = catalogue.pool_record(&shared()).await.unwrap();
    let [RecordedCopy { file, state: CopyState::Verified, generation: of, .. }] = &record.copies[..] else {
        panic!("{record:?}")
    };
    assert_eq!((file.as_str(), *of), ("debian-a.raw", generation));
    assert_eq!(record.offers, catalogue.offers(&shared()).await.unwrap());
    assert_eq!(record.index, crate::index_json(&record.offers, &[]));
    // Of a verified file it is what a scrub would read.
    assert_eq!(
        record.verified("debian-a.raw"),
        catalogue.copies_to_scrub(None).await.unwrap().unwrap().pop()
    );
    assert_eq!(catalogue.recorded_pools().await.unwrap(), [shared()]);
    // One that nobody has recorded anything of.
    let record = catalogue.pool_record(&own()).await.unwrap();
    assert_eq!((record.files(), record.index), (Vec::new(), crate::index_json(&[], &[])));
}

#[tokio::test]
async fn a_file_that_was_found_is_offered_by_nobody_before_it_is_read() {
    let (fixture, generation) = with_debian().await;
    let catalogue = &fixture.catalogue;
    let digits = digest("a").to_string()["fsverity-sha256:".len()..][..12].to_owned();
    let known = catalogue.known_contents(&own(), &digits).await.unwrap();
    assert_eq!(
        known.iter().map(|known| (known.generation, known.number)).collect::<Vec<_>>(),
        [(generation, 1)]
    );
    assert_eq!(catalogue.known_contents(&own(), "ffffffffffff").await.unwrap(), []);

    assert!(catalogue.record_found(&found(generation), &ops(1)).await.unwrap());
    assert_eq!(state_in(&fixture).await, [CopyState::Damaged]);
    assert_eq!(catalogue.offers(&own()).await.unwrap(), []);
    let audit = &catalogue.audit(&AuditOf::All, 1).await.unwrap()[0];
    assert_eq!((audit.what, audit.before.is_none(), audit.after.is_some()), (AuditWhat::Copy, true, true));
    // What is known stays, and is not noted again.
    assert!(!catalogue.record_found(&found(generation), &ops(2)).await.unwrap());
    let other = NewCopy { file: "other-a.raw".to_owned(), ..found(generation) };
    assert!(!catalogue.record_found(&other, &ops(2)).await.unwrap());
    assert_eq!(catalogue.audit(&AuditOf::All, 1).await.unwrap()[0].id, audit.id);
    // A scrub finds it good.
    let copies = catalogue.copies_to_scrub(None).await.unwrap().unwrap();
    let copy = copies.iter().find(|copy| copy.pool == own()).unwrap();
    catalogue.set_scrubbed(copy, None, &at(3)).await.unwrap();
    assert_eq!(state_in(&fixture).await, [CopyState::Verified]);
}

#[tokio::test]
async fn a_copy_that_was_on_its_way_is_to_be_read_when_its_file_is_there() {
    let (fixture, generation) = with_debian().await;
    let catalogue = &fixture.catalogue;
    catalogue.set_arriving(&[found(generation)]).await.unwrap();
    catalogue.set_unread(&own(), "other.raw").await.unwrap();
    assert_eq!(state_in(&fixture).await, [CopyState::Arriving]);
    catalogue.set_unread(&own(), "debian-a.raw").await.unwrap();
    assert_eq!(state_in(&fixture).await, [CopyState::Damaged]);
}

#[tokio::test]
async fn a_copy_that_was_brought_anew_after_the_clock_was_set_back_is_left_as_it_is() {
    let (fixture, _) = with_debian().await;
    let catalogue = &fixture.catalogue;
    let copy = catalogue.copies_to_scrub(None).await.unwrap().unwrap().pop().unwrap();
    catalogue.mark_damaged(&shared(), "debian-a.raw").await.unwrap();
    catalogue.register(&registration("debian", "a", shared(), &["n1"]), &at(-3600)).await.unwrap();
    assert!(!catalogue.set_bad(&copy).await.unwrap());
    assert_eq!(catalogue.offers(&shared()).await.unwrap().len(), 1);
    let now = catalogue.copies_to_scrub(None).await.unwrap().unwrap().pop().unwrap();
    assert!(catalogue.set_bad(&now).await.unwrap());
}

#[tokio::test]
async fn who_holds_locks_is_listed() {
    let fixture = Fixture::new().await;
    let scopes = ["debian on n1".to_owned(), "alpine on n2".to_owned()];
    let LockAttempt::Held(lock) = fixture.other().await.lock(&scopes, "anna@ctl").await.unwrap() else {
        panic!("nobody has it")
    };
    let held = async || {
        let locks = fixture.catalogue.locks().await.unwrap();
        locks.into_iter().map(|holder| (holder.scope, holder.by)).collect::<Vec<_>>()
    };
    let by_anna = |scope: &str| (scope.to_owned(), "anna@ctl".to_owned());
    assert_eq!(held().await, [by_anna("alpine on n2"), by_anna("debian on n1")]);
    lock.release().await.unwrap();
    assert_eq!(held().await, []);
}
