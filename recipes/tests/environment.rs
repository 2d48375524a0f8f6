//! Environments as maintainers write them: what is found in them, and what is said when something is wrong.
#![allow(clippy::panic, clippy::unwrap_used, reason = "a test fails by panicking")]

mod support;

use ays_model::Gid;
use ays_recipes::{Environment, EnvironmentError, Layers};
use ays_repository::{Author, NotFound};
use support::Repository;

#[test]
fn an_environment_is_found_from_any_directory_in_it() {
    let repository = Repository::new();
    repository.write("servicetemplates/_images/deep/image_a/service.hrd", "");
    let environment =
        Environment::find(&repository.path("servicetemplates/_images/deep"), &Layers::default()).unwrap();
    assert_eq!(environment.root, repository.path(""));
    let names: Vec<_> = environment.templates().iter().map(|template| template.name.as_str()).collect();
    assert_eq!(names, ["image_a"]);
}

#[test]
fn a_link_out_of_the_repository_is_not_read() {
    let repository = Repository::new();
    repository.write("servicetemplates/t/instance.hrd", "");
    let elsewhere = tempfile::tempdir().unwrap();
    std::fs::write(elsewhere.path().join("env"), "TOKEN = x\n").unwrap();
    let link = repository.path("servicetemplates/t/service.hrd");
    std::os::unix::fs::symlink(elsewhere.path().join("env"), &link).unwrap();
    let environment = repository.environment();
    let template = environment.template("t").unwrap();
    let error = std::error::Error::source(&template.service().unwrap_err()).map(ToString::to_string);
    assert_eq!(error.as_deref(), Some("it is a link that leads out of the repository"));
    std::fs::remove_file(&link).unwrap();
    std::os::unix::fs::symlink("instance.hrd", &link).unwrap();
    assert!(template.service().is_ok());
}

#[test]
fn a_directory_outside_of_any_environment_is_an_error_that_names_it() {
    let elsewhere = tempfile::tempdir().unwrap();
    let error = Environment::find(elsewhere.path(), &Layers::default()).unwrap_err();
    assert!(matches!(error, EnvironmentError::NotFound(NotFound { start }) if start == elsewhere.path()));
}

#[test]
fn the_name_is_from_the_settings_else_from_the_remote_else_from_the_directory() {
    let repository = Repository::new();
    repository.git(&["remote", "add", "origin", "https://git.example.org/environments/be-g8-1.git"]);
    assert_eq!(repository.environment().name(), "be-g8-1");
    repository.write("ays.toml", "name = 'g8'");
    let environment = repository.environment();
    assert_eq!((environment.name(), environment.domain.as_str()), ("g8", "be-g8-1"));
}

#[test]
fn a_name_that_leads_to_none_or_several_templates_is_an_error() {
    let repository = Repository::new();
    for dir in ["a/image_win", "b/image_win", "image_wily"] {
        repository.write(&format!("servicetemplates/{dir}/service.hrd"), "");
    }
    let environment = repository.environment();
    let error = |name| environment.template(name).unwrap_err().to_string();
    assert_eq!(
        error("image_win"),
        "several templates are named `image_win`:\n  servicetemplates/a/image_win\n  servicetemplates/b/image_win"
    );
    assert_eq!(
        error("image_wilie"),
        "no template is named `image_wilie`; did you mean `image_wily`, `image_win`?"
    );
}

#[test]
fn settings_that_are_wrong_are_shown_in_their_place() {
    let repository = Repository::new();
    repository.write("ays.toml", "[pool.vmstor]\npath = '/mnt/vmstor'\nshard = true\n");
    let error = Environment::find(&repository.path(""), &Layers::default()).unwrap_err().to_string();
    let place = repository.path("ays.toml").display().to_string();
    let said = format!("{place}:3:1: no key is named `shard`; did you mean `shared`?");
    assert_eq!(error.lines().next(), Some(said.as_str()));
}

#[test]
fn a_node_is_read_with_all_that_its_file_says() {
    let repository = Repository::new();
    repository.write("ays.toml", "[pool.vmstor]\npath = '/mnt/vmstor'\nformat = 'qcow2'\nshared = true\n");
    repository.write(
        "services/jumpscale__node.ssh__gw/service.hrd",
        "instance.ip = 192.0.2.1\ninstance.ssh.port = 2202\ninstance.login = 'ops'\ninstance.password = 'hunter2'\n",
    );
    repository.write(
        "services/g8__location__be/jumpscale__node.ssh__n1/service.hrd",
        "instance.ip = '10.0.0.1'\ninstance.ssh.gateway = 'gw'\ninstance.gid = 7\ninstance.pool = vmstor\n\
         instance.stack = False\ninstance.sshkey = main\ninstance.password =\n",
    );
    repository.write(
        "services/jumpscale__sshkey__main/service.hrd",
        "instance.key.priv =\n    -----BEGIN\n    secret\n    -----END\n\ninstance.key.pub = x\n",
    );
    let environment = repository.environment();
    let node = environment.node(Some("node.ssh"), "n1").unwrap();
    assert_eq!((node.host.as_str(), node.port, node.gid, node.stack), ("10.0.0.1", None, Gid(7), false));
    assert_eq!((node.pool.name.as_str(), node.pool.shared, node.has_password), ("vmstor", true, false));
    let gateway = node.gateway.as_ref().unwrap();
    assert_eq!(
        (gateway.port, gateway.login.as_deref(), gateway.has_password),
        (Some(2202), Some("ops"), true)
    );
    let shown = format!("{node:?}");
    assert!(!shown.contains("hunter2") && !shown.contains("secret\n"), "{shown}");
    let all: Vec<_> =
        environment.nodes().iter().map(|(_, node)| node.as_ref().unwrap().name.as_str()).collect();
    assert_eq!(all, ["gw", "n1"]);
}

#[test]
fn a_node_that_cannot_be_used_says_why() {
    let repository = Repository::new();
    let write = |name: &str, text: &str| {
        repository.write(&format!("services/jumpscale__node.ssh__{name}/service.hrd"), text);
    };
    write("no-ip", "instance.login = root");
    write("option", "instance.ip = '-oProxyCommand=x'");
    write("login", "instance.ip = h\ninstance.login = 'a b'");
    write("port", "instance.ip = h\ninstance.ssh.port = 99999");
    write("pool", "instance.ip = h\ninstance.pool = lokal");
    write("local", "instance.ip = h");
    write("stack", "instance.ip = h\ninstance.stack = nope");
    write("key", "instance.ip = h\ninstance.sshkey = gone");
    write("a", "instance.ip = h\ninstance.ssh.gateway = 'b'");
    write("b", "instance.ip = h\ninstance.ssh.gateway = 'a'");
    let environment = repository.environment();
    for (name, said) in [
        ("no-ip", "`instance.ip` is missing"),
        ("option", "`instance.ip` is neither an address nor a host name"),
        ("login", "`instance.login` is no user name"),
        ("port", "`instance.ssh.port` is `99999`, which is no number that fits"),
        (
            "pool",
            "`instance.pool` is of no pool that the settings name: no pool is named `lokal`; did you mean `local`?",
        ),
        ("local", "`instance.ip` is of a node named `local`, which is this machine's own name"),
        ("stack", "`instance.stack` is neither true nor false"),
        ("key", "`instance.sshkey` names `gone`, which is no sshkey service"),
        ("a", "node `a`: its gateways lead in a circle: a -> b -> a"),
    ] {
        let error = environment.node(None, name).unwrap_err().to_string();
        let file = format!("services/jumpscale__node.ssh__{name}/service.hrd: ");
        assert_eq!(error.strip_prefix(&file).unwrap_or(&error), said);
    }
    let error = environment.node(None, "aa").unwrap_err().to_string();
    assert_eq!(error, "no node is named `aa`; did you mean `a`?");
}

#[test]
fn the_first_settings_are_settings() {
    let dir = tempfile::tempdir().unwrap();
    let root = dir.path().join("g9");
    let author = Author { name: "us".to_owned(), email: "us@example.org".to_owned() };
    for (name, expected) in [(None, None), (Some("g\"9"), Some("g\"9"))] {
        ays_repository::init(&root, name, &author).unwrap();
        let found = Environment::find(&root, &Layers::default()).unwrap();
        assert_eq!(found.settings.name.as_deref(), expected);
        std::fs::remove_dir_all(&root).unwrap();
    }
}

#[test]
fn what_two_thousand_nodes_take_grows_as_they_do() {
    let took = |count: usize| {
        let repository = Repository::new();
        for number in 0..count {
            let node = format!("services/jumpscale__node.ssh__n{number}/service.hrd");
            // All but the first go through the one before, up to ten in a row.
            let gateway = match number % 10 {
                0 => String::new(),
                _ => format!("instance.ssh.gateway = 'n{}'\n", number - 1),
            };
            repository.write(&node, &format!("instance.ip = 'h'\ninstance.sshkey = 'k{number}'\n{gateway}"));
            let key = format!("services/jumpscale__sshkey__k{number}/service.hrd");
            repository.write(&key, "instance.key.priv = 'x'\n");
        }
        let environment = repository.environment();
        let begun = std::time::Instant::now();
        assert_eq!(environment.nodes().iter().filter(|(_, node)| node.is_ok()).count(), count);
        environment.node(None, "n1").unwrap();
        begun.elapsed()
    };
    // Eight times as many; a walk for each would take 64 times as long.
    let (few, many) = (took(250), took(2000));
    assert!(many < few * 20, "{few:?} for 250, {many:?} for 2,000");
}
