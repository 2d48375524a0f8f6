//! A secret goes only where the operator lets it go, whatever the repository says.

use std::fs;

use crate::support::{Ays, Environment, Ftp, Lab, Listener, Node, Output, SafeWeb, qcow2};

const INSTALL: [&str; 5] = ["install", "-n", "image_x", "--targetname", "n1"];

/// A node, and an operator; the sources are each test's own.
struct Scene {
    ays: Ays,
    environment: Environment,
    /// They live as long as it.
    _node: Node,
    lab: Lab,
}

impl Scene {
    /// Installs `image_x` on the node.
    fn run(&self) -> Output {
        self.ays.run(&INSTALL)
    }
}

fn scene() -> Scene {
    let lab = Lab::new();
    let node = lab.node("n1");
    let environment = Environment::new(&lab);
    environment.add_node(&node, "");
    environment.commit();
    let mut ays = Ays::new(&lab, &environment, &[&node]);
    ays.set("AYS_FETCH_TRIES", "1");
    Scene { ays, environment, _node: node, lab }
}

/// A recipe that sends `$(secret.pw)` as a password to `url`.
fn sends_to(scene: &Scene, url: &str) {
    let (scheme, host) = url.split_once("://").unwrap();
    let url = format!("{scheme}://u:$(secret.pw)@{host}");
    scene.environment.add_image("x", &url, "/x.qcow2", "checkmd5:'false'");
}

fn keeps(scene: &Scene, hosts: &str) {
    let set = ["secret", "set", "pw", "--for", hosts];
    let kept = scene.ays.feed(&set[..if hosts.is_empty() { 3 } else { 5 }], "hunter-22\n");
    assert_eq!(kept.code, Some(0), "{kept:?}");
}

/// The one line of an error, and exit code 1.
fn refused(output: &Output) -> &str {
    assert_eq!(output.code, Some(1), "{output:#?}");
    let line = output.stderr.lines().next().unwrap();
    line.strip_prefix("error: ").unwrap_or_else(|| panic!("{output:#?}"))
}

#[test]
fn another_host_gets_nothing_before_the_operator_allows_it() {
    let scene = scene();
    let meant = Listener::serving(Lab::SOURCE, 80, "meant");
    let other = Listener::serving(Lab::CONTROLLER, 80, "other");
    keeps(&scene, "http://10.199.0.2");
    sends_to(&scene, &meant.url());
    // What comes is no disk image; by then the secret has arrived.
    assert_eq!(scene.run().code, Some(1));
    assert!(meant.counts().1 > 0, "{:?}", meant.heads());

    sends_to(&scene, &other.url());
    for command in [
        &INSTALL[..],
        &["install", "-n", "image_x", "--targetname", "n1", "--dry-run"],
        &["install", "-n", "image_x", "--rehearse"],
    ] {
        assert_eq!(
            refused(&scene.ays.run(command)),
            "image_x sends the secret `pw` to http://10.199.0.1, which nobody here allowed, in clear text; so far it may go \
             to http://10.199.0.2: `ays secret allow pw http://10.199.0.1` lets it go there"
        );
    }
    let new = ["new", "image", "image_y", "--url", "http://10.199.0.1/x?token=$(secret.pw)"];
    assert!(
        refused(&scene.ays.run(&new)).starts_with("this command sends the secret `pw` to http://10.199.0.1,")
    );
    assert_eq!(other.counts(), (0, 0));

    scene.ays.succeeds(&["secret", "allow", "pw", "http://10.199.0.1"]);
    assert_eq!(scene.run().code, Some(1));
    assert!(other.counts().1 > 0, "{:?}", other.heads());
    let listed = scene.ays.json(&["secret", "list"]);
    assert_eq!(listed[0]["for"], serde_json::json!(["http://10.199.0.1", "http://10.199.0.2"]));
    scene.ays.succeeds(&["secret", "deny", "pw", "http://10.199.0.1"]);
    refused(&scene.run());
}

#[test]
fn a_host_alone_is_the_way_to_it_that_is_used_first_and_never_clear_text_on_the_web() {
    let scene = scene();
    let web = Listener::serving(Lab::SOURCE, 80, "web");
    let ftp = Ftp::start(&scene.lab);
    qcow2(&ftp.file("x.qcow2"), 1);
    keeps(&scene, "10.199.0.2");
    sends_to(&scene, &web.url());
    assert!(refused(&scene.run()).ends_with("`ays secret allow pw http://10.199.0.2` lets it go there"));
    assert_eq!(web.counts(), (0, 0));

    let login = scene.ays.feed(&["secret", "set", "pw"], "pub1234\n");
    assert!(login.stdout.ends_with("it may go to 10.199.0.2\n"), "{login:?}");
    scene.environment.add_image("x", "ftp://pub:$(secret.pw)@10.199.0.2", "/x.qcow2", "checkmd5:'false'");
    scene.ays.succeeds(&INSTALL);
    assert_eq!(scene.ays.json(&["secret", "list"])[0]["for"], serde_json::json!(["ftp://10.199.0.2"]));
    sends_to(&scene, "https://10.199.0.2");
    refused(&scene.run());
}

#[test]
fn a_proxy_that_the_repository_names_carries_no_secret_before_the_operator_allows_it() {
    let mut scene = scene();
    let proxy = Listener::serving(Lab::CONTROLLER, 3128, "proxied");
    keeps(&scene, "http://10.199.0.2");
    let settings = fs::read_to_string(scene.environment.repo().join("ays.toml")).unwrap();
    let proxied = |port| format!("{settings}\n[fetch]\nhttp_proxy = 'http://10.199.0.1:{port}'\n");
    scene.environment.write("ays.toml", &proxied(3128));
    scene.environment.add_image("open", "http://10.199.0.2", "/x.qcow2", "checkmd5:'false'");
    sends_to(&scene, "http://10.199.0.2");
    let text = scene.run();
    let said = refused(&text);
    assert!(
        said.starts_with("image_x sends the secret `pw` through http://10.199.0.1:3128, which "),
        "{said}"
    );
    assert!(said.ends_with(
        "ays.toml:15 names and nobody here allowed: `ays secret allow --through http://10.199.0.1:3128` does"
    ), "{said}");
    assert_eq!(proxy.counts(), (0, 0));
    // Without a secret it carries what it is given.
    assert_eq!(scene.ays.run(&["install", "-n", "image_open", "--targetname", "n1"]).code, Some(1));
    assert!(proxy.counts().0 > 0 && proxy.counts().1 == 0, "{:?}", proxy.heads());

    scene.ays.succeeds(&["secret", "allow", "--through", "http://10.199.0.1:3128"]);
    assert_eq!(scene.run().code, Some(1));
    assert!(proxy.counts().1 > 0, "{:?}", proxy.heads());
    // Another one is another one.
    scene.environment.write("ays.toml", &proxied(3129));
    assert!(refused(&scene.run()).contains("through http://10.199.0.1:3129"));
    // The operator's own needs no further word.
    let before = proxy.counts().1;
    scene.ays.set("AYS_FETCH_HTTP_PROXY", "http://10.199.0.1:3128");
    scene.ays.succeeds(&["secret", "deny", "--through", "http://10.199.0.1:3128"]);
    assert_eq!(scene.run().code, Some(1));
    assert!(proxy.counts().1 > before, "{:?}", proxy.heads());
}

#[test]
fn an_authority_of_the_repository_lets_no_secret_through_before_the_operator_allows_it() {
    let scene = scene();
    let server = SafeWeb::start(&scene.lab);
    keeps(&scene, "10.199.0.2");
    let settings = fs::read_to_string(scene.environment.repo().join("ays.toml")).unwrap();
    scene.environment.write("ays.toml", &format!("{settings}\n[fetch]\nca = ['ca.pem']\n"));
    scene.environment.write("ca.pem", &fs::read_to_string(server.authority()).unwrap());
    sends_to(&scene, "https://10.199.0.2/there");
    let output = scene.run();
    let said = refused(&output);
    assert!(
        said.starts_with("image_x sends the secret `pw` through ca:") && said.contains("ays.toml:15"),
        "{said}"
    );
    assert_eq!(server.requests(), [""; 0]);
    let id = said.split(' ').find(|word| word.starts_with("ca:")).unwrap().trim_end_matches(',');
    scene.ays.succeeds(&["secret", "allow", "--through", id]);
    assert_eq!(scene.run().code, Some(1));
    let asked = server.requests();
    assert!(asked.iter().any(|request| request.contains("Basic ")), "{asked:?}");
}

#[test]
fn nothing_goes_in_clear_text_where_the_host_serves_it_by_https() {
    let scene = scene();
    let server = SafeWeb::start(&scene.lab);
    let web = Listener::serving(Lab::SOURCE, 80, "web");
    fs::create_dir_all(scene.ays.home().join(".config/ays")).unwrap();
    let settings = format!("[fetch]\nca = ['{}']\n", server.authority().display());
    fs::write(scene.ays.home().join(".config/ays/config.toml"), settings).unwrap();
    keeps(&scene, "http://10.199.0.2");
    sends_to(&scene, "http://10.199.0.2/there");
    assert_eq!(
        refused(&scene.run()),
        "image_x sends the secret `pw` in clear text to http://10.199.0.2/there/x.qcow2, which is served by https as well: write \
         https in the recipe"
    );
    assert_eq!(web.counts(), (0, 0));
    // It was asked without the secret.
    let asked = server.requests();
    assert!(!asked.is_empty() && asked.iter().all(|request| request.ends_with(" -")), "{asked:?}");
    // Another path is not there by https.
    sends_to(&scene, "http://10.199.0.2/elsewhere");
    assert_eq!(scene.run().code, Some(1));
    assert!(web.counts().1 > 0, "{:?}", web.heads());
}

#[test]
fn a_redirect_to_another_host_gets_no_secret() {
    let scene = scene();
    let other = Listener::serving(Lab::CONTROLLER, 80, "other");
    let answer = format!(
        "HTTP/1.1 302 Found\r\nLocation: {}/x\r\nContent-Length: 0\r\nConnection: close\r\n\r\n",
        other.url()
    );
    let meant = Listener::start(Lab::SOURCE, 80, answer);
    keeps(&scene, "http://10.199.0.2");
    sends_to(&scene, &meant.url());
    assert_eq!(scene.run().code, Some(1));
    assert!(meant.counts().1 > 0, "{:?}", meant.heads());
    assert!(other.counts().0 > 0 && other.counts().1 == 0, "{:?}", other.heads());
    assert!(other.heads().iter().all(|head| !head.contains("hunter")), "{:?}", other.heads());
}

#[test]
fn on_a_terminal_it_is_asked_once() {
    let scene = scene();
    let ftp = Ftp::start(&scene.lab);
    qcow2(&ftp.file("x.qcow2"), 1);
    scene.environment.add_image("x", "ftp://$(secret.aydo)@10.199.0.2", "/x.qcow2", "checkmd5:'false'");
    let kept = scene.ays.feed(&["secret", "set", "aydo"], "pub:pub1234\n");
    assert!(kept.stdout.contains("it may go nowhere yet"), "{kept:?}");
    let mut terminal = scene.ays.on_terminal(&INSTALL);
    terminal.expect("image_x sends the secret `aydo` to ftp://10.199.0.2, in clear text: everybody on the way can read it.");
    terminal.expect("May `aydo` go to ftp://10.199.0.2? It will be remembered.");
    terminal.enter("");
    let (code, shown) = terminal.end();
    assert!(code == Some(1) && shown.contains("which nobody here allowed"), "{shown}");
    let mut terminal = scene.ays.on_terminal(&INSTALL);
    terminal.expect("May `aydo` go to ftp://10.199.0.2?");
    terminal.enter("y");
    let (code, shown) = terminal.end();
    assert!(code == Some(0) && !shown.contains("pub1234"), "{shown}");
    let (code, shown) = scene.ays.on_terminal(&[&INSTALL[..], &["-r"]].concat()).end();
    assert!(code == Some(0) && !shown.contains("May "), "{shown}");
    // Another host is asked about again.
    scene.environment.add_image("x", "ftp://$(secret.aydo)@10.199.0.1", "/x.qcow2", "checkmd5:'false'");
    let mut terminal = scene.ays.on_terminal(&INSTALL);
    terminal.expect("So far it may go to ftp://10.199.0.2.");
    terminal.expect("May `aydo` go to ftp://10.199.0.1?");
    terminal.enter("n");
    assert_eq!(terminal.end().0, Some(1));
}

#[test]
fn whatever_a_secret_is_from_one_command_allows_what_the_recipes_do_now() {
    let mut scene = scene();
    let ftp = Ftp::start(&scene.lab);
    qcow2(&ftp.file("x.qcow2"), 1);
    scene.environment.add_image("x", "ftp://$(secret.aydo)@10.199.0.2", "/x.qcow2", "checkmd5:'false'");
    scene.ays.set("AYS_SECRET_AYDO", "pub:pub1234");
    assert!(
        refused(&scene.run())
            .starts_with("image_x sends the secret `aydo` to ftp://10.199.0.2, which nobody")
    );
    assert_eq!(
        scene.ays.succeeds(&["secret", "allow", "--all"]),
        "SECRET  GOES TO                        THROUGH  RECIPE\naydo    ftp://10.199.0.2 (clear text)           image_x\n\
         allowed\n"
    );
    scene.ays.succeeds(&INSTALL);
    let listed = scene.ays.json(&["secret", "list"]);
    assert_eq!(
        listed[0],
        serde_json::json!({"name": "aydo", "from": "AYS_SECRET_AYDO", "for": ["ftp://10.199.0.2"]})
    );
    // It is the operator's, and not the repository's.
    assert_eq!(scene.environment.status().lines().filter(|line| !line.contains("image_x")).count(), 0);
}

#[test]
fn a_node_whose_address_the_repository_changes_gets_no_secret_before_the_operator_allows_it() {
    let scene = scene();
    let ftp = Ftp::start(&scene.lab);
    qcow2(&ftp.file("x.qcow2"), 1);
    scene.environment.add_image("x", "ftp://$(secret.aydo)@10.199.0.2", "/x.qcow2", "checkmd5:'false'");
    let set = ["secret", "set", "aydo", "--for", "10.199.0.2"];
    assert_eq!(scene.ays.feed(&set, "pub:pub1234\n").code, Some(0));
    scene.ays.succeeds(&INSTALL);
    let file = "services/jumpscale__node.ssh__n1/service.hrd";
    scene.environment.write(file, "service.category = 'node'\ninstance.ip = '10.199.0.9'\n");
    let output = scene.ays.run(&INSTALL);
    let said = refused(&output);
    assert!(
        said.starts_with("image_x sends the secret `aydo` through node:n1@10.199.0.9:22, which ")
            && said.ends_with(
                "names and nobody here allowed: `ays secret allow --through node:n1@10.199.0.9:22` does"
            ),
        "{said}"
    );
    let mut terminal = scene.ays.on_terminal(&INSTALL);
    terminal.expect("The node n1 was elsewhere when secrets went to it, and is node:n1@10.199.0.9:22 now");
    terminal.enter("n");
    assert_eq!(terminal.end().0, Some(1));
}
