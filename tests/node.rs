//! Nodes that are added, and checked.

use std::fs;

use serde_json::Value;

use crate::support::{Ays, Environment, Kind, Lab, events, lab};

const FILE: &str = "services/jumpscale__node.ssh__n1/service.hrd";

fn public_key(lab: &Lab) -> String {
    fs::read_to_string(lab.key().with_extension("pub")).unwrap()
}

#[test]
fn a_node_is_added_with_a_question() {
    let lab = Lab::new();
    let node = lab.node_with("n1", Kind::Full, "20g", &[]);
    let environment = Environment::new(&lab);
    let ays = Ays::new(&lab, &environment, &[]);
    let add = ["node", "add", "n1", "--ip", &node.address, "--gid", "7"];

    let mut terminal = ays.on_terminal(&add);
    terminal.expect("Is this fingerprint right?");
    terminal.enter("n");
    let (code, said) = terminal.end();
    assert_eq!(code, Some(1), "{said}");
    assert_eq!(environment.status(), "");

    let mut terminal = ays.on_terminal(&add);
    terminal.expect("Is this fingerprint right?");
    terminal.enter("y");
    let (code, said) = terminal.end();
    assert_eq!(code, Some(0), "{said}");
    assert!(said.contains("n1: added: services/jumpscale__node.ssh__n1/service.hrd;"), "{said}");
    assert!(said.contains("n1: well: debian on x86_64, qemu-img "), "{said}");
    let written = fs::read_to_string(environment.repo().join(FILE)).unwrap();
    assert_eq!(written, format!("instance.ip = '{}'\ninstance.gid = 7\n", node.address));
    // The team knows it.
    let known = fs::read_to_string(environment.repo().join("known_hosts")).unwrap();
    assert_eq!(known, format!("{} {}\n", node.address, node.host_key()));
    assert_eq!(fs::read_to_string(ays.home().join(".ssh/known_hosts")).unwrap(), "");
    let checked = rows(&ays.succeeds(&["node", "check", "n1", "--json"]));
    assert_eq!(codes(&checked), [("n1".to_owned(), Vec::new())]);
}

#[test]
fn a_key_is_put_on_a_node_with_its_password() {
    let lab = Lab::new();
    let options = ["PasswordAuthentication=yes", "KbdInteractiveAuthentication=no", "PermitRootLogin=yes"];
    let sshd = options.map(|option| ["-o", option]).concat();
    let node = lab.node_with("n1", Kind::Full, "20g", &sshd);
    let password = lab::run("openssl", &["passwd", "-6", "sesame"]);
    fs::write(node.path("etc/shadow"), format!("root:{}:19000::::::\n", password.trim())).unwrap();
    let authorized = node.path("root/.ssh/authorized_keys");
    fs::remove_file(&authorized).unwrap();
    let environment = Environment::new(&lab);
    let ays = Ays::new(&lab, &environment, &[&node]);
    let add = ["node", "add", "n1", "--ip", &node.address];
    let fingerprint = lab::run("ssh-keygen", &["-lf", lab.key().to_str().unwrap()]);
    let fingerprint = fingerprint.split(' ').nth(1).unwrap();
    let refused = |cure: &str| {
        let key = lab.key();
        format!(
            "error: n1 was not added: n1: the login was refused: root@{}: Permission denied (publickey,password). none \
             of these keys is let in: ED25519 {fingerprint} ({})\n  cure: {cure}\n",
            node.address,
            key.display()
        )
    };

    let output = ays.run(&add);
    let by_hand = "put the public half of one of them into the login's ~/.ssh/authorized_keys there (ssh-copy-id), or \
                   let instance.login name a login that has it";
    assert_eq!((output.code, output.stderr), (Some(1), refused(by_hand)));
    let file = lab.key().with_extension("pub");
    let install = [add.as_slice(), &["--install-key", file.to_str().unwrap()]].concat();
    let output = ays.run(&install);
    let terminal = "run it on a terminal, where ssh can ask for the password";
    assert_eq!((output.code, output.stderr), (Some(1), refused(terminal)));
    assert_eq!(environment.status(), "");

    let mut terminal = ays.on_terminal(&install);
    terminal.expect("password:");
    terminal.enter("sesame");
    let (code, said) = terminal.end();
    assert_eq!(code, Some(0), "{said}\nsshd: {}", node.log());
    assert!(!said.contains("sesame"), "{said}");
    assert_eq!(fs::read_to_string(&authorized).unwrap(), public_key(&lab));
    assert!(environment.repo().join(FILE).exists());
}

#[test]
fn a_node_behind_a_gateway_is_added_and_blamed_for_itself() {
    let lab = Lab::new();
    let gateway = lab.node("n1");
    let inner = lab.node_behind(&gateway, "n2");
    let environment = Environment::new(&lab);
    environment.add_node(&gateway, "");
    let ays = Ays::new(&lab, &environment, &[&gateway]);
    let key = lab.key().with_extension("pub");
    let add = ["node", "add", "n2", "--ip", &inner.address, "--gateway", "n1", "--accept-new-host-key"];
    let closed = ays.run(&[add.as_slice(), &["--port", "23"]].concat());
    let said = "error: n2 was not added: n2: no connection: its gateway does not reach it\n  cure: is the machine up, and \
                its address and port right? The gateway's sshd must let connections through (AllowTcpForwarding yes)\n";
    assert_eq!((closed.code, closed.stderr.as_str()), (Some(1), said));

    let output = ays.run(&[add.as_slice(), &["--install-key", key.to_str().unwrap()]].concat());
    assert_eq!(output.code, Some(0), "{output:#?}");
    assert_eq!(output.stderr, "n2: the public key was there\n");
    let known = fs::read_to_string(environment.repo().join("known_hosts")).unwrap();
    assert_eq!(known, format!("{} {}\n", inner.address, inner.host_key()));
    assert_eq!(fs::read_to_string(inner.path("root/.ssh/authorized_keys")).unwrap(), public_key(&lab));
}

/// The name of each node with the codes of its findings.
/// What `node check --json` printed of nodes, after its events.
fn rows(stdout: &str) -> Value {
    let lines = events(stdout).into_iter();
    lines.filter(|line| line.get("event").is_none()).collect()
}

fn codes(checked: &Value) -> Vec<(String, Vec<String>)> {
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let codes = |row: &Value| {
        let findings = row["findings"].as_array().unwrap();
        findings.iter().map(|finding| text(&finding["code"])).collect()
    };
    checked.as_array().unwrap().iter().map(|row| (text(&row["node"]), codes(row))).collect()
}

#[test]
fn a_check_finds_what_is_wrong_with_each_node() {
    let lab = Lab::new();
    let full = |name: &str| lab.node_with(name, Kind::Full, "20g", &[]);
    let (n1, n2, n3, n5, n6) = (full("n1"), full("n2"), full("n3"), full("n5"), full("n6"));
    let n4 = lab.node_with("n4", Kind::Bare, "20g", &["-o", "MaxSessions=2"]);
    let environment = Environment::new(&lab);
    environment.write("ays.toml", "[pool.vmstor]\npath = '/mnt/vmstor'\nshared = true\n");
    for node in [&n1, &n2, &n3] {
        environment.add_node(node, "instance.pool = 'vmstor'\n");
    }
    for node in [&n4, &n5, &n6] {
        environment.add_node(node, "");
    }
    // Two more ways to the first machine.
    let write = |name: &str, more: &str| {
        let text = format!("instance.ip = '{}'\n{more}", n1.address);
        environment.write(&format!("services/jumpscale__node.ssh__{name}/service.hrd"), &text);
    };
    write("dead", "instance.ssh.port = 23\n");
    write("guest", "instance.login = 'guest'\n");
    let storage = lab.dir().join("storage");
    fs::create_dir(&storage).unwrap();
    n1.mount(&storage, "/mnt/vmstor");
    n2.mount(&storage, "/mnt/vmstor");
    fs::create_dir_all(n3.path("/mnt/vmstor")).unwrap();
    fs::create_dir_all(n5.path("/var/lib/ays/templates")).unwrap();
    n5.exec("mount -t tmpfs -o ro none /var/lib/ays/templates");
    let ays = Ays::new(&lab, &environment, &[&n1, &n2, &n3, &n4, &n5]);
    let known = ays.home().join(".ssh/known_hosts");
    let mut lines = fs::read_to_string(&known).unwrap();
    lines.push_str(&format!("{} {}\n", n6.address, n1.host_key()));
    fs::write(&known, lines).unwrap();

    let output = ays.run(&["node", "check", "--json"]);
    assert_eq!(output.stderr, "error: 6 of 8 nodes cannot be installed on\n");
    assert_eq!(output.code, Some(1));
    let expected = [
        ("dead", vec!["unreachable"]),
        ("guest", vec!["sudo"]),
        ("n1", vec![]),
        ("n2", vec![]),
        ("n3", vec!["notShared"]),
        ("n4", vec!["qemuImg", "sessions"]),
        ("n5", vec!["directory"]),
        ("n6", vec!["hostKey"]),
    ];
    let expected = expected
        .map(|(node, codes)| (node.to_owned(), codes.into_iter().map(str::to_owned).collect::<Vec<_>>()));
    // The storage is where this machine keeps what is temporary: how much room is there is nothing that a test can say.
    let mut found = codes(&rows(&output.stdout));
    found[2..4].iter_mut().for_each(|(_, codes)| codes.retain(|code| code != "space"));
    assert_eq!(found, expected, "{}", output.stdout);
    assert_eq!(fs::read_dir(&storage).unwrap().count(), 0, "the marks are gone");
    assert_eq!(n3.list("/mnt/vmstor"), [""; 0]);

    let output = ays.run(&["node", "check", "n5", "dead"]);
    assert_eq!(
        output.stdout,
        format!(
            "n5: 1 error\n  \
             error: pool local cannot be used: /var/lib/ays/templates: writing in it: Read-only file system (os error 30)\n    \
             cure: let root write there: it may be mounted read-only, full, or exported with root_squash\n\
             dead: 1 error\n  \
             error: dead: no connection: ssh: connect to host {} port 23: Connection refused\n    \
             cure: start sshd there, or let instance.ssh.port name the port that it listens at\n",
            n1.address
        )
    );
}

#[test]
fn a_check_says_what_keeps_machines_from_reading_the_pool() {
    let lab = Lab::new();
    let node = lab.node_with("n1", Kind::Full, "20g", &[]);
    let environment = Environment::new(&lab);
    environment.add_node(&node, "");
    environment.write("ays.toml", "[pool.local]\nuser = 'guest'\n");
    let ays = Ays::new(&lab, &environment, &[&node]);
    let check = || {
        let output = ays.run(&["node", "check", "n1"]);
        (output.code, output.stdout)
    };
    let is_well = |found: &(Option<i32>, String)| found.0 == Some(0) && found.1.starts_with("n1: well: ");
    let pool = "/var/lib/ays/templates";
    // What installs make can be read.
    assert!(is_well(&check()), "{:?}", check());
    node.exec(&format!(
        "mkdir -p {pool} && touch {pool}/a.raw {pool}/b.raw {pool}/.hidden && chmod 600 {pool}/.hidden"
    ));
    assert!(is_well(&check()), "{:?}", check());

    node.exec("chmod 700 /var/lib/ays");
    let (code, said) = check();
    assert_eq!(code, Some(1), "{said}");
    assert_eq!(
        said,
        "n1: 1 error\n  error: pool local: user guest may not pass the directory /var/lib/ays\n    cure: there, `setfacl \
         -m u:guest:x /var/lib/ays`, or `chmod o+x /var/lib/ays`\n"
    );
    // A group that it is in counts, be it not its own.
    node.exec("echo 'machines:x:77:guest' >>/etc/group && chgrp 77 /var/lib/ays && chmod 710 /var/lib/ays");
    assert!(is_well(&check()), "{:?}", check());
    // So does that others may what its own group may not.
    node.exec("chmod 701 /var/lib/ays");
    assert!(check().1.contains("may not pass the directory /var/lib/ays"), "{:?}", check());
    node.exec(&format!("chmod 755 /var/lib/ays && chmod 640 {pool}/b.raw"));
    let (code, said) = check();
    assert_eq!(code, Some(1), "{said}");
    assert_eq!(
        said,
        "n1: 1 error\n  error: pool local: user guest may not read b.raw\n    cure: in /var/lib/ays/templates there, \
         `setfacl -m u:guest:r` or `chmod o+r` of each\n"
    );
    node.exec(&format!("chown guest {pool}/b.raw && chmod 755 {pool}"));
    assert!(is_well(&check()), "{:?}", check());

    // A stand-in: there is no AppArmor here, so the file that would tell of it is the test's own.
    node.exec("mkdir -p /sys/kernel/security/apparmor && echo 'libvirtd (enforce)' >/sys/kernel/security/apparmor/profiles");
    let (code, said) = check();
    assert_eq!(code, Some(0), "{said}");
    assert!(
        said.starts_with("n1: 1 warning\n  warning: pool local: AppArmor enforces libvirtd, and no rule"),
        "{said}"
    );
    node.exec("rm -r /sys");

    environment.write("ays.toml", "[pool.local]\nuser = 'libvirt-qemu'\n");
    let (code, said) = check();
    assert_eq!(code, Some(1), "{said}");
    assert!(
        said.starts_with("n1: 1 error\n  error: pool local: the node has no user libvirt-qemu\n"),
        "{said}"
    );
    environment.write("ays.toml", "[pool.local]\nuser = '-x'\n");
    assert_eq!(check().0, Some(3));
}
