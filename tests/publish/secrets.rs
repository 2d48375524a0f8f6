//! No secret of an account shows: not in what is printed or written, nor on a node. It goes only to the account's service.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use super::stage::Stage;
use super::{account_file, create_accounts};
use crate::support::{
    Certificate, Door, FaultProxy, Lab, OpenStack, ProxyFault, Registry, Scene, TokenServer,
};

/// What nobody may see, and all that was printed so far.
struct Search<'a> {
    scene: &'a Scene,
    secrets: BTreeSet<String>,
    printed: Vec<(String, String)>,
    /// Files that held a word which is a secret here before there was an account: the environment has passwords of its own.
    before: BTreeSet<PathBuf>,
}

impl<'a> Search<'a> {
    fn new(scene: &'a Scene, secrets: &[&str]) -> Self {
        let secrets = secrets.iter().flat_map(|secret| [(*secret).to_owned(), STANDARD.encode(secret)]);
        let (secrets, printed, before) = (secrets.collect(), Vec::new(), BTreeSet::new());
        let mut search = Self { scene, secrets, printed, before };
        search.before = search.files().into_iter().filter(|file| search.found_in(file).is_some()).collect();
        search
    }

    /// Runs `ays`, and keeps what it prints.
    fn run(&mut self, arguments: &[&str], code: i32) {
        let output = self.scene.ays.run(arguments);
        assert_eq!(output.code, Some(code), "{arguments:?}: {output:#?}");
        self.printed.push((arguments.join(" "), [output.stdout, output.stderr].concat()));
    }

    /// All that tells of accounts and publications.
    fn run_what_tells(&mut self, account: &str) {
        for arguments in [
            &["account", "list"][..],
            &["account", "show", account],
            &["publication", "list"],
            &["publication", "show", "1"],
            &["publication", "show", "2"],
            &["recover"],
            &["secret", "list"],
            &["runs"],
            &["audit"],
        ] {
            self.run(arguments, 0);
            self.run(&[arguments, &["--json"]].concat(), 0);
        }
    }

    /// Publishes with an account, in each way; the proxy fails what begins so at the end.
    fn publish(&mut self, account: &str, fields: &[&str], proxy: &FaultProxy, fault: (&str, &str)) {
        let words = |more: &[&'static str]| {
            let mut words = vec!["publish", "-n", "x", "--account", account];
            words.extend(fields.iter().flat_map(|field| ["--set", field]));
            words.extend(more);
            words.into_iter().map(str::to_owned).collect::<Vec<_>>()
        };
        let mut run = |more: &[&'static str], code| {
            let words = words(more);
            self.run(&words.iter().map(String::as_str).collect::<Vec<_>>(), code);
        };
        run(&["--plan"], 0);
        run(&["--plan", "--json"], 0);
        run(&[], 0);
        run(&["--json"], 0);
        proxy.fail(fault.0, fault.1, .., ProxyFault::Status(400));
        run(&["--overwrite"], 1);
        run(&["--overwrite", "--json"], 1);
        proxy.heal();
    }

    fn found(&self, bytes: &[u8]) -> Option<&String> {
        let is_in = |secret: &&String| bytes.windows(secret.len()).any(|part| part == secret.as_bytes());
        self.secrets.iter().find(is_in)
    }

    fn found_in(&self, file: &Path) -> Option<&String> {
        // What runs comes and goes.
        self.found(&fs::read(file).unwrap_or_default())
    }

    /// All files of `ays` and of the environment, and those that the node may write.
    fn files(&self) -> Vec<PathBuf> {
        let ays = &self.scene.ays;
        let places = [ays.state(), ays.home(), ays.temporary(), self.scene.environment.repo()];
        let mut files = self.scene.node.files();
        files.extend(places.into_iter().flat_map(files_below));
        files
    }

    /// That no secret is in what was printed, in the files of `ays`, in the environment, or on the node.
    fn assert_nothing_shows(&self) {
        for (what, printed) in &self.printed {
            assert_eq!(self.found(printed.as_bytes()), None, "ays {what} printed {printed}");
        }
        let files = self.files();
        let is_there = |part: &str| files.iter().any(|file| file.to_string_lossy().contains(part));
        assert!(is_there("/root/.cache/") && is_there("catalogue"), "{files:#?}");
        for file in files.iter().filter(|file| !self.before.contains(*file)) {
            assert_eq!(self.found_in(file), None, "{}", file.display());
        }
    }
}

fn files_below(top: &Path) -> Vec<PathBuf> {
    let (mut left, mut found) = (vec![top.to_owned()], Vec::new());
    while let Some(directory) = left.pop() {
        for entry in fs::read_dir(directory).into_iter().flatten().map_while(Result::ok) {
            match entry.file_type().unwrap() {
                kind if kind.is_dir() => left.push(entry.path()),
                kind if kind.is_file() => found.push(entry.path()),
                _ => {}
            }
        }
    }
    found
}

/// The values of a header in all requests.
fn headers(proxy: &FaultProxy, name: &str) -> BTreeSet<String> {
    let requests = proxy.requests().into_iter().flat_map(|request| request.headers);
    requests.filter(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value).collect()
}

#[test]
fn no_secret_of_a_registry_shows() {
    let scene = Scene::new();
    scene.publish_x(81);
    scene.succeeds(&[]);
    let certificate = Certificate::new(&scene.lab);
    let tokens = TokenServer::start(&scene.lab, &certificate);
    let door = Door::Tokens { certificate: &certificate, realm: tokens.realm() };
    let registry = Registry::start_with_deletion(&scene.lab, 5000, &door);
    let proxy = FaultProxy::start(Lab::CONTROLLER, 0, registry.host());
    let account = format!(
        "type = 'docker'\nname = 'reg'\nendpointUrl = '{}'\nlogin = 'pub'\npassword = 'pub1234'\ntokenUrl = '{}'\n",
        proxy.url(),
        tokens.realm()
    );
    let mut search = Search::new(&scene, &["pub1234", "pub:pub1234", "of-nobody-at-all"]);
    let file = account_file(&scene, "reg.toml", &account);
    search.run(&["account", "create", "--file", &file], 0);
    search.run(&["account", "test", "reg"], 0);
    search.run(&["account", "test", "reg", "--json"], 0);
    let fields = ["as=artifact", "namespace=disks", "repositoryName=x"];
    search.publish("reg", &fields, &proxy, ("PUT", "/manifests/"));
    let wrong = account.replace("'reg'", "'wrong'").replace("pub1234", "of-nobody-at-all");
    let file = account_file(&scene, "wrong.toml", &wrong);
    search.run(&["account", "create", "--file", &file], 0);
    let fields = fields.map(|field| ["--set", field]).concat();
    search.run(&[&["publish", "-n", "x", "--account", "wrong"], &fields[..]].concat(), 1);
    search.run_what_tells("reg");
    let bearers = headers(&proxy, "authorization");
    let token = |bearer: &String| bearer.strip_prefix("Bearer ").expect("a token").to_owned();
    assert!(!bearers.is_empty());
    search.secrets.extend(bearers.iter().map(token));
    search.assert_nothing_shows();
    // It goes to the server of tokens, and not even to the registry.
    assert_eq!(proxy.find("pub1234"), [""; 0]);
    assert_eq!(proxy.find(&STANDARD.encode("pub:pub1234")), [""; 0]);
}

#[test]
fn no_secret_of_a_cloud_shows() {
    let stage = Stage::openstack(82);
    let (scene, images) = (&stage.scene, &stage.proxies[1]);
    let mut search = Search::new(scene, &["of-publisher", "of-nobody-at-all"]);
    search.run(&["account", "test", "cloud"], 0);
    search.run(&["account", "test", "cloud", "--json"], 0);
    let fields = ["keystoneProject=disks"];
    search.publish("cloud", &fields, images, ("PUT", "/file"));
    search.run_what_tells("cloud");
    let (id, secret) = stage.application_credential();
    search.secrets.insert(secret.clone());
    let account = |name: &str, secret: &str| {
        format!(
            "type: openstack\nname: {name}\nkeystoneUrl: {}\napplicationCredentialId: {id}\n\
             applicationCredentialSecret: {secret}\n",
            OpenStack::IDENTITY
        )
    };
    create_accounts(scene, "app.yaml", &account("app", &secret));
    search.run(&["publish", "-n", "x", "--account", "app", "--set", "displayName=app"], 0);
    let file = account_file(scene, "wrong.yaml", &account("wrong", "of-nobody-at-all"));
    search.run(&["account", "create", "--file", &file], 1);
    scene.ays.feed(&["secret", "set", "account.app.applicationCredentialSecret"], "of-nobody-at-all\n");
    search.run(&["account", "test", "app"], 1);
    search.run(&["account", "test", "app", "--json"], 1);
    search.run(&["publish", "-n", "x", "--account", "app", "--set", "displayName=again"], 1);
    search.run_what_tells("app");
    let tokens = headers(images, "x-auth-token");
    assert!(tokens.len() > 1, "{tokens:?}");
    search.secrets.extend(tokens);
    search.assert_nothing_shows();
    for proxy in &stage.proxies {
        assert_eq!(proxy.find("of-publisher"), [""; 0]);
    }
}
