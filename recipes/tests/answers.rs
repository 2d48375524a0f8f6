//! Answers: which are open, which win, and where they are written down.
#![allow(clippy::panic, clippy::unwrap_used, reason = "a test fails by panicking")]

mod support;

use ays_recipes::{Environment, Recipe, RecipeError, Request, Stored};
use ays_secrets::{Store, Vault};
use secrecy::ExposeSecret;
use support::{Repository, request};

const QUESTIONS: &str = "\
name = @ASK type:str descr:'its name'
size = @ASK type:int default:20 minValue:1
pw = @ASK type:password
fixed = 'x'
";

/// Nodes `n1` and `n2`, and the template `t`.
fn repository() -> Repository {
    let repository = Repository::new();
    repository.write("ays.toml", "name = 'g8'\n");
    for node in ["n1", "n2"] {
        repository.write(&format!("services/d__node.ssh__{node}/service.hrd"), "instance.ip = 'h'\n");
    }
    repository.write("servicetemplates/t/service.hrd", "description = '$(instance.size)'\n");
    repository.write("servicetemplates/t/instance.hrd", QUESTIONS);
    repository
}

/// The environment, whose domain is `d`, with an empty store.
fn environment(repository: &Repository) -> Environment {
    let vault =
        Vault { file: repository.path(".git/secrets.age"), identity: repository.path(".git/age.key") };
    let secrets = Store::new([], Vec::new(), Some(vault));
    let mut environment = repository.environment();
    environment.secrets = secrets;
    environment.domain = "d".to_owned();
    environment
}

fn open(repository: &Repository, request: &Request) -> Vec<String> {
    let environment = &environment(repository);
    let template = environment.template("t").unwrap();
    let questions = Recipe::questions(environment, template, request).unwrap();
    questions.into_iter().map(|question| question.key).collect()
}

/// The files that were written, and their texts.
fn written(repository: &Repository, environment: &Environment, request: &Request) -> Vec<(String, String)> {
    let changed = Recipe::write_answers(environment, environment.template("t").unwrap(), request).unwrap();
    let text = |path: std::path::PathBuf| {
        let relative = path.strip_prefix(repository.path("")).unwrap().display().to_string();
        (relative, std::fs::read_to_string(path).unwrap())
    };
    changed.into_iter().map(text).collect()
}

fn read(repository: &Repository, request: &Request) -> Result<Recipe, RecipeError> {
    let environment = &environment(repository);
    Recipe::read(environment, environment.template("t").unwrap(), request)
}

#[test]
fn all_that_is_missing_is_said_at_once() {
    let error = repository().recipe("t", "").unwrap_err().to_string();
    assert_eq!(
        error.lines().next().unwrap(),
        "servicetemplates/t/instance.hrd:1:1: `name`, `pw` have no answers and no defaults: give them with --data \
         'name:VALUE pw:$(secret.NAME)'"
    );
}

#[test]
fn answers_are_written_below_each_node_and_found_again() {
    let repository = repository();
    let mut first = request("name:'a b' fixed:y", &["n1", "n2"]);
    assert_eq!(open(&repository, &first), ["size", "pw"]);
    first.answers.give("pw", "hunter2".to_owned());
    first.answers.give("size", "21".to_owned());
    let digest = read(&repository, &first).unwrap().answers_digest;

    let text = |node: &str| {
        let key = |key: &str, value: &str| format!("{:30} = '{value}'\n", format!("instance.{key}"));
        let pw = format!("$(secret.{node}.t.main.pw)");
        [key("name", "a b"), key("size", "21"), key("pw", &pw), key("fixed", "y")].concat()
    };
    let file = |node: &str| format!("services/d__node.ssh__{node}/d__t__main/service.hrd");
    assert_eq!(
        written(&repository, &environment(&repository), &first),
        [(file("n1"), text("n1")), (file("n2"), text("n2"))]
    );
    assert_eq!(written(&repository, &environment(&repository), &first), []);
    let secret = environment(&repository).secrets.get(&"n1.t.main.pw".parse().unwrap()).unwrap().unwrap();
    assert_eq!(secret.expose_secret(), "hunter2");

    for nodes in [&["n1"][..], &["n2", "n1"]] {
        let again = request("", nodes);
        assert_eq!(open(&repository, &again), [""; 0]);
        assert_eq!(read(&repository, &again).unwrap().answers_digest, digest);
        assert_eq!(written(&repository, &environment(&repository), &again), []);
    }
    let elsewhere = request("", &["local"]);
    assert_eq!(open(&repository, &elsewhere), ["name", "size", "pw"]);
    let forgotten = Request { stored: Stored::Forgotten, ..request("name:z", &["n1"]) };
    assert_eq!(open(&repository, &forgotten), ["size", "pw"]);
    assert_eq!(
        written(&repository, &environment(&repository), &forgotten),
        [(file("n1"), text("n1").replace("'a b'", "'z'").replace("'21'", "'20'"))]
    );
}

#[test]
fn what_is_named_like_a_password_is_kept_as_one() {
    let repository = repository();
    repository.write("servicetemplates/t/instance.hrd", "password = ''\n");
    let vault =
        Vault { file: repository.path(".git/secrets.age"), identity: repository.path(".git/age.key") };
    // The command has nothing, so the file gets it.
    let secrets = Store::new([], vec!["false".to_owned(), "{}".to_owned()], Some(vault));
    let mut environment = environment(&repository);
    environment.secrets = secrets;
    let [(_, text)] = &written(&repository, &environment, &request("password:hunter2$(x)y", &["n1"]))[..]
    else {
        panic!("one file");
    };
    assert_eq!(*text, format!("{:30} = '$(secret.n1.t.main.password)'\n", "instance.password"));
    let secret = environment.secrets.get(&"n1.t.main.password".parse().unwrap()).unwrap().unwrap();
    assert_eq!(secret.expose_secret(), "hunter2$(x)y");
}

#[test]
fn nodes_that_were_answered_differently_are_not_installed_at_once() {
    let repository = repository();
    for (node, size) in [("n1", "21"), ("n2", "22")] {
        written(
            &repository,
            &environment(&repository),
            &request(&format!("name:x pw:same size:{size}"), &[node]),
        );
    }
    let both = request("", &["n1", "n2"]);
    let error = read(&repository, &both).unwrap_err();
    assert_eq!(
        error.to_string(),
        "`size` was answered differently in services/d__node.ssh__n1/d__t__main/service.hrd and \
         services/d__node.ssh__n2/d__t__main/service.hrd: answer it with --data, or for all of them again with --hrdreset"
    );
    read(&repository, &request("size:21", &["n1", "n2"])).unwrap();
    read(&repository, &request("", &["n2"])).unwrap();
}

#[test]
fn an_edited_file_keeps_what_is_not_answered() {
    let repository = repository();
    let file = "services/d__t__main/service.hrd";
    repository.write(file, "# ours\nservice.x = 1\ninstance.size = 5 # five\n");
    assert_eq!(
        written(&repository, &environment(&repository), &request("name:x size:7", &["n1"])),
        [(
            file.to_owned(),
            format!("# ours\nservice.x = 1\ninstance.size = '7' # five\n{:30} = 'x'\n", "instance.name")
        )]
    );
}

#[test]
fn a_service_without_parameters_gets_no_directory() {
    let repository = repository();
    repository.write("servicetemplates/t/instance.hrd", "");
    assert_eq!(written(&repository, &environment(&repository), &request("name:x", &["n1"])), []);
    repository.write("servicetemplates/t/instance.hrd", "size = @ASK type:int default:20\n");
    assert_eq!(written(&repository, &environment(&repository), &request("", &["n1"])), []);
}

#[test]
fn an_instance_s_name_is_no_path() {
    let repository = repository();
    let environment = environment(&repository);
    let request = Request { instance: "a/../../../x".into(), ..request("name:x", &["n1"]) };
    let error =
        Recipe::write_answers(&environment, environment.template("t").unwrap(), &request).unwrap_err();
    assert!(matches!(error, RecipeError::Instance { .. }), "{error}");
}
