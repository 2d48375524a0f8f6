//! The simplestreams feed of what is offered, read by real clients.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use nix::sys::signal::Signal;
use serde_json::{Value, json};

use crate::server::{listening, serve};
use crate::support::lab::{cache, run};
use crate::support::truth::{POOL, stored};
use crate::support::{Certificate, Lab, Scene, digest, sha256};

/// Reads a text of the feed.
fn read(url: &str, path: &str, authority: &str) -> Value {
    let said = run("curl", &["-sS", "--fail", "--cacert", authority, &format!("{url}/{path}")]);
    serde_json::from_str(&said).unwrap_or_else(|error| panic!("{error}: {said}"))
}

fn until(what: &str, mut is_so: impl FnMut() -> bool) {
    let begun = Instant::now();
    while !is_so() {
        assert!(begun.elapsed() < Duration::from_secs(60), "{what}");
        std::thread::sleep(Duration::from_millis(100));
    }
}

#[test]
fn image_servers_clients_read_what_is_offered() {
    let scene = Scene::new();
    scene.publish_x(1);
    let certificate = Certificate::new(&scene.lab);
    let authority = certificate.authority_file();
    let directory = scene.lab.dir().join("feed");
    let (listen, feed) = (format!("{}:8470", Lab::SOURCE), directory.display().to_string());
    let options = [
        "--listen",
        &listen,
        "--tls-cert",
        &certificate.certificate_file(),
        "--tls-key",
        &certificate.key_file(),
        "--feed",
        &feed,
    ];
    let served = serve(&scene.ays, &options);
    let url = served.url.clone();
    let products = || read(&url, "streams/v1/images.json", &authority)["products"].clone();
    assert_eq!(products(), json!({}));
    let second = scene.ays.run(&["serve", "--listen", "127.0.0.1:0", "--feed", &feed]);
    assert_eq!(second.code, Some(1), "{second:#?}");
    assert!(second.stderr.contains("is used by another server"), "{second:#?}");

    scene.succeeds(&[]);
    until("an image in the feed", || products() != json!({}));
    let (name, product) =
        products().as_object().unwrap().iter().next().map(|(n, p)| (n.clone(), p.clone())).unwrap();
    assert_eq!([&product["release_title"], &product["arch"], &product["aliases"]], ["x", "amd64", "x"]);
    let index = read(&url, "streams/v1/index.json", &authority);
    assert_eq!(index["index"].as_object().unwrap().values().next().unwrap()["products"], json!([name]));
    let (version, _) = product["versions"].as_object().unwrap().iter().next().unwrap();
    let items = &product["versions"][version]["items"];

    // The disk has the content that the pool has.
    let there = scene.lab.dir().join("there.qcow2");
    let path = items["disk-kvm.img"]["path"].as_str().unwrap();
    let get = ["-sS", "--fail", "--cacert", &authority, "-o", there.to_str().unwrap()];
    run("curl", &[&get[..], &[&format!("{url}/{path}")]].concat());
    assert_eq!(items["disk-kvm.img"]["sha256"], sha256(&there));
    let raw = scene.lab.dir().join("there.raw");
    run("qemu-img", &["convert", "-O", "raw", there.to_str().unwrap(), raw.to_str().unwrap()]);
    let kept = digest(&scene.node.path(POOL).join(&stored(&scene.node)[0]));
    assert_eq!(digest(&raw), kept);
    assert_eq!(items["disk-kvm.img"]["content"], format!("fsverity-sha256:{kept}"));

    // sstream-query, the reader of docs/server.md.
    let clients = cache().join("simplestreams-1");
    let query = clients.join("bin/sstream-query").display().to_string();
    let environment = [
        format!("PYTHONPATH={}", clients.display()),
        format!("SSL_CERT_FILE={authority}"),
        format!("REQUESTS_CA_BUNDLE={authority}"),
    ];
    let environment: Vec<&str> = environment.iter().map(String::as_str).collect();
    let stream = format!("{url}/streams/v1/index.json");
    let format = "%(release_title)s %(version_name)s %(item_url)s %(sha256)s";
    let ask = ["python3", &query, "--no-verify", "--output-format", format, &stream, "ftype=disk-kvm.img"];
    let said = run("env", &[&environment[..], &ask].concat());
    assert_eq!(said, format!("x {version} {url}/{path} {}\n", sha256(&there)));

    // LXD's client.
    let home = scene.lab.dir().join("lxc").display().to_string();
    fs::create_dir(&home).unwrap();
    let lxc = |arguments: &[&str]| {
        let surroundings =
            [format!("SSL_CERT_FILE={authority}"), format!("LXD_CONF={home}"), format!("HOME={home}")];
        let surroundings: Vec<&str> = surroundings.iter().map(String::as_str).collect();
        run("env", &[&surroundings[..], &["lxc"], arguments].concat())
    };
    lxc(&["remote", "add", "team", &url, "--protocol", "simplestreams"]);
    let listed: Value = serde_json::from_str(&lxc(&["image", "list", "team:", "--format", "json"])).unwrap();
    assert_eq!(listed[0]["aliases"][0]["name"], "x", "{listed}");
    assert_eq!(listed[0]["type"], "virtual-machine", "{listed}");
    let target = scene.lab.dir().join("exported").display().to_string();
    lxc(&["image", "export", "team:x", &target, "--vm"]);
    assert_eq!(sha256(&PathBuf::from(format!("{target}.root"))), sha256(&there));
    let described: Value = serde_json::from_str(&run("tar", &["-xOf", &target, "metadata.yaml"])).unwrap();
    assert_eq!(described["architecture"], "x86_64");

    // Taken away, it is out of the feed at once; its files stay while a pool has it.
    scene.ays.succeeds(&["image", "disable", "x"]);
    assert_eq!(products(), json!({}));
    scene.ays.succeeds(&["image", "enable", "x"]);
    assert_ne!(products(), json!({}));

    // Another server goes on with the same files.
    let file = directory.join("images").join(path.rsplit('/').next().unwrap());
    let inode = fs::metadata(&file).unwrap().ino();
    served.server.signal(Signal::SIGKILL);
    served.server.wait();
    let more = scene.ays.spawn(&[&["serve"], &options[..]].concat());
    listening(&more);
    assert_ne!(products(), json!({}));
    assert_eq!(fs::metadata(&file).unwrap().ino(), inode);

    // Deleted for ever, it leaves nothing.
    scene.ays.succeeds(&["image", "delete", "x", "--permanently", "--yes"]);
    assert_eq!(products(), json!({}));
    until("no files", || {
        ["images", "records", "making"]
            .iter()
            .all(|name| fs::read_dir(directory.join(name)).unwrap().count() == 0)
    });
}
