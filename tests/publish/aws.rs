//! The target `aws`, against moto: blocks straight to a snapshot, an image of it, and nothing left behind.

use std::fs;
use std::thread;
use std::time::{Duration, Instant};

use nix::sys::signal::Signal;
use serde_json::{Value, json};

use super::{account_file, create_accounts};
use crate::support::disk::large_qcow2;
use crate::support::truth::stored;
use crate::support::{FaultProxy, Lab, Moto, Output, ProxyFault, Scene};

const PORT: u16 = 5555;
const BLOCK: usize = 512 << 10;
const IN_FLIGHT: usize = 64;

fn account(url: &str, number: &str) -> String {
    format!(
        "type = 'aws'\nname = 'cloud'\naccountNumber = '{number}'\naccessKeyId = 'AKIDOFTHETEST'\n\
         secretAccessKeyId = 'of-the-test-and-secret'\nendpointUrl = '{url}'\n"
    )
}

/// An image on the node, moto, and a proxy before it that the account goes through.
struct Cloud {
    scene: Scene,
    moto: Moto,
    proxy: FaultProxy,
}

impl Cloud {
    /// With a disk that has so many MiB of data.
    fn start(seed: u64, mebibytes: u32) -> Self {
        let scene = Scene::new();
        large_qcow2(&scene.origin.file("x.qcow2"), seed, mebibytes);
        scene.origin.publish_md5("x.qcow2");
        let source = format!("http://{}", Lab::SOURCE);
        scene.environment.add_image("x", &source, "/x.qcow2", "checkmd5:'true'");
        scene.succeeds(&[]);
        let moto = Moto::start(&scene.lab, Lab::SOURCE, PORT);
        let proxy = FaultProxy::start(Lab::CONTROLLER, 0, &format!("{}:{PORT}", Lab::SOURCE));
        create_accounts(&scene, "cloud.toml", &account(&proxy.url(), "123456789012"));
        Self { scene, moto, proxy }
    }

    fn words<'a>(more: &[&'a str]) -> Vec<&'a str> {
        let region = "region=us-east-1";
        [&["publish", "-n", "x", "--account", "cloud", "--set", region][..], more].concat()
    }

    fn publish(&self, more: &[&str]) -> Output {
        self.scene.ays.run(&Self::words(more))
    }

    /// The snapshots that are ours: moto makes one of its own for each image.
    fn snapshots(&self) -> Vec<String> {
        let mut all = self.moto.snapshots();
        all.retain(|snapshot| tag(snapshot, "ays:publication").is_some());
        all.iter().map(|snapshot| snapshot["snapshotId"].as_str().unwrap().to_owned()).collect()
    }

    /// That one image is there, and its one snapshot has the blocks of the disk, and no others.
    fn assert_published(&self) {
        let (images, snapshots) = (self.moto.images(), self.snapshots());
        assert_eq!((images.len(), snapshots.len()), (1, 1), "{images:#?} {snapshots:?}");
        assert_eq!(images[0]["name"], "x-1");
        let listed = self.scene.ays.json(&["publication", "list"]);
        let expected = (&json!("done"), &images[0]["imageId"], &json!("us-east-1/x-1"));
        assert_eq!((&listed[0]["status"], &listed[0]["cloudId"], &listed[0]["location"]), expected);
        let mut blocks = self.moto.snapshot_blocks(&snapshots[0]);
        blocks.sort();
        assert!(blocks == self.blocks(), "{:?}", blocks.iter().map(|(number, _)| number).collect::<Vec<_>>());
    }

    /// The blocks of the stored disk that are not all zeros.
    fn blocks(&self) -> Vec<(u64, Vec<u8>)> {
        let names = stored(&self.scene.node);
        let name = names.iter().find(|name| name.ends_with(".raw")).expect("a raw disk");
        let mut disk = fs::read(self.scene.pool(name)).unwrap();
        disk.resize(disk.len().next_multiple_of(BLOCK), 0);
        let numbered = disk.chunks(BLOCK).enumerate();
        let data = numbered.filter(|(_, block)| block.iter().any(|byte| *byte != 0));
        data.map(|(number, block)| (number as u64, block.to_vec())).collect()
    }

    /// How many blocks have come.
    fn blocks_sent(&self) -> usize {
        self.proxy.count("PUT", "/blocks/")
    }

    /// Kills a publication once so many blocks are there, and as many more are held up as may be on their way.
    fn kill_after(&self, blocks: usize) {
        self.proxy.fail("PUT", "/blocks/", blocks + 1.., ProxyFault::Stall);
        let wanted = self.blocks_sent() + blocks + IN_FLIGHT;
        let mut run = self.scene.ays.spawn(&Self::words(&[]));
        let since = Instant::now();
        while self.blocks_sent() < wanted {
            assert!(!run.has_ended() && since.elapsed() < Duration::from_secs(60), "{}", run.said());
            thread::sleep(Duration::from_millis(20));
        }
        run.signal(Signal::SIGKILL);
        assert!(run.wait_for_end(Duration::from_secs(10)));
        assert_eq!(self.blocks_sent(), wanted);
        self.proxy.heal();
    }
}

/// Does something again until it is as it should be: the lock of a process that was killed is free after 8 s.
fn until<T>(mut act: impl FnMut() -> T, is_good: impl Fn(&T) -> bool) -> T {
    let since = Instant::now();
    loop {
        let came = act();
        if is_good(&came) || since.elapsed() > Duration::from_secs(30) {
            return came;
        }
        thread::sleep(Duration::from_millis(500));
    }
}

fn tag(of: &Value, key: &str) -> Option<String> {
    let tags = of["tagSet"]["item"].as_array()?;
    tags.iter().find(|tag| tag["key"] == key).map(|tag| tag["value"].as_str().unwrap().to_owned())
}

#[test]
fn a_disk_becomes_an_image_and_leaves_nothing() {
    let cloud = Cloud::start(41, 3);
    let Cloud { scene, moto, proxy } = &cloud;
    let wrong =
        account_file(scene, "wrong.toml", &account(moto.url(), "000000000001").replace("cloud", "other"));
    let refused = scene.ays.run(&["account", "create", "--file", &wrong]);
    assert_ne!(refused.code, Some(0), "{refused:#?}");
    let reason = "the access key is of the account 123456789012, and accountNumber says 000000000001";
    assert!(refused.stderr.contains(reason), "{refused:#?}");
    let seen = scene.ays.json(&["account", "test", "cloud"]);
    assert!(seen.to_string().contains("eu-central-1"), "{seen:#}");

    let planned = cloud.publish(&["--plan"]);
    assert_eq!(planned.code, Some(0), "{planned:#?}");
    assert!(planned.stdout.contains("a snapshot of 1 GiB is billed to the account"), "{planned:#?}");
    assert!(planned.stdout.contains("displayName=x-1"), "{planned:#?}");
    assert_eq!((moto.images(), moto.snapshots()), (Vec::new(), Vec::new()));

    let shared = ["--set", "shareWith=210987654321"];
    let done = cloud.publish(&shared);
    assert_eq!(done.code, Some(0), "{done:#?}");
    cloud.assert_published();
    let image = &moto.images()[0];
    let mark = tag(image, "ays:publication").expect("a mark");
    assert!(mark.starts_with("ays-") && mark.ends_with("-1"), "{mark}");
    let id = format!("ImageId={}", image["imageId"].as_str().unwrap());
    let may = moto.ec2("DescribeImageAttribute", &[&id, "Attribute=launchPermission"]);
    assert_eq!(may["launchPermission"]["item"], json!([{"userId": "210987654321"}]), "{may:#}");
    assert_eq!(cloud.blocks_sent(), 6);
    assert_eq!(proxy.find("of-the-test-and-secret"), [""; 0]);

    // The same again is nothing.
    let again = cloud.publish(&shared);
    assert_eq!((again.code, again.stdout.contains("was there")), (Some(0), true), "{again:#?}");
    cloud.assert_published();

    // With other fields the name is in the way, before a byte is sent.
    let taken = cloud.publish(&[]);
    assert_eq!(taken.code.map(|code| code == 0), Some(false), "{taken:#?}");
    assert!(taken.stderr.contains("an image of the name `x-1` is there already: ami-"), "{taken:#?}");
    assert_eq!(cloud.blocks_sent(), 6);
    // With --overwrite the new one takes its place.
    let replaced = cloud.publish(&["--overwrite"]);
    assert_eq!(replaced.code, Some(0), "{replaced:#?}");
    assert_eq!(moto.images().len(), 1);
    assert_ne!(moto.images()[0]["imageId"], image["imageId"]);

    for publication in ["1", "2"] {
        let deleted = scene.ays.succeeds(&["publication", "delete", publication, "--remote"]);
        assert!(deleted.contains(&format!("publication {publication} is deleted")), "{deleted}");
    }
    assert_eq!((moto.images(), cloud.snapshots()), (Vec::new(), Vec::new()));
}

#[test]
fn what_fails_once_is_done_again_and_made_once() {
    let cloud = Cloud::start(42, 3);
    let proxy = &cloud.proxy;
    let posts = || proxy.count("POST", "");
    let before = posts();
    assert_eq!(cloud.publish(&["--plan"]).code, Some(0));
    let of_plan = posts() - before;
    proxy.fail("PUT", "/blocks/", 1..=1, ProxyFault::Status(503));
    proxy.fail("PUT", "/blocks/", 3..=3, ProxyFault::LoseAnswer);
    // The snapshot is begun, asked for, completed and waited for; the image is looked for and registered.
    let (start, register) = (of_plan + 1, of_plan + 6);
    for lost in [start, register] {
        proxy.fail("POST", "", lost..=lost, ProxyFault::LoseAnswer);
    }
    let first = proxy.requests().len();
    let done = cloud.publish(&[]);
    assert_eq!(done.code, Some(0), "{done:#?}");
    cloud.assert_published();
    let requests = proxy.requests().split_off(first);
    let posted: Vec<_> = requests.iter().filter(|request| request.method == "POST").collect();
    assert_eq!(posted[start - 1].path, "/snapshots");
    // No other call to EC2 says as much as the one that registers.
    let longest = posted.iter().map(|request| request.body_length).max();
    assert_eq!(Some(posted[register - 1].body_length), longest);
    assert_eq!(cloud.blocks_sent(), 8);
}

#[test]
fn a_publication_that_is_killed_goes_on_or_is_removed() {
    let cloud = Cloud::start(43, 90);
    let Cloud { scene, moto, .. } = &cloud;
    cloud.kill_after(20);
    assert_eq!((moto.images().len(), cloud.snapshots().len()), (0, 1));
    let recovered = until(|| scene.ays.json(&["recover"]), |recovered| recovered["ended"] != json!([]));
    let expected = (&json!([[1, null]]), &json!([]));
    assert_eq!((&recovered["ended"], &recovered["strays"]), expected, "{recovered:#}");
    assert_eq!((moto.images(), cloud.snapshots()), (Vec::new(), Vec::new()));

    // The next one is killed too, and gone on with: the same snapshot, and not all blocks again.
    cloud.kill_after(90);
    let snapshots = cloud.snapshots();
    let killed = cloud.blocks_sent();
    let done = until(|| cloud.publish(&[]), |done| !done.stderr.contains("has been at work on"));
    assert_eq!(done.code, Some(0), "{done:#?}");
    assert_eq!(cloud.snapshots(), snapshots);
    cloud.assert_published();
    let again = cloud.blocks_sent() - killed;
    assert!(again < 180, "{again} of 180 blocks were sent again");
    scene.ays.succeeds(&["publication", "delete", "1", "--remote"]);
    assert_eq!((moto.images(), cloud.snapshots()), (Vec::new(), Vec::new()));
}

#[test]
fn a_publication_that_fails_removes_what_it_made() {
    let cloud = Cloud::start(44, 3);
    cloud.proxy.fail("PUT", "/blocks/", 2.., ProxyFault::Status(400));
    let failed = cloud.publish(&[]);
    assert_eq!(failed.code.map(|code| code == 0), Some(false), "{failed:#?}");
    assert_eq!((cloud.moto.images(), cloud.snapshots()), (Vec::new(), Vec::new()));
    let listed = cloud.scene.ays.json(&["publication", "list"]);
    assert_eq!(listed[0]["status"], "failed");
}
