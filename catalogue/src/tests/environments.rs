//! Environments that share a database see nothing of each other.

use super::super::test_server::TestServer;
use super::support::{Fixture, at, debian_on, n1, ops, registration, shared};
use crate::{Catalogue, CatalogueError, EnvironmentKey, LockAttempt, RunFilter};

#[tokio::test]
async fn two_environments_in_one_database_see_nothing_of_each_other() {
    let fixture = Fixture::new().await;
    let ours = &fixture.catalogue;
    let theirs = &Catalogue::of(fixture.server.open("g9").await);
    let registered = ours.register(&registration("debian", "a", shared(), &["n1"]), &at(0)).await.unwrap();
    ours.begin_run(&debian_on("n1"), ays_model::RunAction::Install, "r", "log".as_ref(), &at(0))
        .await
        .unwrap();
    let LockAttempt::Held(_lock) = ours.lock(&["debian on n1".into()], "anna").await.unwrap() else {
        panic!()
    };

    assert_eq!(theirs.images().await.unwrap(), []);
    assert_eq!(theirs.stacks().await.unwrap(), []);
    assert_eq!(theirs.image(&registered.image_id.0.to_string()).await.unwrap(), None);
    assert_eq!(theirs.find("debian").await.unwrap(), []);
    assert_eq!(theirs.find(&registered.image_id.0.to_string()).await.unwrap(), []);
    assert_eq!(theirs.offers(&shared()).await.unwrap(), []);
    assert_eq!(theirs.known_files(&shared()).await.unwrap(), Vec::<String>::new());
    assert_eq!(theirs.copies_to_scrub(None).await.unwrap().unwrap(), []);
    assert_eq!(theirs.current_generations().await.unwrap(), []);
    assert_eq!(theirs.installed_images().await.unwrap(), []);
    assert_eq!(theirs.runs(&RunFilter::default()).await.unwrap(), []);
    assert!(!theirs.owner("anna".into()).await.unwrap().is(&ours.owner("anna".into()).await.unwrap()));
    // The same names are others there: image, pool, stack and lock.
    theirs.set_stacks(&[n1()], &[], None, &ops(0)).await.unwrap();
    let other = theirs.register(&registration("debian", "b", shared(), &["n1"]), &at(1)).await.unwrap();
    assert_ne!(other.image_id, registered.image_id);
    assert_eq!(other.number, 1);
    let LockAttempt::Held(_) = theirs.lock(&["debian on n1".into()], "anna").await.unwrap() else { panic!() };
    assert_eq!(ours.image("debian").await.unwrap().unwrap().generations.len(), 1);
    assert_eq!(ours.stacks().await.unwrap().len(), 3);
    assert_eq!(ours.stacks().await.unwrap()[0].images, [registered.image_id]);
    theirs.set_stacks(&[], &[], None, &ops(0)).await.unwrap();
    assert_eq!(ours.offers(&shared()).await.unwrap().len(), 1);
}

#[tokio::test]
async fn a_repository_of_the_same_name_from_elsewhere_gets_nothing() {
    let server = TestServer::start().await;
    let open = async |repository: Option<&str>| {
        let key = EnvironmentKey { name: "g8".into(), repository: repository.map(str::to_owned) };
        Catalogue::open(&server.place(), &key).await
    };
    open(None).await.unwrap();
    let owner = open(Some("git.example.org/g8")).await.unwrap().owner("anna".into()).await.unwrap();
    open(Some("git.example.org/g8")).await.unwrap();
    let error = open(Some("elsewhere.example.org/g8")).await.unwrap_err();
    let CatalogueError::OtherRepository { owner: other, asks, .. } = &error else { panic!("{error:?}") };
    assert_eq!((other.as_str(), asks.as_str()), ("git.example.org/g8", "elsewhere.example.org/g8"));
    let moved = EnvironmentKey { name: "g8".into(), repository: Some("elsewhere.example.org/g8".into()) };
    Catalogue::trust(&server.place(), &moved).await.unwrap();
    assert!(
        open(Some("elsewhere.example.org/g8")).await.unwrap().owner("anna".into()).await.unwrap().is(&owner)
    );
    open(Some("git.example.org/g8")).await.unwrap_err();
}

#[tokio::test]
async fn many_that_open_a_new_environment_at_once_open_the_same() {
    let fixture = Fixture::new().await;
    let mut openers = tokio::task::JoinSet::new();
    for _ in 0..8 {
        let address = fixture.server.address();
        openers.spawn(async move {
            let catalogue = Catalogue::of(TestServer::open_at(&address, "g9").await);
            catalogue.owner("anna".into()).await.unwrap()
        });
    }
    let owners = openers.join_all().await;
    assert!(owners.iter().all(|owner| owner.is(&owners[0])));
}
