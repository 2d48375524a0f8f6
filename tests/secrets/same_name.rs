//! Secrets and catalogue are for one repository, not for whatever has its name.

use crate::support::{Ays, Environment, Lab, lab};

fn git(environment: &Environment, arguments: &[&str]) {
    let repo = environment.repo().to_str().unwrap();
    lab::run("git", &[&["-C", repo][..], arguments].concat());
}

fn move_to(environment: &Environment, remote: &str) {
    git(environment, &["remote", "set-url", "origin", remote]);
}

#[test]
fn a_stranger_s_repository_of_the_same_name_finds_neither_secrets_nor_catalogue() {
    let lab = Lab::new();
    let environment = Environment::new(&lab);
    let ays = Ays::new(&lab, &environment, &[]);
    move_to(&environment, "https://git.example.org/envs/g8.git");
    let kept = ays.feed(&["secret", "set", "aydo", "--for", "ftp.example.org"], "pub:pub1234\n");
    assert_eq!(kept.code, Some(0), "{kept:?}");
    ays.succeeds(&["image", "list"]);

    move_to(&environment, "https://evil.example/envs/g8.git");
    environment.add_image("x", "ftp://$(secret.aydo)@ftp.example.org", "/x.qcow2", "checkmd5:'false'");
    for command in [
        &["secret", "list"][..],
        &["secret", "allow", "aydo", "evil.example"],
        &["secret", "remove", "aydo"],
        &["image", "list"],
        &["runs"],
        &["outdated"],
        &["scrub"],
        &["install", "-n", "image_x", "--dry-run"],
    ] {
        let output = ays.run(command);
        assert_eq!(
            (output.code, output.stderr.as_str()),
            (
                Some(1),
                "error: `example` is the environment of https://git.example.org/envs/g8.git here, and this one is of \
                 https://evil.example/envs/g8.git: it gets neither its secrets nor its catalogue. Where it is another \
                 environment: `ays env rename NAME` names this clone; where the repository has moved: `ays env trust`\n"
            ),
            "{command:?}"
        );
    }
    let refused = ays.feed(&["secret", "set", "aydo"], "other\n");
    assert_eq!(refused.code, Some(1), "{refused:?}");
    // What needs neither works.
    ays.succeeds(&["list"]);

    assert_eq!(ays.succeeds(&["env", "rename", "evil"]), "this clone's environment is `evil` here\n");
    assert_eq!(ays.json(&["secret", "list"]), serde_json::json!([]));
    ays.succeeds(&["image", "list"]);
    git(&environment, &["config", "--unset", "ays.name"]);
    move_to(&environment, "https://git.example.org/envs/g8.git");
    assert_eq!(ays.json(&["secret", "list"])[0]["name"], "aydo");
}

#[test]
fn an_address_that_is_written_otherwise_is_adopted_with_one_word() {
    let lab = Lab::new();
    let environment = Environment::new(&lab);
    let ays = Ays::new(&lab, &environment, &[]);
    move_to(&environment, "https://git.example.org/envs/g8.git");
    ays.succeeds(&["secret", "list"]);
    move_to(&environment, "git@git.example.org:envs/g8");
    let output = ays.run(&["secret", "list"]);
    assert_eq!(
        (output.code, output.stderr.as_str()),
        (
            Some(1),
            "error: the secrets and the catalogue of `example` are bound to https://git.example.org/envs/g8.git, and this \
             clone's remote is written git@git.example.org:envs/g8: `ays env trust` says that both are one\n"
        )
    );
    let mut terminal = ays.on_terminal(&["secret", "list"]);
    terminal.expect("Are both the same repository?");
    terminal.enter("y");
    assert_eq!(terminal.end().0, Some(0));
    ays.succeeds(&["secret", "list"]);
    // Both are known from now on.
    move_to(&environment, "https://git.example.org/envs/g8.git");
    ays.succeeds(&["secret", "list"]);

    move_to(&environment, "https://new.example.org/envs/g8.git");
    assert_eq!(ays.run(&["secret", "list"]).code, Some(1));
    assert_eq!(
        ays.succeeds(&["env", "trust"]),
        "`example` is the environment of https://new.example.org/envs/g8.git, and no more of git@git.example.org:envs/g8 \
         and https://git.example.org/envs/g8.git\n"
    );
    ays.succeeds(&["secret", "list"]);
}

#[test]
fn without_a_remote_the_directory_counts_and_a_remote_may_come() {
    let lab = Lab::new();
    let environment = Environment::new(&lab);
    let ays = Ays::new(&lab, &environment, &[]);
    git(&environment, &["remote", "remove", "origin"]);
    ays.feed(&["secret", "set", "aydo"], "pub:pub1234\n");
    let copy = lab.dir().join("copy");
    lab::run("cp", &["-r", environment.repo().to_str().unwrap(), copy.to_str().unwrap()]);
    let elsewhere = ays.run(&["secret", "list", "--repo", copy.to_str().unwrap()]);
    assert_eq!(elsewhere.code, Some(1), "{elsewhere:?}");
    git(&environment, &["remote", "add", "origin", "https://git.example.org/envs/g8.git"]);
    assert_eq!(ays.json(&["secret", "list"])[0]["name"], "aydo");
    git(&environment, &["remote", "set-url", "origin", "https://evil.example/envs/g8.git"]);
    assert_eq!(ays.run(&["secret", "list"]).code, Some(1));
}
