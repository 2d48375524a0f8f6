//! Sources and networks on bad days.

use std::{
    fs,
    time::{Duration, Instant},
};

use crate::support::{
    Fault, Faulty, Kind, Lab, Scene, named, pattern, start_half_a_name_server, truth::stored,
};

#[test]
fn an_interrupted_transfer_is_taken_up_where_it_broke() {
    let scene = Scene::new();
    let (path, content) = scene.disk(20);
    let faults = [Fault::Truncate(300_000), Fault::Reset(100_000), Fault::Status(503)];
    let server = Faulty::start(&scene.lab, content, faults);
    scene.environment.add_image("x", &server.url(), "/file", "checkmd5:'true'");
    scene.succeeds(&[]);
    assert_eq!(stored(&scene.node), [named("x", &path)]);
    let parts: Vec<_> =
        server.requests().into_iter().filter(|request| request.starts_with("GET /file bytes=")).collect();
    assert!(!parts.is_empty(), "{:?}", server.requests());
}

#[test]
fn a_source_that_changes_between_two_tries_is_read_from_its_start() {
    let scene = Scene::new();
    let (_, old) = scene.disk(21);
    let (hash, new) = scene.disk(22);
    let server = Faulty::start(&scene.lab, old, [Fault::Truncate(300_000), Fault::Change(new)]);
    scene.environment.add_image("x", &server.url(), "/file", "checkmd5:'false'");
    scene.succeeds(&[]);
    assert_eq!(stored(&scene.node), [named("x", &hash)]);
}

#[test]
fn a_name_has_its_address_whatever_a_name_server_leaves_unanswered() {
    let scene = Scene::new();
    let (hash, content) = scene.disk(28);
    let server = Faulty::start(&scene.lab, content, []);
    start_half_a_name_server(&scene.lab);
    for (name, resolv, hosts) in [
        ("mirror.lab.example", format!("nameserver {}", Lab::SOURCE), String::new()),
        // The node's own file is enough, though nobody answers for the other family.
        (
            "mirror.hosts.example",
            format!("nameserver {}", Lab::NOBODY),
            format!("{} mirror.hosts.example", Lab::SOURCE),
        ),
    ] {
        fs::write(scene.node.path("/etc/resolv.conf"), format!("{resolv}\n")).unwrap();
        fs::write(scene.node.path("/etc/hosts"), format!("{hosts}\n")).unwrap();
        let url = server.url().replace(Lab::SOURCE, name);
        scene.environment.add_image("x", &url, "/file", "checkmd5:'true'");
        let begun = Instant::now();
        scene.succeeds(&["-r"]);
        assert!(begun.elapsed() < Duration::from_secs(5), "{name}: {:?}", begun.elapsed());
        assert_eq!(stored(&scene.node), [named("x", &hash)]);
    }
}

#[test]
fn a_server_that_ignores_ranges_is_read_from_its_start() {
    let scene = Scene::new();
    let (hash, content) = scene.disk(23);
    let server = Faulty::start(&scene.lab, content, [Fault::Truncate(300_000), Fault::IgnoreRange]);
    scene.environment.add_image("x", &server.url(), "/file", "checkmd5:'true'");
    scene.succeeds(&[]);
    assert_eq!(stored(&scene.node), [named("x", &hash)]);
}

#[test]
fn a_body_longer_than_announced_does_no_harm() {
    let scene = Scene::new();
    let (hash, content) = scene.disk(24);
    let server = Faulty::start(&scene.lab, content, [Fault::Longer(1000)]);
    scene.environment.add_image("x", &server.url(), "/file", "checkmd5:'true'");
    scene.succeeds(&[]);
    assert_eq!(stored(&scene.node), [named("x", &hash)]);
}

#[test]
fn a_server_that_never_gives_all_of_it_is_given_up() {
    let scene = Scene::new();
    let (_, content) = scene.disk(25);
    let server = Faulty::start(&scene.lab, content, std::iter::repeat_n(Fault::Truncate(0), 50));
    scene.environment.add_image("x", &server.url(), "/file", "checkmd5:'false'");
    let output = scene.run(&[]);
    assert_eq!(output.code, Some(1), "{output:#?}");
    assert!(server.requests().len() < 20, "{:?}", server.requests());
    assert!(!scene.node.path("/var/tmp/x.qcow2").exists());
}

#[test]
fn an_endless_body_ends_before_the_disk_does() {
    let lab = Lab::new();
    let node = lab.node_with("n1", Kind::Full, "64m", &[]);
    let scene = Scene::on(lab, node);
    let (_, content) = scene.disk(26);
    let server = Faulty::start(&scene.lab, content, std::iter::repeat_n(Fault::Endless, 50));
    scene.environment.add_image("x", &server.url(), "/file", "checkmd5:'false'");
    let output = scene.run(&[]);
    assert_eq!(output.code, Some(1), "{output:#?}");
    assert_eq!(scene.node.list("/var/tmp"), [""; 0]);
}

#[test]
fn a_source_that_stalls_is_an_error_and_not_a_wait() {
    let scene = Scene::new();
    let (hash, content) = scene.disk(27);
    let server = Faulty::start(&scene.lab, content, [Fault::Stall(200_000)]);
    scene.environment.add_image("x", &server.url(), "/file", "checkmd5:'true'");
    let since = Instant::now();
    scene.succeeds(&[]);
    assert!(since.elapsed() < Duration::from_secs(90));
    assert_eq!(stored(&scene.node), [named("x", &hash)]);
}

#[test]
fn a_download_that_cannot_fit_is_not_begun() {
    let lab = Lab::new();
    let node = lab.node_with("n1", Kind::Full, "64m", &[]);
    let scene = Scene::on(lab, node);
    fs::write(scene.origin.file("x.qcow2"), pattern(28, 80 << 20)).unwrap();
    scene.environment.add_image("x", &format!("http://{}", Lab::SOURCE), "/x.qcow2", "checkmd5:'false'");
    let output = scene.run(&[]);
    assert_eq!(output.code, Some(1), "{output:#?}");
    assert!(output.stderr.contains("are needed"), "{output:#?}");
    assert_eq!(scene.node.list("/var/tmp"), [""; 0]);
}
