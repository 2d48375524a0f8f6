//! `ays install`: an image from its source to a node's pool and the catalogue.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::panic::AssertUnwindSafe;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use nix::sys::signal::Signal;
use serde_json::{Value, json};

use crate::support::truth::{assert_true, index, shown, stored};
use crate::support::{DISK, Ftp, Kind, Lab, Node, Output, Scene, digest, named, pattern, qcow2, sha256};

#[test]
fn the_documented_recipe_over_http() {
    let scene = Scene::new();
    let source = scene.origin.file("wily/current/wily-server-cloudimg-amd64-uefi1.img");
    fs::create_dir_all(source.parent().unwrap()).unwrap();
    let hash = qcow2(&source, 1);
    scene.ays.install("image_wily-server", &scene.node);

    let file = named("wily-server-cloudimg-amd64-uefi1", &hash);
    assert_eq!(stored(&scene.node), [file.as_str()]);
    assert_eq!(scene.node.list("/opt/jumpscale7/var/tmp/templates"), [""; 0]);
    let detail = shown(&scene.ays, "Wily Server 15.10 amd64").expect("the image");
    assert_eq!(
        [&detail["type"], &detail["size"], &detail["status"], &detail["bootType"], &detail["accountId"]],
        [&json!("Linux"), &json!(10), &json!("CREATED"), &json!("bios"), &json!(0)]
    );
    assert_eq!(
        index(&scene.node).expect("the index")["images"],
        json!([{
            "name": "Wily Server 15.10 amd64", "id": detail["id"], "generation": 1, "file": file, "format": "raw",
            "digest": format!("fsverity-sha256:{hash}"), "size": DISK, "virtualSize": DISK, "bootType": "bios", "minimumSize": 10,
            "hotResize": true, "category": "Linux", "stacks": ["n1"], "verifiedAtSource": false,
        }])
    );
    assert_true(&scene.ays, &scene.node, "Wily Server 15.10 amd64");
    assert_eq!(scene.environment.status(), "", "an install makes the repository dirty");
    // Sparse: the disk has 1 MiB of data.
    assert!(fs::metadata(scene.pool(&file)).unwrap().blocks() * 512 < 3 << 20);
}

#[test]
fn a_recipe_of_a_real_environment_over_ftp_with_its_md5() {
    let scene = Scene::new();
    let ftp = Ftp::start(&scene.lab);
    fs::create_dir_all(ftp.file("images")).unwrap();
    let hash = qcow2(&ftp.file("images/ubuntu-16.04-x64.qcow2"), 2);
    ftp.publish_md5("images/ubuntu-16.04-x64.qcow2");
    scene.ays.install("image_ubuntu-16.04-x64", &scene.node);
    assert_eq!(stored(&scene.node), [named("ubuntu-16.04-x64", &hash)]);
    let detail = shown(&scene.ays, "Ubuntu 16.04 x64").expect("the image");
    assert_eq!(
        [&detail["username"], &detail["url"]],
        [&json!("cloudscalers"), &json!("ftp://***@10.199.0.2/images/ubuntu-16.04-x64.qcow2")]
    );
    assert_true(&scene.ays, &scene.node, "Ubuntu 16.04 x64");
}

#[test]
fn a_file_of_the_node_is_a_source() {
    let scene = Scene::new();
    let hash = qcow2(&scene.origin.file("x.qcow2"), 3);
    fs::copy(scene.origin.file("x.qcow2"), scene.node.path("/root/x.qcow2")).unwrap();
    scene.environment.add_image("x", "file:///root", "x.qcow2", "checkmd5:'false'");
    scene.succeeds(&[]);
    assert_eq!(stored(&scene.node), [named("x", &hash)]);
    assert!(scene.node.path("/root/x.qcow2").exists(), "the source itself is not the download");
}

#[test]
fn this_machine_is_a_node_too() {
    let scene = Scene::new();
    let hash = scene.publish_x(4);
    let (pool, dest) = (scene.lab.dir().join("pool"), scene.lab.dir().join("x.qcow2"));
    scene.environment.write("ays.toml", &format!("[pool.local]\npath = {:?}\n", pool.to_str().unwrap()));
    scene.environment.write(
        "servicetemplates/image_x/service.hrd",
        &format!(
            "web.export.1 =\n    url:'http://{}',\n    source:'/x.qcow2',\n    dest:'{}',\n    checkmd5:'true',\n",
            Lab::SOURCE,
            dest.display()
        ),
    );
    scene.ays.succeeds(&["install", "-n", "image_x"]);
    assert!(pool.join(named("x", &hash)).is_file());
    assert!(!dest.exists());
    let again = scene.ays.succeeds(&["install", "-n", "image_x", "--targettype", "node.local"]);
    assert_eq!(again.lines().count(), 1, "{again}");
}

#[test]
fn again_there_is_nothing_to_do() {
    let scene = Scene::new();
    scene.publish_x(5);
    scene.succeeds(&[]);
    let before = scene.pool(&stored(&scene.node)[0]).metadata().unwrap();
    let again = scene.succeeds(&[]);
    assert_eq!(again.lines().count(), 1, "{again}");
    let after = scene.pool(&stored(&scene.node)[0]).metadata().unwrap();
    assert_eq!((before.ino(), before.mtime_nsec()), (after.ino(), after.mtime_nsec()));
}

#[test]
fn a_copy_that_went_away_is_brought_back() {
    let scene = Scene::new();
    scene.publish_x(6);
    scene.succeeds(&[]);
    let before = stored(&scene.node);
    fs::remove_file(scene.pool(&before[0])).unwrap();
    scene.succeeds(&[]);
    assert_eq!(stored(&scene.node), before);
    assert_true(&scene.ays, &scene.node, "x");
}

#[test]
fn a_copy_that_was_damaged_is_noticed_and_mended_by_a_reinstall() {
    let scene = Scene::new();
    let hash = scene.publish_x(30);
    scene.succeeds(&[]);
    let file = scene.pool(&named("x", &hash));
    let mut bytes = fs::read(&file).unwrap();
    bytes[2 << 20] ^= 1;
    fs::write(&file, bytes).unwrap();
    let lie = std::panic::catch_unwind(AssertUnwindSafe(|| assert_true(&scene.ays, &scene.node, "x")));
    assert!(lie.is_err(), "the stories would not notice a damaged copy");
    scene.succeeds(&["-r"]);
    assert_eq!(digest(&file), hash);
    assert_true(&scene.ays, &scene.node, "x");
}

#[test]
fn the_same_content_again_leaves_the_pool_alone() {
    let scene = Scene::new();
    scene.publish_x(7);
    scene.succeeds(&[]);
    let before = scene.pool(&stored(&scene.node)[0]).metadata().unwrap();
    scene.succeeds(&["-r"]);
    let after = scene.pool(&stored(&scene.node)[0]).metadata().unwrap();
    assert_eq!((before.ino(), before.mtime_nsec()), (after.ino(), after.mtime_nsec()));
    let detail = shown(&scene.ays, "x").expect("the image");
    assert_eq!(detail["generations"].as_array().map(Vec::len), Some(1));
}

#[test]
fn other_content_is_another_generation_and_the_old_file_stays() {
    let scene = Scene::new();
    let first = scene.publish_x(8);
    scene.succeeds(&[]);
    let second = scene.publish_x(9);
    scene.succeeds(&["-r"]);
    let mut both = [named("x", &first), named("x", &second)];
    both.sort();
    assert_eq!(stored(&scene.node), both);
    let detail = shown(&scene.ays, "x").expect("the image");
    let generations: Vec<_> = detail["generations"]
        .as_array()
        .unwrap()
        .iter()
        .map(|generation| json!([generation["number"], generation["current"], generation["content"]]))
        .collect();
    let content = |digits: &str| format!("fsverity-sha256:{digits}");
    assert_eq!(generations, [json!([2, true, content(&second)]), json!([1, false, content(&first)])]);
    assert_eq!(index(&scene.node).unwrap()["images"][0]["file"], json!(named("x", &second)));
}

#[test]
fn a_dry_run_touches_nothing() {
    let scene = Scene::new();
    scene.publish_x(10);
    let before = scene.node.files();
    let plan = scene.succeeds(&["--dry-run"]);
    assert!(plan.contains("/var/tmp/x.qcow2"), "{plan}");
    assert_eq!(without_helper(&scene.node), before);
    assert_eq!(shown(&scene.ays, "x"), None);
    assert_eq!(scene.environment.status().lines().count(), 1, "only the recipe is new");
}

#[test]
fn a_dry_run_says_within_five_seconds_that_a_source_is_dead() {
    let scene = Scene::new();
    scene.publish_x(11);
    scene.environment.add_image("x", &format!("http://{}", Lab::NOBODY), "/x.qcow2", "checkmd5:'true'");
    let before = scene.node.files();
    let since = Instant::now();
    let plan = scene.succeeds(&["--dry-run"]);
    // Connecting to the node is not the source's fault.
    assert!(since.elapsed() < Duration::from_secs(6), "{:?}", since.elapsed());
    assert!(plan.contains(Lab::NOBODY), "{plan}");
    assert_eq!(without_helper(&scene.node), before);
}

/// The files on the node, the helper's own left out.
fn without_helper(node: &Node) -> Vec<PathBuf> {
    let cache = node.path("/root/.cache/ays");
    node.files().into_iter().filter(|file| !file.starts_with(&cache)).collect()
}

#[test]
fn exit_codes_tell_whose_fault_it_was() {
    let scene = Scene::new();
    scene.publish_x(12);
    let code = |arguments: &[&str]| scene.ays.run(arguments).code;
    assert_eq!(
        code(&["install", "-n", "image_x", "--targettype", "node.ssh", "--targetname", "n9"]),
        Some(2)
    );
    assert_eq!(code(&["install", "-n", "image_y", "--targetname", "n1"]), Some(2));
    assert_eq!(code(&["install", "--no-such-option"]), Some(2));
    scene.environment.write(
        "servicetemplates/image_broken/service.hrd",
        "web.export.1 =\n    url:'http://x',\n    source:'/y',\n    dest:'/z',\n",
    );
    scene.environment.write("servicetemplates/image_broken/actions.py", "class Actions(:\n    pass\n");
    assert_eq!(code(&["install", "-n", "image_broken", "--targetname", "n1"]), Some(3));
    // A broken template elsewhere stops nobody; the source of this one is missing.
    fs::remove_file(scene.origin.file("x.qcow2")).unwrap();
    assert_eq!(scene.run(&[]).code, Some(1));
}

#[test]
fn control_c_ends_with_130_and_leaves_nothing() {
    let scene = Scene::new();
    scene.publish_x(13);
    scene.environment.add_image("x", &format!("http://{}/slow", Lab::SOURCE), "/big", "checkmd5:'false'");
    fs::write(scene.origin.file("big"), pattern(13, 64 << 20)).unwrap();
    let running = scene.spawn(&["--json"]);
    let part = scene.node.path("/var/tmp");
    let since = Instant::now();
    while fs::read_dir(&part).map_or(0, Iterator::count) == 0 {
        assert!(since.elapsed() < Duration::from_secs(20), "no download began");
        std::thread::sleep(Duration::from_millis(10));
    }
    // The first lets the download end, which takes a minute.
    running.signal(Signal::SIGINT);
    running.signal(Signal::SIGTERM);
    assert_eq!(running.wait().code, Some(130));
    scene.node.wait_until_quiet(Duration::from_secs(5));
    assert!(!scene.node.path("/var/tmp/x.qcow2").exists());
    assert_eq!(shown(&scene.ays, "x"), None);
}

#[test]
fn events_are_json_one_a_line() {
    let scene = Scene::new();
    scene.publish_x(14);
    let printed = scene.succeeds(&["--json"]);
    let events: Vec<Value> = printed
        .lines()
        .map(|line| serde_json::from_str(line).unwrap_or_else(|e| panic!("{e}: {line}")))
        .collect();
    assert!(events.len() > 4, "{printed}");
    assert!(events.iter().all(|event| event["event"].is_string() && event["time"].is_string()), "{printed}");
}

#[test]
fn quiet_says_nothing_when_all_is_well() {
    let scene = Scene::new();
    scene.publish_x(15);
    let output = scene.run(&["-q"]);
    assert_eq!((output.code, output.stdout.as_str(), output.stderr.as_str()), (Some(0), "", ""));
}

#[test]
fn a_wrong_checksum_leaves_what_was_there() {
    let scene = Scene::new();
    scene.publish_x(16);
    fs::write(scene.origin.file("x.qcow2.md5sum"), "00000000000000000000000000000000  x.qcow2\n").unwrap();
    fs::write(scene.node.path("/var/tmp/x.qcow2"), "what was there").unwrap();
    let output = scene.run(&[]);
    assert_eq!(output.code, Some(1), "{output:#?}");
    assert!(output.stderr.contains("00000000000000000000000000000000"), "{output:#?}");
    assert_eq!(fs::read_to_string(scene.node.path("/var/tmp/x.qcow2")).unwrap(), "what was there");
    assert_eq!(scene.node.list("/var/tmp"), ["x.qcow2"]);
    assert_eq!(shown(&scene.ays, "x"), None);
    assert_eq!(stored(&scene.node), [""; 0]);
}

#[test]
fn a_sha256_and_a_list_of_sums_are_better_checks() {
    let scene = Scene::new();
    let hash = scene.publish_x(17);
    let source = sha256(&scene.origin.file("x.qcow2"));
    fs::write(scene.origin.file("SHA256SUMS"), format!("{}  y.img\n{source} *x.qcow2\n", "0".repeat(64)))
        .unwrap();
    let url = format!("http://{}", Lab::SOURCE);
    for keys in [format!("sha256:'{source}'"), "sums:'SHA256SUMS'".to_owned()] {
        scene.environment.add_image("x", &url, "/x.qcow2", &keys);
        scene.succeeds(&["-r"]);
        assert_eq!(index(&scene.node).unwrap()["images"][0]["verifiedAtSource"], json!(true), "{keys}");
    }
    assert_eq!(stored(&scene.node), [named("x", &hash)]);
    scene.environment.add_image("x", &url, "/x.qcow2", &format!("sha256:'{}'", "0".repeat(64)));
    assert_eq!(scene.run(&["-r"]).code, Some(1));
}

#[test]
fn a_small_windows_is_a_warning_and_no_error() {
    let scene = Scene::new();
    scene.publish_x(18);
    let url = format!("http://{}", Lab::SOURCE);
    scene.environment.add_image_of("x", &url, "/x.qcow2", "checkmd5:'true'", "Windows", 19);
    let output = scene.run(&[]);
    assert_eq!(output.code, Some(0), "{output:#?}");
    let warnings = |output: &Output| {
        let said = format!("{}{}", output.stdout, output.stderr);
        said.lines().filter(|line| line.contains("warning")).map(str::to_owned).collect::<Vec<_>>()
    };
    assert!(warnings(&output).iter().any(|line| line.contains("20")), "{output:#?}");
    scene.environment.add_image_of("x", &url, "/x.qcow2", "checkmd5:'true'", "Linux", 10);
    assert_eq!(warnings(&scene.run(&["-r"])), [""; 0]);
}

#[test]
fn what_is_no_disk_image_is_refused() {
    let scene = Scene::new();
    scene.publish_x(19);
    let base = scene.origin.file("x.qcow2");
    let evil = scene.origin.file("evil.qcow2");
    let create = std::process::Command::new("qemu-img")
        .args(["create", "-q", "-f", "qcow2", "-F", "qcow2", "-b", base.to_str().unwrap()])
        .arg(&evil)
        .status()
        .unwrap();
    assert!(create.success());
    fs::write(scene.origin.file("page.html"), "<!DOCTYPE html><html><body>moved</body></html>").unwrap();
    let url = format!("http://{}", Lab::SOURCE);
    for (source, reason) in [("/evil.qcow2", "backing file"), ("/page.html", "HTML")] {
        scene.environment.add_image("x", &url, source, "checkmd5:'false'");
        let output = scene.run(&["-r"]);
        assert_eq!(output.code, Some(1), "{source}: {output:#?}");
        assert!(output.stderr.contains(reason), "{source}: {output:#?}");
        assert_eq!(stored(&scene.node), [""; 0]);
    }
}

#[test]
fn a_node_without_qemu_img_is_told_before_the_download() {
    let lab = Lab::new();
    let node = lab.node_with("n1", Kind::Bare, "64m", &[]);
    let scene = Scene::on(lab, node);
    scene.publish_x(29);
    let output = scene.run(&[]);
    assert_eq!(output.code, Some(1), "{output:#?}");
    assert!(output.stderr.contains("qemu-img"), "{output:#?}");
    assert_eq!(scene.node.list("/var/tmp"), [""; 0]);
}

#[test]
fn a_recipe_makes_two_images_of_two_downloads() {
    let scene = Scene::new();
    scene.publish_x(40);
    let hashes = ["one", "two"].map(|name| {
        let hash = qcow2(
            &scene.origin.file(&format!("{name}.qcow2")),
            name.len() as u64 + u64::from(name.as_bytes()[0]),
        );
        scene.origin.publish_md5(&format!("{name}.qcow2"));
        hash
    });
    let export = |number: u32, name: &str| {
        format!(
            "web.export.{number} =\n    url:'http://{}',\n    source:'/{name}.qcow2',\n    \
             dest:'/var/tmp/{name}.qcow2',\n    checkmd5:'true',\n",
            Lab::SOURCE
        )
    };
    let service = format!("{}\n{}", export(1, "one"), export(2, "two"));
    scene.environment.write("servicetemplates/image_x/service.hrd", &service);
    // The last download is registered first.
    scene.environment.write(
        "servicetemplates/image_x/actions.py",
        "from JumpScale import j\n\nActionsBase=j.atyourservice.getActionsBaseClass()\n\n\
         class Actions(ActionsBase):\n    def configure(self, serviceObj):\n        \
         from CloudscalerLibcloud.imageutil import registerImage\n        \
         registerImage(serviceObj, 'two', 'two.qcow2', 'Linux', 10)\n        \
         return registerImage(serviceObj, 'one', 'one.qcow2', 'Linux', 10)\n",
    );
    let plan = scene.succeeds(&["--dry-run"]);
    let at = |text: &str| plan.find(text).unwrap_or_else(|| panic!("{text} is not in {plan}"));
    assert!(at("register  two") < at("register  one"), "{plan}");
    assert!(at("remove    /var/tmp/two.qcow2") < at("remove    /var/tmp/one.qcow2"), "{plan}");

    scene.succeeds(&[]);
    let files = [named("one", &hashes[0]), named("two", &hashes[1])];
    assert_eq!(stored(&scene.node), files);
    assert_eq!(scene.node.list("/var/tmp"), [""; 0]);
    for (name, file) in ["one", "two"].into_iter().zip(&files) {
        assert_true(&scene.ays, &scene.node, name);
        let detail = shown(&scene.ays, name).expect("the image");
        assert_eq!(detail["generations"][0]["copies"][0]["file"], json!(file));
        assert_eq!(detail["url"], json!(format!("http://{}/{name}.qcow2", Lab::SOURCE)));
    }
    assert_eq!(scene.succeeds(&[]).lines().count(), 1, "there is nothing to do");

    // Each of them is checked again.
    for file in &files {
        fs::remove_file(scene.pool(file)).unwrap();
        scene.succeeds(&[]);
        assert_eq!(stored(&scene.node), files);
    }
}
