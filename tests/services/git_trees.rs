//! Files from git repositories, on nodes without git.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use super::{N1, on_n1, template};
use crate::support::git_server::GitServer;
use crate::support::lab::run;
use crate::support::{Kind, Lab, Scene};

/// A repository of the git server, cloned for changes.
fn repository(lab: &Lab) -> PathBuf {
    let (bare, clone) = (lab.dir().join("app.git"), lab.dir().join("app"));
    run("git", &["init", "-q", "--bare", "-b", "main", bare.to_str().unwrap()]);
    run("git", &["clone", "-q", bare.to_str().unwrap(), clone.to_str().unwrap()]);
    clone
}

fn push(clone: &Path) {
    let clone = clone.to_str().unwrap();
    run("git", &["-C", clone, "add", "-A"]);
    let author = ["-c", "user.name=x", "-c", "user.email=x@example.org"];
    run("git", &[&["-C", clone], &author[..], &["commit", "-q", "-m", "x"]].concat());
    run("git", &["-C", clone, "push", "-q", "origin", "HEAD:main"]);
}

#[test]
fn files_of_a_private_repository_come_to_a_node_without_git() {
    let lab = Lab::new();
    // Nothing but sshd and a shell.
    let node = lab.node_with("n1", Kind::Bare, "200m", &[]);
    let mut scene = Scene::on(lab, node);
    let server = GitServer::start(&scene.lab);
    scene.ays.set("SSL_CERT_FILE", server.certificate().to_str().unwrap());
    scene.ays.feed(&["secret", "set", "git"], "pub1234\n");
    let allowed = scene.ays.run(&["secret", "allow", "git", &format!("https://{}", Lab::SOURCE)]);
    assert_eq!(allowed.code, Some(0), "{allowed:#?}");
    let clone = repository(&scene.lab);
    fs::create_dir_all(clone.join("www/sub")).unwrap();
    fs::write(clone.join("www/index.html"), "hello\n").unwrap();
    fs::write(clone.join("www/sub/big"), vec![7; 5 << 20]).unwrap();
    fs::write(clone.join("www/run.sh"), "#!/bin/sh\n").unwrap();
    fs::set_permissions(clone.join("www/run.sh"), fs::Permissions::from_mode(0o755)).unwrap();
    fs::write(clone.join("other"), "not this\n").unwrap();
    push(&clone);
    let url = format!("https://pub:$(secret.git)@{}/git/app.git", Lab::SOURCE);
    let service = |more: &str| {
        let text = format!(
            "git.export.1 =\n    url:'{url}',\n    branch:'main',\n    source:'www/*',\n    dest:'/opt/www',\n{more}"
        );
        template(&scene, "app", &text);
        let output = on_n1(&scene, &["install", "-n", "app"]);
        assert_eq!(output.code, Some(0), "{output:#?}");
        output.stdout
    };
    let before = scene.node.everything();
    let done = service("");
    assert!(done.contains("3 of 3 files written"), "{done}");
    assert_eq!(scene.node.list("/opt/www"), ["index.html", "run.sh", "sub"]);
    assert_eq!(fs::metadata(scene.node.path("/opt/www/sub/big")).unwrap().len(), 5 << 20);
    let mode = fs::metadata(scene.node.path("/opt/www/run.sh")).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o755);
    // The password never came there.
    let found =
        scene.node.files().into_iter().filter(|file| !file.starts_with(scene.node.path("/root/.cache")));
    for file in found {
        let bytes = fs::read(&file).unwrap_or_default();
        assert!(!bytes.windows(7).any(|part| part == b"pub1234"), "{file:?}");
    }

    // Only what changed is sent, and what is gone goes.
    fs::write(clone.join("www/index.html"), "hello again\n").unwrap();
    fs::remove_file(clone.join("www/run.sh")).unwrap();
    push(&clone);
    let again = scene.ays.succeeds(&[&["install", "-n", "app", "-r"], &N1[..]].concat());
    assert!(again.contains("1 of 2 files written"), "{again}");
    assert_eq!(scene.node.list("/opt/www"), ["index.html", "sub"]);

    // nodirs, a single file, a link.
    let done = service("    nodirs:'True',\n    link:'True',\n");
    assert!(done.contains("1 of 1 files written"), "{done}");
    assert_eq!(scene.node.list("/opt/www"), ["index.html"]);
    let target = fs::read_link(scene.node.path("/opt/www/index.html")).unwrap();
    assert!(target.starts_with("/opt/code"), "{target:?}");
    assert_eq!(fs::read_to_string(scene.node.path(&target)).unwrap(), "hello again\n");

    // What is built has a directory of its own; what the recipe exports no more goes.
    template(&scene, "app", &format!("git.build.1 =\n    url:'{url}',\n    source:'www/*',\n"));
    let output = on_n1(&scene, &["build", "-n", "app"]);
    assert_eq!(output.code, Some(0), "{output:#?}");
    assert_eq!(scene.node.list("/opt/build/10.199.0.2/git/app"), ["index.html", "sub"]);
    assert!(!scene.node.path("/opt/www").exists());

    assert_eq!(on_n1(&scene, &["uninstall", "-n", "app"]).code, Some(0));
    assert_eq!(scene.node.everything(), before);
}

#[test]
fn a_branch_that_is_not_there_is_said_and_nothing_is_written() {
    let scene = Scene::new();
    let url = "https://10.199.0.2/git/app.git";
    template(&scene, "app", &format!("git.export.1 =\n    url:'{url}',\n    dest:'/opt/www',\n"));
    let output = on_n1(&scene, &["install", "-n", "app"]);
    assert_eq!(output.code, Some(1), "{output:#?}");
    assert!(!scene.node.path("/opt/www").exists());
    for (url, message) in [
        ("/etc", "`url` must not be a path of the machine that ays runs on"),
        ("file:///srv/x.git", "`url` must not be a path of the machine that ays runs on"),
    ] {
        template(&scene, "app", &format!("git.export.1 =\n    url:'{url}',\n    dest:'/opt/www',\n"));
        let output = on_n1(&scene, &["install", "-n", "app"]);
        assert_eq!(output.code, Some(3), "{output:#?}");
        assert!(output.stderr.contains(message), "{output:#?}");
    }
}
