//! How a node is reached: host keys, keys, agents, gateways, logins, and nodes that have next to nothing.

mod login_shells;
mod sessions;
mod sudo;

use std::{
    fs,
    io::{BufRead, BufReader},
    os::unix::fs::PermissionsExt,
    process::{Child, Stdio},
};

use crate::support::{Ays, Environment, Kind, Lab, Node, Origin, Output, lab, pattern, sha256};

/// A recipe `data` that only fetches, so that a node needs nothing but the helper, and what it fetches.
struct Scene {
    lab: Lab,
    origin: Origin,
    environment: Environment,
}

const DEST: &str = "/var/tmp/data";

fn scene(lab: Lab) -> Scene {
    let origin = Origin::start(&lab);
    fs::write(origin.file("data"), pattern(1, 100_000)).unwrap();
    origin.publish_md5("data");
    let environment = Environment::new(&lab);
    environment.write(
        "servicetemplates/data/service.hrd",
        &format!(
            "web.export.1 =\n    url:'http://{}',\n    source:'/data',\n    dest:'{DEST}',\n    checkmd5:'true',\n",
            Lab::SOURCE
        ),
    );
    Scene { lab, origin, environment }
}

impl Scene {
    fn install(&self, ays: &Ays, node: &Node, more: &[&str]) -> Output {
        ays.run(&[&["install", "-n", "data", "--targetname", node.name.as_str()], more].concat())
    }

    fn assert_installed(&self, output: &Output, node: &Node) {
        assert_eq!(output.code, Some(0), "{output:#?}\nsshd: {}", node.log());
        assert_eq!(sha256(&node.path(DEST)), sha256(&self.origin.file("data")));
    }

    fn assert_refused(output: &Output, node: &Node, reasons: &[&str]) {
        assert_eq!(output.code, Some(1), "{output:#?}\nsshd: {}", node.log());
        for reason in reasons {
            assert!(output.stderr.contains(reason), "{reason}: {output:#?}\nsshd: {}", node.log());
        }
        assert!(!node.path(DEST).exists());
    }

    /// Takes the lab's key out of the operator's ssh configuration.
    fn without_key(&self, ays: &Ays) {
        let configuration = ays.home().join(".ssh/config");
        let text = fs::read_to_string(&configuration).unwrap();
        let kept: String =
            text.lines().filter(|line| !line.starts_with("Identit")).map(|l| l.to_owned() + "\n").collect();
        fs::write(configuration, kept).unwrap();
    }
}

/// A node's host key as `ssh-keygen -l` shows it.
pub fn fingerprint(node: &Node) -> String {
    let key = node.path("etc/ssh/ssh_host_ed25519_key.pub");
    let line = lab::run("ssh-keygen", &["-l", "-f", key.to_str().unwrap()]);
    line.split(' ').nth(1).unwrap().to_owned()
}

#[test]
fn an_unknown_host_key_is_an_error_that_names_the_option() {
    let lab = Lab::new();
    let node = lab.node("n1");
    let scene = scene(lab);
    scene.environment.add_node(&node, "");
    let ays = Ays::new(&scene.lab, &scene.environment, &[]);
    let output = scene.install(&ays, &node, &[]);
    Scene::assert_refused(&output, &node, &["--accept-new-host-key", &fingerprint(&node)]);

    scene.assert_installed(&scene.install(&ays, &node, &["--accept-new-host-key"]), &node);
    // It is known from now on.
    scene.assert_installed(&scene.install(&ays, &node, &["-r"]), &node);
}

#[test]
fn a_changed_host_key_is_never_accepted() {
    let lab = Lab::new();
    let (node, other) = (lab.node("n1"), lab.node("n2"));
    let scene = scene(lab);
    scene.environment.add_node(&node, "");
    let ays = Ays::new(&scene.lab, &scene.environment, &[]);
    let known = ays.home().join(".ssh/known_hosts");
    fs::write(&known, format!("{} {}\n", node.address, other.host_key())).unwrap();
    let output = scene.install(&ays, &node, &["--accept-new-host-key"]);
    Scene::assert_refused(&output, &node, &["host key"]);
}

#[test]
fn the_environment_s_known_hosts_are_known() {
    let lab = Lab::new();
    let node = lab.node("n1");
    let scene = scene(lab);
    scene.environment.add_node(&node, "");
    scene.environment.write("known_hosts", &format!("{} {}\n", node.address, node.host_key()));
    let ays = Ays::new(&scene.lab, &scene.environment, &[]);
    scene.assert_installed(&scene.install(&ays, &node, &[]), &node);
}

#[test]
fn the_agent_has_the_key() {
    let lab = Lab::new();
    let node = lab.node("n1");
    let scene = scene(lab);
    scene.environment.add_node(&node, "");
    let mut ays = Ays::new(&scene.lab, &scene.environment, &[&node]);
    scene.without_key(&ays);
    Scene::assert_refused(&scene.install(&ays, &node, &[]), &node, &["n1"]);
    let agent = Agent::start(&scene.lab);
    ays.set("SSH_AUTH_SOCK", &agent.socket);
    scene.assert_installed(&scene.install(&ays, &node, &[]), &node);
}

/// An SSH agent that has the lab's key.
pub struct Agent {
    pub socket: String,
    child: Child,
}

impl Agent {
    pub fn start(lab: &Lab) -> Self {
        let socket = lab.dir().join("agent").to_str().unwrap().to_owned();
        let mut child =
            lab::mortal("ssh-agent").args(["-D", "-a", &socket]).stdout(Stdio::piped()).spawn().unwrap();
        // It prints its socket when it listens.
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut String::new()).unwrap();
        let mut add = std::process::Command::new("ssh-add");
        lab::output(add.arg("-q").arg(lab.key()).env("SSH_AUTH_SOCK", &socket));
        Self { socket, child }
    }
}

impl Drop for Agent {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
fn a_key_service_has_the_key_and_leaves_it_nowhere() {
    let lab = Lab::new();
    let node = lab.node("n1");
    let scene = scene(lab);
    scene.environment.add_node(&node, "instance.sshkey = 'ops'\n");
    let private = fs::read_to_string(scene.lab.key()).unwrap();
    let indented: String = private.lines().map(|line| format!("    {line}\n")).collect();
    let public = fs::read_to_string(scene.lab.key().with_extension("pub")).unwrap();
    scene.environment.write(
        "services/jumpscale__sshkey__ops/service.hrd",
        &format!("instance.key.priv =\n{indented}\ninstance.key.pub = '{}'\n", public.trim()),
    );
    let ays = Ays::new(&scene.lab, &scene.environment, &[&node]);
    scene.without_key(&ays);
    scene.assert_installed(&scene.install(&ays, &node, &[]), &node);
    let secret = private.lines().nth(2).unwrap();
    for place in [ays.home(), ays.state(), ays.temporary(), &node.path("/root"), &node.path("/tmp")] {
        let mut grep = std::process::Command::new("grep");
        let found = grep.args(["-rlF", "-e", secret]).arg(place).output().unwrap();
        assert_eq!(String::from_utf8(found.stdout).unwrap(), "", "the private key is in {place:?}");
    }
}

#[test]
fn a_node_behind_a_gateway() {
    let lab = Lab::new();
    let gateway = lab.node("n1");
    let inner = lab.node_behind(&gateway, "n2");
    let scene = scene(lab);
    // The inner node has no way to the origin: its source is a file of its own.
    fs::copy(scene.origin.file("data"), inner.path("/root/data")).unwrap();
    scene.environment.write(
        "servicetemplates/data/service.hrd",
        &format!("web.export.1 =\n    url:'file:///root',\n    source:'/data',\n    dest:'{DEST}',\n    checkmd5:'false',\n"),
    );
    scene.environment.add_node(&gateway, "");
    scene.environment.add_node(&inner, "instance.ssh.gateway = 'n1'\n");
    let ays = Ays::new(&scene.lab, &scene.environment, &[&gateway]);
    let output = scene.install(&ays, &inner, &[]);
    Scene::assert_refused(&output, &inner, &["--accept-new-host-key", &fingerprint(&inner)]);
    scene.assert_installed(&scene.install(&ays, &inner, &["--accept-new-host-key"]), &inner);
    assert_eq!(gateway.list("/root/.cache"), [""; 0], "a gateway is only gone through");
}

#[test]
fn a_login_that_is_not_root_uses_sudo() {
    let lab = Lab::new();
    let node = lab.node("n1");
    let scene = scene(lab);
    scene.environment.add_node(&node, "instance.login = 'ops'\n");
    let ays = Ays::new(&scene.lab, &scene.environment, &[&node]);
    scene.assert_installed(&scene.install(&ays, &node, &[]), &node);
    let owner = std::os::unix::fs::MetadataExt::uid(&fs::metadata(node.path(DEST)).unwrap());
    assert_eq!(owner, 0);
}

#[test]
fn a_login_that_may_not_use_sudo_is_told_so() {
    let lab = Lab::new();
    let node = lab.node("n1");
    let scene = scene(lab);
    scene.environment.add_node(&node, "instance.login = 'guest'\n");
    let ays = Ays::new(&scene.lab, &scene.environment, &[&node]);
    Scene::assert_refused(&scene.install(&ays, &node, &[]), &node, &["sudo"]);
}

#[test]
fn a_node_with_only_a_password_is_told_what_to_do() {
    let lab = Lab::new();
    let sshd = ["-o", "PubkeyAuthentication=no", "-o", "PasswordAuthentication=yes"];
    let sshd: Vec<_> = sshd.into_iter().collect();
    let node = lab.node_with("n1", Kind::Full, "64m", &sshd);
    let scene = scene(lab);
    scene.environment.add_node(&node, "instance.password = 'rather-secret'\n");
    let ays = Ays::new(&scene.lab, &scene.environment, &[&node]);
    let output = scene.install(&ays, &node, &[]);
    Scene::assert_refused(&output, &node, &["password", "key"]);
    assert!(!format!("{output:?}").contains("rather-secret"), "{output:#?}");
}

#[test]
fn a_node_needs_nothing_but_sshd_and_a_shell() {
    let lab = Lab::new();
    let node = lab.node_with("n1", Kind::Bare, "64m", &[]);
    let scene = scene(lab);
    scene.environment.add_node(&node, "");
    let ays = Ays::new(&scene.lab, &scene.environment, &[&node]);
    scene.assert_installed(&scene.install(&ays, &node, &[]), &node);
    node.wait_until_quiet(std::time::Duration::from_secs(5));

    // A helper that somebody changed is not run.
    let helpers = node.list("/root/.cache/ays");
    let [helper] = helpers.as_slice() else { panic!("{helpers:?}") };
    let path = node.path("/root/.cache/ays").join(helper);
    let honest = sha256(&path);
    fs::write(&path, "#!/bin/sh\ntouch /root/was-run\n").unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o700)).unwrap();
    scene.assert_installed(&scene.install(&ays, &node, &["-r"]), &node);
    assert_eq!(sha256(&path), honest);
    assert!(!node.path("/root/was-run").exists());
}

#[test]
fn a_helper_that_was_changed_is_not_run_whatever_tool_compares_it() {
    let lab = Lab::new();
    let node = lab.node("n1");
    let scene = scene(lab);
    scene.environment.add_node(&node, "");
    let ays = Ays::new(&scene.lab, &scene.environment, &[&node]);
    scene.assert_installed(&scene.install(&ays, &node, &[]), &node);
    let path = node.path("/root/.cache/ays").join(&node.list("/root/.cache/ays")[0]);
    let honest = fs::read(&path).unwrap();
    let mut changed = b"#!/bin/sh\ntouch /root/was-run\nexit\n".to_vec();
    changed.resize(honest.len(), b'#');
    for broken in ["sha256sum", "openssl"] {
        // With both of them broken it is read back.
        node.exec(&format!("mount --bind /usr/bin/false /usr/bin/{broken}"));
        node.wait_until_quiet(std::time::Duration::from_secs(5));
        fs::write(&path, &changed).unwrap();
        scene.assert_installed(&scene.install(&ays, &node, &["-r"]), &node);
        assert!(fs::read(&path).unwrap() == honest, "without {broken}");
        assert!(!node.path("/root/was-run").exists());
    }
}

#[test]
fn another_port_and_a_talkative_shell() {
    let lab = Lab::new();
    let node = lab.node_with("n1", Kind::Full, "64m", &["-o", "Port=2222"]);
    fs::write(node.path("/root/.bashrc"), "echo welcome; echo 'mind the step' >&2\n").unwrap();
    let scene = scene(lab);
    scene.environment.add_node(&node, "instance.ssh.port = 2222\n");
    let ays = Ays::new(&scene.lab, &scene.environment, &[]);
    let line = format!("[{}]:2222 {}\n", node.address, node.host_key());
    fs::write(ays.home().join(".ssh/known_hosts"), line).unwrap();
    scene.assert_installed(&scene.install(&ays, &node, &[]), &node);
}
