//! Whose a pool is: taken, refused, adopted, by one at a time.
#![allow(clippy::expect_used, clippy::panic, clippy::unwrap_used, reason = "a test fails by panicking")]

mod support;

use std::fs;
use std::path::Path;

use ays_protocol::{
    AdoptPool, Failure, IndexBefore, NotOurs, Outcome, PoolClaim, PoolMark, PoolSeen, Requirements, Step,
    Whose, WriteIndex,
};
use support::{claim_of, names, outside, run};
use tempfile::tempdir;

const MARK: &str = "{\n  \"version\": 1,\n  \"catalogue\": \"one\",\n  \"environment\": \"g8\",\n  \
                    \"takenBy\": \"ops@c\"\n}\n";

fn write(claim: PoolClaim, content: &str) -> Step {
    Step::WriteIndex(WriteIndex { claim, content: content.to_owned() })
}

fn check(claim: PoolClaim) -> Step {
    Step::CheckRequirements(Requirements { pool: Some(claim), qemu_img: false })
}

/// What is refused, and why.
fn refused(pool: &Path, whose: Whose) -> Failure {
    let (path, pool, node) = (pool.to_owned(), "local".into(), "n1".into());
    Failure::NotOurs(Box::new(NotOurs { pool, node, path, whose }))
}

/// The file that does not say whose the pool is.
fn unreadable(result: &Result<Outcome, Failure>) -> &str {
    match result {
        Err(Failure::NotOurs(refused)) => match &refused.whose {
            Whose::Unreadable { file, .. } => file,
            other => panic!("{other:?}"),
        },
        other => panic!("{other:?}"),
    }
}

fn index(pool: &Path) -> String {
    fs::read_to_string(pool.join("ays-images.json")).unwrap()
}

#[tokio::test]
async fn the_first_takes_a_pool_and_every_other_one_is_refused() {
    let directory = tempdir().unwrap();
    let pool = directory.path().join("pool");
    let claim = |catalogue| claim_of(catalogue, &pool);
    // To look takes nothing.
    assert_eq!(run(Step::CheckOwner(claim("two"))).await, Ok(Outcome::Ready));
    assert!(!pool.exists());
    assert_eq!(run(check(claim("one"))).await, Ok(Outcome::Ready));
    assert_eq!(fs::read_to_string(pool.join(".ays-owner.json")).unwrap(), MARK);
    assert_eq!(run(write(claim("one"), "first")).await, Ok(Outcome::Written(IndexBefore::Missing.into())));
    fs::write(pool.join(".ays-x.ays-part"), "of the first").unwrap();

    let expected = refused(&pool, Whose::Owner(claim("one").owner));
    for step in [Step::CheckOwner(claim("two")), check(claim("two")), write(claim("two"), "second")] {
        assert_eq!(run(step.clone()).await.as_ref(), Err(&expected), "{step:?}");
    }
    assert_eq!(index(&pool), "first");
    assert_eq!(names(&pool), [".ays-owner.json", ".ays-x.ays-part", "ays-images.json"]);
    let said = expected.to_string();
    let path = pool.display();
    assert_eq!(
        said,
        format!(
            "pool local of n1, {path}, belongs to environment g8 (catalogue one, taken by ops@c): `ays pool adopt local \
             --targetname n1` takes it over with what is there; another directory for it in ays.toml keeps both apart"
        )
    );
}

#[tokio::test]
async fn an_index_without_a_mark_is_its_catalogues_when_that_knows_all_of_it() {
    let directory = tempdir().unwrap();
    let pool = directory.path();
    let said =
        r#"{"version": 1, "images": [{"name": "a", "file": "a.raw"}, {"name": "b", "file": "b.raw"}]}"#;
    fs::write(pool.join("ays-images.json"), said).unwrap();
    let knows = |known: &[&str]| {
        let known = known.iter().map(|&file| file.to_owned()).collect();
        PoolClaim { known, ..claim_of("one", pool) }
    };
    let unknown = Err(refused(pool, Whose::Unknown(vec!["b.raw".to_owned()])));
    for step in [Step::CheckOwner(knows(&["a.raw"])), check(knows(&["a.raw"])), write(knows(&["a.raw"]), "")]
    {
        assert_eq!(run(step).await, unknown);
    }
    assert_eq!(names(pool), ["ays-images.json"]);
    assert_eq!(
        run(write(knows(&["b.raw", "a.raw"]), "new")).await,
        Ok(Outcome::Written(IndexBefore::Other.into()))
    );
    assert_eq!(names(pool), [".ays-owner.json", "ays-images.json"]);

    // From now on the mark says it, whatever becomes of the index.
    for text in ["{", said] {
        fs::write(pool.join("ays-images.json"), text).unwrap();
        assert_eq!(run(Step::CheckOwner(knows(&[]))).await, Ok(Outcome::Ready));
    }
    fs::remove_file(pool.join(".ays-owner.json")).unwrap();
    fs::write(pool.join("ays-images.json"), "{").unwrap();
    assert_eq!(unreadable(&run(Step::CheckOwner(knows(&[]))).await), "ays-images.json");
}

#[tokio::test]
async fn a_mark_that_cannot_be_read_is_nobodys() {
    let directory = tempdir().unwrap();
    let pool = directory.path();
    let long = MARK.replace("g8", &"g".repeat(256));
    for mark in ["", "{}", "[]", "{\"catalogue\": 1}", &long] {
        fs::write(pool.join(".ays-owner.json"), mark).unwrap();
        let refused = run(check(claim_of("one", pool))).await;
        assert_eq!(unreadable(&refused), ".ays-owner.json", "{mark}");
    }
    // Later versions may say more.
    fs::write(pool.join(".ays-owner.json"), MARK.replace('1', "2").replacen('{', "{ \"more\": [],", 1))
        .unwrap();
    assert_eq!(run(check(claim_of("one", pool))).await, Ok(Outcome::Ready));
    // A link leads anywhere.
    fs::remove_file(pool.join(".ays-owner.json")).unwrap();
    std::os::unix::fs::symlink("/dev/zero", pool.join(".ays-owner.json")).unwrap();
    assert!(matches!(run(check(claim_of("one", pool))).await, Err(Failure::Disk { .. })));
}

/// Each from a process of its own, as those of two controllers are.
async fn at_once(steps: [Step; 2]) -> [Result<Outcome, Failure>; 2] {
    let [one, other] = steps;
    let ((mut first, _one), (mut second, _other)) = tokio::join!(outside(|_| {}), outside(|_| {}));
    let (one, other) = tokio::join!(first.run(one), second.run(other));
    [one, other]
}

#[tokio::test]
async fn of_two_that_take_a_pool_at_once_one_has_it() {
    for _ in 0..20 {
        let directory = tempdir().unwrap();
        let pool = directory.path();
        let step = |catalogue: &str| write(claim_of(catalogue, pool), &format!("of {catalogue}"));
        let results = at_once([step("one"), step("two")]).await;
        let won: Vec<_> = results.iter().map(Result::is_ok).collect();
        let winner = if won[0] { "one" } else { "two" };
        assert_eq!(won.iter().filter(|won| **won).count(), 1, "{results:?}");
        assert_eq!(index(pool), format!("of {winner}"));
        let seen = run(Step::LookAtPool(pool.to_owned())).await;
        let mark = PoolMark::Of(claim_of(winner, pool).owner);
        assert_eq!(seen, Ok(Outcome::Pool(PoolSeen { mark, index: Some(format!("of {winner}")) })));
        assert_eq!(names(pool), [".ays-owner.json", "ays-images.json"]);
    }
}

#[tokio::test]
async fn a_pool_is_adopted_as_it_was_seen() {
    let directory = tempdir().unwrap();
    let pool = directory.path();
    run(write(claim_of("one", pool), "of one")).await.unwrap();
    let look = || Step::LookAtPool(pool.to_owned());
    let Ok(Outcome::Pool(seen)) = run(look()).await else { panic!("not seen") };
    let adopt = |catalogue: &str, seen: &PoolSeen| {
        Step::AdoptPool(AdoptPool { claim: claim_of(catalogue, pool), seen: seen.clone() })
    };
    let is = |catalogue: &str, index: &str| PoolSeen {
        mark: PoolMark::Of(claim_of(catalogue, pool).owner),
        index: Some(index.to_owned()),
    };
    // Something was added meanwhile.
    run(write(claim_of("one", pool), "more of one")).await.unwrap();
    let changed = is("one", "more of one");
    assert_eq!(run(adopt("two", &seen)).await, Ok(Outcome::Pool(changed.clone())));
    // Of two that adopt it at once, one is told that the other has it.
    let results = at_once([adopt("two", &changed), adopt("three", &changed)]).await;
    let [first, second] = results.map(Result::unwrap);
    assert_eq!(first, second);
    let winner = if first == Outcome::Pool(is("two", "more of one")) { "two" } else { "three" };
    assert_eq!(first, Outcome::Pool(is(winner, "more of one")));
    let refused = refused(pool, Whose::Owner(claim_of(winner, pool).owner));
    assert_eq!(run(write(claim_of("one", pool), "again")).await, Err(refused));
    assert_eq!(index(pool), "more of one");
    assert_eq!(names(pool), [".ays-owner.json", "ays-images.json"]);
}
