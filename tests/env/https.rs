//! git over https, against git's own server side behind nginx.

use std::fs;

use super::said;
use crate::support::{
    Ays, Environment, Lab, Output,
    git_server::{self, GitServer},
    lab,
};

struct Scene {
    ays: Ays,
    server: GitServer,
    lab: Lab,
}

/// The login of `git` and of `pub` with `pub1234`.
const GIT: &str = "Basic Z2l0OnB1YjEyMzQ=";
const PUB: &str = "Basic cHViOnB1YjEyMzQ=";

impl Scene {
    fn new() -> Self {
        let lab = Lab::new();
        let environment = Environment::new(&lab);
        let mut ays = Ays::new(&lab, &environment, &[]);
        let server = GitServer::start(&lab);
        GitServer::accept_pushes(&lab.dir().join("jumpscale.git"));
        ays.set("SSL_CERT_FILE", server.certificate().to_str().unwrap());
        let scene = Self { ays, server, lab };
        scene.configure("");
        scene
    }

    fn configure(&self, more: &str) {
        let text = format!("[user]\nname = us\nemail = us@example.org\n{more}");
        fs::write(self.ays.home().join(".gitconfig"), text).unwrap();
    }

    fn clone(&self, url: &str) -> Output {
        let ours = self.lab.dir().join("g8");
        self.ays.run(&["env", "clone", url, ours.to_str().unwrap()])
    }

    fn env(&self, arguments: &[&str]) -> Output {
        let ours = self.lab.dir().join("g8");
        self.ays.run(&[&["--repo", ours.to_str().unwrap(), "env"], arguments].concat())
    }

    /// Lets it come, change, and go back.
    fn works(&self, url: &str) {
        let output = self.clone(url);
        assert_eq!(output.code, Some(0), "{output:#?}");
        let new = self.lab.dir().join("g8/servicetemplates/image_new");
        fs::create_dir_all(&new).unwrap();
        fs::write(new.join("service.hrd"), "description = 'new'\n").unwrap();
        let output = self.env(&["save", "-m", "a new image"]);
        assert_eq!(output.code, Some(0), "{output:#?}");
        let commit = |dir: &str| {
            let dir = self.lab.dir().join(dir);
            lab::run("git", &["-C", dir.to_str().unwrap(), "rev-parse", "main"])
        };
        assert_eq!(commit("g8"), commit("jumpscale.git"));
        let output = self.env(&["pull"]);
        assert_eq!(output.code, Some(0), "{output:#?}");
        let kept = fs::read_to_string(self.lab.dir().join("g8/.git/config")).unwrap();
        assert!(!kept.contains("pub1234"), "{kept}");
    }

    /// The logins that were sent to this place.
    fn logins(&self, place: &str) -> Vec<String> {
        let requests = self.server.requests(place);
        let mut logins: Vec<_> =
            requests.iter().filter_map(|request| Some(request.split_once(' ')?.1.to_owned())).collect();
        logins.retain(|login| login != "-");
        logins.sort();
        logins.dedup();
        logins
    }
}

fn url(path: &str) -> String {
    format!("https://{}{path}", Lab::SOURCE)
}

#[test]
fn a_token_is_sent_to_the_host_of_the_address_only() {
    let mut scene = Scene::new();
    scene.ays.set("AYS_GIT_TOKEN", "pub1234");
    scene.works(&url("/git/jumpscale.git"));
    assert_eq!(scene.logins(&format!("{}:443", Lab::SOURCE)), [GIT]);

    fs::remove_dir_all(scene.lab.dir().join("g8")).unwrap();
    let moved = url("/moved/jumpscale.git");
    let expected = format!(
        "error: {moved}: it asks for the login from another place, https://{}: clone from there if that is right\n",
        Lab::CONTROLLER
    );
    assert_eq!(scene.clone(&moved), said(1, &expected));
    assert!(!scene.server.requests(&format!("{}:443", Lab::CONTROLLER)).is_empty());
    assert_eq!(scene.logins(&format!("{}:443", Lab::CONTROLLER)), [""; 0]);
}

#[test]
fn credential_helpers_are_asked_for_their_host() {
    let scene = Scene::new();
    let helper = |host: &str, user: &str| {
        format!(
            "[credential \"https://{host}\"]\nhelper = \"!f() {{ echo username={user}; echo password=pub1234; }}; f\"\n"
        )
    };
    scene.configure(&(helper("git.example.org", "git") + helper(Lab::SOURCE, "pub").as_str()));
    scene.works(&url("/git/jumpscale.git"));
    assert_eq!(scene.logins(&format!("{}:443", Lab::SOURCE)), [PUB]);

    fs::remove_dir_all(scene.lab.dir().join("g8")).unwrap();
    scene.configure(&helper("git.example.org", "git"));
    let refused = format!(
        "error: {}: the login was refused\n  git's credential helpers: they have nothing for this address\n  asking: nobody \
         is there to be asked\n",
        url("/git/jumpscale.git")
    );
    assert_eq!(scene.clone(&url("/git/jumpscale.git")), said(1, &refused));
}

#[test]
fn a_certificate_that_nobody_vouches_for_is_refused() {
    let mut scene = Scene::new();
    scene.ays.set("SSL_CERT_FILE", "/etc/ssl/certs/ca-certificates.crt");
    scene.ays.set("AYS_GIT_TOKEN", "pub1234");
    let output = scene.clone(&url("/git/jumpscale.git"));
    assert_eq!(output.code, Some(1), "{output:#?}");
    assert_eq!(scene.logins(&format!("{}:443", Lab::SOURCE)), [""; 0]);
}

/// An authority of the company, and a header: libgit2 knows neither.
#[test]
fn what_only_git_does_on_the_web_it_does() {
    let mut scene = Scene::new();
    let certificate = scene.server.certificate();
    scene.ays.set("SSL_CERT_FILE", "/etc/ssl/certs/ca-certificates.crt");
    scene.ays.set("AYS_GIT_TOKEN", "pub1234");
    scene.configure(&format!("[http \"https://{}\"]\nsslCAInfo = {}\n", Lab::SOURCE, certificate.display()));
    scene.works(&url("/git/jumpscale.git"));
    assert_eq!(scene.logins(&format!("{}:443", Lab::SOURCE)), [GIT]);

    // The token is for the host of the address, wherever that leads.
    fs::remove_dir_all(scene.lab.dir().join("g8")).unwrap();
    scene.configure(&format!("[http]\nsslCAInfo = {}\n", certificate.display()));
    let output = scene.clone(&url("/moved/jumpscale.git"));
    assert_eq!(output.code, Some(1), "{output:#?}");
    assert!(!scene.server.requests(&format!("{}:443", Lab::CONTROLLER)).is_empty());
    assert_eq!(scene.logins(&format!("{}:443", Lab::CONTROLLER)), [""; 0]);

    let with_password = format!("https://pub:pub1234@{}/git/jumpscale.git", Lab::SOURCE);
    assert_eq!(scene.clone(&with_password).code, Some(0));
    assert!(scene.logins(&format!("{}:443", Lab::SOURCE)).iter().any(|login| login == PUB));
}

#[test]
fn a_proxy_is_gone_through() {
    let mut scene = Scene::new();
    scene.ays.set("AYS_GIT_TOKEN", "pub1234");
    let (address, asked) = git_server::proxy();
    scene.configure(&format!("[http]\nproxy = http://{address}\n"));
    scene.works(&url("/git/jumpscale.git"));
    let connected = asked.try_iter().collect::<Vec<_>>();
    assert!(!connected.is_empty());
    assert!(
        connected.iter().all(|line| *line == format!("CONNECT {}:443 HTTP/1.1", Lab::SOURCE)),
        "{connected:?}"
    );
}
