//! An account, with its secrets.

use std::collections::BTreeMap;
use std::fmt;

use ays_model::is_this_machine;
use secrecy::{ExposeSecret, SecretString};

use crate::fields::{FieldFault, TargetType, account_fields, check};

/// The fields that say where a service is.
const ADDRESSES: [&str; 3] = ["endpointUrl", "keystoneUrl", "glanceUrl"];

/// An account at a target: its fields, checked. It prints without its secrets.
#[derive(Clone)]
pub struct Account {
    /// Its name.
    pub name: String,
    /// What it is an account of.
    pub target: TargetType,
    fields: BTreeMap<String, String>,
    secrets: BTreeMap<String, SecretString>,
}

impl fmt::Debug for Account {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Account")
            .field("name", &self.name)
            .field("target", &self.target)
            .finish_non_exhaustive()
    }
}

impl Account {
    /// An account of these values, by their keys.
    ///
    /// # Errors
    ///
    /// All that is wrong with them.
    pub fn new(
        name: String,
        target: TargetType,
        values: BTreeMap<String, SecretString>,
    ) -> Result<Self, Vec<FieldFault>> {
        let is_secret = |key: &str| account_fields(target).any(|field| field.key == key && field.secret);
        let shown = |(key, value): (&String, &SecretString)| {
            // What a secret is, no fault may say.
            let value = if is_secret(key) && !value.expose_secret().is_empty() {
                "***"
            } else {
                value.expose_secret()
            };
            (key.clone(), value.to_owned())
        };
        let shown: BTreeMap<String, String> = values.iter().map(shown).collect();
        let fields: Vec<_> = account_fields(target).collect();
        let said = shown.iter().map(|(key, value)| (key.as_str(), value.as_str()));
        let mut faults = check(fields.iter().copied(), &format!("a {target} account"), said);
        faults.extend(combinations(target, &shown));
        if !faults.is_empty() {
            return Err(faults);
        }
        let (secrets, fields): (BTreeMap<_, _>, BTreeMap<_, _>) = values
            .into_iter()
            .filter(|(_, value)| !value.expose_secret().is_empty())
            .partition(|(key, _)| is_secret(key));
        let fields = fields.into_iter().map(|(key, value)| (key, value.expose_secret().to_owned())).collect();
        Ok(Self { name, target, fields, secrets })
    }

    /// The fields that are no secrets.
    pub fn fields(&self) -> &BTreeMap<String, String> {
        &self.fields
    }

    /// The secrets.
    pub fn secrets(&self) -> &BTreeMap<String, SecretString> {
        &self.secrets
    }

    /// An address to which its secrets go in clear text, so that whoever is on the way may read them; none: there is none.
    pub fn sends_in_clear(&self) -> Option<&str> {
        let is_clear = |address: &&str| {
            let url = url::Url::parse(address).ok().filter(|url| url.scheme() == "http");
            url.is_some_and(|url| !url.host_str().is_some_and(is_this_machine))
        };
        ADDRESSES.into_iter().filter_map(|key| self.text(key)).find(is_clear)
    }

    /// A field that is no secret.
    pub(crate) fn text(&self, key: &str) -> Option<&str> {
        self.fields.get(key).map(String::as_str)
    }

    /// A field that was checked to be there.
    pub(crate) fn need(&self, key: &str) -> &str {
        self.text(key).unwrap_or_default()
    }

    /// A secret; nothing where it was not said.
    pub(crate) fn secret(&self, key: &str) -> SecretString {
        self.secrets.get(key).cloned().unwrap_or_default()
    }

    /// A text without the secrets of this account, whoever has put them there.
    pub(crate) fn hide(&self, text: &str) -> String {
        let mut text = text.to_owned();
        for secret in self.secrets.values() {
            let secret = secret.expose_secret();
            // A short one would be found in words that have nothing to do with it.
            if secret.len() >= 4 {
                text = text.replace(secret, "***");
            }
        }
        text
    }
}

/// What is wrong with fields beside each other.
fn combinations(target: TargetType, said: &BTreeMap<String, String>) -> Vec<FieldFault> {
    let has = |key: &str| said.get(key).is_some_and(|value| !value.is_empty());
    let mut faults = Vec::new();
    let mut wrong = |key, reason: &str| faults.push(FieldFault::Wrong { key, reason: reason.to_owned() });
    match target {
        TargetType::Aws => {
            let number = said.get("accountNumber").filter(|number| !number.is_empty());
            if number.is_some_and(|number| !is_account_number(number)) {
                wrong("accountNumber", "an account's number has 12 digits, without hyphens");
            }
        }
        TargetType::Openstack => {
            if has("applicationCredentialId") != has("applicationCredentialSecret") {
                wrong("applicationCredentialId", "an application credential is its id and its secret");
            }
            let has_login = has("login") && has("password");
            if !(has_login || has("applicationCredentialId")) {
                wrong("login", "a login and its password are needed, or an application credential");
            }
            if has("applicationCredentialId")
                && said.get("keystoneVersion").is_some_and(|version| version == "v2.0")
            {
                wrong("keystoneVersion", "only v3 knows application credentials");
            }
        }
        TargetType::Docker => {}
    }
    for key in ADDRESSES {
        if let Some(reason) = said.get(key).and_then(|value| wrong_address(value)) {
            faults.push(FieldFault::Wrong { key, reason });
        }
    }
    if said.get("proxyHostname").is_some_and(|host| host.contains('@')) {
        let reason = "a login in it would be shown: a proxy that wants one is not used here".to_owned();
        faults.push(FieldFault::Wrong { key: "proxyHostname", reason });
    }
    if let Some(port) = said.get("proxyPort")
        && port.parse::<u16>().is_err()
    {
        faults.push(FieldFault::Wrong { key: "proxyPort", reason: format!("`{port}` is no port") });
    }
    faults
}

/// Whether a text is the number of an account of AWS.
pub(crate) fn is_account_number(text: &str) -> bool {
    text.len() == 12 && text.bytes().all(|byte| byte.is_ascii_digit())
}

/// Why a text is no address of a service.
fn wrong_address(text: &str) -> Option<String> {
    let url = match url::Url::parse(text) {
        Err(error) => return Some(format!("it is no address: {error}")),
        Ok(url) => url,
    };
    if !matches!(url.scheme(), "http" | "https") {
        return Some("it begins with neither https:// nor http://".to_owned());
    }
    let has_login = !url.username().is_empty() || url.password().is_some();
    has_login.then(|| "a login in it would be shown: it has fields of its own".to_owned())
}
