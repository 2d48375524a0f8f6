//! The clouds that images are published to start, answer and stop; the proxy before them fails as it is told.

use std::{
    fs,
    net::TcpStream,
    path::PathBuf,
    process::Command,
    thread,
    time::{Duration, Instant},
};

use serde_json::json;

use super::text;
use crate::support::{
    Azurite, Certificate, Door, FaultProxy, Lab, Login, Moto, OpenStack, Origin, ProxyFault, Registry,
    TokenServer, http, pattern, sha256,
};

/// A file with bytes that do not compress, and its name for curl.
fn file_to_send(lab: &Lab, length: usize) -> (PathBuf, String) {
    let file = lab.dir().join("to-send");
    fs::write(&file, pattern(3, length)).unwrap();
    let name = file.display().to_string();
    (file, name)
}

fn is_open(place: &str) -> bool {
    TcpStream::connect(place).is_ok()
}

/// Has glance make an image, and gives its identity.
fn create_image(cloud: &OpenStack, login: &Login, name: &str) -> String {
    let body = format!(r#"{{"name": "{name}", "disk_format": "raw", "container_format": "bare"}}"#);
    let more = ["-H", "Content-Type: application/json", "--data", &body];
    let made = cloud.call_images(login, "POST", "/v2/images", &more).expect_success().json();
    made["id"].as_str().unwrap().to_owned()
}

// One test for all, since a start takes both cores for seconds.
#[test]
fn openstack_keeps_images_of_those_who_may_publish() {
    let lab = Lab::new();
    let mut cloud = OpenStack::start(&lab);
    let publisher = OpenStack::publisher();
    let (file, name) = file_to_send(&lab, 3_000_000);
    let binary = ["-H", "Content-Type: application/octet-stream", "-T", &name];
    let id = create_image(&cloud, &publisher, "direct");
    cloud.call_images(&publisher, "PUT", &format!("/v2/images/{id}/file"), &binary).expect_success();

    let imported = create_image(&cloud, &publisher, "imported");
    let stage = format!("/v2/images/{imported}/stage");
    cloud.call_images(&publisher, "PUT", &stage, &binary).expect_success();
    let method =
        ["-H", "Content-Type: application/json", "--data", r#"{"method": {"name": "glance-direct"}}"#];
    let import = format!("/v2/images/{imported}/import");
    cloud.call_images(&publisher, "POST", &import, &method).expect_success();
    let since = Instant::now();
    while cloud.image(&imported).unwrap()["status"] != "active" {
        assert!(since.elapsed() < Duration::from_secs(10), "{:?}", cloud.image(&imported));
        // Glance tells nobody when an import is done.
        thread::sleep(Duration::from_millis(50));
    }
    for id in [&id, &imported] {
        let back = lab.dir().join("back");
        cloud.download_image(id, &back);
        assert_eq!(sha256(&back), sha256(&file));
    }

    let viewer = Login { user: "viewer".to_owned(), password: "of-viewer".to_owned(), ..publisher.clone() };
    cloud.create_user(&viewer, Some("reader"));
    let seen = cloud.call_images(&viewer, "GET", "/v2/images", &[]).expect_success().json();
    assert_eq!(seen["images"].as_array().unwrap().len(), 2);
    let delete = format!("/v2/images/{id}");
    assert_eq!(cloud.call_images(&viewer, "DELETE", &delete, &[]).status, 403);
    let credential = cloud.create_application_credential(&publisher, "for-ays");
    let body = json!({"auth": {"identity": {
        "methods": ["application_credential"],
        "application_credential": {"id": credential.id, "secret": credential.secret},
    }}});
    let url = format!("{}/auth/tokens", OpenStack::IDENTITY);
    let token = http::send_json("POST", &url, &body, &[]).expect_success().json();
    assert_eq!(token["token"]["project"]["name"], "disks");

    the_catalogue_of_openstack_can_lead_to_a_proxy(&cloud);

    // Of what was there it forgets nothing; more does not fit.
    cloud.limit_storage(7_000_000);
    assert_eq!(cloud.images().len(), 4);
    let third = create_image(&cloud, &publisher, "third");
    let third = cloud.call_images(&publisher, "PUT", &format!("/v2/images/{third}/file"), &binary);
    assert_eq!(third.status, 413);
    assert!(is_open("10.199.0.2:9292"));
    cloud.stop_images();
    assert!(!is_open("10.199.0.2:9292"));
    drop(cloud);
    assert!(!is_open("10.199.0.2:5050"));
}

fn the_catalogue_of_openstack_can_lead_to_a_proxy(cloud: &OpenStack) {
    let proxy = FaultProxy::start(Lab::CONTROLLER, 0, "10.199.0.2:9292");
    cloud.announce_images(&proxy.url());
    cloud.announce_identity("http://10.199.0.1:5050/v3");
    let token = cloud.token(&OpenStack::publisher());
    let url = format!("{}/auth/catalog", OpenStack::IDENTITY);
    let catalogue = http::request("GET", &url, &["-H", &format!("X-Auth-Token: {token}")]).expect_success();
    let mut places = Vec::new();
    for service in catalogue.json()["catalog"].as_array().unwrap() {
        let mut endpoints = service["endpoints"].as_array().unwrap().iter();
        let endpoint = endpoints.find(|endpoint| endpoint["interface"] == "public").unwrap();
        assert_eq!(endpoint["region"], OpenStack::REGION);
        places.push(endpoint["url"].as_str().unwrap().to_owned());
    }
    places.sort();
    let mut expected = ["http://10.199.0.1:5050/v3".to_owned(), proxy.url()];
    expected.sort();
    assert_eq!(places, expected);

    // An answer that is lost: the image is there all the same.
    proxy.fail("POST", "/v2/images", 1..=1, ProxyFault::LoseAnswer);
    let header = format!("X-Auth-Token: {token}");
    let body = r#"{"name": "twice", "disk_format": "raw", "container_format": "bare"}"#;
    let url = format!("{}/v2/images", proxy.url());
    let create = ["-s", "-m", "20", "-o", "/dev/null", "-w", "%{exitcode}", "-H", &header];
    let create = [&create[..], &["-H", "Content-Type: application/json", "--data", body, &url]].concat();
    let said = [(); 2].map(|()| text(Command::new("curl").args(&create)));
    assert_eq!(said, ["52", "0"]);
    let names: Vec<_> = cloud.images().iter().map(|image| image["name"].clone()).collect();
    assert_eq!(names, ["direct", "imported", "twice", "twice"]);
    assert_eq!(proxy.find(&token), ["POST /v2/images x-auth-token", "POST /v2/images x-auth-token"]);
}

#[test]
fn azurite_keeps_page_blobs() {
    let lab = Lab::new();
    let key = "b2YgdGhlIGFjY291bnQ=";
    let azurite = Azurite::start(&lab, Lab::SOURCE, 10000, "disks1", key);
    azurite.create_container("vhds");
    assert_eq!(azurite.blobs("vhds"), [""; 0]);
    assert!(azurite.properties("vhds", "x.vhd").is_none());
    let (_, name) = file_to_send(&lab, 1 << 16);
    let url = azurite.signed_url("vhds", "x.vhd", "rcw");
    let size = ["-H", "x-ms-blob-type: PageBlob", "-H", "x-ms-blob-content-length: 1048576", "-d", ""];
    http::request("PUT", &url, &size).expect_success();
    let data = format!("@{name}");
    let page = ["-H", "x-ms-page-write: update", "-H", "x-ms-range: bytes=512-66047", "--data-binary", &data];
    http::request("PUT", &format!("{url}&comp=page"), &page).expect_success();
    assert_eq!(azurite.blobs("vhds"), ["x.vhd"]);
    let properties = azurite.properties("vhds", "x.vhd").unwrap();
    assert_eq!(properties.header("x-ms-blob-type"), Some("PageBlob"));
    let back = lab.dir().join("back");
    azurite.download("vhds", "x.vhd", &back);
    let back = fs::read(back).unwrap();
    assert_eq!((back.len(), &back[512..512 + (1 << 16)] == pattern(3, 1 << 16).as_slice()), (1 << 20, true));
    assert_eq!(http::request("GET", &format!("{}/vhds/x.vhd", azurite.url()), &[]).status, 403);
    drop(azurite);
    assert!(!is_open("10.199.0.2:10000"));
}

#[test]
fn moto_keeps_snapshots_and_images() {
    let lab = Lab::new();
    let moto = Moto::start(&lab, Lab::SOURCE, 5555);
    assert_eq!((moto.images(), moto.snapshots()), (Vec::new(), Vec::new()));
    let json = ["-H", "Content-Type: application/json", "--data", r#"{"VolumeSize": 1, "Description": "x"}"#];
    let snapshot = moto.call("ebs", "POST", "/snapshots", &json).expect_success().json();
    let snapshot = snapshot["SnapshotId"].as_str().unwrap();
    let (file, name) = file_to_send(&lab, 1 << 19);
    let sum = text(Command::new("sh").args(["-c", &format!("openssl dgst -sha256 -binary {name} | base64")]));
    let (sum, data) = (format!("x-amz-Checksum: {}", sum.trim()), format!("@{name}"));
    let block = ["-H", "x-amz-Data-Length: 524288", "-H", "x-amz-Checksum-Algorithm: SHA256", "-H", &sum];
    let block =
        [&block[..], &["-H", "Content-Type: application/octet-stream", "--data-binary", &data]].concat();
    moto.call("ebs", "PUT", &format!("/snapshots/{snapshot}/blocks/3"), &block).expect_success();
    let complete = ["-H", "x-amz-ChangedBlocksCount: 1"];
    moto.call("ebs", "POST", &format!("/snapshots/completion/{snapshot}"), &complete).expect_success();
    assert_eq!(moto.snapshots()[0]["snapshotId"], snapshot);
    assert_eq!(moto.snapshot_blocks(snapshot), [(3, fs::read(file).unwrap())]);
    moto.ec2("RegisterImage", &["Name=x", "Architecture=x86_64", "RootDeviceName=/dev/xvda"]);
    assert_eq!(moto.images()[0]["name"], "x");
    assert_eq!(http::request("GET", moto.url(), &[]).status, 200);
    drop(moto);
    assert!(!is_open("10.199.0.2:5555"));
}

#[test]
fn a_registry_is_read_back_by_skopeo_and_deletes_only_where_it_may() {
    let lab = Lab::new();
    let certificate = Certificate::new(&lab);
    let tokens = TokenServer::start(&lab, &certificate);
    let open = Registry::start(&lab);
    let (file, _) = file_to_send(&lab, 100_000);
    let digest = open.tag("disks/x", "1", &[open.layer("disks/x", &file, "application/octet-stream", None)]);
    let login = Registry::start_with(&lab, 5443, &Door::Login(&certificate));
    let door = Door::Tokens { certificate: &certificate, realm: tokens.realm() };
    let by_token = Registry::start_with_deletion(&lab, 5001, &door);
    for (number, registry) in [&open, &login, &by_token].into_iter().enumerate() {
        assert_eq!(registry.tags("disks/x"), ["1"]);
        assert_eq!(registry.manifest("disks/x", &digest).unwrap()["layers"][0]["size"], 100_000);
        assert_eq!(registry.manifest("disks/x", "2"), None);
        let copy = lab.dir().join(format!("copy-{number}"));
        registry.copy_out("disks/x", "1", &copy);
        assert_eq!(sha256(&copy.join(sha256(&file))), sha256(&file));
    }
    let path = format!("/v2/disks/x/manifests/{digest}");
    let url = format!("http://{}{path}", open.host());
    assert_eq!(http::request("DELETE", &url, &[]).status, 405);
    let url = format!("{}?service=registry&scope=repository:disks/x:pull,delete", tokens.realm());
    let token = http::request("GET", &url, &["-u", "pub:pub1234"]).expect_success().json();
    let header = format!("Authorization: Bearer {}", token["token"].as_str().unwrap());
    let url = format!("http://{}{path}", by_token.host());
    assert_eq!(http::request("DELETE", &url, &[]).status, 401);
    http::request("DELETE", &url, &["-H", &header]).expect_success();
    assert_eq!(open.manifest("disks/x", &digest), None);
}

/// What curl's end and the status were.
fn curl(more: &[&str]) -> String {
    let mut curl = Command::new("curl");
    curl.args(["-s", "-m", "1", "-o", "/dev/null", "-w", "%{exitcode} %{http_code}"]).args(more);
    text(&mut curl)
}

#[test]
fn the_fault_proxy_has_chosen_requests_fail_and_notes_all() {
    let lab = Lab::new();
    let origin = Origin::start(&lab);
    fs::write(origin.file("disk"), pattern(1, 3_000_000)).unwrap();
    let proxy = FaultProxy::start(Lab::SOURCE, 8000, "10.199.0.2:80");
    proxy.fail("GET", "/disk", 2..=2, ProxyFault::Status(503));
    proxy.fail("GET", "/disk", 3..=3, ProxyFault::LoseAnswer);
    proxy.fail("GET", "/disk?x", 1.., ProxyFault::Stall);
    let url = format!("{}/disk", proxy.url());
    let back = lab.dir().join("back");
    assert_eq!(http::download(&url, &["-H", "Authorization: Basic c2VjcmV0"], &back), 200);
    assert_eq!(sha256(&back), sha256(&origin.file("disk")));
    let head = curl(&["--head", &url]);
    let seen = [
        head,
        curl(&[&url]),
        curl(&[&url]),
        curl(&[&format!("{url}?x")]),
        curl(&["-o", "/dev/null", &url, &url]),
    ];
    assert_eq!(seen, ["0 200", "0 503", "52 000", "28 000", "0 2000 200"]);
    // The server has answered what was lost.
    assert_eq!(origin.requests().iter().filter(|request| request.what == "GET /disk").count(), 4);
    assert_eq!((proxy.count("GET", "/disk"), proxy.count("", "")), (6, 7));
    assert_eq!(proxy.find("c2VjcmV0"), ["GET /disk authorization"]);
    // nginx answers before it has the body.
    let (_, large) = file_to_send(&lab, 50 << 20);
    let send = |how| curl(&["-T", &large, "-H", how, &url]);
    let seen = ["Expect:", "Expect: 100-continue", "Transfer-Encoding: chunked"].map(send);
    assert_eq!(seen, ["0 413", "0 413", "0 405"]);

    proxy.fail("", "", .., ProxyFault::Status(500));
    assert_eq!(curl(&[&url]), "0 500");
    proxy.heal();

    proxy.fail("", "", 1..=1, ProxyFault::Refuse);
    assert_eq!([curl(&[&url]), curl(&[&url])], ["56 000", "7 000"]);
    proxy.accept();
    assert_eq!(curl(&[&url]), "0 200");
    proxy.refuse();
    proxy.accept();
    drop(proxy);
    assert!(!is_open("10.199.0.2:8000"));
}

#[test]
fn the_fault_proxy_lets_bodies_flow() {
    let lab = Lab::new();
    let registry = Registry::start(&lab);
    let proxy = FaultProxy::start(Lab::SOURCE, 8000, registry.host());
    let file = lab.dir().join("large");
    fs::File::create(&file).unwrap().set_len(100 << 20).unwrap();
    proxy.fail("PATCH", "", 1..=1, ProxyFault::Status(500));
    let begin = || {
        let url = format!("{}/v2/disks/x/blobs/uploads/", proxy.url());
        let begun = http::request("POST", &url, &["-d", ""]).expect_success();
        // Distribution makes it of the name by which it was asked: the proxy's.
        let place = begun.header("location").unwrap().to_owned();
        assert!(place.starts_with(&proxy.url()), "{place}");
        place
    };
    let send = |place: &str, how: &str| {
        let data = ["-m", "20", "-X", "PATCH", "-H", "Content-Type: application/octet-stream", "-H", how];
        let name = file.to_str().unwrap();
        curl(&[&data[..], &["-T", name, place]].concat())
    };
    let place = begin();
    assert_eq!(send(&place, "Expect:"), "0 500");
    assert_eq!(send(&place, "Transfer-Encoding: chunked"), "0 202");
    assert_eq!(send(&begin(), "Expect: 100-continue"), "0 202");
    let lengths: Vec<_> = proxy.requests().iter().map(|request| request.body_length).collect();
    assert_eq!(lengths, [0, 100 << 20, 100 << 20, 0, 100 << 20]);
    let peak = fs::read_to_string("/proc/self/status").unwrap();
    let peak = peak.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
    let peak: u64 = peak.split_whitespace().next().unwrap().parse().unwrap();
    assert!(peak < 64 << 10, "{peak} KiB");
}
