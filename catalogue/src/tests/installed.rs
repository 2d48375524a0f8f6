//! What is installed.

use ays_model::DiskFormat;

use super::support::{Fixture, at, debian_on, digest, md5, own, registration, shared, source};
use crate::{
    CatalogueError, GenerationId, ImageStatus, Installed, InstalledImage, InstalledPart, KnownCopy,
    NewInstalled, ServiceState,
};

fn installed_image() -> NewInstalled {
    NewInstalled {
        template_checksum: md5("c1"),
        answers_digest: source("d1"),
        images: vec![InstalledImage { generation: GenerationId(1), pool: shared() }],
    }
}

#[tokio::test]
async fn what_is_installed_is_remembered_per_node_and_forgotten() {
    let Fixture { catalogue, .. } = &Fixture::new().await;
    catalogue.register(&registration("debian", "a", shared(), &["n1"]), &at(0)).await.unwrap();
    assert_eq!(catalogue.installed(&debian_on("n1")).await.unwrap(), None);
    assert_eq!(catalogue.installed_services().await.unwrap(), []);
    catalogue.set_installed(&debian_on("n1"), &installed_image(), &at(1)).await.unwrap();
    assert_eq!(catalogue.installed_services().await.unwrap(), [debian_on("n1")]);
    let mut expected = Installed {
        template_checksum: md5("c1"),
        answers_digest: source("d1"),
        parts: vec![InstalledPart {
            status: ImageStatus::Created,
            image: "debian".into(),
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
        }],
        installed_at: at(1),
    };
    assert_eq!(catalogue.installed(&debian_on("n1")).await.unwrap().as_ref(), Some(&expected));
    assert_eq!(catalogue.installed(&debian_on("n2")).await.unwrap(), None);

    catalogue.mark_damaged(&shared(), "debian-a.raw").await.unwrap();
    expected.parts[0].copy = None;
    assert_eq!(catalogue.installed(&debian_on("n1")).await.unwrap().as_ref(), Some(&expected));

    catalogue.forget_installed(&debian_on("n1")).await.unwrap();
    assert_eq!(catalogue.installed(&debian_on("n1")).await.unwrap(), None);
}

#[tokio::test]
async fn a_service_without_an_image_is_remembered_and_replaced() {
    let Fixture { catalogue, .. } = &Fixture::new().await;
    for (checksum, time) in [("c1", at(1)), ("c2", at(2))] {
        let new = NewInstalled {
            template_checksum: md5(checksum),
            answers_digest: source("d1"),
            images: Vec::new(),
        };
        catalogue.set_installed(&debian_on("n1"), &new, &time).await.unwrap();
        let expected = Installed {
            template_checksum: md5(checksum),
            answers_digest: source("d1"),
            parts: Vec::new(),
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
async fn several_images_of_a_service_are_remembered_in_order() {
    let Fixture { catalogue, .. } = &Fixture::new().await;
    for (image, content) in [("debian", "a"), ("alpine", "b")] {
        catalogue.register(&registration(image, content, shared(), &["n1"]), &at(0)).await.unwrap();
    }
    let image = |number| InstalledImage { generation: GenerationId(number), pool: shared() };
    let names = async || {
        let installed = catalogue.installed(&debian_on("n1")).await.unwrap().unwrap();
        installed.parts.into_iter().map(|part| part.image).collect::<Vec<_>>()
    };
    let mut new = NewInstalled { images: vec![image(2), image(1)], ..installed_image() };
    catalogue.set_installed(&debian_on("n1"), &new, &at(1)).await.unwrap();
    assert_eq!(names().await, ["alpine", "debian"]);
    assert_eq!(catalogue.installed_images().await.unwrap().len(), 2);

    // One that went away is not remembered.
    new.images.truncate(1);
    catalogue.set_installed(&debian_on("n1"), &new, &at(2)).await.unwrap();
    assert_eq!(names().await, ["alpine"]);

    // One that is not there leaves what was said before.
    new.images.push(image(3));
    catalogue.set_installed(&debian_on("n1"), &new, &at(3)).await.unwrap_err();
    assert_eq!(names().await, ["alpine"]);
}

#[tokio::test]
async fn what_methods_have_left_is_kept_and_an_install_that_ends_has_done_all() {
    let Fixture { catalogue, .. } = &Fixture::new().await;
    let of = debian_on("n1");
    assert_eq!(catalogue.service_state(&of).await.unwrap(), ServiceState::default());
    let values = vec![("port".to_owned(), Some("8080".to_owned())), ("old".to_owned(), None)];
    let mut state = ServiceState { inputs: "c1 d1".to_owned(), methods: vec!["prepare".to_owned()], values };
    catalogue.set_service_state(&of, &state).await.unwrap();
    assert_eq!(catalogue.service_state(&of).await.unwrap(), state);
    state.methods.push("configure".to_owned());
    catalogue.set_service_state(&of, &state).await.unwrap();
    assert_eq!(catalogue.service_state(&of).await.unwrap(), state);
    assert_eq!(catalogue.service_state(&debian_on("n2")).await.unwrap(), ServiceState::default());

    let new = NewInstalled { template_checksum: md5("c1"), answers_digest: source("d1"), images: Vec::new() };
    catalogue.set_installed(&of, &new, &at(1)).await.unwrap();
    let left = ServiceState { values: state.values, ..ServiceState::default() };
    assert_eq!(catalogue.service_state(&of).await.unwrap(), left);
    catalogue.set_service_state(&of, &ServiceState::default()).await.unwrap();
    assert_eq!(catalogue.service_state(&of).await.unwrap(), ServiceState::default());
}
