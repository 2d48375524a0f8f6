//! Files with accounts and what is wrong in them, and the verbs of `ays account`.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use super::{account_file, create_accounts, publish, publish_well, refusal, refuse_accounts};
use crate::support::{Certificate, Door, Registry, Scene, TokenServer};

/// A registry that lets everybody in, at this place.
const OPEN: &str = "http://10.199.0.2:5000";

fn toml(name: &str, more: &str) -> String {
    format!(
        "type = 'docker'\nname = '{name}'\nendpointUrl = '{OPEN}'\nlogin = 'pub'\npassword = 'pub1234'\n{more}"
    )
}

fn yaml(name: &str) -> String {
    format!("type: docker\nname: {name}\nendpointUrl: {OPEN}\nlogin: pub\npassword: pub1234\n")
}

fn names(scene: &Scene) -> Vec<Value> {
    let listed = scene.ays.json(&["account", "list"]);
    listed.as_array().unwrap().iter().map(|account| account["name"].clone()).collect()
}

/// The names of all secrets.
fn secrets(scene: &Scene) -> Vec<String> {
    let listed = scene.ays.json(&["secret", "list"]).to_string();
    let words = listed.split('"').filter(|word| word.starts_with("account."));
    words.map(str::to_owned).collect()
}

#[test]
fn what_is_wrong_in_a_file_is_told_with_its_line() {
    let scene = Scene::new();
    let case = |name: &str, text: &str, faults: &[&str]| {
        let lines: Vec<_> = faults.iter().map(|fault| format!("FILE: {fault}")).collect();
        let expected = format!("error: {}\n", lines.join("\n"));
        assert_eq!(refuse_accounts(&scene, name, text), (Some(3), expected), "{text}");
    };
    case(
        "a.yaml",
        "# ours\ntype: docker\nname: reg\nendpointURL: https://r\nlogin: pub\npassword: geheim\n",
        &[
            "line 4: account reg: `endpointURL` is no field of a docker account; is endpointUrl meant?",
            "line 2: account reg: a docker account needs `endpointUrl`: the registry's address: https://HOST[:PORT]",
        ],
    );
    case(
        "a.toml",
        "type = 'openstack'\nname = 'cloud'\nkeystoneUrl = 'keystone'\nkeystoneVersion = 'v4'\nlogin = 'pub'\n\
         proxyPort = 99999\n",
        &[
            "line 4: account cloud: `keystoneVersion`: `v4` is none of v2.0, v3",
            "line 5: account cloud: `login`: a login and its password are needed, or an application credential",
            "line 3: account cloud: `keystoneUrl`: it is no address: relative URL without a base",
            "line 6: account cloud: `proxyPort`: `99999` is no port",
        ],
    );
    case(
        "b.toml",
        &toml("reg", "").replace("http://", "ftp://pub:geheim@"),
        &["line 3: account reg: `endpointUrl`: it begins with neither https:// nor http://"],
    );
    case(
        "c.toml",
        &toml("reg", "").replace("http://", "http://pub:geheim@"),
        &["line 3: account reg: `endpointUrl`: a login in it would be shown: it has fields of its own"],
    );
    case(
        "d.toml",
        "name = 'reg'\ntype = 'dokcer'\n",
        &["line 2: account reg: `dokcer` is no type of target: aws, docker, openstack are"],
    );
    case("e.toml", "type = 'docker'\n", &["line 1: account number 1: `name` is missing"]);
    case("f.yaml", "name: reg\n", &["line 1: account reg: `type` is missing"]);
    case("g.yaml", "", &["it says no account"]);
    case("h.toml", "", &["it says no account"]);
    case("i.yaml", "accounts: []\n", &["it says no account"]);
    case("j.yaml", "- one\n", &["line 1: it is no table of keys and values"]);
    case("k.yaml", "accounts: reg\n", &["line 1: `accounts` is a list of tables"]);
    case(
        "l.json",
        "{\"type\": \"docker\",\n \"name\": \"reg\",\n \"login\": [1]}",
        &["line 3: `login`: a field is a text, a number, true or false"],
    );
    // All accounts of a list are looked at, and each fault is told of which.
    let list = "accounts:\n- type: docker\n  name: one\n  login: pub\n- type: docker\n  name: two\n  endpointUrl: \
                https://r\n  login: pub\n  password: geheim\n  as: layer\n";
    case(
        "m.yaml",
        list,
        &[
            "line 2: account one: a docker account needs `endpointUrl`: the registry's address: https://HOST[:PORT]",
            "line 2: account one: a docker account needs `password`: its password, or an access token",
            "line 10: account two: `as` is no field of a docker account",
        ],
    );
    case("o.toml", &toml("reg", "password = 'geheim'\n"), &["line 6: duplicate key"]);
    let two = "accounts:\n- {type: docker, name: reg, endpointUrl: https://r, login: a, password: geheim}\n\
               - {type: docker, name: reg, endpointUrl: https://r, login: b, password: geheim}\n";
    case("n.yaml", two, &["line 3: account reg: the file says two accounts of this name"]);
}

#[test]
fn what_is_no_file_of_accounts_is_refused_without_a_word_of_it() {
    let scene = Scene::new();
    for (name, text, line) in [
        ("a.toml", "name = 'reg'\npassword = 'geheim\n", 2),
        ("b.yaml", "name: reg\npassword: 'geheim\n", 2),
        ("c.yaml", "name: reg\n\tpassword: geheim\n", 1),
        ("d.json", "{\"name\": \"reg\",\n\"password\": \"geheim\"", 2),
        ("e.toml", "name = 'reg'\npassword = 0123\n", 2),
    ] {
        let (code, said) = refuse_accounts(&scene, name, text);
        assert_eq!(code, Some(3), "{said}");
        let place = said.strip_prefix("error: FILE: line ").and_then(|said| said.split_once(": "));
        let (found, reason) = place.unwrap_or_else(|| panic!("{name}: {said}"));
        let found: usize = found.parse().unwrap();
        // A text without an end is found at its end.
        assert!((line..=line + 1).contains(&found), "{name}: {said}");
        assert!(!reason.contains("geheim") && !reason.contains("0123"), "{name}: {said}");
    }
    let (code, said) = refuse_accounts(&scene, "accounts.txt", &toml("reg", ""));
    let expected = "error: FILE: its name ends with none of .toml .yaml .yml .json\n";
    assert_eq!((code, said.as_str()), (Some(2), expected));
    let absent = scene.ays.run(&["account", "create", "--file", "/no/such.toml"]);
    let expected = "error: /no/such.toml cannot be read\n  because: No such file or directory (os error 2)\n";
    assert_eq!((absent.code, absent.stderr.as_str()), (Some(2), expected));
    let nothing = scene.ays.run(&["account", "create", "docker"]);
    let expected = "error: there is no terminal to ask on\n  cure: say the account in a file: --file\n";
    assert_eq!((nothing.code, nothing.stderr.as_str()), (Some(2), expected));
}

#[test]
fn accounts_are_made_all_or_none_and_deleted_with_their_secrets() {
    let scene = Scene::new();
    let _registry = Registry::start(&scene.lab);
    assert_eq!(
        scene.ays.succeeds(&["account", "list"]),
        "there is no account yet: ays account create TYPE\n"
    );
    // A list in each kind of file.
    create_accounts(&scene, "one.toml", &format!("[[accounts]]\n{}", toml("a-1", "")));
    let indented = |name: &str| yaml(name).trim_end().replace('\n', "\n  ");
    let listed = format!("accounts:\n- {}\n- {}\n", indented("b_2"), indented("3c"));
    let said = create_accounts(&scene, "two.yml", &listed);
    let seen = |name: &str| format!("account {name} (docker) is made; it sees\n  registry: {OPEN}\n");
    assert_eq!(said, ["b_2", "3c"].map(seen).concat());
    let account = json!({
        "type": "Docker", "name": "four", "endpointUrl": OPEN, "login": "pub", "password": "pub1234",
    });
    create_accounts(&scene, "four.json", &json!({"accounts": [account]}).to_string());
    assert_eq!(names(&scene), ["3c", "a-1", "b_2", "four"]);
    assert_eq!(secrets(&scene).len(), 4);
    let shown = scene.ays.succeeds(&["account", "show", "four"]);
    for line in
        [&format!("endpointUrl  {OPEN}"), "login        pub", "password     ***", "type         docker"]
    {
        assert!(shown.lines().any(|shown| shown == line), "{shown}");
    }

    // One that is not let in is made, and no other of its file.
    let wrong = yaml("later").replace("5000", "5001");
    let both = [yaml("good"), wrong].map(|text| text.trim_end().replace('\n', "\n  "));
    let (code, said) =
        refuse_accounts(&scene, "both.yaml", &format!("accounts:\n- {}\n- {}\n", both[0], both[1]));
    assert_eq!(code, Some(1), "{said}");
    assert!(said.starts_with("error: ") && said.contains("account later"), "{said}");

    let (code, said) = refuse_accounts(&scene, "taken.toml", &toml("four", ""));
    let expected = "error: there is an account `four` already\n  cure: choose another name, or `ays account delete four` first\n";
    assert_eq!((code, said.as_str()), (Some(2), expected));
    let long = "a".repeat(41);
    for name in ["Reg", "-a", "a b", "ä", "a/b", "", long.as_str()] {
        let (code, said) = refuse_accounts(&scene, "name.toml", &toml(name, ""));
        let expected = format!(
            "error: `{name}` is no name of an account: up to 40 small letters, digits, `-` and `_`, a letter or digit first\n"
        );
        assert_eq!((code, said), (Some(2), expected));
    }

    assert_eq!(scene.ays.succeeds(&["account", "delete", "a-1"]), "account a-1 is deleted\n");
    assert_eq!(names(&scene), ["3c", "b_2", "four"]);
    assert_eq!(secrets(&scene), ["account.3c.password", "account.b_2.password", "account.four.password"]);
    let unknown = scene.ays.run(&["account", "delete", "fuor"]);
    let expected =
        "error: there is no account `fuor`; is four meant?\n  cure: `ays account list` shows all\n";
    assert_eq!((unknown.code, unknown.stderr.as_str()), (Some(2), expected));
    create_accounts(&scene, "again.toml", &toml("a-1", ""));
    assert_eq!(names(&scene), ["3c", "a-1", "b_2", "four"]);
}

#[test]
fn a_value_is_what_is_written_and_fields_come_from_a_file() {
    let scene = Scene::new();
    scene.publish_x(91);
    scene.succeeds(&[]);
    let certificate = Certificate::new(&scene.lab);
    let tokens = TokenServer::start(&scene.lab, &certificate);
    let door = Door::Tokens { certificate: &certificate, realm: tokens.realm() };
    let registry = Registry::start_with(&scene.lab, 5000, &door);
    let numbers = yaml("numbers").replace("login: pub", "login: 007").replace("pub1234", "0123");
    create_accounts(&scene, "numbers.yaml", &numbers);
    assert_eq!(scene.ays.json(&["account", "show", "numbers"])["fields"]["login"], "007");
    let asked = tokens.requests();
    let login = format!("Basic {}", STANDARD.encode("007:0123"));
    assert!(asked.iter().any(|request| request.ends_with(&login)), "{asked:?}");

    create_accounts(&scene, "reg.toml", &toml("reg", ""));
    let fields = account_file(
        &scene,
        "fields.yaml",
        "namespace: disks\nrepositoryName: x\ntagName: 007\nas: artifact\n",
    );
    publish_well(&scene, "reg", &[], &["--file", &fields]);
    assert_eq!(registry.tags("disks/x"), ["007"]);
    // What is said on the command line goes before the file.
    publish_well(&scene, "reg", &["tagName=other"], &["--file", &fields]);
    assert_eq!(registry.tags("disks/x"), ["007", "other"]);
    let wrong = account_file(&scene, "wrong.toml", "namespace = 'disks'\nrepositoryName = ['x']\n");
    let refused = publish(&scene, "reg", &[], &["--file", &wrong]);
    let expected =
        format!("error: {wrong}: line 2: `repositoryName`: a field is a text, a number, true or false\n");
    assert_eq!((refused.code, refused.stderr), (Some(3), expected));
    let unknown = publish(&scene, "rge", &["namespace=disks"], &[]);
    let expected = "rge: there is no account `rge`; is reg meant?\n    cure: `ays account list` shows all\n";
    assert_eq!(refusal(unknown), (Some(2), expected.to_owned()));

    // What was published outlives its account, but can be removed only with one of its name.
    scene.ays.succeeds(&["account", "delete", "reg"]);
    let listed = scene.ays.json(&["publication", "list", "--account", "reg"]);
    assert_eq!(listed.as_array().unwrap().len(), 2);
    let refused = scene.ays.run(&["publication", "delete", "1", "--remote"]);
    let expected = "error: there is no account `reg`\n  cure: `ays account list` shows all\n";
    assert_eq!((refused.code, refused.stderr.as_str()), (Some(2), expected));
    scene.ays.succeeds(&["publication", "delete", "1"]);
    assert_eq!(registry.tags("disks/x"), ["007", "other"]);
}
