//! A save commits what `git add -A` and `git commit` do, a pull checks out what `git pull` does.

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::Path;

use ays_repository as git;

use crate::scene::{Scene, chain, git_in, git_tries, write};

const A: &str = "servicetemplates/image_a/service.hrd";
const B: &str = "servicetemplates/image_b/services.hrd";
const OLD: &str = "servicetemplates/image_old/service.hrd";
const N1: &str = "services/jumpscale__node.ssh__n1/service.hrd";

/// Two clones that are set up alike: ours, and the one in which git itself works.
struct Twins {
    scene: Scene,
}

impl Twins {
    fn new(scene: Scene, set_up: &[&[&str]]) -> Self {
        let git = scene.dir().join("git");
        git_in(scene.dir(), &["clone", "-q", "g8.git", "git"]);
        for dir in [&scene.ours(""), &git] {
            git_in(dir, &["config", "user.name", "us"]);
            git_in(dir, &["config", "user.email", "us@example.org"]);
            for command in set_up {
                git_in(dir, command);
            }
        }
        Self { scene }
    }

    fn both(&self) -> [std::path::PathBuf; 2] {
        [self.scene.ours(""), self.scene.dir().join("git")]
    }

    /// Saves in one what git commits in the other, and compares what came of it.
    fn save(&self, kind: &str) {
        self.scene.save("x").unwrap_or_else(|error| panic!("{kind}: {}", chain(&error)));
        let [_, git] = self.both();
        // It says so when it leaves out what is not checked out.
        git_tries(&git, &["add", "-A"]);
        git_in(&git, &["commit", "-qm", "x"]);
        let remote = git_in(&self.scene.dir().join("g8.git"), &["ls-tree", "-r", "main"]);
        assert_eq!(remote, git_in(&git, &["ls-tree", "-r", "HEAD"]), "{kind}");
        self.assert_alike(kind);
    }

    fn pull(&self, kind: &str) {
        self.scene.pull().unwrap_or_else(|error| panic!("{kind}: {}", chain(&error)));
        let [_, git] = self.both();
        git_in(&git, &["pull", "-q", "--ff-only"]);
        self.assert_alike(kind);
    }

    /// The index with its flags, what git says of the files, and the files.
    fn assert_alike(&self, kind: &str) {
        let [ours, git] = self.both();
        for command in [&["ls-files", "-s"][..], &["ls-files", "-v"], &["status", "--porcelain", "-uall"]] {
            assert_eq!(git_in(&ours, command), git_in(&git, command), "{kind}: {command:?}");
        }
        let is_changed =
            |below: &[&str]| !git_in(&ours, &[&["status", "--porcelain"], below].concat()).is_empty();
        assert_eq!(
            !self.scene.status().changes.is_empty(),
            is_changed(&["--ignore-submodules=dirty"]),
            "{kind}"
        );
        let checkout = git::Checkout::open(&ours).unwrap();
        let commit = checkout.commit_of(&ours.join("servicetemplates")).unwrap().unwrap();
        assert_eq!(
            commit.ends_with(" with local changes"),
            is_changed(&["--", "servicetemplates"]),
            "{kind}: {commit}"
        );
        let files = |dir: &Path| {
            let list = "find . -name .git -prune -o -printf '%p %M %l\\n' | sort; find . -name .git -prune -o -type f -print0 \
                        | sort -z | xargs -0 cksum";
            let output =
                std::process::Command::new("sh").current_dir(dir).args(["-c", list]).output().unwrap();
            String::from_utf8(output.stdout).unwrap()
        };
        assert_eq!(files(&ours), files(&git), "{kind}");
    }
}

fn edit(root: &Path) {
    write(&root.join(A), "a = 2\n");
}

/// A kind of clone and of change: its name, what the remote has, how both clones are set up, what is changed in both.
type Kind<'a> = (&'a str, &'a [(&'a str, &'a str)], &'a [&'a [&'a str]], fn(&Path));

#[test]
fn a_save_leaves_alone_what_git_leaves_alone() {
    assert_alike_after_save(&[
        ("a sparse checkout", &[], &[&["sparse-checkout", "set", "servicetemplates"]], edit),
        ("patterns", &[], &[&["sparse-checkout", "set", "--no-cone", "/*", "!/services/"]], edit),
        ("a sparse index", &[], &[&["sparse-checkout", "set", "--sparse-index", "servicetemplates"]], edit),
        (
            "files outside of a sparse checkout",
            &[],
            &[&["sparse-checkout", "set", "servicetemplates"]],
            |root| {
                edit(root);
                write(&root.join(N1), "instance.ip = other\n");
                write(&root.join("services/jumpscale__node.ssh__n9/service.hrd"), "instance.ip = new\n");
            },
        ),
        ("skip-worktree, changed", &[], &[&["update-index", "--skip-worktree", B]], |root| {
            edit(root);
            write(&root.join(B), "b = ours\n");
        }),
        ("skip-worktree, removed", &[], &[&["update-index", "--skip-worktree", B]], |root| {
            edit(root);
            fs::remove_file(root.join(B)).unwrap();
        }),
        ("assume-unchanged, changed", &[], &[&["update-index", "--assume-unchanged", B]], |root| {
            edit(root);
            write(&root.join(B), "b = ours\n");
        }),
        ("assume-unchanged, removed", &[], &[&["update-index", "--assume-unchanged", B]], |root| {
            edit(root);
            fs::remove_file(root.join(B)).unwrap();
        }),
        ("a split index", &[], &[&["update-index", "--split-index"]], edit),
        ("index version 4", &[], &[&["update-index", "--index-version", "4"]], edit),
        ("an untracked cache", &[], &[&["config", "core.untrackedCache", "true"]], edit),
    ]);
}

#[test]
fn a_save_commits_what_git_commits() {
    assert_alike_after_save(&FILES);
}

/// The same changes where only git can compare the files.
#[test]
fn a_save_by_git_commits_what_git_commits() {
    let by_git: &[&[&str]] = &[&["update-index", "--assume-unchanged", "notes.md"]];
    let kinds = FILES.map(|(kind, remote, set_up, change)| {
        (kind, remote, if set_up.is_empty() { by_git } else { set_up }, change)
    });
    assert_alike_after_save(&kinds);
}

const FILES: [Kind<'static>; 14] = [
    ("a mode", &[], &[], |root| chmod(&root.join(A))),
    ("a mode that does not count", &[], &[&["config", "core.fileMode", "false"]], |root| {
        chmod(&root.join(B));
        edit(root);
    }),
    ("a file becomes a link", &[], &[], |root| {
        fs::remove_file(root.join(A)).unwrap();
        symlink("../image_b/services.hrd", root.join(A)).unwrap();
    }),
    ("a directory becomes a link", &[], &[], |root| {
        fs::remove_dir_all(root.join("servicetemplates/image_a")).unwrap();
        symlink("image_b", root.join("servicetemplates/image_a")).unwrap();
    }),
    ("links are files here", &[], &[&["config", "core.symlinks", "false"]], edit),
    ("a file becomes a directory", &[], &[], |root| {
        fs::remove_file(root.join(A)).unwrap();
        write(&root.join(A).join("x"), "x");
    }),
    ("a directory becomes a file", &[], &[], |root| {
        fs::remove_dir_all(root.join("servicetemplates/image_a")).unwrap();
        write(&root.join("servicetemplates/image_a"), "x");
    }),
    ("a directory becomes a link to one that has the same file", &[(OLD, "a = 0\n")], &[], |root| {
        fs::remove_dir_all(root.join("servicetemplates/image_a")).unwrap();
        symlink("image_old", root.join("servicetemplates/image_a")).unwrap();
    }),
    ("the case of a name", &[], &[], |root| {
        fs::rename(root.join("servicetemplates/image_a"), root.join("servicetemplates/IMAGE_A")).unwrap();
    }),
    ("names of all sorts", &[], &[], |root| {
        for name in ["a b", "*", ":(top)x", "-x", "é", "a\nb", "\"q\"", "[a]", "a\\b"] {
            write(&root.join("servicetemplates").join(name).join(name), name);
        }
    }),
    ("staged as new, then removed", &[], &[], |root| {
        edit(root);
        write(&root.join("services/x/service.hrd"), "x = 1\n");
        git_in(root, &["add", "services/x"]);
        fs::remove_dir_all(root.join("services/x")).unwrap();
    }),
    ("staged as removed, and there", &[], &[], |root| {
        git_in(root, &["rm", "-q", "--cached", A]);
        edit(root);
    }),
    ("removed from the index", &[], &[], |root| drop(git_in(root, &["rm", "-q", A]))),
    ("only announced", &[], &[], |root| {
        write(&root.join("services/x/service.hrd"), "x = 1\n");
        git_in(root, &["add", "-N", "services/x"]);
    }),
];

#[test]
fn a_save_stores_text_as_git_does() {
    assert_alike_after_save(&[
        ("autocrlf", &[], &[&["config", "core.autocrlf", "true"]], crlf),
        ("autocrlf = input", &[], &[&["config", "core.autocrlf", "input"]], crlf),
        ("ends of lines", &[(".gitattributes", "*.hrd text eol=crlf\n")], &[], crlf),
        ("text as git finds it", &[(".gitattributes", "* text=auto\n"), (A, "a\r\nb\r\n")], &[], crlf),
        ("an encoding", &[(".gitattributes", "*.hrd working-tree-encoding=UTF-16LE\n")], &[], |root| {
            let text: Vec<u8> = "a = é\n".encode_utf16().flat_map(u16::to_le_bytes).collect();
            fs::write(root.join(A), text).unwrap();
        }),
        ("ident", &[(".gitattributes", "*.hrd ident\n"), (A, "$Id$\n")], &[], |root| {
            write(&root.join(A), "$Id: 0123 $\nmore\n");
        }),
    ]);
}

fn assert_alike_after_save(kinds: &[Kind<'_>]) {
    for &(kind, remote, set_up, change) in kinds {
        let scene = Scene::new();
        for (path, text) in remote {
            scene.theirs(path, text);
        }
        if !remote.is_empty() {
            scene.push();
        }
        scene.clone().unwrap();
        let twins = Twins::new(scene, set_up);
        twins.both().iter().for_each(|root| change(root));
        twins.save(kind);
    }
}

/// A program that is a filter: what it cleans is not what it got.
const CRYPT: [&[&str]; 3] = [
    &["config", "filter.crypt.clean", "sed s/secret/CRYPTED/"],
    &["config", "filter.crypt.smudge", "sed s/CRYPTED/secret/"],
    &["config", "filter.crypt.required", "true"],
];

const ATTRIBUTES: (&str, &str) = (".gitattributes", "services/** filter=crypt\n");

#[test]
fn a_save_goes_through_filters() {
    let scene = Scene::new();
    scene.theirs(ATTRIBUTES.0, ATTRIBUTES.1);
    scene.push();
    scene.clone().unwrap();
    let twins = Twins::new(scene, &CRYPT);
    for root in twins.both() {
        edit(&root);
        write(&root.join(N1), "instance.password = secret\n");
    }
    twins.save("a filter");
    let remote = twins.scene.dir().join("g8.git");
    assert_eq!(git_in(&remote, &["show", &format!("main:{N1}")]), "instance.password = CRYPTED");
    assert_eq!(twins.scene.status().changes, []);

    // A filter that fails, and one that is not set up: nothing is committed, and nothing pushed.
    let before = git_in(&remote, &["rev-parse", "main"]);
    twins.scene.write(N1, "instance.password = secret2\n");
    twins.scene.git(&["config", "filter.crypt.clean", "echo locked >&2; exit 1"]);
    let said = chain(&twins.scene.save("x").unwrap_err());
    let expected = "nothing was committed\ngit update-index failed:\n  locked\n";
    assert_eq!(said.get(..expected.len()), Some(expected), "{said}");
    for key in ["clean", "smudge", "required"] {
        twins.scene.git(&["config", "--unset", &format!("filter.crypt.{key}")]);
    }
    let said = twins.scene.save("x").unwrap_err().to_string();
    let expected = format!(
        "{N1} goes through the filter `crypt` (.gitattributes), which is not set up here: set it up as whoever keeps this \
         repository says (git config filter.crypt.clean COMMAND), then ays env save again"
    );
    assert_eq!(said, expected);
    assert_eq!(git_in(&remote, &["rev-parse", "main"]), before);
    assert_eq!(twins.scene.git(&["rev-parse", "HEAD"]), before);
    // What goes through none can be saved by itself.
    twins.scene.git(&["checkout", "-q", "--", N1]);
    twins.scene.write(A, "a = 3\n");
    twins.scene.save("x").unwrap();
}

#[test]
fn a_submodule_is_moved_and_not_removed() {
    let scene = Scene::new();
    let colleague = scene.dir().join("colleague");
    let module = scene.dir().join("module.git");
    git_in(scene.dir(), &["init", "-q", "-b", "main", "module.git"]);
    write(&module.join("file"), "1");
    git_in(&module, &["add", "-A"]);
    git_in(&module, &["commit", "-qm", "1"]);
    let allowed = ["-c", "protocol.file.allow=always"];
    let add = ["submodule", "--quiet", "add", module.to_str().unwrap(), "servicetemplates/shared"];
    git_in(&colleague, &[&allowed[..], &add].concat());
    scene.push();
    scene.clone().unwrap();
    let update = ["submodule", "--quiet", "update", "--init"];
    let twins = Twins::new(scene, &[&[&allowed[..], &update].concat()]);
    for root in twins.both() {
        edit(&root);
        let module = root.join("servicetemplates/shared");
        // What is changed in it and not committed there is left alone.
        write(&module.join("file"), "2");
        assert_eq!(git::status(&root).unwrap().changes.len(), 1);
    }
    twins.save("a submodule that is changed inside");
    for root in twins.both() {
        git_in(&root.join("servicetemplates/shared"), &["commit", "-qam", "2"]);
    }
    twins.save("a submodule that has moved");
    for root in twins.both() {
        git_in(&root, &["submodule", "--quiet", "deinit", "-f", "servicetemplates/shared"]);
        write(&root.join(A), "a = 3\n");
    }
    twins.save("a submodule that is not checked out");
    for root in twins.both() {
        git_in(&root, &["rm", "-q", "servicetemplates/shared"]);
        write(&root.join(A), "a = 4\n");
    }
    twins.scene.save("x").unwrap();
    let there = git_in(&twins.scene.dir().join("g8.git"), &["ls-tree", "-r", "--name-only", "main"]);
    assert!(!there.contains("servicetemplates/shared"), "{there}");
}

#[test]
fn a_pull_checks_out_what_git_checks_out() {
    let kinds: [Kind<'_>; 9] = [
        ("a sparse checkout", &[], &[&["sparse-checkout", "set", "servicetemplates"]], |_| {}),
        ("a sparse index", &[], &[&["sparse-checkout", "set", "--sparse-index", "servicetemplates"]], |_| {}),
        ("skip-worktree", &[], &[&["update-index", "--skip-worktree", B]], |root| {
            write(&root.join(B), "b = ours\n");
        }),
        ("skip-worktree, removed", &[], &[&["update-index", "--skip-worktree", B]], |root| {
            fs::remove_file(root.join(B)).unwrap();
        }),
        ("assume-unchanged", &[], &[&["update-index", "--assume-unchanged", B]], |root| {
            write(&root.join(B), "b = ours\n");
        }),
        ("a filter", &[ATTRIBUTES], &CRYPT, |_| {}),
        ("autocrlf", &[], &[&["config", "core.autocrlf", "true"]], |_| {}),
        ("ends of lines", &[(".gitattributes", "*.hrd text eol=crlf\n")], &[], |_| {}),
        ("an encoding", &[(".gitattributes", "*.hrd working-tree-encoding=ISO-8859-1\n")], &[], |_| {}),
    ];
    for (kind, remote, set_up, change) in kinds {
        let scene = Scene::new();
        for (path, text) in remote {
            scene.theirs(path, text);
        }
        if !remote.is_empty() {
            scene.push();
        }
        scene.clone().unwrap();
        let twins = Twins::new(scene, set_up);
        twins.both().iter().for_each(|root| change(root));
        let scene = &twins.scene;
        scene.theirs(A, "a = 2\n");
        scene.theirs(N1, "instance.password = CRYPTED\n");
        scene.theirs("services/jumpscale__node.ssh__n2/service.hrd", "CRYPTED\n");
        scene.theirs("servicetemplates/image_c/actions.py", "pass\n");
        scene.theirs("notes.md", "");
        scene.push();
        twins.pull(kind);
        assert_eq!(scene.pull().unwrap().commits, 0);
    }
}

#[test]
fn a_pull_by_git_keeps_what_is_only_here_and_goes_on() {
    let scene = Scene::cloned();
    for command in CRYPT {
        scene.git(command);
    }
    scene.theirs(ATTRIBUTES.0, ATTRIBUTES.1);
    scene.push();
    scene.pull().unwrap();
    let before = scene.git(&["rev-parse", "HEAD"]);
    fs::write(scene.ours(".git/info/exclude"), "*.ignored\n").unwrap();
    scene.write(N1, "instance.password = secret\n");
    scene.write(B, "not touched\n");
    scene.write("services/x.ignored", "ours\n");
    scene.theirs("services/x.ignored", "theirs\n");
    scene.theirs(N1, "instance.password = CRYPTED2\n");
    scene.theirs(A, "a = 2\n");
    let commit = scene.push();
    let error = scene.pull().unwrap_err();
    let git::PullError::LocalChanges { paths } = &error else { panic!("{error}") };
    assert_eq!(*paths, [N1, "services/x.ignored"].map(std::path::PathBuf::from));
    assert_eq!((scene.git(&["rev-parse", "HEAD"]), scene.read(A)), (before, "a = 1\n".to_owned()));

    // As a pull that was stopped leaves it: files, and neither the index nor the branch.
    scene.write(N1, "instance.password = secret2\n");
    scene.write("services/x.ignored", "theirs\n");
    assert_eq!(scene.pull().unwrap().commit, commit);
    assert_eq!(scene.git(&["status", "--porcelain"]).trim(), format!("M {B}"));

    // A filter that fails.
    scene.git(&["config", "filter.crypt.smudge", "echo locked >&2; exit 1"]);
    scene.theirs(N1, "instance.password = CRYPTED3\n");
    let next = scene.push();
    let said = chain(&scene.pull().unwrap_err());
    assert!(
        said.starts_with("what is new came, and could not be checked out\ngit merge failed:\n")
            && said.contains("locked"),
        "{said}"
    );
    assert_eq!(scene.git(&["rev-parse", "HEAD"]), commit);
    scene.git(CRYPT[1]);
    assert_eq!(scene.pull().unwrap().commit, next);
    assert_eq!(scene.read(N1), "instance.password = secret3\n");
}

fn chmod(path: &Path) {
    fs::set_permissions(path, fs::Permissions::from_mode(0o755)).unwrap();
}

fn crlf(root: &Path) {
    write(&root.join(A), "a = 2\r\nb = 3\r\n");
    write(&root.join("services/x/service.hrd"), "x = 1\r\ny = 2\n");
}
