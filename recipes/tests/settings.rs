//! Settings as operators and teams write them: which layer wins, what is said of a mistake, how a source is reached.
#![allow(clippy::panic, clippy::unwrap_used, reason = "a test fails by panicking")]

use std::path::{Path, PathBuf};
use std::time::Duration;

use ays_model::{Network, SecretUrl};
use ays_recipes::{Flag, Layers, Settings, SettingsError};
use tempfile::TempDir;

/// A machine's file, a user's and `ays.toml`, in one directory.
struct Machine {
    dir: TempDir,
    layers: Layers,
}

impl Machine {
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let files = ["etc.toml", "user.toml"].map(|name| dir.path().join(name)).to_vec();
        Self { layers: Layers { files, ..Layers::default() }, dir }
    }

    /// One with this `ays.toml`.
    fn with(text: &str) -> Self {
        let machine = Self::new();
        machine.write("ays.toml", text);
        machine
    }

    fn write(&self, file: &str, text: &str) {
        std::fs::write(self.path(file), text).unwrap();
    }

    fn path(&self, file: &str) -> PathBuf {
        self.dir.path().join(file)
    }

    fn set(&mut self, name: &str, value: &str) {
        self.layers.variables.push((name.to_owned(), value.to_owned()));
    }

    fn read(&self) -> Result<Settings, SettingsError> {
        Settings::read(&self.layers, Some(&self.path("ays.toml")))
    }

    fn settings(&self) -> Settings {
        self.read().unwrap()
    }

    /// What is said of its mistake, with no directory in it.
    fn said(&self) -> String {
        let said = self.read().unwrap_err().to_string();
        said.replace(&format!("{}/", self.dir.path().display()), "")
    }

    /// Every key as `key = value (origin)`.
    fn all(&self) -> Vec<String> {
        let dir = format!("{}/", self.dir.path().display());
        let settings = self.settings();
        let line = |setting: &ays_recipes::Setting| {
            format!("{} = {} ({})", setting.key(), setting.value, setting.origin).replace(&dir, "")
        };
        settings.all().iter().map(line).collect()
    }

    /// One key as `value (origin)`.
    fn shown(&self, key: &str) -> String {
        let begin = format!("{key} = ");
        self.all().iter().find_map(|line| line.strip_prefix(&begin)).unwrap().to_owned()
    }
}

fn url(text: &str) -> SecretUrl {
    SecretUrl::parse(text).unwrap()
}

fn exposed(urls: &[SecretUrl]) -> Vec<&str> {
    urls.iter().map(|url| url.expose().as_str()).collect()
}

#[test]
fn without_any_layer_the_defaults_hold_and_all_of_them_are_shown() {
    assert_eq!(
        Machine::new().all(),
        [
            r#"database = "" (default)"#,
            r#"name = "" (default)"#,
            r#"fetch.ca = [] (default)"#,
            r#"fetch.http_proxy = "" (default)"#,
            r#"fetch.https_proxy = "" (default)"#,
            r#"fetch.limit = "" (default)"#,
            r#"fetch.no_proxy = "" (default)"#,
            r#"fetch.share = true (default)"#,
            r#"fetch.stall_rate = "1KiB" (default)"#,
            r#"fetch.stall_time = "60s" (default)"#,
            r#"fetch.tries = 5 (default)"#,
            r#"install.parallel = 32 (default)"#,
            r#"jobs.keep = "90d" (default)"#,
            r#"pool.local.format = "raw" (default)"#,
            r#"pool.local.path = "/var/lib/ays/templates" (default)"#,
            r#"pool.local.shared = false (default)"#,
            "recipes.system_paths = [] (default)",
            r#"scrub.rate = "50MB" (default)"#,
            "secrets.command = [] (default)",
            r#"ssh.keep = "60s" (default)"#,
            r#"system.paths.base = "/opt/jumpscale7" (default)"#,
            r#"system.paths.tmp = "/opt/jumpscale7/var/tmp" (default)"#,
            r#"system.paths.var = "/opt/jumpscale7/var" (default)"#,
            r#"values.base = "/opt/jumpscale7" (default)"#,
        ]
    );
    let settings = Machine::new().settings();
    assert_eq!((settings.name.as_deref(), settings.fetch.share), (None, true));
    assert_eq!((settings.install.parallel.get(), settings.ssh.keep), (32, Duration::from_secs(60)));
    assert_eq!(settings.scrub.rate.map(u64::from), Some(50_000_000));
    assert_eq!(settings.value("system.paths.tmp"), Some("/opt/jumpscale7/var/tmp"));
    assert_eq!(settings.network(&url("https://h/x")), Network::default());
}

#[test]
fn a_repository_s_pool_is_not_where_a_node_s_system_is_unless_the_operator_says_so() {
    let machine = Machine::with("[pool.a]\npath = '/etc/a'\n");
    let cure = "choose another directory, or allow it in recipes.system_paths of ~/.config/ays/config.toml";
    let said = format!("ays.toml:2: /etc/a lies where the node's own system does; {cure}");
    assert_eq!(machine.said(), said);
    machine.write("user.toml", "[recipes]\nsystem_paths = ['/etc/a']\n");
    assert_eq!(machine.settings().pool("a").unwrap().path, Path::new("/etc/a"));
    let machine = Machine::with("");
    machine.write("user.toml", "[pool.a]\npath = '/usr/a'\n");
    assert_eq!(machine.settings().pool("a").unwrap().path, Path::new("/usr/a"));
    let machine = Machine::with("[recipes]\nsystem_paths = ['/etc']\n");
    assert!(machine.said().contains("it permits what recipes ask for, so no repository can say it"));
}

#[test]
fn the_later_layer_wins_key_by_key() {
    let mut machine = Machine::with("[install]\nparallel = 3\n\n[fetch]\ntries = 3\nlimit = '3MB'\n");
    machine
        .write("etc.toml", "ssh.keep = '1m'\ninstall.parallel = 1\nfetch = { tries = 1, limit = '1MB' }\n");
    machine.write("user.toml", "[ssh]\nkeep = '2m'\n[install]\nparallel = 2\n");
    machine.set("AYS_INSTALL_PARALLEL", "4");
    machine.set("AYS_FETCH_LIMIT", "4MB");
    machine.layers.flags.push(Flag { key: "install.parallel", flag: "--parallel", value: "5".to_owned() });
    assert_eq!(machine.shown("install.parallel"), "5 (--parallel)");
    assert_eq!(machine.shown("fetch.limit"), r#""4MB" (AYS_FETCH_LIMIT)"#);
    assert_eq!(machine.shown("fetch.tries"), "3 (ays.toml:5)");
    assert_eq!(machine.shown("ssh.keep"), r#""2m" (user.toml:2)"#);
    assert_eq!(machine.shown("fetch.stall_time"), r#""60s" (default)"#);
    let settings = machine.settings();
    assert_eq!((settings.install.parallel.get(), settings.ssh.keep), (5, Duration::from_secs(120)));
    let network = settings.network(&url("ftp://h/x"));
    assert_eq!((network.tries, network.limit.map(u64::from)), (3, Some(4_000_000)));
}

#[test]
fn a_pool_may_name_the_user_that_reads_it() {
    let settings = Machine::with("[pool.a]\npath = '/a'\nuser = 'libvirt-qemu'\n").settings();
    let user = |pool: &str| settings.pool(pool).unwrap().user.clone();
    assert_eq!((user("a"), user("local")), (Some("libvirt-qemu".into()), None));
}

#[test]
fn a_pool_names_the_directories_of_machines_that_use_it() {
    let mut machine = Machine::with("[pool.a]\npath = '/a'\nusers = ['/var/lib/libvirt/images']\n");
    let users = |machine: &Machine| machine.settings().pool("a").unwrap().users.clone();
    assert_eq!(users(&machine), [Path::new("/var/lib/libvirt/images")]);
    machine.set("AYS_POOL_A_USERS", "/vm/one, /vm/two");
    assert_eq!(users(&machine), [Path::new("/vm/one"), Path::new("/vm/two")]);
    assert!(machine.settings().pool("local").unwrap().users.is_empty());
}

#[test]
fn a_variable_sets_any_key_that_there_is_and_others_are_left_alone() {
    let mut machine = Machine::with("[pool.vm-stor]\npath = '/mnt/vmstor'\n[values]\norigin = 'a'\n");
    for (name, value) in [
        ("AYS_NAME", "g8"),
        ("AYS_SSH_KEEP", "0s"),
        ("AYS_FETCH_SHARE", "false"),
        ("AYS_POOL_VM_STOR_PATH", "/mnt/other"),
        ("AYS_SYSTEM_PATHS_BASE", "/opt/ays"),
        ("AYS_VALUES_ORIGIN", "b"),
        ("AYS_HOME", "/root"),
        ("AYS_SEED", "1"),
        ("AYS_TEST_CACHE", "/var/cache"),
        ("AYS_INSTALLER", "not ours"),
        ("HOME", "/root"),
    ] {
        machine.set(name, value);
    }
    let settings = machine.settings();
    assert_eq!((settings.name.as_deref(), settings.fetch.share), (Some("g8"), false));
    assert_eq!(settings.ssh.keep, Duration::ZERO);
    assert_eq!(settings.pool("vm-stor").unwrap().path, PathBuf::from("/mnt/other"));
    assert_eq!(
        (settings.value("system.paths.base"), settings.value("origin")),
        (Some("/opt/ays"), Some("b"))
    );
}

#[test]
fn an_unknown_key_is_an_error_with_near_names_in_any_layer() {
    for (text, said) in [
        (
            "[fetch]\nhttp_prox = ''",
            "ays.toml:2:1: no key is named `http_prox`; did you mean `http_proxy`, `https_proxy`?\n  |\n2 | http_prox = ''\n  | ^^^^^^^^^",
        ),
        (
            "[instal]\n",
            "ays.toml:1:2: no key is named `instal`; did you mean `install`?\n  |\n1 | [instal]\n  |  ^^^^^^",
        ),
        (
            "parallel = 8",
            "ays.toml:1:1: no key is named `parallel`; did you mean `install.parallel`?\n  |\n1 | parallel = 8\n  | ^^^^^^^^",
        ),
        (
            "[pool.vmstor]\npath = '/mnt'\nshard = true\n",
            "ays.toml:3:1: no key is named `shard`; did you mean `shared`?\n  |\n3 | shard = true\n  | ^^^^^",
        ),
        (
            "source.'https://h'.tries = 1",
            "ays.toml:1:20: no key is named `tries`; did you mean `fetch.tries`?\n  |\n1 | source.'https://h'.tries = 1\n  |                    ^^^^^",
        ),
        ("[zzz]", "ays.toml:1:2: no key is named `zzz`\n  |\n1 | [zzz]\n  |  ^^^"),
    ] {
        assert_eq!(Machine::with(text).said(), said);
    }
    let machine = Machine::new();
    machine.write("etc.toml", "instal.parallel = 1\n");
    assert_eq!(
        machine.said().lines().next(),
        Some("etc.toml:1:1: no key is named `instal`; did you mean `install`?")
    );
    let mut machine = Machine::new();
    machine.set("AYS_INSTALL_PARALEL", "8");
    assert_eq!(
        machine.said(),
        "no variable is named `AYS_INSTALL_PARALEL`; did you mean `AYS_INSTALL_PARALLEL`?"
    );
}

#[test]
fn a_wrong_value_is_shown_in_its_place_even_where_another_layer_wins() {
    let machine = Machine::with("[fetch]\nlimit = '1MB'\n");
    machine.write("user.toml", "[fetch]\nlimit = 'fast'\n");
    assert_eq!(
        machine.said(),
        "user.toml:2:9: must be a size such as \"10MB\" or \"1KiB\"\n  |\n2 | limit = 'fast'\n  |         ^^^^^^"
    );
    let first = |text: &str| Machine::with(text).said().lines().next().unwrap().to_owned();
    for (text, said) in [
        ("install.parallel = 0", "ays.toml:1:20: must be a whole number from 1 up"),
        ("install.parallel = '8'", "ays.toml:1:20: must be a whole number from 1 up"),
        ("install = 8", "ays.toml:1:11: keys belong here, not a value"),
        ("ssh.keep = '1'", "ays.toml:1:12: must be a time such as \"60s\", \"5m\" or \"1h\""),
        ("ssh.keep = 60", "ays.toml:1:12: must be text in quotes"),
        ("fetch.stall_time = '0s'", "ays.toml:1:20: must be at least \"1s\""),
        ("fetch.limit = '0'", "ays.toml:1:15: must not be 0; without a limit it is \"\""),
        ("fetch.share = 'yes'", "ays.toml:1:15: must be true or false"),
        ("fetch.ca = 'a.pem'", "ays.toml:1:12: must be a list of texts"),
        ("pool.a.path = 'mnt/../etc'", "ays.toml:1:15: must be absolute and without `..`"),
        ("pool.a.user = '-x'", "ays.toml:1:15: must be a user's name such as \"libvirt-qemu\""),
        ("pool.a.user = ''", "ays.toml:1:15: must be a user's name such as \"libvirt-qemu\""),
        ("pool.a.users = '/vm'", "ays.toml:1:16: must be a list of texts"),
        ("pool.a.users = ['vm']", "ays.toml:1:16: must be absolute and without `..`"),
        ("pool.a.format = 'vmdk'", "ays.toml:1:17: must be \"raw\" or \"qcow2\""),
        ("source.'https://h'.mirrors = ['h/x']", "ays.toml:1:30: must be addresses without a query"),
        (
            "source.'cloud-images.ubuntu.com'.limit = '1MB'",
            "ays.toml:1:8: must be the beginning of an address: \"https://host\" or \"https://host/path\", without a login",
        ),
        ("install.parallel = ", "ays.toml:1:20: string values must be quoted, expected literal string"),
    ] {
        assert_eq!(first(text), said, "{text}");
    }
    assert_eq!(Machine::with("pool.a.format = 'raw'").said(), "ays.toml:1: pool `a` has no `path`");
    let mut machine = Machine::new();
    machine.set("AYS_INSTALL_PARALLEL", "many");
    assert_eq!(machine.said(), "AYS_INSTALL_PARALLEL must be a whole number from 1 up");
}

#[test]
fn a_login_shows_nowhere() {
    let proxy = "http://user:hunter2@proxy:3128";
    let mut machine = Machine::with(&format!(
        "[fetch]\nhttp_proxy = '{proxy}'\n[source.'http://h']\nmirrors = ['{proxy}/a']\n"
    ));
    machine.set("AYS_FETCH_HTTPS_PROXY", proxy);
    assert_eq!(machine.shown("fetch.http_proxy"), r#""http://***@proxy:3128/" (ays.toml:2)"#);
    assert_eq!(machine.shown("fetch.https_proxy"), r#""http://***@proxy:3128/" (AYS_FETCH_HTTPS_PROXY)"#);
    assert_eq!(machine.shown(r#"source."http://h".mirrors"#), r#"["http://***@proxy:3128/a"] (ays.toml:4)"#);
    let settings = machine.settings();
    assert!(!format!("{settings:?}").contains("hunter2"));
    assert_eq!(
        settings.network(&url("http://h/")).http_proxy.unwrap().expose().as_str(),
        format!("{proxy}/")
    );
    for text in [
        "fetch.http_proxy = 'user:hunter2@proxy'",
        "fetch.http_proxy = 'http://user:hun/ter2@proxy'",
        "fetch.http_proxy = 'http://user:a=hunter2@proxy",
        "fetch.http_proxy = http://user:hunter2@proxy",
        "[source.'http://user:a=hunter2@h']\nlimit = ''",
        "source.h.mirrors = [\n  'http://user:a=hunter2@h',\n  'x'\n]",
    ] {
        let said = Machine::with(text).said();
        assert!(!said.contains("ter2"), "{said}");
    }
    machine.set("AYS_FETCH_HTTP_PROXY", "socks5://user:hunter2@proxy");
    assert_eq!(
        machine.said(),
        "AYS_FETCH_HTTP_PROXY must be an address such as \"http://proxy:3128\", or \"none\", or \"\""
    );
}

#[test]
fn who_writes_to_the_repository_cannot_say_what_is_run_here() {
    assert_eq!(
        Machine::with("[secrets]\ncommand = ['sh', '-c', '{}']\n").said(),
        "ays.toml:2:1: it is run on this machine, so no repository can say it: /etc/ays/config.toml or \
         ~/.config/ays/config.toml can\n  |\n2 | command = ['sh', '-c', '{}']\n  | ^^^^^^^"
    );
    let mut machine = Machine::new();
    assert_eq!(machine.settings().secrets.command, [""; 0]);
    machine.write("user.toml", "[secrets]\ncommand = ['pass', 'show', 'ays/{}']\n");
    assert_eq!(machine.settings().secrets.command, ["pass", "show", "ays/{}"]);
    machine.set("AYS_SECRETS_COMMAND", "vault get {}");
    // Those are the secrets themselves.
    machine.set("AYS_SECRET_AYDO", "hunter2");
    assert_eq!(machine.settings().secrets.command, ["vault", "get", "{}"]);
    machine.set("AYS_SECRETS_COMMAND", "pass show");
    assert_eq!(
        machine.said(),
        "AYS_SECRETS_COMMAND must be a program and its arguments, one of them with {} for the secret's name"
    );
}

#[test]
fn a_source_has_its_own_settings_over_those_of_all() {
    let machine = Machine::with(
        "[fetch]\nhttp_proxy = 'http://all:1'\nhttps_proxy = 'http://all:1'\nlimit = '1MB'\ntries = 2\n\
         [source.'https://h/Big/']\nlimit = ''\nhttps_proxy = 'none'\n\
         [source.'https://H']\nlimit = '9MB'\nno_proxy = 'a'\n",
    );
    let settings = machine.settings();
    let all = settings.network(&url("https://other/x"));
    let proxy = Some(url("http://all:1"));
    assert_eq!((&all.http_proxy, &all.https_proxy, all.tries), (&proxy, &proxy, 2));
    assert_eq!(all.limit.map(u64::from), Some(1_000_000));
    assert_eq!(
        settings.network(&url("https://user:secret@h:443/x")),
        Network { no_proxy: Some("a".to_owned()), limit: Some(9_000_000.try_into().unwrap()), ..all.clone() }
    );
    assert_eq!(settings.network(&url("https://h/Bigger")).no_proxy.as_deref(), Some("a"));
    assert_eq!(
        settings.network(&url("https://h/Big/x")),
        Network { https_proxy: None, no_proxy: Some("*".to_owned()), limit: None, ..all.clone() }
    );
    for other in ["http://h/x", "https://h:444/x", "https://h.example.org/x", "https://x/https://h/"] {
        assert_eq!(settings.network(&url(other)), all, "{other}");
    }
}

#[test]
fn mirrors_take_the_place_of_the_beginning_and_get_no_login() {
    let machine = Machine::with(
        "[source.'https://h/images']\nmirrors = ['https://m/ubuntu/', 'ftp://pub:pub@m', 'file:///srv']\n",
    );
    let settings = machine.settings();
    assert_eq!(
        exposed(&settings.mirrors(&url("https://user:secret@h/images/a%20b/x.img"))),
        ["https://m/ubuntu/a%20b/x.img", "ftp://pub:pub@m/a%20b/x.img", "file:///srv/a%20b/x.img"]
    );
    for none in [
        "https://h/images/x?token=secret",
        "https://h/imagesque/x",
        "https://h/images/../x",
        "http://h/images/x",
    ] {
        assert_eq!(settings.mirrors(&url(none)), [], "{none}");
    }
}

#[test]
fn certificates_are_read_beside_the_file_that_names_them_and_nothing_else_of_theirs() {
    let pem = |what: &str| format!("-----BEGIN {what}-----\nMIIB\n-----END {what}-----\n");
    let machine = Machine::with("fetch.ca = ['both.pem']\nsource.'http://h'.ca = []\n");
    machine.write("both.pem", &format!("note\n{}{}", pem("PRIVATE KEY"), pem("CERTIFICATE").repeat(2)));
    let settings = machine.settings();
    assert_eq!(settings.network(&url("https://h/")).authorities, [pem("CERTIFICATE").repeat(2)]);
    assert_eq!(settings.network(&url("http://h/")).authorities, [""; 0]);
    machine.write("both.pem", &pem("PRIVATE KEY"));
    assert_eq!(machine.said(), "ays.toml:1: both.pem holds no certificate in PEM");
    std::fs::remove_file(machine.path("both.pem")).unwrap();
    assert_eq!(machine.said(), "ays.toml:1: both.pem cannot be read");
}
