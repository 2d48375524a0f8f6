//! Secrets kept and found again, and what is said when they cannot be.
#![allow(clippy::panic, clippy::unwrap_used, reason = "a test fails by panicking")]

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;

use ays_secrets::{SecretName, SecretsError, Store, Vault};
use secrecy::{ExposeSecret, SecretString};
use tempfile::TempDir;

struct Place(TempDir);

impl Place {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn file(&self) -> PathBuf {
        self.0.path().join("data/secrets.age")
    }

    fn identity(&self) -> PathBuf {
        self.0.path().join("config/ays/age.key")
    }

    fn store(&self) -> Store {
        self.store_with(&[], &[])
    }

    fn store_with(&self, variables: &[(&str, &str)], command: &[&str]) -> Store {
        let variables =
            variables.iter().map(|(name, value)| ((*name).to_owned(), SecretString::from(*value)));
        let vault = Vault { file: self.file(), identity: self.identity() };
        Store::new(variables, command.iter().map(|word| (*word).to_owned()).collect(), Some(vault))
    }

    fn files(&self) -> Vec<String> {
        let mut names: Vec<String> = ["data", "config/ays"]
            .iter()
            .flat_map(|dir| fs::read_dir(self.0.path().join(dir)).into_iter().flatten())
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        names
    }

    /// What is said when the store cannot be used, with no directory in it.
    fn said(&self, error: &SecretsError) -> String {
        error.to_string().replace(&format!("{}/", self.0.path().display()), "")
    }
}

fn name(text: &str) -> SecretName {
    text.parse().unwrap()
}

fn get(store: &Store, text: &str) -> Option<String> {
    store.get(&name(text)).unwrap().map(|secret| secret.expose_secret().to_owned())
}

fn set(store: &Store, text: &str, secret: &str) {
    store.set(&name(text), SecretString::from(secret)).unwrap();
}

fn list(store: &Store) -> Vec<(String, String)> {
    store.list().unwrap().into_iter().map(|(name, origin)| (name.to_string(), origin.to_string())).collect()
}

#[test]
fn a_secret_is_kept_encrypted_for_a_key_that_only_its_user_reads() {
    let place = Place::new();
    let store = place.store();
    assert_eq!((get(&store, "aydo"), list(&store)), (None, Vec::new()));
    set(&store, "Aydo", "pub:hunter2\nü");
    assert_eq!(get(&store, "aydo").as_deref(), Some("pub:hunter2\nü"));
    set(&place.store(), "key1", "two");
    let again = place.store();
    assert_eq!(get(&again, "AYDO").as_deref(), Some("pub:hunter2\nü"));
    let file = place.file().display().to_string();
    assert_eq!(list(&again), [("aydo".to_owned(), file.clone()), ("key1".to_owned(), file)]);

    assert_eq!(place.files(), ["age.key", "secrets.age"]);
    for path in [place.file(), place.identity()] {
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600, "{path:?}");
        assert!(!String::from_utf8_lossy(&fs::read(&path).unwrap()).contains("hunter2"));
    }
    let key = fs::read_to_string(place.identity()).unwrap();
    assert!(key.lines().any(|line| line.starts_with("AGE-SECRET-KEY-1")), "age itself reads it");
    assert!(!format!("{again:?}").contains("hunter2"));
}

#[test]
fn a_removed_secret_is_gone() {
    let place = Place::new();
    let store = place.store();
    assert!(!store.remove(&name("aydo")).unwrap());
    assert_eq!(place.files(), [""; 0]);
    set(&store, "aydo", "one");
    assert!(store.remove(&name("aydo")).unwrap());
    assert_eq!((get(&store, "aydo"), list(&place.store())), (None, Vec::new()));
}

#[test]
fn a_variable_goes_before_the_command_and_that_before_the_file() {
    let place = Place::new();
    set(&place.store(), "a.b", "of the file");
    let command = ["sh", "-c", "test $0 = a.b && printf 'of the command\n\n'", "{}"];
    let with_command = place.store_with(&[("AYS_SECRET_A_B", "")], &command);
    assert_eq!(get(&with_command, "a.b").as_deref(), Some("of the command\n"));
    let all = place
        .store_with(&[("AYS_SECRET_A_B", "of the variable"), ("HOME", "/"), ("AYS_SECRET_Z", "z")], &command);
    assert_eq!(get(&all, "a.b").as_deref(), Some("of the variable"));
    let pair = |name: &str, from: &str| (name.to_owned(), from.to_owned());
    assert_eq!(list(&all), [pair("a.b", "AYS_SECRET_A_B"), pair("z", "AYS_SECRET_Z")]);
}

#[test]
fn the_command_s_environment_holds_no_secret() {
    let place = Place::new();
    let store = place
        .store_with(&[("AYS_SECRET_A", "other")], &["sh", "-c", "echo \"$0-$AYS_SECRET_A-$PATH\"", "{}"]);
    // Of these tests' own variables it has what it needs.
    assert_eq!(get(&store, "b"), Some(format!("b--{}", std::env::var("PATH").unwrap())));
}

#[test]
fn a_command_that_has_no_such_secret_leaves_it_to_the_file() {
    let place = Place::new();
    let store = place.store_with(&[], &["sh", "-c", "echo 'Error: no \x1b[1m{}' >&2; echo more >&2; exit 3"]);
    set(&store, "kept", "of the file");
    assert_eq!(get(&store, "kept").as_deref(), Some("of the file"));
    assert_eq!(
        place.said(&store.get(&name("gone")).unwrap_err()),
        "no secret `gone` is kept (`ays secret set gone` does), and `sh` of secrets.command did not give it (exit status: 3): \
         Error: no [1mgone"
    );
    let store = place.store_with(&[], &["/nowhere/pass", "{}"]);
    assert_eq!(
        place.said(&store.get(&name("gone")).unwrap_err()),
        "`/nowhere/pass` of secrets.command cannot be run"
    );
}

#[test]
fn what_a_command_prints_must_be_text_of_a_sane_length() {
    let place = Place::new();
    for script in ["head -c 1048577 /dev/zero | tr '\\0' a", "printf '\\377'"] {
        let store = place.store_with(&[], &["sh", "-c", script, "{}"]);
        let error = store.get(&name("x")).unwrap_err();
        assert!(matches!(error, SecretsError::NoText { .. }), "{script}: {error}");
    }
}

#[test]
fn what_cannot_be_opened_is_said_and_never_overwritten() {
    let place = Place::new();
    set(&place.store(), "aydo", "one");
    let (file, key) = (fs::read(place.file()).unwrap(), fs::read(place.identity()).unwrap());
    let other = Place::new();
    set(&other.store(), "aydo", "two");
    let mut damaged = file.clone();
    *damaged.last_mut().unwrap() ^= 1;
    let foreign = "data/secrets.age was encrypted for another key than config/ays/age.key, or is damaged: bring the key or \
                   the file back, or move the file away and set its secrets again";
    let is_damaged =
        "data/secrets.age is damaged: bring it back from a backup, or move it away and set its secrets again";
    for (file, key, said) in [
        (fs::read(other.file()).unwrap(), Some(key.clone()), foreign),
        (damaged, Some(key.clone()), is_damaged),
        (file[..file.len() / 2].to_vec(), Some(key.clone()), is_damaged),
        (b"not age".to_vec(), Some(key.clone()), is_damaged),
        (Vec::new(), Some(key.clone()), is_damaged),
        (
            file.clone(),
            Some(b"# none\n".to_vec()),
            "config/ays/age.key holds no age key (AGE-SECRET-KEY-1..)",
        ),
        (
            file.clone(),
            None,
            "the secrets in data/secrets.age need the key config/ays/age.key, which is not there: bring it back; where it \
             is lost, so are they: move the file away and set them again",
        ),
    ] {
        fs::write(place.file(), &file).unwrap();
        match &key {
            Some(key) => fs::write(place.identity(), key).unwrap(),
            None => fs::remove_file(place.identity()).unwrap(),
        }
        let store = place.store();
        let errors = [
            store.get(&name("aydo")).unwrap_err(),
            store.list().unwrap_err(),
            store.set(&name("aydo"), SecretString::from("three")).unwrap_err(),
            store.remove(&name("aydo")).unwrap_err(),
        ];
        assert_eq!(errors.map(|error| place.said(&error)), [said; 4]);
        assert_eq!(fs::read(place.file()).unwrap(), file);
        assert_eq!(fs::read(place.identity()).ok(), key);
    }
}

#[test]
fn a_key_that_others_may_read_is_refused() {
    let place = Place::new();
    set(&place.store(), "aydo", "one");
    fs::set_permissions(place.identity(), fs::Permissions::from_mode(0o640)).unwrap();
    assert_eq!(
        place.said(&place.store().get(&name("aydo")).unwrap_err()),
        "others may read config/ays/age.key, which opens all secrets: chmod 600 config/ays/age.key"
    );
}

#[test]
fn writers_at_once_lose_nothing() {
    let place = Place::new();
    let names: Vec<String> = (0..16).map(|number| format!("s{number:02}")).collect();
    std::thread::scope(|scope| {
        for name in &names {
            let store = place.store();
            scope.spawn(move || set(&store, name, name));
        }
    });
    let kept: Vec<_> = list(&place.store()).into_iter().map(|(name, _)| name).collect();
    assert_eq!(kept, names);
    assert_eq!(place.files(), ["age.key", "secrets.age"]);
}

#[test]
fn a_writer_that_was_killed_harms_nobody() {
    let place = Place::new();
    set(&place.store(), "aydo", "one");
    fs::write(place.0.path().join("data/.secrets.age.ays-part"), "half").unwrap();
    assert_eq!(get(&place.store(), "aydo").as_deref(), Some("one"));
    set(&place.store(), "aydo", "two");
    assert_eq!(get(&place.store(), "aydo").as_deref(), Some("two"));
    assert_eq!(place.files(), ["age.key", "secrets.age"]);
}

#[test]
fn nothing_is_opened_before_it_is_needed() {
    let place = Place::new();
    fs::create_dir_all(place.file().parent().unwrap()).unwrap();
    fs::write(place.file(), "not age").unwrap();
    let store = place.store_with(&[("AYS_SECRET_A", "one")], &[]);
    assert_eq!(get(&store, "a").as_deref(), Some("one"));
}
