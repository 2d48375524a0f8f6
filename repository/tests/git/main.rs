//! The environment's repository and its remote: bare repositories on this machine stand for the remote.
#![allow(clippy::expect_used, clippy::panic, clippy::unwrap_used, reason = "a test fails by panicking")]

mod as_git;
mod operators_git;
mod scene;

use std::fs;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use ays_repository::{self as git, Address, Author, Change, CloneError, How, PullError, Saved, Status, What};

use crate::scene::{Scene, access, git_in, write};

fn author() -> Author {
    Author { name: "us".to_owned(), email: "us@example.org".to_owned() }
}

fn template(name: &str, change: How) -> Change {
    Change { what: What::Template { name: name.into() }, change }
}

fn node(name: &str, change: How) -> Change {
    Change { what: What::Service { template: "node.ssh".into(), name: name.into() }, change }
}

fn file(path: &str, change: How) -> Change {
    Change { what: What::File { path: path.into() }, change }
}

#[test]
fn a_clone_is_what_git_makes_of_it() {
    let scene = Scene::new();
    let cloned = scene.clone().unwrap();
    let commit = scene.git(&["rev-parse", "HEAD"]);
    let expected =
        git::Cloned { branch: Some("main".to_owned()), commit: Some(commit), is_environment: true };
    assert_eq!(cloned, expected);
    assert_eq!(scene.git(&["status", "--porcelain", "--branch"]), "## main...origin/main");
    assert_eq!(scene.git(&["remote", "get-url", "origin"]), scene.remote().as_str());
    assert_eq!(scene.git(&["symbolic-ref", "refs/remotes/origin/HEAD"]), "refs/remotes/origin/main");
    assert_eq!(scene.read("servicetemplates/image_a/service.hrd"), "a = 1\n");
    assert_eq!(scene.beside(), ["colleague", "g8.git", "ours"]);
}

#[test]
fn a_clone_takes_no_place_that_is_taken() {
    let scene = Scene::new();
    scene.write("mine", "x");
    let said = scene.clone().unwrap_err().to_string();
    let place = scene.ours("");
    let expected = format!(
        "{} is there and not empty: in a clone, ays env pull brings it up to date; else name another directory",
        place.display()
    );
    assert_eq!(said, expected);
    fs::remove_file(scene.ours("mine")).unwrap();
    // An empty one is as good as none.
    scene.clone().unwrap();
}

#[test]
fn a_clone_that_does_not_end_leaves_nothing() {
    let scene = Scene::new();
    let mut stopped = access();
    let stop = Arc::clone(&stopped.stop);
    stopped.progress = Box::new(move |_| stop.store(true, Ordering::Relaxed));
    let error = git::clone(&scene.remote(), &scene.ours(""), &stopped).unwrap_err();
    assert_eq!(error.to_string(), "interrupted");
    assert_eq!(scene.beside(), ["colleague", "g8.git"]);

    let nowhere = Address::parse(scene.dir().join("nowhere").to_str().unwrap()).unwrap();
    assert!(matches!(git::clone(&nowhere, &scene.ours(""), &access()), Err(CloneError::Remote(_))));
    assert_eq!(scene.beside(), ["colleague", "g8.git"]);

    // One that was killed left this.
    write(&scene.dir().join(".ours.ays-part/.git/HEAD"), "ref: refs/heads/x");
    scene.clone().unwrap();
    assert_eq!(scene.beside(), ["colleague", "g8.git", "ours"]);
}

#[test]
fn two_clones_to_one_place_do_not_meet() {
    let scene = Scene::new();
    let part = scene.dir().join(".ours.ays-part");
    fs::create_dir(&part).unwrap();
    let lock = fs::File::open(&part).unwrap();
    lock.lock().unwrap();
    assert!(matches!(scene.clone(), Err(CloneError::Busy { .. })));
    assert!(part.exists());
}

#[test]
fn an_empty_repository_is_cloned_and_made_an_environment() {
    let scene = Scene::new();
    git_in(scene.dir(), &["init", "-q", "--bare", "-b", "main", "empty.git"]);
    let empty = Address::parse(scene.dir().join("empty.git").to_str().unwrap()).unwrap();
    let cloned = git::clone(&empty, &scene.ours(""), &access()).unwrap();
    assert_eq!(cloned, git::Cloned { branch: None, commit: None, is_environment: false });

    let made = git::init(&scene.ours(""), Some("g9"), &author()).unwrap();
    assert_eq!(made.files, ["ays.toml", "services/.gitkeep", "servicetemplates/.gitkeep"].map(PathBuf::from));
    assert!(made.has_remote);
    git::set_author(&scene.ours(""), &author()).unwrap();
    let saved = scene.save("").unwrap();
    // As the configuration of whoever runs this says.
    let branch = made.branch;
    assert_eq!((&saved.branch, &saved.upstream), (&branch, &format!("origin/{branch}")));
    assert_eq!(
        git_in(&scene.dir().join("empty.git"), &["log", "--format=%an: %s", &branch]),
        "us: A new environment"
    );
    assert_eq!(scene.git(&["status", "--porcelain", "--branch"]), format!("## {branch}...origin/{branch}"));
}

#[test]
fn a_new_environment_overwrites_nothing() {
    let scene = Scene::new();
    scene.write("ays.toml", "name = \"mine\"\n");
    scene.write("servicetemplates/image_a/service.hrd", "a = 1\n");
    let made = git::init(&scene.ours(""), Some("g9"), &author()).unwrap();
    assert_eq!(made.files, [PathBuf::from("services/.gitkeep")]);
    assert!(!made.has_remote);
    assert_eq!(scene.read("ays.toml"), "name = \"mine\"\n");
    assert_eq!(scene.git(&["ls-files"]), "services/.gitkeep");
    let again = git::init(&scene.ours(""), None, &author()).unwrap();
    assert_eq!((again.files, again.commit), (Vec::new(), None));
    let inside = git::init(&scene.ours("services/x"), None, &author()).unwrap_err().to_string();
    let root = scene.ours("").canonicalize().unwrap();
    let expected = format!("{0}/services/x is inside of the environment {0}", root.display());
    assert_eq!(inside, expected);
}

#[test]
fn a_pull_brings_what_is_new_and_leaves_other_changes() {
    let scene = Scene::cloned();
    scene.write("servicetemplates/image_b/services.hrd", "b = ours\n");
    scene.write("servicetemplates/image_new/service.hrd", "ours\n");
    scene.theirs("servicetemplates/image_a/service.hrd", "a = 2\n");
    scene.theirs("servicetemplates/deep/image_c/service.hrd", "c = 1\n");
    scene.theirs("services/jumpscale__node.ssh__n1/service.hrd", "");
    scene.push();
    scene.theirs("services/jumpscale__node.ssh__n2/service.hrd", "instance.ip = h\n");
    scene.theirs("notes.md", "y\n");
    let commit = scene.push();
    let pulled = scene.pull().unwrap();
    let expected = git::Pulled {
        branch: "main".to_owned(),
        commit: commit.clone(),
        commits: 2,
        ahead: 0,
        changes: vec![
            template("image_a", How::Changed),
            template("image_c", How::Added),
            node("n1", How::Removed),
            node("n2", How::Added),
            file("notes.md", How::Changed),
        ],
    };
    assert_eq!(pulled, expected);
    assert_eq!(scene.git(&["rev-parse", "HEAD"]), commit);
    let left = " M servicetemplates/image_b/services.hrd\n?? servicetemplates/image_new/";
    assert_eq!(scene.git(&["status", "--porcelain"]).trim_end(), left);
    assert!(!scene.ours("services/jumpscale__node.ssh__n1").exists());

    let again = scene.pull().unwrap();
    assert_eq!((again.commits, again.changes), (0, Vec::new()));
}

#[test]
fn a_pull_stops_for_changes_in_its_way() {
    let scene = Scene::cloned();
    let before = scene.git(&["rev-parse", "HEAD"]);
    fs::write(scene.ours(".git/info/exclude"), "*.ignored\n").unwrap();
    scene.write("servicetemplates/image_a/service.hrd", "a = ours\n");
    scene.write("servicetemplates/image_c/service.hrd", "c = ours\n");
    scene.write("servicetemplates/x.ignored", "ours\n");
    scene.write("servicetemplates/image_d", "a file\n");
    scene.write("servicetemplates/image_b/services.hrd", "b = staged\n");
    scene.git(&["add", "servicetemplates/image_b"]);
    scene.write("servicetemplates/image_z/service.hrd", "not touched\n");
    scene.theirs("servicetemplates/image_a/service.hrd", "a = 2\n");
    scene.theirs("servicetemplates/image_b/services.hrd", "");
    scene.theirs("servicetemplates/image_c/service.hrd", "c = theirs\n");
    scene.theirs("servicetemplates/image_d/service.hrd", "d\n");
    scene.theirs("servicetemplates/x.ignored", "theirs\n");
    scene.push();
    let error = scene.pull().unwrap_err();
    let PullError::LocalChanges { paths } = &error else { panic!("{error}") };
    let expected = [
        "servicetemplates/image_a/service.hrd",
        "servicetemplates/image_b/services.hrd",
        "servicetemplates/image_c/service.hrd",
        "servicetemplates/image_d",
        "servicetemplates/x.ignored",
    ];
    assert_eq!(*paths, expected.map(PathBuf::from));
    let expected = "local changes are in the way of what is new:\n  servicetemplates/image_a/service.hrd\n  \
                    servicetemplates/image_b/services.hrd\n  servicetemplates/image_c/service.hrd\n  \
                    servicetemplates/image_d\n  servicetemplates/x.ignored\ngit stash -a puts them aside (git stash pop brings \
                    them back), git checkout -- FILE drops them; one that git does not know can be moved away";
    assert_eq!(error.to_string(), expected);
    assert_eq!(scene.read("servicetemplates/image_a/service.hrd"), "a = ours\n");
    assert_eq!(scene.read("servicetemplates/x.ignored"), "ours\n");
    assert_eq!(scene.git(&["rev-parse", "HEAD"]), before);
}

#[test]
fn a_pull_that_was_stopped_goes_on() {
    let scene = Scene::cloned();
    scene.theirs("servicetemplates/image_a/service.hrd", "a = 2\n");
    scene.theirs("servicetemplates/image_b/services.hrd", "");
    scene.theirs("servicetemplates/image_c/service.hrd", "c = 1\n");
    let commit = scene.push();
    // So far it came: files, and neither the index nor the branch.
    scene.write("servicetemplates/image_a/service.hrd", "a = 2\n");
    scene.write("servicetemplates/image_c/service.hrd", "c = 1\n");
    fs::remove_file(scene.ours("servicetemplates/image_b/services.hrd")).unwrap();
    assert_eq!(scene.pull().unwrap().commit, commit);
    assert_eq!(scene.git(&["status", "--porcelain", "--branch"]), "## main...origin/main");
}

#[test]
fn a_pull_that_is_interrupted_changes_nothing() {
    let scene = Scene::cloned();
    let before = scene.git(&["rev-parse", "HEAD"]);
    scene.theirs("servicetemplates/image_a/service.hrd", "a = 2\n");
    let commit = scene.push();
    let mut stopped = access();
    let stop = Arc::clone(&stopped.stop);
    stopped.progress = Box::new(move |_| stop.store(true, Ordering::Relaxed));
    assert_eq!(git::pull(&scene.ours(""), &stopped).unwrap_err().to_string(), "interrupted");
    assert_eq!(scene.git(&["rev-parse", "HEAD"]), before);
    assert_eq!(scene.git(&["status", "--porcelain", "--branch"]), "## main...origin/main");
    assert_eq!(scene.pull().unwrap().commit, commit);
}

#[test]
fn both_sides_having_commits_is_for_git() {
    let scene = Scene::cloned();
    scene.write("servicetemplates/image_a/service.hrd", "a = ours\n");
    scene.git(&["commit", "-aqm", "ours"]);
    scene.theirs("servicetemplates/image_b/services.hrd", "b = 2\n");
    scene.push();
    let expected = "this clone and `origin/main` have both gone on (1 here, 1 there): git pull --rebase puts what is from \
                    here on top, then ays env save pushes it";
    assert_eq!(scene.pull().unwrap_err().to_string(), expected);
    let expected =
        "`origin/main` has commits that are not here: ays env pull brings them, then ays env save again";
    assert_eq!(scene.save("x").unwrap_err().to_string(), expected);
    // What is said helps.
    scene.git(&["pull", "-q", "--rebase"]);
    scene.save("").unwrap();
    assert_eq!(scene.git(&["status", "--porcelain", "--branch"]), "## main...origin/main");
}

#[test]
fn what_a_clone_is_in_the_middle_of_is_said() {
    let scene = Scene::cloned();
    scene.git(&["checkout", "-q", "--detach"]);
    let detached = "no branch is checked out here: git switch BRANCH (git branch shows all)";
    assert_eq!(scene.pull().unwrap_err().to_string(), detached);
    assert_eq!(git::unsaved(&scene.ours("")).unwrap_err().to_string(), detached);
    assert_eq!(git::status(&scene.ours("")).unwrap_err().to_string(), detached);
    scene.git(&["checkout", "-q", "main"]);

    fs::write(scene.ours(".git/MERGE_HEAD"), scene.git(&["rev-parse", "HEAD"])).unwrap();
    let merging = "git is in the middle of a merge: finish it, or git merge --abort";
    assert_eq!(scene.pull().unwrap_err().to_string(), merging);
    assert_eq!(git::unsaved(&scene.ours("")).unwrap_err().to_string(), merging);
    fs::remove_file(scene.ours(".git/MERGE_HEAD")).unwrap();

    scene.git(&["switch", "-qc", "mine"]);
    let missing = "`origin` has no branch `mine` yet: ays env save makes it";
    assert_eq!(scene.pull().unwrap_err().to_string(), missing);
    scene.git(&["remote", "remove", "origin"]);
    let no_remote = "this repository has no remote `origin`: git remote add origin URL";
    assert_eq!(scene.pull().unwrap_err().to_string(), no_remote);
}

#[test]
fn a_save_takes_what_is_of_the_environment() {
    let scene = Scene::cloned();
    let before = scene.git(&["rev-parse", "HEAD"]);
    scene.write(".gitignore", "*.swp\n");
    scene.write("servicetemplates/image_c/service.hrd", "c = 1\n");
    scene.write("servicetemplates/image_c/.service.hrd.swp", "x");
    scene.write("servicetemplates/image_a/actions.py", "pass\n");
    fs::remove_dir_all(scene.ours("servicetemplates/image_b")).unwrap();
    scene.write("services/jumpscale__node.ssh__n2/service.hrd", "instance.ip = h\n");
    scene.write("ays.toml", "name = \"g8\"\n");
    scene.write("known_hosts", "h ssh-ed25519 x\n");
    scene.write("notes.md", "staged, and not of the environment\n");
    scene.git(&["add", "notes.md"]);
    scene.write("servicetemplates/own/file", "x");
    git_in(&scene.ours("servicetemplates/own"), &["init", "-q"]);
    let unsaved = git::unsaved(&scene.ours("")).unwrap();
    assert_eq!(unsaved.others, [".gitignore", "notes.md", "servicetemplates/own/"].map(PathBuf::from));
    assert_eq!(unsaved.commits, 0);
    let changes = [
        template("image_a", How::Changed),
        template("image_b", How::Removed),
        template("image_c", How::Added),
        node("n2", How::Added),
        file("ays.toml", How::Added),
        file("known_hosts", How::Added),
    ];
    let saved = scene.save(" What we did \n").unwrap();
    let commit = scene.git(&["rev-parse", "HEAD"]);
    let expected = Saved {
        branch: "main".to_owned(),
        upstream: "origin/main".to_owned(),
        commit: commit.clone(),
        changes: changes.to_vec(),
    };
    assert_eq!(saved, expected);
    assert_eq!(
        scene.git(&["log", "-1", "--format=%P %an <%ae> %cn: %B"]),
        format!("{before} us <us@example.org> us: What we did")
    );
    let shown = scene.git(&["show", "--name-status", "--format="]);
    let expected = "A\tays.toml\nA\tknown_hosts\nA\tservices/jumpscale__node.ssh__n2/service.hrd\n\
                    A\tservicetemplates/image_a/actions.py\nD\tservicetemplates/image_b/services.hrd\n\
                    A\tservicetemplates/image_c/service.hrd";
    assert_eq!(shown, expected);
    assert_eq!(git_in(&scene.dir().join("g8.git"), &["rev-parse", "main"]), commit);
    // What was staged still is.
    let left = "## main...origin/main\nM  notes.md\n?? .gitignore\n?? servicetemplates/own/";
    assert_eq!(scene.git(&["status", "--porcelain", "--branch"]), left);
}

#[test]
fn a_save_that_is_behind_commits_nothing() {
    let scene = Scene::cloned();
    scene.write("servicetemplates/image_c/service.hrd", "c = 1\n");
    scene.theirs("servicetemplates/image_a/service.hrd", "a = 2\n");
    let theirs = scene.push();
    let before = scene.git(&["rev-parse", "HEAD"]);
    let expected =
        "`origin/main` has commits that are not here: ays env pull brings them, then ays env save again";
    assert_eq!(scene.save("x").unwrap_err().to_string(), expected);
    assert_eq!(scene.git(&["rev-parse", "HEAD"]), before);
    assert_eq!(scene.git(&["status", "--porcelain"]), "?? servicetemplates/image_c/");
    // What is said helps.
    scene.pull().unwrap();
    scene.save("x").unwrap();
    assert_eq!(scene.git(&["rev-parse", "HEAD~1"]), theirs);
}

#[test]
fn what_was_not_pushed_the_next_save_pushes() {
    let scene = Scene::cloned();
    scene.write("servicetemplates/image_c/service.hrd", "c = 1\n");
    scene.git(&["add", "-A"]);
    scene.git(&["commit", "-qm", "by git"]);
    let unsaved = git::unsaved(&scene.ours("")).unwrap();
    assert_eq!((unsaved.paths.len(), unsaved.commits), (0, 1));
    let status = scene.status();
    assert_eq!((status.ahead, status.behind), (1, 0));
    assert_eq!(scene.pull().unwrap().ahead, 1);
    let saved = scene.save("not used").unwrap();
    assert_eq!(saved.changes, []);
    assert_eq!(git_in(&scene.dir().join("g8.git"), &["log", "-1", "--format=%s", "main"]), "by git");
    let unsaved = git::unsaved(&scene.ours("")).unwrap();
    assert_eq!((unsaved.paths.len(), unsaved.commits), (0, 0));
}

#[test]
fn only_the_branch_that_is_checked_out_is_pushed() {
    let scene = Scene::cloned();
    scene.git(&["switch", "-qc", "mine"]);
    scene.write("servicetemplates/image_c/service.hrd", "c = 1\n");
    let saved = scene.save("x").unwrap();
    assert_eq!((saved.branch.as_str(), saved.upstream.as_str()), ("mine", "origin/mine"));
    assert_eq!(
        git_in(&scene.dir().join("g8.git"), &["for-each-ref", "--format=%(refname)"]),
        "refs/heads/main\nrefs/heads/mine"
    );
    assert_eq!(scene.git(&["status", "--porcelain", "--branch"]), "## mine...origin/mine");
    assert_eq!(scene.pull().unwrap().commits, 0);
}

#[test]
fn an_author_is_one_that_git_takes() {
    let scene = Scene::cloned();
    assert_eq!(git::author(&scene.ours("")), Some(author()));
    scene.write("servicetemplates/image_c/service.hrd", "c = 1\n");
    scene.git(&["config", "user.name", "<>"]);
    let expected =
        "`<> <us@example.org>` is no author: git config user.name NAME, git config user.email ADDRESS";
    assert_eq!(scene.save("x").unwrap_err().to_string(), expected);
}

#[test]
fn the_status_is_that_of_the_last_time_the_remote_was_asked() {
    let scene = Scene::cloned();
    scene.theirs("servicetemplates/image_a/service.hrd", "a = 2\n");
    scene.push();
    scene.write("servicetemplates/image_b/services.hrd", "b = 2\n");
    fs::remove_dir_all(scene.ours("services/jumpscale__node.ssh__n1")).unwrap();
    let expected = |behind| Status {
        branch: "main".to_owned(),
        commit: Some(scene.git(&["rev-parse", "HEAD"])),
        upstream: Some("origin/main".to_owned()),
        ahead: 0,
        behind,
        changes: vec![template("image_b", How::Changed), node("n1", How::Removed)],
    };
    assert_eq!(scene.status(), expected(0));
    git::fetch(&scene.ours(""), &access()).unwrap();
    assert_eq!(scene.status(), expected(1));
}
