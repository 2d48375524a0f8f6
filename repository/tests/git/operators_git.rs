//! What the operator has set up for their commits holds for a save: hooks and signatures.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command;

use ays_repository as git;

use crate::scene::{Scene, access, chain, git_in, write};

const A: &str = "servicetemplates/image_a/service.hrd";

fn hook(dir: &Path, name: &str, script: &str) {
    write(&dir.join(name), &format!("#!/bin/sh\n{script}\n"));
    fs::set_permissions(dir.join(name), fs::Permissions::from_mode(0o755)).unwrap();
}

/// The commit that the remote has.
fn there(scene: &Scene) -> String {
    git_in(&scene.dir().join("g8.git"), &["rev-parse", "main"])
}

fn run(program: &str, home: &Path, arguments: &[&str]) -> String {
    let output = Command::new(program).env("GNUPGHOME", home).args(arguments).output().unwrap();
    assert!(output.status.success(), "{program}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn hooks_are_run_as_git_runs_them() {
    for place in [".git/hooks", "own hooks", "/absolute"] {
        let scene = Scene::cloned();
        let dir = match place {
            "/absolute" => scene.dir().join("team"),
            place => scene.ours(place),
        };
        if place != ".git/hooks" {
            let configured = if place.starts_with('/') { dir.to_str().unwrap() } else { place };
            scene.git(&["config", "core.hooksPath", configured]);
            fs::write(scene.ours(".git/info/exclude"), "own hooks/\n").unwrap();
        }
        let log = scene.dir().join("log");
        let noted = |what: &str| format!("echo \"${{0##*/}} {what}\" >>'{}'", log.display());
        hook(&dir, "pre-commit", &noted("$(git diff --cached --name-only)"));
        hook(&dir, "prepare-commit-msg", &format!("{}; printf '\\nTicket: 7\\n' >>$1", noted("$2")));
        hook(&dir, "commit-msg", &noted("$(head -n 1 $1)"));
        hook(&dir, "post-commit", &noted("$(git log -1 --format=%s)"));
        hook(&dir, "pre-push", &noted("$1 $2 $(cat)"));
        hook(&dir, "post-merge", &noted(""));
        let before = there(&scene);
        scene.write(A, "a = 2\n");
        scene.write("notes.md", "staged, and not of the environment\n");
        scene.git(&["add", "notes.md"]);
        let saved = scene.save("What we did").unwrap();
        assert_eq!(scene.git(&["log", "-1", "--format=%B"]), "What we did\n\nTicket: 7");
        assert_eq!(
            (&there(&scene), &scene.git(&["status", "--porcelain"])),
            (&saved.commit, &"M  notes.md".to_owned())
        );
        let remote = scene.remote();
        let expected = format!(
            "pre-commit {A}\nprepare-commit-msg message\ncommit-msg What we did\npost-commit What we did\npre-push origin {} \
             refs/heads/main {} refs/heads/main {before}\n",
            remote.as_str(),
            saved.commit
        );
        assert_eq!(fs::read_to_string(&log).unwrap(), expected, "{place}");

        fs::write(&log, "").unwrap();
        git_in(&scene.dir().join("colleague"), &["pull", "-q"]);
        scene.theirs(A, "a = 3\n");
        scene.push();
        scene.pull().unwrap();
        assert_eq!(fs::read_to_string(&log).unwrap(), "post-merge \n", "{place}");
    }
}

#[test]
fn a_hook_that_refuses_ends_a_save() {
    let scene = Scene::cloned();
    let hooks = scene.ours(".git/hooks");
    let before = there(&scene);
    scene.write(A, "a = 2\n");
    for name in ["pre-commit", "prepare-commit-msg", "commit-msg"] {
        hook(&hooks, name, "echo 'a secret was found'; exit 1");
        let said = chain(&scene.save("x").unwrap_err());
        assert_eq!(said, "nothing was committed\ngit commit failed:\n  a secret was found", "{name}");
        assert_eq!((scene.git(&["rev-parse", "HEAD"]), there(&scene)), (before.clone(), before.clone()));
        assert_eq!(scene.status().changes.len(), 1);
        fs::remove_file(hooks.join(name)).unwrap();
    }
    // One that cannot be executed, git does not run.
    write(&hooks.join("pre-commit"), "#!/bin/sh\nexit 1\n");
    hook(&hooks, "pre-push", "cat >/dev/null; echo 'not on a Friday' >&2; exit 1");
    let said = chain(&scene.save("x").unwrap_err());
    let commit = scene.git(&["rev-parse", "HEAD"]);
    let expected = format!(
        "it is kept here as {commit}, and was not pushed: ays env save does that\nthe hook pre-push did not let it \
         through\ngit hook failed:\n  not on a Friday"
    );
    assert_eq!((said, there(&scene)), (expected, before));
    fs::remove_file(hooks.join("pre-push")).unwrap();
    assert_eq!(scene.save("").unwrap().commit, commit);
    assert_eq!(there(&scene), commit);
}

#[test]
fn what_comes_with_the_files_is_not_run() {
    let scene = Scene::new();
    let ran = scene.dir().join("ran");
    let touch = format!("touch '{}'", ran.display());
    for dir in ["hooks", ".githooks", ".git-hooks"] {
        for name in ["pre-commit", "post-checkout", "post-merge", "pre-push"] {
            hook(&scene.dir().join("colleague").join(dir), name, &touch);
        }
    }
    scene.theirs(
        ".gitconfig",
        &format!("[filter \"x\"]\nclean = {touch}\nsmudge = {touch}\n[core]\nfsmonitor = {touch}\n"),
    );
    scene.theirs(".gitattributes", "*.md filter=x\n");
    scene.push();
    scene.clone().unwrap();
    scene.git(&["config", "user.name", "us"]);
    scene.git(&["config", "user.email", "us@example.org"]);
    // So that git does all of it.
    scene.git(&["sparse-checkout", "set", "servicetemplates"]);
    scene.theirs(A, "a = 2\n");
    scene.push();
    scene.pull().unwrap();
    scene.write(A, "a = 3\n");
    scene.save("x").unwrap();
    assert!(!ran.exists());
}

#[test]
fn commits_are_signed_as_git_signs_them() {
    let home = tempfile::tempdir().unwrap();
    let home = home.path();
    let key = home.join("key");
    run("ssh-keygen", home, &["-q", "-t", "ed25519", "-N", "", "-f", key.to_str().unwrap()]);
    let public = fs::read_to_string(home.join("key.pub")).unwrap();
    let allowed = home.join("allowed");
    fs::write(&allowed, format!("us@example.org {public}")).unwrap();

    let scene = Scene::cloned();
    scene.git(&["config", "commit.gpgSign", "true"]);
    scene.git(&["config", "gpg.format", "ssh"]);
    scene.git(&["config", "gpg.ssh.allowedSignersFile", allowed.to_str().unwrap()]);
    scene.git(&["config", "user.signingKey", key.to_str().unwrap()]);
    scene.write(A, "a = 2\n");
    scene.save("x").unwrap();
    assert_eq!(scene.git(&["log", "-1", "--format=%G? %GS"]), "G us@example.org");

    // The key of OpenPGP, by a program that finds its home as the operator's does.
    fs::set_permissions(home, fs::Permissions::from_mode(0o700)).unwrap();
    let make =
        ["--batch", "--passphrase", "", "--quick-generate-key", "us <us@example.org>", "ed25519", "sign"];
    run("gpg", home, &make);
    let gpg = home.join("gpg");
    write(&gpg, &format!("#!/bin/sh\nGNUPGHOME='{}' exec gpg \"$@\"\n", home.display()));
    fs::set_permissions(&gpg, fs::Permissions::from_mode(0o755)).unwrap();
    scene.git(&["config", "gpg.format", "openpgp"]);
    scene.git(&["config", "--unset", "user.signingKey"]);
    scene.git(&["config", "gpg.program", gpg.to_str().unwrap()]);
    scene.write(A, "a = 3\n");
    scene.save("x").unwrap();
    assert_eq!(scene.git(&["log", "-1", "--format=%G? %GS"]), "G us <us@example.org>");
    run("gpgconf", home, &["--kill", "gpg-agent"]);

    // A signature that cannot be made.
    let before = there(&scene);
    scene.git(&["config", "gpg.program", "false"]);
    scene.write(A, "a = 4\n");
    let said = chain(&scene.save("x").unwrap_err());
    assert!(
        said.starts_with("nothing was committed\ngit commit failed:\n  error: gpg failed to sign"),
        "{said}"
    );
    assert_eq!((scene.git(&["rev-parse", "HEAD"]), there(&scene)), (before.clone(), before));
}

#[test]
fn a_new_environment_is_committed_as_git_commits() {
    let scene = Scene::new();
    let root = scene.dir().join("new");
    git_in(scene.dir(), &["init", "-q", "new"]);
    hook(&root.join(".git/hooks"), "commit-msg", "echo 'no ticket'; exit 1");
    let author = git::Author { name: "us".to_owned(), email: "us@example.org".to_owned() };
    let said = chain(&git::init(&root, None, &author).unwrap_err());
    assert_eq!(said, "nothing was committed\ngit commit failed:\n  no ticket");
    let root = scene.dir().join("newer");
    git_in(scene.dir(), &["init", "-q", "newer"]);
    hook(&root.join(".git/hooks"), "commit-msg", "echo 'Ticket: 7' >>$1");
    git::init(&root, None, &author).unwrap();
    assert_eq!(git_in(&root, &["log", "-1", "--format=%an: %B"]), "us: A new environment\nTicket: 7");
}

#[test]
fn a_stopped_save_ends_the_hook() {
    let scene = Scene::cloned();
    let before = there(&scene);
    let started = scene.dir().join("started");
    hook(
        &scene.ours(".git/hooks"),
        "pre-commit",
        &format!("mkfifo '{0}.end'; touch '{0}'; read x <'{0}.end'", started.display()),
    );
    scene.write(A, "a = 2\n");
    let unsaved = git::unsaved(&scene.ours("")).unwrap();
    let author = git::author(&scene.ours("")).unwrap();
    let access = access();
    let stop = std::sync::Arc::clone(&access.stop);
    let root = scene.ours("");
    let save = std::thread::spawn(move || {
        let commit = git::Commit { message: "x", author: &author };
        git::save(&root, &unsaved, Some(commit), &access).unwrap_err().to_string()
    });
    // Nothing else tells that the hook is there.
    while !started.exists() {
        assert!(!save.is_finished(), "the hook was not run");
        std::thread::sleep(std::time::Duration::from_millis(10));
    }
    stop.store(true, std::sync::atomic::Ordering::Relaxed);
    assert_eq!(save.join().unwrap(), "interrupted");
    // The hook itself goes on until its input comes.
    fs::write(scene.dir().join("started.end"), "\n").unwrap();
    assert_eq!((scene.git(&["rev-parse", "HEAD"]), there(&scene)), (before.clone(), before));
    assert!(!scene.ours(".git/index.lock").exists());
}

/// git-lfs is a filter, and a hook that uploads.
#[test]
fn large_files_are_pointers_at_the_remote() {
    let scene = Scene::new();
    let colleague = scene.dir().join("colleague");
    let file = "servicetemplates/image_a/large.bin";
    // The uploads go to a directory that the operator's configuration names.
    let remote = format!("file://{}", scene.dir().join("g8.git").display());
    git_in(&colleague, &["remote", "set-url", "origin", &remote]);
    git_in(&colleague, &["lfs", "install", "--local"]);
    git_in(&colleague, &["lfs", "track", "*.bin"]);
    scene.theirs(file, "one\n");
    scene.push();
    let pointer = |commit: &str| git_in(&scene.dir().join("g8.git"), &["show", &format!("{commit}:{file}")]);
    assert!(pointer("main").starts_with("version https://git-lfs.github.com/spec/v1\n"));

    let address = git::Address::parse(&remote).unwrap();
    git::clone(&address, &scene.ours(""), &access()).unwrap();
    scene.git(&["config", "user.name", "us"]);
    scene.git(&["config", "user.email", "us@example.org"]);
    scene.git(&["lfs", "install", "--local"]);
    scene.git(&["lfs", "pull"]);
    assert_eq!((scene.read(file), scene.status().changes), ("one\n".to_owned(), Vec::new()));

    scene.write(file, "two\n");
    scene.save("x").unwrap();
    assert!(pointer("main").starts_with("version https://git-lfs.github.com/spec/v1\n"));
    git_in(&colleague, &["pull", "-q"]);
    assert_eq!(fs::read_to_string(colleague.join(file)).unwrap(), "two\n");
    scene.theirs(file, "three\n");
    scene.push();
    scene.pull().unwrap();
    assert_eq!((scene.read(file), scene.status().changes), ("three\n".to_owned(), Vec::new()));
}
