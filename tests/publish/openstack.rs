//! The target `openstack`, against the real keystone and glance.

use std::path::PathBuf;
use std::process::Command;

use serde_json::{Value, json};

use super::{create_accounts, ledger, publish, publish_well, refusal, refuse_accounts, states};
use crate::support::lab::{checkout, output};
use crate::support::truth::stored;
use crate::support::{Lab, Login, OpenStack, Scene};

const X: [&str; 1] = ["keystoneProject=disks"];

/// An account of a user as YAML says it.
fn yaml(name: &str, login: &Login) -> String {
    format!(
        "type: openstack\nname: {name}\nkeystoneUrl: {}\nlogin: {}\npassword: {}\n",
        OpenStack::IDENTITY,
        login.user,
        login.password
    )
}

/// An image `x` on the node, a cloud, and the publisher's account `cloud` there.
fn start(seed: u64) -> (Scene, OpenStack) {
    let scene = Scene::new();
    scene.publish_x(seed);
    scene.succeeds(&[]);
    let cloud = OpenStack::start(&scene.lab);
    create_accounts(&scene, "cloud.yaml", &yaml("cloud", &OpenStack::publisher()));
    (scene, cloud)
}

fn stored_disk(scene: &Scene) -> PathBuf {
    let names = stored(&scene.node);
    scene.pool(names.iter().find(|name| name.ends_with(".raw")).expect("a disk"))
}

/// The names of the images of all projects, the oldest first.
fn names(cloud: &OpenStack) -> Vec<String> {
    cloud.images().iter().map(|image| image["name"].as_str().unwrap().to_owned()).collect()
}

/// That what the cloud gives back is the disk on the node.
fn assert_same_disk(scene: &Scene, cloud: &OpenStack, image: &Value) {
    let (back, format) = (scene.lab.dir().join("back"), image["disk_format"].as_str().unwrap());
    cloud.download_image(image["id"].as_str().unwrap(), &back);
    let mut compare = Command::new("qemu-img");
    compare.args(["compare", "-q", "-f", format, "-F", "raw"]);
    output(compare.arg(&back).arg(stored_disk(scene)));
}

#[test]
fn accounts_of_a_cloud_are_let_in() {
    let scene = Scene::new();
    let cloud = OpenStack::start(&scene.lab);
    let publisher = OpenStack::publisher();
    let said = create_accounts(&scene, "cloud.yaml", &yaml("cloud", &publisher));
    assert_eq!(said, "account cloud (openstack) is made; it sees\n  projects: disks\n");
    let admin = json!({
        "type": "openstack", "name": "admin", "keystoneUrl": OpenStack::IDENTITY, "keystoneVersion": "v3",
        "keystoneDomain": OpenStack::DOMAIN, "login": "admin", "password": OpenStack::admin().password,
    });
    let said = create_accounts(&scene, "admin.json", &admin.to_string());
    assert_eq!(said, "account admin (openstack) is made; it sees\n  projects: admin\n");
    let credential = cloud.create_application_credential(&publisher, "for-ays");
    let by_credential = format!(
        "type = 'openstack'\nname = 'app'\nkeystoneUrl = '{}'\napplicationCredentialId = '{}'\n\
         applicationCredentialSecret = '{}'\n",
        OpenStack::IDENTITY.trim_end_matches("/v3"),
        credential.id,
        credential.secret
    );
    let said = create_accounts(&scene, "app.toml", &by_credential);
    assert_eq!(said, "account app (openstack) is made; it sees\n  projects: disks\n");
    assert_eq!(
        scene.ays.succeeds(&["account", "test", "app"]),
        "account app is let in; it sees\n  projects: disks\n"
    );

    let identity = "http://10.199.0.2:5050";
    let wrong = [
        yaml("wrong", &Login { password: "of-nobody".to_owned(), ..publisher.clone() }),
        yaml("wrong", &Login { user: "nobody".to_owned(), ..publisher.clone() }),
        yaml("wrong", &publisher) + "keystoneDomain: Elsewhere\n",
        by_credential.replace("'app'", "'wrong'").replace(&credential.secret, "of-nobody"),
    ];
    for text in wrong {
        let name = if text.contains(" = ") { "wrong.toml" } else { "wrong.yaml" };
        let said = refuse_accounts(&scene, name, &text);
        let expected = format!(
            "error: signing in to keystone: {identity} answered 401: The request you have made requires authentication.\n  \
             cure: the login, or what proves it, is not right: make the account again\n"
        );
        assert_eq!(said, (Some(1), expected), "{text}");
    }
    let elsewhere =
        yaml("wrong", &publisher).replace(OpenStack::IDENTITY, &format!("http://{}", Lab::SOURCE));
    let (code, said) = refuse_accounts(&scene, "wrong.yaml", &elsewhere);
    let expected = format!("error: signing in to keystone: http://{} answered ", Lab::SOURCE);
    assert!(code == Some(1) && said.starts_with(&expected), "{code:?} {said}");
    assert!(
        said.ends_with(
            "cure: look whether the address is that of such a service, and the fields are what it wants\n"
        ),
        "{said}"
    );

    // An account that was let in and is no more: it is shown.
    let mut changed = scene.ays.feed(&["secret", "set", "account.cloud.password"], "of-nobody\n");
    assert_eq!(changed.code, Some(0), "{changed:#?}");
    changed = scene.ays.run(&["account", "test", "cloud"]);
    assert_eq!(changed.code, Some(1), "{changed:#?}");
    let listed = scene.ays.json(&["account", "list"]);
    let problem = listed[2]["problem"].as_str().expect("a problem");
    assert!(problem.contains("answered 401"), "{listed:#}");
}

#[test]
fn a_disk_becomes_an_image_of_a_project() {
    let (scene, cloud) = start(52);
    let (code, said) = refusal(publish(&scene, "cloud", &[], &[]));
    let expected = "cloud: which project it comes to is not said, and keystone v3 asks for it (--set keystoneProject=NAME)";
    assert!(code == Some(1) && said.starts_with(expected), "{code:?} {said}");
    let plan = publish_well(&scene, "cloud", &X, &["--plan"]);
    let expected = "account cloud (openstack)\n  fields   displayName=x keystoneProject=disks\n  read     at most 1.1 MB of \
                    data, of a disk of 4.2 MB\n";
    assert!(plan.starts_with(expected), "{plan}");
    assert_eq!(cloud.images(), [(); 0].map(|()| json!(null)));

    let done = publish_well(&scene, "cloud", &X, &[]);
    let images = cloud.images();
    let [image] = &images[..] else { panic!("{images:#?}") };
    let id = image["id"].as_str().unwrap();
    let place = format!("{}/v2/images/{id}", OpenStack::IMAGES);
    let line = format!("cloud: {place} is there: {id} (publication 1)");
    assert_eq!(done.lines().last(), Some(line.as_str()), "{done}");
    let expected = json!({
        "name": "x", "status": "active", "visibility": "private", "disk_format": "qcow2", "container_format": "bare",
        "min_disk": 1, "min_ram": 0, "protected": false, "os_type": "linux", "hw_disk_bus": "virtio",
        "hw_vif_model": "virtio", "hw_qemu_guest_agent": "yes",
    });
    for (key, value) in expected.as_object().unwrap() {
        assert_eq!(image[key], *value, "{key}");
    }
    let generation = &scene.ays.json(&["image", "show", "x"])["generations"][0];
    assert_eq!(image["ays_content"], generation["content"]);
    assert!(image["ays_publication"].as_str().unwrap().ends_with("-1"), "{image:#}");
    assert_same_disk(&scene, &cloud, image);
    for format in ["raw", "vmdk"] {
        let [name, set] = [format!("displayName={format}"), format!("diskFormat={format}")];
        publish_well(&scene, "cloud", &[X[0], &name, &set], &[]);
        let image = cloud.images().pop().unwrap();
        assert_eq!([&image["name"], &image["disk_format"]], [format, format]);
        assert_same_disk(&scene, &cloud, &image);
    }

    let again = publish_well(&scene, "cloud", &X, &[]);
    let line = format!("cloud: {place} was there: {id} (publication 1)");
    assert_eq!(again.lines().last(), Some(line.as_str()), "{again}");
    assert_eq!(names(&cloud), ["x", "raw", "vmdk"]);
    assert_eq!(states(&scene), ["done", "done", "done"]);
    assert_eq!(ledger(&scene, 1), [("image".to_owned(), "made".to_owned())]);
    let listed = scene.ays.json(&["publication", "list", "--image", "x", "--account", "cloud"]);
    assert_eq!([&listed[2]["cloudId"], &listed[2]["location"]], [id, place.as_str()]);

    let deleted = scene.ays.succeeds(&["publication", "delete", "1", "--remote"]);
    assert_eq!(deleted, "publication 1 is deleted\n");
    assert_eq!(names(&cloud), ["raw", "vmdk"]);
    let deleted = scene.ays.succeeds(&["publication", "delete", "2"]);
    let raw = &cloud.images()[0]["id"];
    let stays =
        format!("publication 2 is deleted\n  the image {} stays at its cloud\n", raw.as_str().unwrap());
    assert_eq!(deleted, stays);
    assert_eq!(states(&scene), ["done", "removed", "removed"]);
    // What somebody else has removed is removed.
    let vmdk = cloud.images()[1]["id"].as_str().unwrap().to_owned();
    let path = format!("/v2/images/{vmdk}");
    cloud.call_images(&OpenStack::publisher(), "DELETE", &path, &[]).expect_success();
    scene.ays.succeeds(&["publication", "delete", "3", "--remote"]);
    assert_eq!(names(&cloud), ["raw"]);
}

#[test]
fn a_system_is_told_as_what_it_is() {
    let scene = Scene::new();
    let fixture = checkout().join("fixtures/disks/linux.qcow2.gz");
    let unpack = ["-c", "gzip -dc < \"$1\" > \"$2\"", "sh"];
    output(Command::new("sh").args(unpack).arg(fixture).arg(scene.origin.file("x.qcow2")));
    let source = format!("http://{}", Lab::SOURCE);
    scene.environment.add_image("x", &source, "/x.qcow2", "checkmd5:'false'");
    scene.succeeds(&[]);
    let cloud = OpenStack::start(&scene.lab);
    create_accounts(&scene, "cloud.yaml", &yaml("cloud", &OpenStack::publisher()));
    create_accounts(&scene, "admin.yaml", &yaml("admin", &OpenStack::admin()));
    let public = ["publicImage=true", "displayName=Debian of us"];
    // Who may not publish for all is told so by the service, and leaves nothing.
    let (code, said) = refusal(publish(&scene, "cloud", &[X[0], public[0], public[1]], &[]));
    assert_eq!(code, Some(1), "{said}");
    let expected = "cloud (publication 1): making the image: http://10.199.0.2:9292 answered 403: ";
    assert!(said.starts_with(expected), "{said}");
    assert_eq!((cloud.images().len(), states(&scene)), (0, vec![json!("failed")]));
    publish_well(&scene, "admin", &["keystoneProject=admin", public[0], public[1]], &[]);
    let image = &cloud.images()[0];
    let disk = &scene.ays.json(&["image", "show", "x"])["generations"][0]["disk"];
    let expected = json!({
        "name": "Debian of us", "visibility": "public", "min_disk": 1, "os_type": "linux",
        "os_distro": disk["os"].as_str().unwrap().split(' ').next().unwrap().to_lowercase(),
        "os_version": disk["osVersion"], "architecture": disk["architecture"],
    });
    for (key, value) in expected.as_object().unwrap() {
        assert_eq!(image[key], *value, "{key}: {image:#} {disk:#}");
    }
    assert_same_disk(&scene, &cloud, image);
    // One that all see is not of the publisher's project: its name is free there.
    publish_well(&scene, "cloud", &[X[0], public[1]], &[]);
    assert_eq!(names(&cloud), ["Debian of us", "Debian of us"]);
}

#[test]
fn a_name_that_is_taken_is_replaced_by_those_who_say_so() {
    let (scene, cloud) = start(53);
    create_accounts(&scene, "admin.yaml", &yaml("admin", &OpenStack::admin()));
    publish_well(&scene, "cloud", &X, &[]);
    let first = cloud.images()[0]["id"].as_str().unwrap().to_owned();
    let raw = [X[0], "diskFormat=raw"];
    let taken = refusal(publish(&scene, "cloud", &raw, &[]));
    let expected = format!(
        "cloud: an image of the name `x` is there already: {first} (choose another displayName, or say --overwrite)\n"
    );
    assert_eq!(taken, (Some(1), expected));
    let plan = publish_well(&scene, "cloud", &raw, &["--plan", "--overwrite"]);
    assert!(
        plan.contains("  warning: 1 image(s) of the name `x` will be removed once the new one is there\n"),
        "{plan}"
    );
    assert_eq!(cloud.images().len(), 1);
    publish_well(&scene, "cloud", &raw, &["--overwrite"]);
    let images = cloud.images();
    assert_eq!((images.len(), &images[0]["disk_format"]), (1, &json!("raw")));
    assert_same_disk(&scene, &cloud, &images[0]);
    // The admin sees the images of all projects, and replaces only those of the project that it comes to.
    publish_well(&scene, "admin", &["keystoneProject=admin"], &["--overwrite"]);
    assert_eq!(names(&cloud), ["x", "x"]);
    assert_eq!(cloud.images()[0]["id"], images[0]["id"]);
}

#[test]
fn accounts_do_not_hold_each_other_up() {
    let (scene, cloud) = start(54);
    create_accounts(&scene, "wrong.yaml", &yaml("wrong", &OpenStack::publisher()));
    scene.ays.feed(&["secret", "set", "account.wrong.password"], "of-nobody\n");
    let planned = publish(&scene, "wrong,cloud", &X, &["--plan"]);
    assert_eq!(planned.code, Some(1), "{planned:#?}");
    let problem = "  error: signing in to keystone: http://10.199.0.2:5050 answered 401: The request you have made requires \
                   authentication.\n    cure: the login, or what proves it, is not right: make the account again\n";
    assert!(planned.stdout.contains(problem), "{planned:#?}");
    let done = publish(&scene, "wrong,cloud", &X, &[]);
    let id = cloud.images()[0]["id"].as_str().unwrap().to_owned();
    let line = format!("cloud: {}/v2/images/{id} is there: {id} (publication 1)", OpenStack::IMAGES);
    assert_eq!(done.stdout.lines().last(), Some(line.as_str()), "{done:#?}");
    let expected = "wrong: signing in to keystone: http://10.199.0.2:5050 answered 401: The request you have made requires \
                    authentication.\n    cure: the login, or what proves it, is not right: make the account again\n";
    assert_eq!(refusal(done), (Some(1), expected.to_owned()));
    let json = publish(&scene, "wrong,cloud", &X, &["--json"]);
    let done: Value = serde_json::from_str(&json.stdout).unwrap();
    assert_eq!((json.code, &done[0]["cloudId"], &done[1]["cloudId"]), (Some(1), &json!(null), &json!(id)));
    assert_eq!([&done[1]["kept"], &done[0]["problem"]["kind"]], [&json!(true), &json!("failed")]);
    assert_eq!(names(&cloud), ["x"]);
}

#[test]
fn a_project_without_room_is_told_and_keeps_nothing() {
    let (scene, mut cloud) = start(55);
    cloud.limit_storage(100_000);
    let (code, said) = refusal(publish(&scene, "cloud", &X, &[]));
    assert_eq!(code, Some(1), "{said}");
    let expected = "cloud (publication 1): sending the disk: http://10.199.0.2:9292 answered 413";
    assert!(said.starts_with(expected), "{said}");
    let cure = "\n    cure: there is no room left for it: ask for more quota, or remove old images\n";
    assert!(said.ends_with(cure), "{said}");
    assert_eq!((cloud.images().len(), states(&scene)), (0, vec![json!("failed")]));
    assert_eq!(ledger(&scene, 1), [("image".to_owned(), "removed".to_owned())]);
    let problem = scene.ays.json(&["publication", "list"])[0]["problem"].as_str().unwrap().to_owned();
    assert!(problem.contains("answered 413"), "{problem}");
    // With room the same publication goes on.
    cloud.limit_storage(100_000_000);
    let retried = scene.ays.run(&["publication", "retry", "1"]);
    assert_eq!((retried.code, names(&cloud)), (Some(0), vec!["x".to_owned()]), "{retried:#?}");
    assert_eq!(states(&scene), ["done"]);
}
