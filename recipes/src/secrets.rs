//! What must not be seen: `$(secret.NAME)`, and passwords among the answers.
//!
//! In all texts of a recipe a word stands for each of them. What it stands for is put in at the last moment, and only
//! where nobody sees it, so that no other way leads to an output, a record or an error.

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::hash::{BuildHasher, Hasher, RandomState};
use std::path::PathBuf;

use ays_actions::Script;
use ays_grammar::hrd::{self, Substituted};
use ays_grammar::{Diagnostic, Span};
use ays_model::{SecretUrl, UrlError, Words};
use ays_secrets::{Receiver, SecretName, SecretsError, Store, Use};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use secrecy::{ExposeSecret, SecretString};

use crate::settings::Settings;

/// What references to secrets begin with, in lower case.
pub(crate) const SECRET: &str = "secret.";

/// All characters that could end a part of an address, or a part of that.
const IN_ADDRESS: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// The secrets that one recipe or node names.
pub(crate) struct Secrets<'a> {
    /// None: each secret is taken to be there.
    store: Option<&'a Store>,
    /// Nobody can write a word of ours beforehand.
    nonce: u64,
    hidden: RefCell<Vec<Hidden>>,
    /// Where they are sent; who says so is not known yet.
    uses: RefCell<Vec<Use>>,
    /// What the nodes of the recipe get.
    on_nodes: RefCell<BTreeSet<SecretName>>,
    failed: RefCell<Option<SecretsError>>,
}

struct Hidden {
    word: String,
    /// As a recipe writes it: `$(secret.aydo)`.
    reference: String,
    secret: SecretString,
    /// What it is called in the store, now or when its answer is written down; empty for what the repository itself holds.
    names: Vec<SecretName>,
}

/// Why an address cannot be had.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum AddressError {
    #[error(transparent)]
    Url(#[from] UrlError),
    #[error(
        "{0} would be shown: in an address a secret goes into the login (`ftp://user:$(secret.NAME)@host`), or into the \
         query of http"
    )]
    Shown(String),
}

impl<'a> Secrets<'a> {
    pub fn new(store: &'a Store) -> Self {
        Self { store: Some(store), ..Self::assumed() }
    }

    /// Those of a recipe that is only looked at: any secret may be there.
    pub fn assumed() -> Self {
        let nonce = RandomState::new().build_hasher().finish();
        let (hidden, uses, on_nodes, failed) = Default::default();
        Self { store: None, nonce, hidden, uses, on_nodes, failed }
    }

    /// The word for a secret of the store; none where it has no such secret, or cannot be read.
    pub fn word(&self, name: &str) -> Option<String> {
        let name: SecretName = name.parse().ok()?;
        let found = match self.store {
            Some(store) => store.get(&name),
            None => Ok(Some(SecretString::from("example"))),
        };
        match found {
            Ok(secret) => Some(self.hide(format!("$({SECRET}{name})"), secret?, vec![name])),
            Err(error) => {
                self.failed.borrow_mut().get_or_insert(error);
                None
            }
        }
    }

    /// The word for a secret that a recipe calls so, and the store by these names.
    pub fn hide(&self, reference: String, secret: SecretString, names: Vec<SecretName>) -> String {
        let mut hidden = self.hidden.borrow_mut();
        if let Some(known) = hidden.iter().find(|hidden| hidden.reference == reference) {
            return known.word.clone();
        }
        let word = format!("ays{:016x}secret{}x", self.nonce, hidden.len());
        hidden.push(Hidden { word: word.clone(), reference, secret, names });
        word
    }

    /// The words so far.
    pub fn words(&self) -> Words {
        let hidden = self.hidden.borrow();
        Words::new(hidden.iter().map(|hidden| (hidden.word.clone(), hidden.reference.clone())))
    }

    /// The text with its `$(secret.NAME)` put in; those of no secret are left as they stand.
    pub fn reveal(&self, text: &str) -> SecretString {
        let revealed = hrd::substitute(text, &|key| {
            let _ = self.word(key.strip_prefix(SECRET)?)?;
            let hidden = self.hidden.borrow();
            let known = hidden.iter().find(|hidden| hidden.reference == format!("$({key})"))?;
            Some(known.secret.expose_secret().to_owned())
        });
        SecretString::from(revealed)
    }

    /// A text as people may see it: each secret by the name that the recipe gives it.
    pub fn shown(&self, text: &str) -> String {
        let hidden = self.hidden.borrow();
        hidden.iter().fold(text.to_owned(), |text, hidden| text.replace(&hidden.word, &hidden.reference))
    }

    /// A text with its secrets put in, which nodes get; which secrets those are is noted.
    pub fn for_nodes(&self, text: &str) -> SecretString {
        let hidden = self.hidden.borrow();
        let used: Vec<_> = hidden.iter().filter(|hidden| text.contains(&hidden.word)).collect();
        self.on_nodes.borrow_mut().extend(used.iter().flat_map(|hidden| hidden.names.iter().cloned()));
        let text = used
            .iter()
            .fold(text.to_owned(), |text, hidden| text.replace(&hidden.word, hidden.secret.expose_secret()));
        SecretString::from(text)
    }

    /// The secrets that a text holds.
    pub fn held_by(&self, text: &str) -> Vec<SecretString> {
        let hidden = self.hidden.borrow();
        let held = hidden.iter().filter(|hidden| text.contains(&hidden.word));
        held.map(|hidden| hidden.secret.clone()).collect()
    }

    /// The words that a recipe's methods may send to nodes, each with its secret; which secrets those are is noted.
    pub fn of_methods(&self, is_used: &dyn Fn(&str) -> bool) -> Vec<(String, SecretString)> {
        let hidden = self.hidden.borrow();
        let used: Vec<_> = hidden.iter().filter(|hidden| is_used(&hidden.word)).collect();
        self.on_nodes.borrow_mut().extend(used.iter().flat_map(|hidden| hidden.names.iter().cloned()));
        used.iter().map(|hidden| (hidden.word.clone(), hidden.secret.clone())).collect()
    }

    /// A text as the answer of another recipe: a secret that the store has is named, so that it stays there.
    pub fn for_recipes(&self, text: &str) -> String {
        let is_kept =
            |name: &&SecretName| self.store.is_some_and(|store| matches!(store.get(name), Ok(Some(_))));
        let hidden = self.hidden.borrow();
        hidden.iter().fold(text.to_owned(), |text, hidden| match hidden.names.iter().find(is_kept) {
            _ if !text.contains(&hidden.word) => text,
            Some(name) => text.replace(&hidden.word, &format!("$({SECRET}{name})")),
            None => text.replace(&hidden.word, hidden.secret.expose_secret()),
        })
    }

    /// The secrets that the recipe's nodes get.
    pub fn of_nodes(&self) -> Vec<SecretName> {
        self.on_nodes.borrow().iter().cloned().collect()
    }

    /// An address with its secrets put in, as its parts need it: one that is the whole login is `user:password`, one that
    /// is the whole query is put in as it is, and of others every character counts as itself. Where they are sent is noted.
    pub fn address(&self, text: &str, settings: &Settings) -> Result<SecretUrl, AddressError> {
        let hidden = self.hidden.borrow();
        let Some(first) = hidden.iter().find(|hidden| text.contains(&hidden.word)) else {
            return Ok(SecretUrl::parse(text)?);
        };
        let shown = |hidden: &Hidden| AddressError::Shown(hidden.reference.clone());
        let address = SecretUrl::parse(text).map_err(|error| match error {
            UrlError::Syntax(_) if hidden.iter().any(|hidden| text.starts_with(&hidden.word)) => shown(first),
            error => error.into(),
        })?;
        let mut url = address.expose().clone();
        let encoded = |text: &str| utf8_percent_encode(text, IN_ADDRESS).to_string();
        let filled = |part: &str| {
            hidden.iter().fold(part.to_owned(), |part, hidden| {
                part.replace(&hidden.word, &encoded(hidden.secret.expose_secret()))
            })
        };
        let whole = |part: &str| hidden.iter().find(|hidden| hidden.word == part);
        let (user, password) = match (whole(url.username()), url.password()) {
            (Some(login), None) => match login.secret.expose_secret().split_once(':') {
                Some((user, password)) => (encoded(user), Some(encoded(password))),
                None => (encoded(login.secret.expose_secret()), None),
            },
            (_, password) => (filled(url.username()), password.map(filled)),
        };
        let query = url.query().map(|query| match whole(query) {
            Some(hidden) => hidden.secret.expose_secret().to_owned(),
            None => filled(query),
        });
        // A file's address has no login, and then no word in one.
        let _ = url.set_username(&user);
        let _ = url.set_password(password.as_deref());
        url.set_query(query.as_deref());
        if let Some(misplaced) = hidden.iter().find(|hidden| url.as_str().contains(&hidden.word)) {
            return Err(shown(misplaced));
        }
        let url = SecretUrl::new(url)?;
        self.are_sent(text, &url, settings);
        Ok(url)
    }

    /// Notes that the secrets in a text are sent to an address.
    pub fn are_sent(&self, text: &str, address: &SecretUrl, settings: &Settings) {
        let hidden = self.hidden.borrow();
        let sent = hidden.iter().filter(|hidden| text.contains(&hidden.word));
        let mut secrets: Vec<_> = sent.flat_map(|hidden| hidden.names.iter().cloned()).collect();
        secrets.sort();
        secrets.dedup();
        // What is read on the node itself goes nowhere.
        if let (false, Some(receiver)) = (secrets.is_empty(), Receiver::of(address.expose())) {
            let (address, carriers) = (without_secrets(address), settings.carriers(address));
            self.uses.borrow_mut().push(Use { secrets, receiver, address, carriers, by: String::new() });
        }
    }

    /// Where the secrets are sent, as `by` says; or what kept one from being read.
    pub fn finish(self, by: &str) -> Result<Vec<Use>, SecretsError> {
        let by = || by.to_owned();
        match self.failed.into_inner() {
            Some(error) => Err(error),
            None => Ok(self.uses.into_inner().into_iter().map(|used| Use { by: by(), ..used }).collect()),
        }
    }
}

/// An address without its login, query and fragment.
fn without_secrets(url: &SecretUrl) -> String {
    let mut bare = url.expose().clone();
    // An address with a host takes both.
    let _ = bare.set_username("");
    let _ = bare.set_password(None);
    bare.set_query(None);
    bare.set_fragment(None);
    bare.into()
}

/// The first reference to a secret in a text where all that have a value were replaced.
pub(crate) fn missing(text: &str) -> Option<(usize, &str)> {
    text.match_indices("$(").find_map(|(start, _)| {
        let rest = &text[start + 2..];
        let name = &rest[..rest.find(')')?];
        let begin = name.get(..SECRET.len())?;
        begin.eq_ignore_ascii_case(SECRET).then_some((start, &name[SECRET.len()..]))
    })
}

/// Parses the text of an `actions.py`, every `$(..)` in it replaced by what `lookup` says; for secrets that is a word.
pub(crate) fn script(
    name: &str,
    written: &str,
    lookup: &dyn Fn(&str) -> Option<String>,
    secrets: &Secrets<'_>,
    downloads: Vec<PathBuf>,
) -> Result<Script, Diagnostic> {
    let text = Substituted::new(written, lookup);
    if let Some((start, secret)) = missing(&text.text) {
        let span = Span { start, end: start + "$()".len() + SECRET.len() + secret.len() };
        let message = format!("there is no secret `{secret}`");
        return Err(Diagnostic::new(name, written, text.place(span), message).with_help(how_to_keep(secret)));
    }
    Script::parse(name, written, lookup, secrets.words(), downloads)
}

/// What to do about a secret that is missing.
pub(crate) fn how_to_keep(name: &str) -> String {
    format!("keep it with `ays secret set {name}`")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::settings::Layers;

    fn secrets(store: &Store) -> Secrets<'_> {
        Secrets::new(store)
    }

    fn store(secrets: &[(&str, &str)]) -> Store {
        let variables = secrets.iter().map(|(name, secret)| {
            (format!("AYS_SECRET_{}", name.to_uppercase()), SecretString::from(*secret))
        });
        Store::new(variables, Vec::new(), None)
    }

    fn address(secret: &str, text: &str) -> Result<(String, String), AddressError> {
        let store = store(&[("s", secret)]);
        let secrets = secrets(&store);
        let word = secrets.word("s").unwrap();
        let settings = Settings::read(&Layers::default(), None).unwrap();
        let url = secrets.address(&text.replace("{}", &word), &settings)?;
        Ok((url.expose().to_string(), url.to_string()))
    }

    #[test]
    fn a_secret_in_a_login_counts_for_itself_whatever_its_characters() {
        let hard = "a@b/c#d%e:f?g&h=i+j k\u{e9}";
        let encoded = "a%40b%2Fc%23d%25e%3Af%3Fg%26h%3Di%2Bj%20k%C3%A9";
        for (text, whole, shown) in [
            ("ftp://pub:{}@h/x", format!("ftp://pub:{encoded}@h/x"), "ftp://***@h/x"),
            ("https://{}:pw@h/x", format!("https://{encoded}:pw@h/x"), "https://***@h/x"),
            ("https://h/x?a=1&t={}", format!("https://h/x?a=1&t={encoded}"), "https://h/x?***"),
        ] {
            assert_eq!(address(hard, text), Ok((whole, shown.to_owned())), "{text}");
        }
    }

    #[test]
    fn one_that_is_the_whole_login_or_query_has_its_parts() {
        for (secret, text, whole) in [
            ("pub:a:b@c", "ftp://{}@h/x", "ftp://pub:a%3Ab%40c@h/x"),
            ("pub", "ftp://{}@h/x", "ftp://pub@h/x"),
            ("sv=1&sig=a%3D", "https://h/x?{}", "https://h/x?sv=1&sig=a%3D"),
        ] {
            assert_eq!(address(secret, text).map(|(whole, _)| whole), Ok(whole.to_owned()), "{text}");
        }
    }

    #[test]
    fn elsewhere_in_an_address_it_is_refused() {
        for text in ["ftp://{}/x", "https://h/{}/x", "https://h/x#{}", "{}", "{}/x", "file:///srv/{}"] {
            let error = AddressError::Shown("$(secret.s)".to_owned());
            assert_eq!(address("http://u:p@h", text), Err(error), "{text}");
        }
    }

    #[test]
    fn a_reference_without_a_value_is_found() {
        assert_eq!(missing("a $(b) $(Secret.Key) $(secret.c)"), Some((7, "Key")));
        for text in ["", "$(secret.", "$(secretx)", "$(x.secret.y)", "secret.x"] {
            assert_eq!(missing(text), None, "{text}");
        }
    }

    #[test]
    fn all_of_a_text_can_be_had_where_it_is_not_shown() {
        let store = store(&[("s", "one"), ("t", "$(secret.s)")]);
        let text = secrets(&store).reveal("$(secret.S), $(secret.t), $(secret.u), $(x)");
        assert_eq!(text.expose_secret(), "one, $(secret.s), $(secret.u), $(x)");
    }
}
