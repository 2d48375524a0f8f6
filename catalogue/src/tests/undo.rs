//! Going back to an earlier generation, and what registering does after that.

use super::support::{Fixture, at, ops, own, registration, shared};
use crate::{Catalogue, CatalogueError, Change, Changed, ImageId};
use ays_model::PoolKey;
use serde_json::json;

async fn undo(catalogue: &Catalogue, to: Option<u32>) -> Result<Changed, CatalogueError> {
    catalogue.change(Change::Undo(ImageId(1), to), &ops(50)).await
}

/// The number of the generation that a pool offers.
async fn offered(catalogue: &Catalogue, pool: &PoolKey) -> Option<u32> {
    catalogue.offers(pool).await.unwrap().first().map(|offer| offer.generation)
}

async fn register(catalogue: &Catalogue, content: &str, pool: PoolKey) -> crate::Registered {
    let stack = if pool == shared() { "n1" } else { "n3" };
    catalogue.register(&registration("debian", content, pool, &[stack]), &at(9)).await.unwrap()
}

/// Three generations in the shared pool, the last two in the other one.
async fn three() -> Fixture {
    let fixture = Fixture::new().await;
    for (content, pool) in [("a", shared()), ("b", shared()), ("b", own()), ("c", shared()), ("c", own())] {
        register(&fixture.catalogue, content, pool).await;
    }
    fixture
}

#[tokio::test]
async fn all_pools_go_back_at_once_and_one_that_cannot_goes_on_with_what_it_has() {
    let Fixture { catalogue, .. } = &three().await;
    let changed = undo(catalogue, None).await.unwrap();
    let pools = vec![shared(), own()];
    assert_eq!(changed, Changed { before: json!(3), after: json!(2), pools });
    assert_eq!([offered(catalogue, &shared()).await, offered(catalogue, &own()).await], [Some(2), Some(2)]);

    undo(catalogue, None).await.unwrap();
    // The other pool never had the first: it offers the newest that it has.
    assert_eq!([offered(catalogue, &shared()).await, offered(catalogue, &own()).await], [Some(1), Some(3)]);
    let error = undo(catalogue, None).await.unwrap_err();
    assert!(matches!(error, CatalogueError::NothingBefore { current: 1, .. }), "{error:?}");

    undo(catalogue, Some(3)).await.unwrap();
    assert_eq!([offered(catalogue, &shared()).await, offered(catalogue, &own()).await], [Some(3), Some(3)]);
}

#[tokio::test]
async fn nobody_goes_back_to_what_no_pool_holds() {
    let Fixture { catalogue, .. } = &three().await;
    for pool in [shared(), own()] {
        catalogue.mark_damaged(&pool, "debian-b.raw").await.unwrap();
    }
    let error = undo(catalogue, None).await.unwrap_err();
    assert_eq!(
        error.to_string(),
        "no pool holds a verified copy of generation 2 of debian: they hold 1; `--to N` names one"
    );
    let error = undo(catalogue, Some(7)).await.unwrap_err();
    assert!(matches!(error, CatalogueError::NoGeneration { number: 7, .. }), "{error:?}");
    assert_eq!(offered(catalogue, &shared()).await, Some(3));
    undo(catalogue, Some(1)).await.unwrap();
    assert_eq!(offered(catalogue, &shared()).await, Some(1));
}

#[tokio::test]
async fn registering_what_was_undone_does_not_make_it_current() {
    let Fixture { catalogue, .. } = &three().await;
    undo(catalogue, Some(1)).await.unwrap();
    for content in ["c", "b"] {
        let registered = register(catalogue, content, shared()).await;
        assert!(registered.undone, "{content}");
        assert_eq!(offered(catalogue, &shared()).await, Some(1), "{content}");
    }
    let detail = catalogue.image("debian").await.unwrap().unwrap();
    let undone: Vec<_> = detail
        .generations
        .iter()
        .map(|generation| (generation.number, generation.current, generation.undone_by.as_deref()))
        .collect();
    assert_eq!(undone, [(3, false, Some("ops@c")), (2, false, Some("ops@c")), (1, true, None)]);
    // What was brought from the source last is what its source is asked about.
    assert_eq!(catalogue.current_generations().await.unwrap()[0].1.number, 3);

    // A content that nobody went back from is what an install says.
    let fourth = register(catalogue, "d", shared()).await;
    assert_eq!((fourth.number, fourth.undone), (4, false));
    assert_eq!(offered(catalogue, &shared()).await, Some(4));
    assert_eq!(catalogue.current_generations().await.unwrap()[0].1.number, 4);
    // That the third was undone is not forgotten by that; going to it again is.
    assert!(register(catalogue, "c", shared()).await.undone);
    undo(catalogue, Some(3)).await.unwrap();
    assert!(!register(catalogue, "c", shared()).await.undone);
    assert!(register(catalogue, "d", shared()).await.undone);
}

#[tokio::test]
async fn going_to_the_current_generation_names_the_pools_whose_indexes_may_be_behind() {
    let Fixture { catalogue, .. } = &three().await;
    let again = undo(catalogue, Some(3)).await.unwrap();
    assert!(again.is_same() && again.pools.len() == 2, "{again:?}");
}
