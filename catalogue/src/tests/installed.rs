//! What is installed, and the runs that led there.

use crate::{
    Catalogue, CatalogueError, DiskFormat, GenerationId, Installed, InstalledImage, KnownCopy, NewInstalled,
    RunEnd, RunId, ServiceOnNode, Timestamp,
    tests::support::{Fixture, at, own, registration, shared},
};

fn debian_on(node: &str) -> ServiceOnNode {
    ServiceOnNode { service: "image_debian".into(), instance: "main".into(), node: node.into() }
}

fn installed_image() -> NewInstalled {
    NewInstalled {
        template_checksum: "c1".into(),
        answers_digest: "d1".into(),
        image: Some(InstalledImage { generation: GenerationId(1), pool: shared() }),
    }
}

#[tokio::test]
async fn what_is_installed_is_remembered_per_node_and_forgotten() {
    let Fixture { catalogue, .. } = &Fixture::new().await;
    catalogue.register(&registration("debian", "a", shared(), &["n1"]), &at(0)).await.unwrap();
    assert_eq!(catalogue.installed(&debian_on("n1")).await.unwrap(), None);
    catalogue.set_installed(&debian_on("n1"), &installed_image(), &at(1)).await.unwrap();
    let mut expected = Installed {
        template_checksum: "c1".into(),
        answers_digest: "d1".into(),
        image: Some("debian".into()),
        copy: Some(KnownCopy {
            pool: shared(),
            generation: GenerationId(1),
            number: 1,
            file: "debian-a.raw".into(),
            format: DiskFormat::Raw,
            sha256: "stored a".into(),
            size: 2000,
            virtual_size: 2000,
        }),
        installed_at: at(1),
    };
    assert_eq!(catalogue.installed(&debian_on("n1")).await.unwrap().as_ref(), Some(&expected));
    assert_eq!(catalogue.installed(&debian_on("n2")).await.unwrap(), None);

    catalogue.mark_damaged(&shared(), "debian-a.raw").await.unwrap();
    expected.copy = None;
    assert_eq!(catalogue.installed(&debian_on("n1")).await.unwrap().as_ref(), Some(&expected));

    catalogue.forget_installed(&debian_on("n1")).await.unwrap();
    assert_eq!(catalogue.installed(&debian_on("n1")).await.unwrap(), None);
}

#[tokio::test]
async fn a_service_without_an_image_is_remembered_and_replaced() {
    let Fixture { catalogue, .. } = &Fixture::new().await;
    for (checksum, time) in [("c1", at(1)), ("c2", at(2))] {
        let new =
            NewInstalled { template_checksum: checksum.into(), answers_digest: "d1".into(), image: None };
        catalogue.set_installed(&debian_on("n1"), &new, &time).await.unwrap();
        let expected = Installed {
            template_checksum: checksum.into(),
            answers_digest: "d1".into(),
            image: None,
            copy: None,
            installed_at: time,
        };
        assert_eq!(catalogue.installed(&debian_on("n1")).await.unwrap(), Some(expected));
    }
}

#[tokio::test]
async fn a_copy_that_never_was_cannot_be_installed() {
    let Fixture { catalogue, .. } = &Fixture::new().await;
    catalogue.register(&registration("debian", "a", own(), &["n3"]), &at(0)).await.unwrap();
    let error = catalogue.set_installed(&debian_on("n1"), &installed_image(), &at(1)).await.unwrap_err();
    assert!(matches!(error, CatalogueError::UnknownCopy { generation: 1, .. }), "{error:?}");
    assert_eq!(error.to_string(), "image generation 1 has no copy in pool vmstor");
    assert_eq!(catalogue.installed(&debian_on("n1")).await.unwrap(), None);
}

#[tokio::test]
async fn a_run_that_nobody_ended_is_interrupted_when_the_next_begins() {
    let Fixture { catalogue, .. } = &Fixture::new().await;
    let (n1, n2) = (debian_on("n1"), debian_on("n2"));
    let died = catalogue.begin_run(&n1, "install", &at(0)).await.unwrap();
    let elsewhere = catalogue.begin_run(&n2, "install", &at(1)).await.unwrap();
    let next = catalogue.begin_run(&n1, "install", &at(2)).await.unwrap();
    assert_eq!(
        states(catalogue, &n1).await,
        [(next, "running".into(), None, None), (died, "interrupted".into(), None, Some(at(2)))]
    );
    assert_eq!(states(catalogue, &n2).await, [(elsewhere, "running".into(), None, None)]);

    catalogue.end_run(next, RunEnd::Failed, Some("the disk is full"), &at(3)).await.unwrap();
    catalogue.end_run(died, RunEnd::Succeeded, None, &at(4)).await.unwrap();
    assert_eq!(
        states(catalogue, &n1).await,
        [
            (next, "failed".into(), Some("the disk is full".into()), Some(at(3))),
            (died, "succeeded".into(), None, Some(at(4))),
        ]
    );
}

/// What the table says of the runs, the newest first.
async fn states(
    catalogue: &Catalogue,
    of: &ServiceOnNode,
) -> Vec<(RunId, String, Option<String>, Option<Timestamp>)> {
    sqlx::query_as(
        "SELECT id, status, message, ended_at FROM run
         WHERE service = ? AND instance = ? AND node = ? ORDER BY id DESC",
    )
    .bind(&of.service)
    .bind(&of.instance)
    .bind(&of.node)
    .fetch_all(&catalogue.pool)
    .await
    .unwrap()
}
