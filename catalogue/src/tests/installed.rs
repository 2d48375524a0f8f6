//! What is installed.

use ays_model::DiskFormat;

use crate::tests::support::{Fixture, at, debian_on, digest, own, registration, shared};
use crate::{CatalogueError, GenerationId, Installed, InstalledImage, KnownCopy, NewInstalled};

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
            content: digest("a"),
            digest: digest("a"),
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
