//! The target `docker`, against Distribution, read back by skopeo and by our own sources.

use serde_json::json;

use super::create_accounts;
use crate::support::truth::stored;
use crate::support::{Door, Registry, Scene, named};

fn account(registry: &Registry) -> String {
    format!(
        "type = 'docker'\nname = 'reg'\nendpointUrl = 'http://{}'\nlogin = 'pub'\npassword = 'pub1234'\n",
        registry.host()
    )
}

#[test]
fn a_disk_goes_to_a_registry_and_comes_back() {
    let scene = Scene::new();
    let hash = scene.publish_x(31);
    scene.succeeds(&[]);
    let registry = Registry::start_with_deletion(&scene.lab, 5000, &Door::Open);
    let said = create_accounts(&scene, "reg.toml", &account(&registry));
    assert!(said.starts_with("account reg (docker) is made"), "{said}");

    let fields = ["--set", "as=artifact", "--set", "namespace=disks", "--set", "repositoryName=x"];
    let publish = |more: &[&str]| {
        let words = [&["publish", "-n", "x", "--account", "reg"], &fields[..], more].concat();
        scene.ays.run(&words)
    };
    let planned = publish(&["--plan"]);
    assert_eq!(planned.code, Some(0), "{planned:#?}");
    assert!(planned.stdout.contains("tagName=1"), "{planned:#?}");
    assert_eq!(registry.manifest("disks/x", "1"), None);

    let done = publish(&[]);
    assert_eq!(done.code, Some(0), "{done:#?}");
    let manifest = registry.manifest("disks/x", "1").expect("a manifest");
    assert_eq!(manifest["artifactType"], "application/x-qemu-disk");
    let listed = scene.ays.json(&["publication", "list"]);
    assert_eq!((&listed[0]["status"], &listed[0]["location"]), (&json!("done"), &json!("disks/x:1")));
    assert!(done.stdout.contains("disks/x:1 is there: sha256:"), "{done:#?}");

    // The same again is nothing.
    let again = publish(&[]);
    assert_eq!((again.code, again.stdout.contains("was there")), (Some(0), true), "{again:#?}");

    // Our own sources read it, and it is the same content.
    scene.environment.add_image(
        "y",
        &format!("oci+http://{}/disks/x:1", registry.host()),
        "",
        "checkmd5:'false'",
    );
    scene.environment.commit();
    scene.ays.install("image_y", &scene.node);
    assert!(stored(&scene.node).contains(&named("y", &hash)), "{:?}", stored(&scene.node));

    let deleted = scene.ays.succeeds(&["publication", "delete", "1", "--remote"]);
    assert!(deleted.contains("publication 1 is deleted"), "{deleted}");
    assert_eq!(registry.manifest("disks/x", "1"), None);
}
