//! A move of a catalogue that was stopped in its middle: at most one place opens, and the same again ends it.

#![allow(
    clippy::unwrap_used,
    reason = "clippy allows it in functions marked as tests, not in what such functions call"
)]

use ays_catalogue::{Catalogue, CatalogueError, ChangedBy, Place, StackFacts, Timestamp};
use ays_model::{Gid, NodeName, PoolKey};
use ays_operations::CatalogueAt;
use tempfile::TempDir;

struct Scene {
    directory: TempDir,
}

impl Scene {
    fn at(&self, name: &str) -> CatalogueAt {
        CatalogueAt { place: Place::File(self.directory.path().join(name)), environment: "g8".into() }
    }

    async fn open(&self, name: &str) -> Result<Catalogue, CatalogueError> {
        let CatalogueAt { place, environment } = self.at(name);
        Catalogue::open(&place, &environment).await
    }

    /// A catalogue with one stack, and its rows in the second place too, as far as a stopped move had come.
    async fn half_way() -> (Self, Catalogue, Catalogue) {
        let scene = Self { directory: tempfile::tempdir().unwrap() };
        let from = scene.open("from").await.unwrap();
        add_stack(&from, "n1").await.unwrap();
        let CatalogueAt { place, environment } = scene.at("to");
        let to = Catalogue::open_moved(&place, &environment).await.unwrap();
        to.import(&from.export().await.unwrap(), Some(&scene.at("from").place)).await.unwrap();
        (scene, from, to)
    }

    async fn ends_well(&self, stacks: usize) {
        self.at("from").move_to(self.at("to")).await.unwrap();
        assert!(matches!(self.open("from").await, Err(CatalogueError::Moved { .. })));
        assert_eq!(self.open("to").await.unwrap().stacks().await.unwrap().len(), stacks);
    }
}

async fn add_stack(catalogue: &Catalogue, name: &str) -> Result<(), CatalogueError> {
    let node = NodeName::from(name);
    let pool =
        PoolKey { gid: Gid(1), name: "local".into(), node: Some(node.clone()), path: "/pool".to_owned() };
    let by = ChangedBy { actor: "ops@c".to_owned(), reason: None, at: Timestamp::now() };
    let others = catalogue.stacks().await?.into_iter().map(|stack| stack.name).collect::<Vec<_>>();
    catalogue.set_stacks(&[StackFacts { name: node, pool }], &others, None, &by).await.map(drop)
}

#[tokio::test]
async fn stopped_before_the_old_place_was_left_the_old_one_goes_on() {
    let (scene, from, _to) = Scene::half_way().await;
    assert!(matches!(scene.open("to").await, Err(CatalogueError::Moved { .. })));
    add_stack(&from, "n2").await.unwrap();
    scene.ends_well(2).await;
}

#[tokio::test]
async fn stopped_after_that_nobody_writes_until_it_is_done_again() {
    let (scene, from, to) = Scene::half_way().await;
    from.leave(&scene.at("to").place, &from.export().await.unwrap()).await.unwrap();
    for name in ["from", "to"] {
        assert!(matches!(scene.open(name).await, Err(CatalogueError::Moved { .. })), "{name}");
    }
    assert!(matches!(add_stack(&from, "n2").await, Err(CatalogueError::Moved { .. })));
    assert!(matches!(add_stack(&to, "n2").await, Err(CatalogueError::Moved { .. })));
    scene.ends_well(1).await;
}

#[tokio::test]
async fn what_has_moved_elsewhere_is_not_moved_from_here() {
    let (scene, ..) = Scene::half_way().await;
    scene.ends_well(1).await;
    let error = scene.at("from").move_to(scene.at("third")).await.unwrap_err();
    assert!(error.to_string().contains("has moved to"), "{error}");
}
