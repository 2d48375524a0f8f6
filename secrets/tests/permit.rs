//! What secrets may do, and who is asked.
#![allow(clippy::panic, clippy::unwrap_used, reason = "a test fails by panicking")]

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::sync::{Arc, Mutex};

use ays_secrets::{Carrier, Home, HomeError, Operator, Repository, SecretsError, Store, Use, Word};
use tempfile::TempDir;

fn repository(remote: Option<&str>) -> Repository {
    let place =
        remote.map(|remote| remote.trim_start_matches("https://").trim_end_matches(".git").to_owned());
    Repository { root: "/srv/g8".into(), remote: remote.map(str::to_owned), place }
}

fn home(dir: &Path, remote: Option<&str>) -> Home {
    Home { dir: dir.join("g8"), name: "g8".to_owned(), repository: repository(remote) }
}

/// A store whose operator always says this, and what they were asked.
fn store(dir: &Path, word: Option<Word>) -> (Store, Arc<Mutex<Vec<String>>>) {
    let asked = Arc::new(Mutex::new(Vec::new()));
    let told = Arc::clone(&asked);
    let ask = word.map(|word| -> ays_secrets::AskOperator {
        Arc::new(move |question| {
            told.lock().unwrap().push(format!("{question:?}").split(' ').next().unwrap().to_owned());
            word
        })
    });
    let operator = Operator { ask, look_for_https: Some(Arc::new(|address| address.contains("/both/"))) };
    (Store::new([], Vec::new(), None).of(home(dir, Some("https://h/g8")), operator), asked)
}

fn sends(secrets: &[&str], receiver: &str, carriers: Vec<Carrier>) -> Use {
    Use {
        secrets: secrets.iter().map(|name| name.parse().unwrap()).collect(),
        receiver: receiver.parse().unwrap(),
        address: format!("{receiver}/x"),
        carriers,
        by: "image_x".to_owned(),
    }
}

#[test]
fn nothing_goes_anywhere_before_the_operator_says_so_and_they_say_it_once() {
    let dir = TempDir::new().unwrap();
    let used = [sends(&["user", "pw"], "https://a", Vec::new())];
    let (nobody, _) = store(dir.path(), None);
    assert_eq!(
        nobody.permit(&used).unwrap_err().to_string(),
        "image_x sends the secrets `user`, `pw` to https://a, which nobody here allowed: `ays secret allow user https://a` \
         and `ays secret allow pw https://a` lets it go there"
    );
    let (no, asked) = store(dir.path(), Some(Word::No));
    assert!(matches!(no.permit(&used), Err(SecretsError::NotAllowed { .. })));
    assert_eq!(*asked.lock().unwrap(), ["Receiver"]);
    let (stopped, _) = store(dir.path(), Some(Word::Interrupted));
    assert!(matches!(stopped.permit(&used), Err(SecretsError::Interrupted)));
    let (yes, asked) = store(dir.path(), Some(Word::Yes));
    yes.permit(&used).unwrap();
    yes.permit(&used).unwrap();
    assert_eq!(asked.lock().unwrap().len(), 1);
    // It is remembered for those who cannot be asked, in a file of the operator's own.
    nobody.permit(&used).unwrap();
    assert!(nobody.permit(&[sends(&["pw"], "https://b", Vec::new())]).is_err());
    let file = dir.path().join("g8/allowed.json");
    assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
    fs::write(&file, "{").unwrap();
    assert!(matches!(nobody.permit(&used), Err(SecretsError::NotAllowances { .. })));
}

#[test]
fn clear_text_is_refused_where_https_is_to_be_had_whatever_was_allowed() {
    let dir = TempDir::new().unwrap();
    let (store, _) = store(dir.path(), None);
    let allowed = store.allowed().unwrap();
    allowed.allow(&"pw".parse().unwrap(), &["http://a".parse().unwrap()]).unwrap();
    let used = |address: &str| Use { address: address.to_owned(), ..sends(&["pw"], "http://a", Vec::new()) };
    store.permit(&[used("http://a/alone/x")]).unwrap();
    assert!(matches!(store.permit(&[used("http://a/both/x")]), Err(SecretsError::InClear { .. })));
}

#[test]
fn what_the_repository_lets_secrets_go_through_needs_a_word_of_its_own() {
    let dir = TempDir::new().unwrap();
    let (store, _) = store(dir.path(), None);
    store.allowed().unwrap().allow(&"pw".parse().unwrap(), &["a".parse().unwrap()]).unwrap();
    let through = |carrier| [sends(&["pw"], "https://a", vec![carrier])];
    let proxy = |url: &str| Carrier::proxy(&url.parse().unwrap(), "ays.toml:1".to_owned());
    let authority = |digest| Carrier::authority(digest, "ays.toml:2".to_owned());
    let node = |address| Carrier::node("n1", address, "n1/service.hrd".to_owned());
    for carrier in [proxy("http://p:3128"), authority("0a")] {
        let used = through(carrier.clone());
        assert!(matches!(store.permit(&used), Err(SecretsError::Through { .. })), "{carrier:?}");
        store.allowed().unwrap().allow_carriers([carrier.id.as_str()]).unwrap();
        store.permit(&used).unwrap();
    }
    assert!(store.permit(&through(proxy("http://p:3129"))).is_err());
    assert!(store.permit(&through(authority("0b"))).is_err());
    // An operator names the nodes; the repository must not move one.
    store.permit(&through(node("10.0.0.1:22"))).unwrap();
    assert!(store.permit(&through(node("10.0.0.9:22"))).is_err());
    store.permit(&through(node("10.0.0.1:22"))).unwrap();
}

#[test]
fn a_home_is_for_the_repository_that_was_there_first() {
    let dir = TempDir::new().unwrap();
    let claim = |remote, word: Option<Word>| {
        let ask = word.map(|word| -> ays_secrets::AskOperator { Arc::new(move |_| word) });
        home(dir.path(), remote).claim(&Operator { ask, look_for_https: None })
    };
    claim(None, None).unwrap();
    claim(Some("https://h/g8"), None).unwrap();
    claim(Some("https://h/g8"), None).unwrap();
    assert!(matches!(claim(Some("https://evil/g8"), Some(Word::Yes)), Err(HomeError::Stranger { .. })));
    assert!(matches!(claim(None, Some(Word::Yes)), Err(HomeError::Stranger { .. })));
    assert!(matches!(claim(Some("https://h/g8.git"), None), Err(HomeError::Form { .. })));
    claim(Some("https://h/g8.git"), Some(Word::Yes)).unwrap();
    claim(Some("https://h/g8.git"), None).unwrap();
    assert_eq!(
        home(dir.path(), Some("https://new/g8")).trust().unwrap(),
        Some("https://h/g8 and https://h/g8.git".to_owned())
    );
    claim(Some("https://new/g8"), None).unwrap();
    // A store of another one does not even say whether it has a secret.
    let strange =
        Store::new([], Vec::new(), None).of(home(dir.path(), Some("https://evil/g8")), Operator::default());
    assert!(matches!(strange.get(&"pw".parse().unwrap()), Err(SecretsError::Home(_))));
    assert!(strange.list().is_err() && strange.allowed().is_err());
}
