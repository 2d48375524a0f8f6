//! What operators say of an image otherwise than its recipe did.

use ays_model::{BootType, TemplateName};
use serde_json::json;

use super::support::{Fixture, at, md5, ops, registration, shared, source};
use crate::{
    AuditOf, Change, ChangedBy, ImageEdit, ImageId, ImageMove, InstalledImage, NewInstalled, ServiceOnNode,
};

const DEBIAN: ImageId = ImageId(1);

#[tokio::test]
async fn what_is_edited_is_noted_and_in_the_index_and_the_rest_stays() {
    let Fixture { catalogue, .. } = &Fixture::new().await;
    catalogue.register(&registration("debian", "a", shared(), &["n1"]), &at(0)).await.unwrap();
    let edit = ImageEdit {
        description: Some("the old one".into()),
        username: Some(String::new()),
        size_gb: Some(10),
        boot_type: Some(BootType::Uefi),
        ..ImageEdit::default()
    };
    let by = ChangedBy { reason: Some("it has UEFI".into()), ..ops(5) };
    let change = Change::Edit(DEBIAN, Box::new(edit));
    let preview = catalogue.preview(change.clone(), &by).await.unwrap();
    assert_eq!(preview[0].1[0].boot_type, BootType::Uefi);
    let changed = catalogue.change(change.clone(), &by).await.unwrap();
    assert_eq!(changed.before, json!({"description": "Debian 12", "username": "root", "bootType": "bios"}));
    assert_eq!(changed.after, json!({"description": "the old one", "username": null, "bootType": "uefi"}));
    assert_eq!(changed.pools, [shared()]);
    assert_eq!(catalogue.offers(&shared()).await.unwrap(), preview[0].1);
    let noted = catalogue.audit(&AuditOf::All, 1).await.unwrap().remove(0);
    assert_eq!((noted.actor.as_str(), noted.reason.as_deref()), ("ops@c", Some("it has UEFI")));
    assert_eq!((noted.before, noted.after), (Some(changed.before), Some(changed.after)));
    let image = catalogue.image("debian").await.unwrap().unwrap().image;
    assert_eq!((image.size_gb, image.category.as_str(), image.username), (10, "Linux", None));
    assert!(image.hot_resize);

    // The same again is no change, and no record.
    assert!(catalogue.change(change, &by).await.unwrap().is_same());
    assert_eq!(catalogue.audit(&AuditOf::All, 1).await.unwrap()[0].id, noted.id);
    // No recipe says what an image is for.
    let mut next = registration("debian", "b", shared(), &["n1"]);
    next.image.description = None;
    catalogue.register(&next, &at(6)).await.unwrap();
    assert_eq!(catalogue.image("debian").await.unwrap().unwrap().image.description, "the old one");
}

#[tokio::test]
async fn a_new_name_must_be_free_and_what_was_added_under_the_old_one_is_added_anew() {
    let Fixture { catalogue, .. } = &Fixture::new().await;
    let registered =
        catalogue.register(&registration("debian", "a", shared(), &["n1"]), &at(0)).await.unwrap();
    catalogue.register(&registration("arch", "b", shared(), &["n1"]), &at(0)).await.unwrap();
    let rename = |name: &str| {
        Change::Edit(DEBIAN, Box::new(ImageEdit { name: Some(name.into()), ..ImageEdit::default() }))
    };
    let error = catalogue.change(rename("arch"), &ops(1)).await.unwrap_err();
    assert_eq!(error.to_string(), "grid 1 has an image `arch` already: number 2");
    let service =
        ServiceOnNode { service: TemplateName::by_hand(), instance: "debian".into(), node: "n1".into() };
    let installed = NewInstalled {
        template_checksum: md5("c1"),
        answers_digest: source("d1"),
        images: vec![InstalledImage { generation: registered.generation, pool: shared() }],
    };
    catalogue.set_installed(&service, &installed, &at(1)).await.unwrap();
    let changed = catalogue.change(rename("trixie"), &ops(2)).await.unwrap();
    assert_eq!((changed.before, changed.after), (json!({"name": "debian"}), json!({"name": "trixie"})));
    assert_eq!(catalogue.installed(&service).await.unwrap(), None);
    assert!(catalogue.image("debian").await.unwrap().is_none());
    assert_eq!(catalogue.offers(&shared()).await.unwrap()[1].name, "trixie");
}

#[tokio::test]
async fn an_image_whose_files_are_gone_is_not_edited() {
    let Fixture { catalogue, .. } = &Fixture::new().await;
    catalogue.register(&registration("debian", "a", shared(), &["n1"]), &at(0)).await.unwrap();
    let edit =
        |size| Change::Edit(DEBIAN, Box::new(ImageEdit { size_gb: Some(size), ..ImageEdit::default() }));
    catalogue.change(Change::Image(DEBIAN, ImageMove::Delete), &ops(1)).await.unwrap();
    catalogue.change(edit(11), &ops(2)).await.unwrap();
    let error = catalogue.change(Change::Edit(ImageId(7), Box::default()), &ops(2)).await.unwrap_err();
    assert_eq!(error.to_string(), "no image has the number 7");
}
