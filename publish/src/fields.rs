//! The fields of an account and of a publication, for each type of target: their keys are those of UForge, so that its users find
//! what they know. Files, questions, forms and errors all come from this one table.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// A type of target.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum TargetType {
    /// Amazon's cloud.
    Aws,
    /// A registry of containers and artifacts.
    Docker,
    /// OpenStack's images.
    Openstack,
}

impl TargetType {
    /// All, in the order in which they are shown.
    pub const ALL: [Self; 3] = [Self::Aws, Self::Docker, Self::Openstack];

    /// As it is written.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Aws => "aws",
            Self::Docker => "docker",
            Self::Openstack => "openstack",
        }
    }
}

impl fmt::Display for TargetType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for TargetType {
    type Err = FieldFault;

    fn from_str(text: &str) -> Result<Self, FieldFault> {
        let found = Self::ALL.into_iter().find(|target| target.as_str().eq_ignore_ascii_case(text));
        found.ok_or_else(|| FieldFault::Type { said: text.to_owned() })
    }
}

/// A field.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Field {
    /// Its key.
    pub key: &'static str,
    /// It has to be said.
    pub mandatory: bool,
    /// Nobody may see it.
    pub secret: bool,
    /// What may be said; empty: any text.
    pub words: &'static [&'static str],
    /// What it is, for people.
    pub about: &'static str,
}

impl Field {
    const fn must(key: &'static str, about: &'static str) -> Self {
        Self { key, mandatory: true, secret: false, words: &[], about }
    }

    const fn may(key: &'static str, about: &'static str) -> Self {
        Self { mandatory: false, ..Self::must(key, about) }
    }

    const fn secret(key: &'static str, about: &'static str) -> Self {
        Self { secret: true, ..Self::must(key, about) }
    }

    const fn optional_secret(key: &'static str, about: &'static str) -> Self {
        Self { secret: true, ..Self::may(key, about) }
    }

    const fn of(self, words: &'static [&'static str]) -> Self {
        Self { words, ..self }
    }
}

const TRUTH: &[&str] = &["true", "false"];

/// What every account may say.
const EVERY_ACCOUNT: &[Field] = &[
    Field::may("proxyHostname", "the proxy through which the service is reached"),
    Field::may("proxyPort", "the proxy's port; without one, 3128"),
    Field::may("caCertificate", "a PEM file with an authority that is trusted besides"),
];

const AWS_ACCOUNT: &[Field] = &[
    Field::must("accountNumber", "the account's number: 12 digits"),
    Field::must("accessKeyId", "the id of an access key"),
    Field::secret("secretAccessKeyId", "the access key's secret"),
    Field::optional_secret("sessionToken", "the token of keys that last for a while"),
    Field::may(
        "endpointUrl",
        "where all services are, for a cloud that is compatible; without one, Amazon's",
    ),
];

const AWS: &[Field] = &[
    Field::must("region", "the region that the image comes to: eu-central-1"),
    Field::must("displayName", "the image's name there"),
    Field::may("shareWith", "the numbers of accounts that may start it too, divided by commas"),
    Field::may("deprecateAfter", "the number of days after which it is shown to nobody else any more"),
];

const DOCKER_ACCOUNT: &[Field] = &[
    Field::must("endpointUrl", "the registry's address: https://HOST[:PORT]"),
    Field::must("login", "the login"),
    Field::secret("password", "its password, or an access token"),
    Field::may("tokenUrl", "the server of tokens that may have the login, where it is of another domain"),
];

const DOCKER: &[Field] = &[
    Field::must("namespace", "the first part of the repository's name"),
    Field::must("repositoryName", "the rest of the repository's name"),
    Field::must("tagName", "the tag"),
    Field::may("as", "layer: the root file system, for containers; artifact: the disk itself")
        .of(&["layer", "artifact"]),
];

const OPENSTACK_ACCOUNT: &[Field] = &[
    Field::must("keystoneUrl", "the identity service's address"),
    Field::may("keystoneVersion", "the version that it speaks; without one, v3").of(&["v2.0", "v3"]),
    Field::may(
        "glanceUrl",
        "the image service's address; without one, the identity service's catalogue says it",
    ),
    Field::may("login", "the user"),
    Field::optional_secret("password", "the user's password"),
    Field::may("keystoneDomain", "the user's domain; without one, Default"),
    Field::may("applicationCredentialId", "an application credential, in place of a user"),
    Field::optional_secret("applicationCredentialSecret", "its secret"),
];

const OPENSTACK: &[Field] = &[
    Field::must("displayName", "the image's name there"),
    Field::may("tenantName", "the tenant (v2.0)"),
    Field::may("keystoneDomain", "the project's domain (v3); without one, the account's"),
    Field::may("keystoneProject", "the project (v3)"),
    Field::may("publicImage", "whether all projects see it; without it, false").of(TRUTH),
    Field::may("diskFormat", "as what the disk is sent; without one, qcow2").of(&["qcow2", "raw", "vmdk"]),
];

/// The fields of an account.
pub fn account_fields(of: TargetType) -> impl Iterator<Item = &'static Field> {
    let own = match of {
        TargetType::Aws => AWS_ACCOUNT,
        TargetType::Docker => DOCKER_ACCOUNT,
        TargetType::Openstack => OPENSTACK_ACCOUNT,
    };
    own.iter().chain(EVERY_ACCOUNT)
}

/// The fields of a publication.
pub fn publication_fields(of: TargetType) -> &'static [Field] {
    match of {
        TargetType::Aws => AWS,
        TargetType::Docker => DOCKER,
        TargetType::Openstack => OPENSTACK,
    }
}

/// What is wrong with a field.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FieldFault {
    /// No target is of this type.
    #[error("`{said}` is no type of target: {} are", all_types())]
    Type {
        /// What was said.
        said: String,
    },
    /// There is no such field.
    #[error("`{key}` is no field of {of}{}", near.map(|near| format!("; is {near} meant?")).unwrap_or_default())]
    Unknown {
        /// Its key.
        key: String,
        /// Of what: `a docker account`.
        of: String,
        /// One that is much alike.
        near: Option<&'static str>,
    },
    /// It has to be said.
    #[error("{of} needs `{key}`: {about}")]
    Missing {
        /// Its key.
        key: &'static str,
        /// Of what.
        of: String,
        /// What it is.
        about: &'static str,
    },
    /// It is not what it should be.
    #[error("`{key}`: {reason}")]
    Wrong {
        /// Its key.
        key: &'static str,
        /// Why not.
        reason: String,
    },
}

fn all_types() -> String {
    TargetType::ALL.map(TargetType::as_str).join(", ")
}

/// All that is wrong with values as such: keys that are not known, missing ones, words that may not be said.
pub(crate) fn check<'a>(
    fields: impl Iterator<Item = &'static Field> + Clone,
    of: &str,
    said: impl Iterator<Item = (&'a str, &'a str)>,
) -> Vec<FieldFault> {
    let said: BTreeMap<&str, &str> = said.collect();
    let mut faults = Vec::new();
    for (key, value) in &said {
        match fields.clone().find(|field| field.key == *key) {
            None => {
                let mut keys = fields.clone().map(|field| field.key);
                let in_other_case = keys.find(|known| known.eq_ignore_ascii_case(key));
                let near =
                    in_other_case.or_else(|| ays_model::near(key, fields.clone().map(|field| field.key)));
                faults.push(FieldFault::Unknown { key: (*key).to_owned(), of: of.to_owned(), near });
            }
            Some(field) if !field.words.is_empty() && !field.words.contains(value) => {
                let reason = format!("`{value}` is none of {}", field.words.join(", "));
                faults.push(FieldFault::Wrong { key: field.key, reason });
            }
            Some(_) => {}
        }
    }
    let is_missing =
        |field: &&Field| field.mandatory && said.get(field.key).is_none_or(|value| value.is_empty());
    let missing = fields.filter(is_missing);
    faults.extend(missing.map(|field| FieldFault::Missing {
        key: field.key,
        of: of.to_owned(),
        about: field.about,
    }));
    faults
}
