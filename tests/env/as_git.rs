//! What only git does, done by the operator's git: ways of ssh, and what it has set up for files and commits.

use std::{
    fs,
    os::unix::fs::{PermissionsExt, chown, symlink},
    path::Path,
};

use super::{REPOSITORY, Scene, said};
use crate::ssh::Agent;
use crate::support::{Kind, Node, Output, lab};

impl Scene {
    /// Adds to the operator's configuration of ssh.
    fn configure_more(&self, more: &str) {
        let path = self.ays.home().join(".ssh/config");
        let text = fs::read_to_string(&path).unwrap();
        fs::write(&path, format!("{text}{more}")).unwrap();
    }

    fn clone_from(&self, url: &str) -> Output {
        self.ays.run(&["env", "clone", url, self.ours().to_str().unwrap()])
    }

    /// Lets it come, change, and go back; then all that is at the remote comes.
    fn works(&self, url: &str, node: &Node) {
        let output = self.clone_from(url);
        assert_eq!(output.code, Some(0), "{output:#?}\nsshd: {}", node.log());
        self.write("servicetemplates/image_new/service.hrd", "description = 'new'\n");
        let output = self.env(&["save", "-m", "a new image"]);
        assert_eq!(output.code, Some(0), "{output:#?}\nsshd: {}", node.log());
        let there = node.exec(&format!("git -C {REPOSITORY} rev-parse --short=7 main"));
        assert_eq!(there.trim(), self.here());
        let output = self.env(&["pull"]);
        let stdout = format!("main is up to date at {}\n", self.here());
        assert_eq!(output, Output { code: Some(0), stdout, stderr: String::new() });
        let left = fs::read_dir(self.ours().join(".git")).unwrap();
        let left = left.map(|entry| entry.unwrap().file_name().into_string().unwrap());
        assert_eq!(left.filter(|name| name.starts_with("ays-ssh")).collect::<Vec<_>>(), [""; 0]);
    }

    /// Puts the repository on another node.
    fn publish_on(&self, node: &Node) {
        fs::create_dir_all(node.path("/srv/envs")).unwrap();
        let (bare, there) = (self.lab.dir().join("jumpscale.git"), node.path(REPOSITORY));
        lab::run("cp", &["-rT", bare.to_str().unwrap(), there.to_str().unwrap()]);
    }

    /// An operator without git, who still has ssh.
    fn without_git(&mut self) {
        let programs = self.lab.dir().join("bin");
        fs::create_dir(&programs).unwrap();
        for name in ["ssh", "ssh-keygen", "setpriv"] {
            symlink(Path::new("/usr/bin").join(name), programs.join(name)).unwrap();
        }
        self.ays.set("PATH", programs.to_str().unwrap());
    }
}

fn executable(path: &Path, text: &str) {
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, text).unwrap();
    fs::set_permissions(path, fs::Permissions::from_mode(0o755)).unwrap();
}

#[test]
fn an_environment_behind_a_jump() {
    let scene = Scene::known();
    let inner = scene.lab.node_behind(&scene.node, "n2");
    scene.publish_on(&inner);
    let gate = &scene.node.address;
    scene.configure_more(&format!(
        "Host inner\n HostName {}\n User root\n ProxyJump root@{gate}\n",
        inner.address
    ));
    let url = format!("inner:{REPOSITORY}");
    // Its host key is not known yet, and nobody is there to be asked.
    let output = scene.clone_from(&url);
    let begin = format!(
        "error: {url}: it could not be reached, or did not do what was asked\n  because: git ls-remote failed:\n"
    );
    assert!(
        output.stderr.starts_with(&begin) && output.stderr.contains("Host key verification failed"),
        "{output:#?}"
    );
    assert_eq!((output.code, scene.ours().exists()), (Some(1), false));
    let known = scene.ays.home().join(".ssh/known_hosts");
    let text = fs::read_to_string(&known).unwrap();
    fs::write(&known, format!("{text}{} {}\n", inner.address, inner.host_key())).unwrap();
    scene.works(&url, &inner);

    executable(
        &inner.path(REPOSITORY).join("hooks/pre-receive"),
        "#!/bin/sh\necho 'not on a Friday' >&2\nexit 1\n",
    );
    scene.write("servicetemplates/image_new/service.hrd", "description = 'newer'\n");
    let output = scene.env(&["save", "-m", "newer"]);
    let full = lab::run("git", &["-C", scene.ours().to_str().unwrap(), "rev-parse", "main"]);
    let refused = format!(
        "error: `origin/main` refused it:\n  not on a Friday\n  pre-receive hook declined\nIt is kept here as {}: when the \
         cause is gone, ays env save pushes it\n",
        full.trim()
    );
    assert_eq!(output, said(1, &refused));
}

#[test]
fn a_jump_without_git_is_refused_by_name() {
    let mut scene = Scene::known();
    scene.configure_more(&format!(
        "Host inner\n HostName 10.198.0.2\n ProxyJump root@{}\n",
        scene.node.address
    ));
    scene.without_git();
    let output = scene.clone_from(&format!("inner:{REPOSITORY}"));
    let expected = format!(
        "error: inner:{REPOSITORY}: it could not be reached, or did not do what was asked\n  because: {}: the way of ssh to \
         inner (ProxyJump root@[{}]) needs git, which is not installed here\n",
        scene.lab.dir().join(".g8.ays-part/").display(),
        scene.node.address
    );
    assert_eq!(output, said(1, &expected));
}

#[test]
fn an_address_that_leads_to_an_alias() {
    let scene = Scene::known();
    scene.configure_more(&format!("Include {}\n", scene.ays.home().join(".ssh/more").display()));
    let more = format!("Match host forge\n HostName {}\n User root\n", scene.node.address);
    fs::write(scene.ays.home().join(".ssh/more"), more).unwrap();
    let path = scene.ays.home().join(".gitconfig");
    let text = fs::read_to_string(&path).unwrap();
    fs::write(&path, format!("{text}[url \"forge:/srv/\"]\ninsteadOf = https://git.example.org/\n")).unwrap();
    scene.works("https://git.example.org/envs/g8.git", &scene.node);
}

#[test]
fn a_certificate_of_the_user_and_an_agent_of_the_host() {
    let mut scene = Scene::known();
    let dir = scene.lab.dir().to_owned();
    let key = |name: &str| {
        let path = dir.join(name).to_str().unwrap().to_owned();
        lab::run("ssh-keygen", &["-q", "-t", "ed25519", "-N", "", "-f", &path]);
        path
    };
    let (authority, user) = (key("authority"), key("user"));
    lab::run("ssh-keygen", &["-q", "-s", &authority, "-I", "us", "-n", "root", &format!("{user}.pub")]);
    let trust = "-oTrustedUserCAKeys=/etc/ssh/authority.pub";
    let node = scene.lab.node_with("n3", Kind::Full, "1g", &[trust]);
    fs::copy(format!("{authority}.pub"), node.path("etc/ssh/authority.pub")).unwrap();
    scene.publish_on(&node);
    let known = scene.ays.home().join(".ssh/known_hosts");
    let text = fs::read_to_string(&known).unwrap();
    fs::write(&known, format!("{text}{} {}\n", node.address, node.host_key())).unwrap();
    // Only the certificate is let in.
    fs::remove_file(node.path("root/.ssh/authorized_keys")).unwrap();
    scene.configure(&format!("IdentityFile {user}\nIdentitiesOnly yes\n"));
    let url = format!("root@{}:{REPOSITORY}", node.address);
    scene.works(&url, &node);

    // An agent of its own, for one host.
    fs::remove_dir_all(scene.ours()).unwrap();
    let agent = Agent::start(&scene.lab);
    scene.configure(&format!("Host {}\n IdentityAgent {}\n", scene.node.address, agent.socket));
    scene.works(&scene.url(), &scene.node);
    scene.ays.set("SSH_AUTH_SOCK", "/nowhere");
    fs::remove_dir_all(scene.ours()).unwrap();
    assert_eq!(scene.clone_from(&scene.url()).code, Some(0));
}

#[test]
fn a_host_key_that_an_authority_signed() {
    let scene = Scene::known();
    let authority = scene.lab.dir().join("authority").to_str().unwrap().to_owned();
    lab::run("ssh-keygen", &["-q", "-t", "ed25519", "-N", "", "-f", &authority]);
    let host = scene.node.path("etc/ssh/ssh_host_ed25519_key.pub").to_str().unwrap().to_owned();
    lab::run("ssh-keygen", &["-q", "-s", &authority, "-h", "-I", "n1", "-n", &scene.node.address, &host]);
    scene.node.exec(
        "/usr/sbin/sshd -f /dev/null -o Port=2222 -o HostKey=/etc/ssh/ssh_host_ed25519_key -o UsePAM=no -o \
         HostCertificate=/etc/ssh/ssh_host_ed25519_key-cert.pub -o PidFile=none",
    );
    let public = fs::read_to_string(format!("{authority}.pub")).unwrap();
    let known = scene.ays.home().join(".ssh/known_hosts");
    fs::write(&known, format!("@cert-authority * {public}")).unwrap();
    scene.configure_more(&format!(
        "Host forge\n HostName {0}\n HostKeyAlias {0}\n Port 2222\n User root\n",
        scene.node.address
    ));
    scene.works(&format!("forge:{REPOSITORY}"), &scene.node);
    // Another authority's word counts for nothing.
    let other = lab::run("ssh-keygen", &["-y", "-f", scene.lab.key().to_str().unwrap()]);
    fs::write(&known, format!("@cert-authority * {other}")).unwrap();
    let output = scene.env(&["pull"]);
    assert_eq!(output.code, Some(1), "{output:#?}");
    assert!(output.stderr.contains("Host key verification failed"), "{output:#?}");
}

#[test]
fn what_the_operator_has_set_up_holds_from_the_clone_on() {
    let mut scene = Scene::known();
    let theirs = scene.environment.repo().to_owned();
    let in_theirs = |arguments: &[&str]| {
        lab::run("git", &[&["-C", theirs.to_str().unwrap()], arguments].concat());
    };
    scene.environment.write(".gitattributes", "services/secret filter=crypt\n");
    scene.environment.write("services/secret", "CRYPTED\n");
    scene.environment.commit();
    in_theirs(&["push", "-q", "origin", "HEAD:main"]);
    scene.publish();
    let (hooks, log) = (scene.lab.dir().join("hooks"), scene.lab.dir().join("log"));
    for name in ["post-checkout", "pre-commit", "pre-push"] {
        executable(&hooks.join(name), &format!("#!/bin/sh\necho {name} >>{}\n", log.display()));
    }
    let configuration = format!(
        "[user]\nname = us\nemail = us@example.org\n[core]\nhooksPath = {}\n[filter \"crypt\"]\nclean = sed s/secret/CRYPTED/\n\
         smudge = sed s/CRYPTED/secret/\nrequired = true\n",
        hooks.display()
    );
    fs::write(scene.ays.home().join(".gitconfig"), configuration).unwrap();
    scene.cloned();
    assert_eq!(fs::read_to_string(scene.ours().join("services/secret")).unwrap(), "secret\n");
    assert!(scene.env(&["status"]).stdout.ends_with("nothing to save\n"));
    scene.write("services/secret", "secret2\n");
    let output = scene.env(&["save", "-m", "x"]);
    assert_eq!(output.code, Some(0), "{output:#?}");
    let there = scene.node.exec(&format!("git -C {REPOSITORY} show main:services/secret"));
    assert_eq!(there, "CRYPTED2\n");
    assert_eq!(fs::read_to_string(&log).unwrap(), "post-checkout\npre-commit\npre-push\n");

    // Without git nothing is done half.
    scene.without_git();
    scene.write("services/secret", "secret3\n");
    let needs = "the filter `crypt` of git's configuration needs git, which is not installed here";
    let root = scene.ours().canonicalize().unwrap();
    let expected = format!(
        "error: {0} cannot be worked with as a git repository\n  because: {0}: {needs}\n",
        root.display()
    );
    for command in [&["status"][..], &["save", "-m", "x"]] {
        assert_eq!(scene.env(command), said(2, &expected));
    }
    fs::remove_dir_all(scene.ours()).unwrap();
    let output = scene.clone(&[]);
    assert_eq!((output.code, output.stderr.contains(needs)), (Some(1), true), "{output:#?}");
    assert!(!scene.ours().exists());
}

#[test]
fn a_clone_of_another_user_names_the_cure() {
    let scene = Scene::known();
    scene.cloned();
    lab::run("chown", &["-R", "1000:1000", scene.ours().to_str().unwrap()]);
    chown(scene.ours(), Some(1000), Some(1000)).unwrap();
    let root = scene.ours().canonicalize().unwrap();
    let expected = format!(
        "error: {0} cannot be worked with as a git repository\n  because: repository path '{0}' is not owned by current \
         user: where you trust its files, git config --global --add safe.directory {0}\n",
        root.display()
    );
    assert_eq!(scene.env(&["status"]), said(2, &expected));
    let path = scene.ays.home().join(".gitconfig");
    let text = fs::read_to_string(&path).unwrap();
    fs::write(&path, format!("{text}[safe]\ndirectory = {}\n", root.display())).unwrap();
    assert_eq!(scene.env(&["status"]).code, Some(0));
}

/// A clone with only the templates: nothing of the rest is lost at the remote.
#[test]
fn a_sparse_checkout_removes_nothing() {
    let scene = Scene::known();
    scene.environment.add_node(&scene.node, "");
    scene.environment.commit();
    let theirs = scene.environment.repo().to_str().unwrap();
    lab::run("git", &["-C", theirs, "push", "-q", "origin", "HEAD:main"]);
    scene.publish();
    scene.cloned();
    let files = || scene.node.exec(&format!("git -C {REPOSITORY} ls-tree -r --name-only main"));
    let before = files();
    let ours = scene.ours();
    lab::run("git", &["-C", ours.to_str().unwrap(), "sparse-checkout", "set", "servicetemplates"]);
    assert!(scene.env(&["status"]).stdout.ends_with("nothing to save\n"));
    scene.write("servicetemplates/image_new/service.hrd", "description = 'new'\n");
    let output = scene.env(&["save", "-m", "sparse"]);
    assert_eq!(output.code, Some(0), "{output:#?}");
    let mut expected: Vec<_> = before.lines().chain(["servicetemplates/image_new/service.hrd"]).collect();
    expected.sort_unstable();
    assert_eq!(files().lines().collect::<Vec<_>>(), expected);
}
