//! The support module does what the stories believe of it.

mod clouds;

use std::{
    fs,
    process::Command,
    time::{Duration, Instant},
};

use nix::sys::signal::Signal;

use crate::support::{
    Environment, Fault, Faulty, Ftp, Kind, Lab, Node, Origin, Request, pattern, qcow2, sha256,
};

/// ssh with the lab's key, past all configuration.
fn ssh(lab: &Lab, node: &Node, command: &str) -> Command {
    let mut ssh = Command::new("timeout");
    ssh.args(["10", "ssh", "-F", "/dev/null", "-o", "UserKnownHostsFile=/dev/null"])
        .args(["-o", "StrictHostKeyChecking=no", "-o", "LogLevel=ERROR", "-i"])
        .arg(lab.key())
        .args([&format!("root@{}", node.address), command]);
    ssh
}

fn text(command: &mut Command) -> String {
    let output = command.output().unwrap();
    String::from_utf8([output.stdout, output.stderr].concat()).unwrap()
}

#[test]
fn a_node_is_a_machine_of_its_own() {
    let lab = Lab::new();
    let node = lab.node("n1");
    assert_eq!(text(&mut ssh(&lab, &node, "hostname; echo hello >/root/greeting")), "n1\n");
    assert_eq!(fs::read_to_string(node.path("/root/greeting")).unwrap(), "hello\n");
    assert_eq!(node.exec("cat /root/greeting"), "hello\n");
    assert_eq!(node.list("/root"), [".ssh", "greeting"]);
    assert_eq!(node.processes(), []);
}

#[test]
fn a_bare_node_has_no_tools() {
    let lab = Lab::new();
    let node = lab.node_with("n1", Kind::Bare, "64m", &[]);
    let tools =
        "for tool in sha256sum curl wget qemu-img python3 perl sudo; do command -v $tool; done; echo none";
    assert_eq!(text(&mut ssh(&lab, &node, tools)), "none\n");
}

#[test]
fn a_cut_node_is_silent_and_comes_back() {
    let lab = Lab::new();
    let node = lab.node("n1");
    node.cut();
    let mut wait = Command::new("timeout");
    wait.args(["0.5", "bash", "-c", &format!("exec 3<>/dev/tcp/{}/22; head -c 3 <&3", node.address)]);
    assert_eq!(wait.status().unwrap().code(), Some(124));
    node.heal();
    assert_eq!(text(&mut ssh(&lab, &node, "echo back")), "back\n");
}

#[test]
fn a_node_s_disk_can_be_full() {
    let lab = Lab::new();
    let node = lab.node_with("n1", Kind::Full, "16m", &[]);
    let filler = node.fill_disk(1 << 20);
    let write = "dd if=/dev/zero of=/root/more bs=64k count=32 2>&1 | grep -o 'No space left on device'";
    assert_eq!(text(&mut ssh(&lab, &node, write)), "No space left on device\n");
    fs::remove_file(filler).unwrap();
    assert_eq!(
        text(&mut ssh(&lab, &node, "rm /root/more; dd if=/dev/zero of=/root/more bs=1M count=8 2>&-")),
        ""
    );
}

#[test]
fn processes_on_a_node_can_be_seen_and_ended() {
    let lab = Lab::new();
    let node = lab.node("n1");
    let mut session = ssh(&lab, &node, "echo started; exec sleep 1000");
    let mut session = session.stdout(std::process::Stdio::piped()).spawn().unwrap();
    let mut line = String::new();
    std::io::BufRead::read_line(&mut std::io::BufReader::new(session.stdout.take().unwrap()), &mut line)
        .unwrap();
    while node.processes().first().is_none_or(|process| process.command != "sleep 1000") {
        std::thread::yield_now();
    }
    node.signal_all(Signal::SIGKILL);
    node.wait_until_quiet(Duration::from_secs(5));
    session.wait().unwrap();
}

#[test]
fn a_node_behind_a_gateway_is_reached_through_it() {
    let lab = Lab::new();
    let gateway = lab.node("n1");
    let inner = lab.node_behind(&gateway, "n2");
    let probe = format!("exec 3<>/dev/tcp/{}/22; head -c 8 <&3", inner.address);
    assert!(!text(Command::new("timeout").args(["5", "bash", "-c", &probe])).contains("SSH"));
    assert_eq!(gateway.exec(&format!("bash -c '{probe}'")), "SSH-2.0-");
}

#[test]
fn sources_serve_what_they_should() {
    let lab = Lab::new();
    let node = lab.node("n1");
    let (origin, ftp) = (Origin::start(&lab), Ftp::start(&lab));
    fs::write(origin.file("disk"), pattern(1, 3_000_000)).unwrap();
    ftp.publish_md5("disk");
    let expected = sha256(&origin.file("disk"));
    for url in [
        "http://10.199.0.2/disk",
        "http://pub:pub1234@10.199.0.2/private/disk",
        "ftp://pub:pub1234@10.199.0.2/disk",
    ] {
        node.exec(&format!("curl -sSf -m 10 -o /tmp/disk {url}"));
        assert_eq!(sha256(&node.path("/tmp/disk")), expected, "{url}");
    }
    let status = "curl -s -m 10 -o /dev/null -w '%{http_code} %{size_download}'";
    assert_eq!(node.exec(&format!("{status} http://10.199.0.2/private/disk")), "401 179");
    assert_eq!(node.exec(&format!("{status} -r 10-19 http://10.199.0.2/disk")), "206 10");
    node.exec("curl -s -m 1 -o /tmp/slow http://10.199.0.2/slow/disk || test $? = 28");
    let slow = fs::metadata(node.path("/tmp/slow")).unwrap().len();
    assert!((1..3_000_000).contains(&slow), "{slow} bytes in a second");
}

#[test]
fn many_nodes_start_at_once_and_reach_each_other_until_they_are_isolated() {
    let lab = Lab::new();
    let nodes = lab.nodes(8);
    let names: Vec<_> = nodes.iter().map(|node| text(&mut ssh(&lab, node, "hostname"))).collect();
    assert_eq!(names, ["n1\n", "n2\n", "n3\n", "n4\n", "n5\n", "n6\n", "n7\n", "n8\n"]);
    assert_eq!(nodes[7].logins(), 1);
    let reaches = |from: &Node, to: &str| {
        let probe =
            format!("timeout 1 bash -c 'exec 3<>/dev/tcp/{to}/22; head -c 4 <&3' 2>/dev/null || true");
        from.exec(&probe) == "SSH-"
    };
    assert!(reaches(&nodes[0], &nodes[1].address));
    nodes[..3].iter().for_each(Node::isolate);
    assert!(!reaches(&nodes[0], &nodes[1].address));
    assert!(reaches(&nodes[0], &nodes[3].address));
    assert_eq!(text(&mut ssh(&lab, &nodes[0], "hostname")), "n1\n");
}

#[test]
fn links_are_limited_both_ways_and_what_the_origin_sends_is_counted() {
    let lab = Lab::new();
    let (node, origin) = (lab.node("n1"), Origin::apart(&lab));
    fs::write(origin.file("disk"), pattern(1, 4_000_000)).unwrap();
    let get = |more: &str| {
        let since = Instant::now();
        node.exec(&format!("curl -sSf -m 10 -o /tmp/disk {more} http://10.199.0.2/disk"));
        since.elapsed()
    };
    let unlimited = get("");
    assert!(unlimited < Duration::from_millis(400), "{unlimited:?}");
    origin.limit_rate(80);
    let limited = get("");
    assert!((Duration::from_millis(360)..Duration::from_secs(2)).contains(&limited), "{limited:?}");
    let whole = Request { what: "GET /disk".to_owned(), status: 200, sent: 4_000_000 };
    get("-r 0-9");
    let part = Request { what: "GET /disk".to_owned(), status: 206, sent: 10 };
    assert_eq!(origin.requests(), [whole.clone(), whole, part]);
    assert_eq!(origin.sent("disk"), 8_000_010);

    node.limit_rate(40);
    let limited = get("");
    assert!((Duration::from_millis(720)..Duration::from_secs(4)).contains(&limited), "{limited:?}");
    let since = Instant::now();
    assert_eq!(text(&mut ssh(&lab, &node, "head -c 4000000 /dev/zero | tr '\\0' x")).len(), 4_000_000);
    let limited = since.elapsed();
    assert!((Duration::from_millis(720)..Duration::from_secs(4)).contains(&limited), "{limited:?}");
}

#[test]
fn the_faulty_server_is_faulty_in_order_and_then_well() {
    let lab = Lab::new();
    let node = lab.node("n1");
    let faults = [
        Fault::Status(503),
        Fault::Truncate(1000),
        Fault::Reset(1000),
        Fault::Stall(1000),
        Fault::IgnoreRange,
        Fault::Change(b"other".to_vec()),
    ];
    let server = Faulty::start(&lab, pattern(2, 5000), faults);
    let get = |more: &str| {
        let format = "%{http_code} %{size_download} %{exitcode}";
        node.exec(&format!("curl -s -m 1 -o /tmp/file -w '{format}' {more} {}/file || true", server.url()))
    };
    let seen: Vec<_> = ["", "", "", "", "-r 4000-", "", "-r 2-"].into_iter().map(get).collect();
    let expected =
        ["503 33 0", "200 1000 18", "200 1000 56", "200 1000 28", "200 5000 0", "200 5 0", "206 3 0"];
    assert_eq!(seen, expected);
    assert_eq!(server.requests()[4], "GET /file bytes=4000-");
}

#[test]
fn the_environment_is_a_clean_clone() {
    let lab = Lab::new();
    let node = lab.node("n1");
    let environment = Environment::new(&lab);
    assert_eq!(environment.status(), "");
    environment.add_node(&node, "");
    assert_eq!(environment.status(), "?? services/\n");
    environment.commit();
    assert_eq!(environment.status(), "");
}

#[test]
fn disk_images_are_the_same_for_the_same_seed() {
    let lab = Lab::new();
    let (one, two) = (lab.dir().join("one.qcow2"), lab.dir().join("two.qcow2"));
    assert_eq!(qcow2(&one, 7), qcow2(&two, 7));
    assert_eq!(sha256(&one), sha256(&two));
    assert_ne!(qcow2(&one, 8), qcow2(&two, 7));
}
