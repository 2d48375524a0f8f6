//! Secrets that recipes and nodes name: where they go, and where they do not.
#![allow(clippy::panic, clippy::unwrap_used, reason = "a test fails by panicking")]

mod support;

use ays_actions::{Action, Outcome, Progress};
use ays_recipes::{Environment, NodeError, Recipe, RecipeError};
use ays_secrets::{Store, Vault};
use secrecy::{ExposeSecret, SecretString};
use support::{Repository, request};

/// A store whose secret `aydo` is a whole login, `pw` a password, `key1` a private key; those that recipes name may go to `h`.
fn store() -> Store {
    let variable = |(name, secret): (&str, &str)| (format!("AYS_SECRET_{name}"), SecretString::from(secret));
    let secrets = [("AYDO", "pub:hunter2@/#%"), ("PW", "hunter2@/#%:"), ("KEY1", "BEGIN hunter2\nEND")];
    let store = Store::new(secrets.map(variable), Vec::new(), None);
    for name in ["aydo", "pw", "t.main.pw"] {
        store.allowed().unwrap().allow(&name.parse().unwrap(), &["h".parse().unwrap()]).unwrap();
    }
    store
}

fn environment(repository: &Repository) -> Environment {
    let mut environment = repository.environment();
    environment.secrets = store();
    environment
}

fn recipe(repository: &Repository, data: &str) -> Result<Recipe, RecipeError> {
    let environment = environment(repository);
    Recipe::read(&environment, environment.template("t").unwrap(), &request(data, &[]))
}

fn repository(service: &str, instance: &str, actions: &str) -> Repository {
    let repository = Repository::new();
    repository.write("servicetemplates/t/service.hrd", service);
    repository.write("servicetemplates/t/instance.hrd", instance);
    repository.write("servicetemplates/t/actions.py", actions);
    repository
}

fn export(pairs: &str) -> String {
    format!("web.export.1 =\n    {pairs},\n")
}

/// The first line of what is said of a recipe with these pairs, and the help.
fn said(pairs: &str) -> String {
    let error = recipe(&repository(&export(pairs), "", ""), "").unwrap_err();
    let RecipeError::Text(error) = error else { panic!("{error}") };
    assert!(!error.to_string().contains("hunter2"), "{error}");
    format!("{}{}", error.message(), error.help().map(|help| format!("; {help}")).unwrap_or_default())
}

#[test]
fn a_secret_goes_into_an_address_and_shows_nowhere() {
    let instance = "login = '$(secret.AYDO)'\nhost = 'h'\n";
    for (url, source, whole, shown) in [
        ("ftp://$(secret.aydo)@h", "/x", "ftp://pub:hunter2%40%2F%23%25@h/x", "ftp://***@h/x"),
        ("ftps://$(secret.aydo)@h", "/x", "ftps://pub:hunter2%40%2F%23%25@h/x", "ftps://***@h/x"),
        ("ftpes://pub:$(secret.pw)@h", "/x", "ftpes://pub:hunter2%40%2F%23%25%3A@h/x", "ftpes://***@h/x"),
        ("ftp://pub:$(secret.pw)@h/", "x", "ftp://pub:hunter2%40%2F%23%25%3A@h/x", "ftp://***@h/x"),
        ("https://h", "/x?token=$(secret.pw)", "https://h/x?token=hunter2%40%2F%23%25%3A", "https://h/x?***"),
        (
            "ftp://$(instance.login)@$(instance.host)",
            "x",
            "ftp://pub:hunter2%40%2F%23%25@h/x",
            "ftp://***@h/x",
        ),
        ("ftp://pub:pub1234@h", "x", "ftp://pub:pub1234@h/x", "ftp://***@h/x"),
    ] {
        let service = export(&format!("url:'{url}', source:'{source}', dest:'/tmp/x'"));
        let recipe = recipe(&repository(&service, instance, ""), "").unwrap();
        assert_eq!(
            (recipe.downloads[0].url.expose().as_str(), &*recipe.downloads[0].url.to_string()),
            (whole, shown)
        );
        assert!(!format!("{recipe:?}").contains("hunter2"), "{recipe:?}");
    }
}

#[test]
fn where_a_secret_would_show_it_is_refused() {
    let address = "`web.export.1`: $(secret.pw) would be shown: in an address a secret goes into the login \
                   (`ftp://user:$(secret.NAME)@host`), or into the query of http";
    for (pairs, message) in [
        ("url:'http://$(secret.pw)/', dest:'/x'", address),
        ("url:'http://h/', source:'$(secret.pw)', dest:'/x'", address),
        ("url:'$(secret.pw)', dest:'/x'", address),
        (
            "url:'http://h/', dest:'/tmp/$(secret.pw)'",
            "`web.export.1`: `dest` holds $(secret.pw), which would be shown",
        ),
        (
            "url:'http://h/', dest:'/x', sha256:'$(secret.pw)'",
            "`web.export.1`: `sha256` holds $(secret.pw), which would be shown",
        ),
        (
            "url:'http://h/', dest:'/x', sums:'$(secret.pw)'",
            "`web.export.1`: `sums` holds $(secret.pw), which would be shown",
        ),
    ] {
        assert_eq!(said(pairs), message);
    }
}

#[test]
fn a_secret_that_is_not_kept_is_an_error_at_its_place() {
    assert_eq!(
        said("url:'ftp://$(secret.gone)@h', dest:'/x'"),
        "`web.export.1`: `url` holds $(secret.gone), which has no value; keep it with `ays secret set gone`"
    );
    let actions = "class Actions():\n  def configure(self, s):\n    x = '$(secret.gone)'\n";
    let error = recipe(&repository("", "", actions), "").unwrap_err().to_string();
    assert_eq!(
        error,
        "servicetemplates/t/actions.py:3:10: there is no secret `gone`\n  |\n3 |     x = '$(secret.gone)'\n  |          \
         ^^^^^^^^^^^^^^\n  = help: keep it with `ays secret set gone`"
    );
}

#[test]
fn a_store_that_cannot_be_read_is_the_error_and_only_where_a_secret_is_named() {
    let repository = repository(&export("url:'ftp://$(secret.x)@h', dest:'/x'"), "", "");
    let path = repository.path("secrets.age");
    std::fs::write(&path, "not age").unwrap();
    let vault = Vault { file: path.clone(), identity: path };
    let mut environment = repository.environment();
    environment.secrets = Store::new([], Vec::new(), Some(vault));
    let read = |environment: &Environment| {
        Recipe::read(environment, environment.template("t").unwrap(), &request("", &[]))
    };
    assert!(matches!(read(&environment), Err(RecipeError::Secrets(_))));
    repository.write("servicetemplates/t/service.hrd", &export("url:'ftp://pub:pub1234@h', dest:'/x'"));
    read(&environment).unwrap();
}

/// What `configure` comes to.
fn configured(actions: &str, instance: &str, data: &str) -> Result<Progress, String> {
    let service = export("url:'http://h/', dest:'/tmp/x.img'");
    let recipe = recipe(&repository(&service, instance, actions), data).map_err(|error| error.to_string())?;
    let done = recipe.script.unwrap().run("configure").resume(Outcome::Done);
    done.map_err(|error| format!("{error} {error:?}"))
}

#[test]
fn what_is_registered_holds_no_secret() {
    let actions = |name: &str| {
        format!(
            "from CloudscalerLibcloud.imageutil import registerImage\nclass Actions():\n  def configure(self, s):\n    \
             unused = '$(secret.pw)'\n    registerImage(s, {name}, 'Linux', 10)\n"
        )
    };
    let Ok(Progress::Action(Action::RegisterImage(image))) = configured(&actions("'x'"), "", "") else {
        panic!("it is registered")
    };
    assert_eq!(image.name, "x");
    let instance = "pw = @ASK type:password\nnick = 'x$(secret.pw)'\n";
    for (name, reference) in [
        ("'my $(secret.pw)'", "$(secret.pw)"),
        ("unused", "$(secret.pw)"),
        ("'$(instance.pw)'", "$(instance.pw)"),
        ("'$(instance.nick)'", "$(secret.pw)"),
    ] {
        let error = configured(&actions(name), instance, "pw:hunter2").unwrap_err();
        let message = format!("registerImage is given {reference}, which would be shown and recorded");
        assert!(error.starts_with(&format!("servicetemplates/t/actions.py:5:5: {message}\n")), "{error}");
        assert!(!error.contains("hunter2"), "{error}");
    }
}

#[test]
fn a_password_that_is_an_answer_is_as_secret() {
    let instance = "pw = @ASK type:password\nsize = 10\n";
    let service = export("url:'ftp://u:$(instance.pw)@h', dest:'/x'");
    let repository = repository(&service, instance, "");
    let read = |data: &str| recipe(&repository, data).unwrap();
    assert_eq!(read("pw:a#b@c").downloads[0].url.expose().as_str(), "ftp://u:a%23b%40c@h/");
    assert_eq!(
        read("pw:$(secret.pw)").downloads[0].url.expose().as_str(),
        "ftp://u:hunter2%40%2F%23%25%3A@h/"
    );
    // Its digest could be guessed.
    assert_eq!(read("pw:one").answers_digest, read("pw:two").answers_digest);
    assert_ne!(read("pw:one").answers_digest, read("pw:one size:11").answers_digest);
}

#[test]
fn a_node_s_key_can_be_a_secret() {
    let repository = Repository::new();
    repository.write("services/d__node.ssh__n1/service.hrd", "instance.ip = 'h'\ninstance.sshkey = 'ops'\n");
    let key = "services/d__sshkey__ops/service.hrd";
    repository.write(key, "instance.key.priv = $(secret.key1)\n");
    let node = environment(&repository).node(None, "n1").unwrap();
    assert_eq!(node.key.unwrap().private.expose_secret(), "BEGIN hunter2\nEND\n");
    repository.write(key, "instance.key.priv = $(secret.gone)\n");
    let error = environment(&repository).node(None, "n1").unwrap_err();
    assert!(matches!(error, NodeError::NoSecret { .. }));
    assert_eq!(
        error.to_string(),
        "services/d__sshkey__ops/service.hrd: `instance.key.priv` names the secret `gone`, which is not kept: keep it \
         with `ays secret set gone`"
    );
}

#[test]
fn where_secrets_go_is_known_before_they_go() {
    let service = "web.export.1 =\n    url:'https://u:$(secret.aydo)@h:8443', source:'/x?t=$(secret.PW)', dest:'/x',\n\
                   web.export.2 =\n    url:'http://u:$(instance.pw)@h', source:'/x', dest:'/y',\n\
                   web.export.3 =\n    url:'ftp://u:pub@h', source:'/x', dest:'/z',\n\
                   web.export.4 =\n    url:'oci://$(secret.aydo)@r', source:'/a:1', dest:'/d', tokens:'t.example',\n";
    let repository = repository(service, "pw = @ASK type:password\n", "");
    repository.write("ays.toml", "[fetch]\nhttp_proxy = 'http://u:p@proxy:3128'\n");
    for node in ["n1", "n2"] {
        repository.write(&format!("services/d__node.ssh__{node}/service.hrd"), "instance.ip = 'h'\n");
    }
    let environment = environment(&repository);
    let uses = |data: &str, nodes: &[&str]| {
        let template = environment.template("t").unwrap();
        let uses = Recipe::uses(&environment, template, &request(data, nodes)).unwrap();
        let shown = |used: &ays_secrets::Use| {
            let names: Vec<_> = used.secrets.iter().map(ToString::to_string).collect();
            let carriers: Vec<_> = used.carriers.iter().map(|carrier| carrier.id.clone()).collect();
            format!("{} {} {} {}", names.join("+"), used.receiver, used.address, carriers.join(","))
        };
        uses.iter().map(shown).collect::<Vec<_>>()
    };
    assert_eq!(
        uses("pw:hunter2", &["n1", "n2"]),
        [
            "aydo+pw https://h:8443 https://h:8443/x ",
            "n1.t.main.pw+n2.t.main.pw http://h http://h/x http://proxy:3128",
            "aydo oci://r oci://r/a:1 ",
            "aydo https://t.example https://t.example/ "
        ]
    );
    assert_eq!(uses("pw:$(secret.pw)", &[])[1], "pw http://h http://h/x http://proxy:3128");
}
