//! The environment's repository on a machine that is reached by ssh.

mod as_git;
mod https;

use std::{
    fs,
    os::unix::fs::PermissionsExt,
    path::PathBuf,
    time::{Duration, Instant},
};

use nix::sys::signal::Signal;
use serde_json::json;

use crate::outdated::{point, release};
use crate::ssh::{Agent, fingerprint};
use crate::support::{
    Ays, Environment, Lab, Node, Origin, Output, lab, named,
    truth::{shown, stored},
};

/// A node that has a bare repository, and an operator who knows nothing of either.
struct Scene {
    ays: Ays,
    node: Node,
    environment: Environment,
    lab: Lab,
}

const REPOSITORY: &str = "/srv/envs/g8.git";

impl Scene {
    fn new() -> Self {
        let lab = Lab::new();
        let node = lab.node("n1");
        let environment = Environment::new(&lab);
        fs::create_dir_all(node.path("/srv/envs")).unwrap();
        let ays = Ays::new(&lab, &environment, &[]);
        let scene = Self { ays, node, environment, lab };
        scene.publish();
        scene
    }

    /// Lets the node's repository be what the environment's remote is.
    fn publish(&self) {
        let (bare, there) = (self.lab.dir().join("jumpscale.git"), self.node.path(REPOSITORY));
        // git itself would follow the path to one that only the node knows.
        lab::run("cp", &["-rT", bare.to_str().unwrap(), there.to_str().unwrap()]);
    }

    /// With an operator who knows the node and has a name.
    fn known() -> Self {
        let scene = Self::new();
        let line = format!("{} {}\n", scene.node.address, scene.node.host_key());
        fs::write(scene.ays.home().join(".ssh/known_hosts"), line).unwrap();
        fs::write(scene.ays.home().join(".gitconfig"), "[user]\nname = us\nemail = us@example.org\n")
            .unwrap();
        scene
    }

    fn url(&self) -> String {
        format!("root@{}:{REPOSITORY}", self.node.address)
    }

    /// Our clone.
    fn ours(&self) -> PathBuf {
        self.lab.dir().join("g8")
    }

    fn clone(&self, more: &[&str]) -> Output {
        let (url, ours) = (self.url(), self.ours());
        self.ays.run(&[&["env", "clone", url.as_str(), ours.to_str().unwrap()], more].concat())
    }

    fn cloned(&self) {
        let output = self.clone(&[]);
        assert_eq!(output.code, Some(0), "{output:#?}\nsshd: {}", self.node.log());
    }

    /// `ays env` in our clone.
    fn env(&self, arguments: &[&str]) -> Output {
        let ours = self.ours();
        self.ays.run(&[&["--repo", ours.to_str().unwrap(), "env"], arguments].concat())
    }

    fn write(&self, path: &str, text: &str) {
        let path = self.ours().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    fn configure(&self, more: &str) {
        let path = self.ays.home().join(".ssh/config");
        let text = fs::read_to_string(&path).unwrap();
        let keep = text.lines().filter(|line| line.starts_with("UserKnownHostsFile"));
        fs::write(&path, format!("{}\n{more}", keep.collect::<String>())).unwrap();
    }

    /// The commit of our clone.
    fn here(&self) -> String {
        lab::run("git", &["-C", self.ours().to_str().unwrap(), "rev-parse", "--short=7", "main"])
            .trim()
            .to_owned()
    }

    /// The commit of the node's repository.
    fn there(&self) -> String {
        self.node.exec(&format!("git -C {REPOSITORY} rev-parse --short=7 main")).trim().to_owned()
    }
}

fn said(code: i32, stderr: &str) -> Output {
    Output { code: Some(code), stdout: String::new(), stderr: stderr.to_owned() }
}

#[test]
fn an_environment_comes_is_changed_and_goes_back() {
    let scene = Scene::known();
    let output = scene.clone(&[]);
    let (ours, url) = (scene.ours(), scene.url());
    let stdout =
        format!("{url} is cloned to {0}, branch main\nnext:\n  cd {0}\n  ays list\n", ours.display());
    assert_eq!(output, Output { code: Some(0), stdout, stderr: String::new() });

    scene.write("servicetemplates/image_new/service.hrd", "description = 'new'\n");
    let output = scene.env(&["save", "-m", "a new image"]);
    let commit = scene.here();
    let stdout = format!(
        "saved as {commit}, and pushed to origin/main\n  added    image_new\nnext, where it is installed from:\n  ays env \
         pull\n  ays install -n image_new --targettype node.ssh --targetname NODE\n"
    );
    assert_eq!(output, Output { code: Some(0), stdout, stderr: String::new() });
    assert_eq!(scene.there(), commit);

    // The other clone is where it is installed from.
    let theirs = scene.environment.repo().to_str().unwrap();
    lab::run(
        "git",
        &[
            "-C",
            theirs,
            "remote",
            "set-url",
            "origin",
            &format!("ssh://root@{}{REPOSITORY}", scene.node.address),
        ],
    );
    let output = scene.ays.run(&["mdupdate"]);
    let stdout = format!("main is at {commit}, 1 commit came\n  added    image_new\n");
    assert_eq!(output, Output { code: Some(0), stdout, stderr: String::new() });
    let output = scene.ays.run(&["env", "status", "--fetch"]);
    let stdout = format!("main at {commit}, as origin/main when it was last asked\nnothing to save\n");
    assert_eq!(output, Output { code: Some(0), stdout, stderr: String::new() });
}

/// The walk of AYS's documentation, from nothing to an image that is offered.
#[test]
fn four_commands_lead_from_nothing_to_an_offered_image() {
    let scene = Scene::known();
    scene.environment.add_node(&scene.node, "");
    scene.environment.commit();
    let theirs = scene.environment.repo().to_str().unwrap();
    lab::run("git", &["-C", theirs, "push", "-q", "origin", "HEAD:main"]);
    scene.publish();
    let origin = Origin::start(&scene.lab);
    let hash = release(&origin, "20151105", 1);
    point(&origin, "20151105");

    scene.cloned();
    let ours = scene.ours();
    let in_ours = |arguments: &[&str]| {
        scene.ays.succeeds(&[&["--repo", ours.to_str().unwrap()], arguments].concat());
    };
    in_ours(&["new", "image", "image_wily", "--url", &format!("http://{}/wily/", Lab::SOURCE)]);
    in_ours(&["env", "save", "-m", "Wily"]);
    in_ours(&["install", "-n", "image_wily", "--targettype", "node.ssh", "--targetname", "n1"]);

    assert_eq!(stored(&scene.node), [named("wily-cloudimg-amd64-uefi1", &hash)]);
    // The catalogue is for clones of one remote.
    let repo = scene.environment.repo().to_str().unwrap();
    lab::run("git", &["-C", repo, "remote", "set-url", "origin", &scene.url()]);
    let detail = shown(&scene.ays, "Wily").expect("the image");
    assert_eq!(detail["stacks"][0]["stack"]["name"], json!("n1"));
    assert_eq!(detail["stacks"][0]["offeredGeneration"], json!(1));
}

#[test]
fn a_recipe_that_cannot_be_installed_is_not_saved() {
    let scene = Scene::known();
    scene.cloned();
    scene.write(
        "servicetemplates/image_new/service.hrd",
        "web.export.1 =\n    url:'http://h',\n    dest:'/tmp/',\n",
    );
    let before = scene.here();
    let output = scene.env(&["save", "-m", "a new image"]);
    assert_eq!(output.code, Some(3), "{output:#?}");
    assert!(output.stderr.contains("`dest` must be the path of a file, not of a directory"), "{output:#?}");
    assert_eq!(scene.here(), before);
}

#[test]
fn a_new_host_key_is_a_question_and_a_changed_one_an_end() {
    let scene = Scene::new();
    let (address, fingerprint) = (&scene.node.address, fingerprint(&scene.node));
    let unknown = format!(
        "error: the host key of {address}: {fingerprint} (ssh-ed25519) is not known: compare the fingerprint, then run again \
         with --accept-new-host-key\n"
    );
    assert_eq!(scene.clone(&[]), said(1, &unknown));
    let output = scene.clone(&["--accept-new-host-key"]);
    assert_eq!(output.code, Some(0), "{output:#?}");
    // It is known from now on.
    assert_eq!(scene.env(&["pull"]).code, Some(0));

    let known = scene.ays.home().join(".ssh/known_hosts");
    let line = fs::read_to_string(&known).unwrap();
    assert_eq!(line, format!("{address} {}\n", scene.node.host_key()));
    let key = lab::run("ssh-keygen", &["-y", "-f", scene.lab.key().to_str().unwrap()]);
    fs::write(&known, format!("{address} {key}")).unwrap();
    let changed = format!(
        "error: {address}: its host key {fingerprint} is not the one that is known ({0}:1); nothing was sent. Where the \
         machine was made anew: ssh-keygen -R '{address}' -f {0}\n",
        known.display()
    );
    assert_eq!(scene.env(&["pull", "--accept-new-host-key"]), said(1, &changed));
}

#[test]
fn every_way_to_log_in_that_does_not_lead_in_is_named() {
    let mut scene = Scene::known();
    scene.configure("");
    let refused = format!(
        "error: {}: the login was refused\n  the SSH agent: there is none (SSH_AUTH_SOCK)\n",
        scene.url()
    );
    let files: String =
        ["id_rsa", "id_ecdsa", "id_ecdsa_sk", "id_ed25519", "id_ed25519_sk", "id_xmss", "id_dsa"]
            .map(|name| {
                format!("  {}: there is no such file\n", scene.ays.home().join(".ssh").join(name).display())
            })
            .concat();
    assert_eq!(scene.clone(&[]), said(1, &(refused + files.as_str())));
    assert!(!scene.ours().exists());

    // One that needs a passphrase, which nobody is there to give, and one that is no key.
    let (locked, broken) = (scene.lab.dir().join("locked"), scene.lab.dir().join("broken"));
    lab::run("ssh-keygen", &["-q", "-t", "ed25519", "-N", "hunter2", "-f", locked.to_str().unwrap()]);
    fs::write(&broken, "-----BEGIN OPENSSH PRIVATE KEY-----\nb3BlbnNzaC1rZXktdjEAAAAABG5vbmUAAAAEbm9uZQAA\n")
        .unwrap();
    fs::set_permissions(&broken, fs::Permissions::from_mode(0o600)).unwrap();
    let key = scene.lab.key();
    scene.configure(&format!("IdentityFile {}\nIdentityFile {}\n", locked.display(), broken.display()));
    let output = scene.clone(&[]);
    let lines: Vec<_> = output.stderr.lines().map(|line| line.split(": ").next().unwrap().trim()).collect();
    let (locked, broken) = (locked.display().to_string(), broken.display().to_string());
    assert_eq!(lines, ["error", "the SSH agent", broken.as_str(), locked.as_str()], "{output:#?}");

    // The key that is good is tried after those that are not.
    scene.configure(&format!("IdentityFile {broken}\nIdentityFile {}\nIdentitiesOnly yes\n", key.display()));
    scene.cloned();
    fs::remove_dir_all(scene.ours()).unwrap();
    // And without a file, the agent has it.
    scene.configure("IdentityFile /nowhere\n");
    let agent = Agent::start(&scene.lab);
    scene.ays.set("SSH_AUTH_SOCK", &agent.socket);
    scene.cloned();
}

#[test]
fn an_alias_of_ssh_is_one_here_too() {
    let scene = Scene::known();
    scene.configure(&format!(
        "Host forge\n HostName {}\n User root\n IdentityFile {}\n",
        scene.node.address,
        scene.lab.key().display()
    ));
    let ours = scene.ours();
    let url = format!("forge:{REPOSITORY}");
    let output = scene.ays.json(&["env", "clone", &url, ours.to_str().unwrap()]);
    let commit = lab::run("git", &["-C", ours.to_str().unwrap(), "rev-parse", "HEAD"]);
    assert_eq!(output, json!({"dir": ours, "branch": "main", "commit": commit.trim()}));
    // It is kept as it was said.
    let kept = lab::run("git", &["-C", ours.to_str().unwrap(), "remote", "get-url", "origin"]);
    assert_eq!(kept.trim(), url);
    let output = scene.env(&["pull"]);
    assert_eq!(output.code, Some(0), "{output:#?}");
}

#[test]
fn a_remote_that_refuses_says_why_and_loses_nothing() {
    let scene = Scene::known();
    scene.cloned();
    let hook = scene.node.path(REPOSITORY).join("hooks/pre-receive");
    fs::write(&hook, "#!/bin/sh\necho 'not on a \x1b[31mFriday' >&2\nexit 1\n").unwrap();
    fs::set_permissions(&hook, fs::Permissions::from_mode(0o755)).unwrap();
    let before = scene.there();
    scene.write("servicetemplates/image_new/service.hrd", "description = 'new'\n");
    let output = scene.env(&["save", "-m", "a new image"]);
    let full = lab::run("git", &["-C", scene.ours().to_str().unwrap(), "rev-parse", "main"]);
    let refused = format!(
        "error: `origin/main` refused it:\n  not on a \u{fffd}[31mFriday\n  pre-receive hook declined\nIt is kept here as \
         {}: when the cause is gone, ays env save pushes it\n",
        full.trim()
    );
    assert_eq!(output, said(1, &refused));
    assert_eq!(scene.there(), before);

    fs::remove_file(hook).unwrap();
    let output = scene.env(&["save"]);
    let commit = scene.here();
    let stdout = format!("1 commit pushed to origin/main, which is at {commit}\n");
    assert_eq!(output, Output { code: Some(0), stdout, stderr: String::new() });
    assert_eq!(scene.there(), commit);
    assert_eq!(scene.env(&["save"]).stdout, "nothing to save\n");

    let gone = format!("root@{}:/srv/gone.git", scene.node.address);
    let output = scene.ays.run(&["env", "clone", &gone]);
    let expected = format!(
        "error: {gone}: it could not be reached, or did not do what was asked\n  because: fatal: '/srv/gone.git' does not \
         appear to be a git repository\n"
    );
    assert_eq!(output, said(1, &expected));
}

#[test]
fn a_save_needs_a_message_and_an_author() {
    let scene = Scene::known();
    scene.cloned();
    scene.write("servicetemplates/image_new/service.hrd", "description = 'new'\n");
    assert_eq!(scene.env(&["save"]), said(2, "error: say what was done: -m TEXT\n"));
    fs::remove_file(scene.ays.home().join(".gitconfig")).unwrap();
    let expected = "error: git does not know who commits:\n  git config --global user.name NAME\n  git config --global \
                    user.email ADDRESS\n";
    assert_eq!(scene.env(&["save", "-m", "x"]), said(2, expected));
}

#[test]
fn an_interrupted_clone_leaves_nothing() {
    let scene = Scene::known();
    // Enough that it is under way for long over a slow link.
    let noise = crate::support::pattern(7, 8_000_000);
    let file = scene.lab.dir().join("environment/noise");
    fs::write(&file, noise).unwrap();
    scene.environment.commit();
    let repo = scene.environment.repo().to_str().unwrap();
    lab::run("git", &["-C", repo, "push", "-q", "origin", "HEAD:main"]);
    scene.publish();
    scene.node.limit_rate(4);
    for cut in [false, true] {
        let (url, ours) = (scene.url(), scene.ours());
        let mut running = scene.ays.spawn(&["env", "clone", &url, ours.to_str().unwrap()]);
        let packs = scene.lab.dir().join(".g8.ays-part/.git/objects/pack");
        let since = Instant::now();
        // Nothing else tells that bytes come.
        while !fs::read_dir(&packs).is_ok_and(|mut packs| packs.next().is_some()) {
            assert!(!running.has_ended() && since.elapsed() < Duration::from_secs(60), "{}", running.said());
            std::thread::sleep(Duration::from_millis(10));
        }
        if cut {
            // A remote that says nothing any more is not waited for.
            scene.node.cut();
        }
        running.signal(Signal::SIGINT);
        assert_eq!(running.wait(), said(130, "error: interrupted\n"));
        let left = fs::read_dir(scene.lab.dir()).unwrap().map(|entry| entry.unwrap().file_name());
        let left: Vec<_> = left.filter(|name| name.to_str().unwrap().contains("g8")).collect();
        assert_eq!(left, [""; 0]);
    }
}
