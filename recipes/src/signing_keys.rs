//! `keys/`: the keys whose signatures of sources count.

use std::io;
use std::path::Path;

use ays_model::KeyFile;
use ays_signatures::{KeyError, MOST_KEY, PublicKeys};

use crate::text::read_below;

/// The directory of an environment that holds them.
pub const KEYS: &str = "keys";

/// How their files end: OpenPGP in ASCII armor, and minisign.
const ENDINGS: [&str; 2] = ["asc", "pub"];

/// The most bytes that all of them may have: every order that needs one carries them.
const MOST: usize = 256 << 10;

/// A file of `keys/`.
#[derive(Debug, Clone)]
pub struct SigningKeyFile {
    /// Its path from the environment's root.
    pub path: String,
    /// What is in it.
    pub keys: Result<PublicKeys, KeyFileError>,
}

/// Why a file of `keys/` gives no key.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum KeyFileError {
    /// The disk says no.
    #[error("it cannot be read: {0}")]
    Unreadable(String),
    /// It is no key.
    #[error(transparent)]
    Key(#[from] KeyError),
}

/// The keys whose signatures count.
#[derive(Debug, Clone)]
pub enum SigningKeys {
    /// Those of an environment, sorted by their names.
    Of(Vec<SigningKeyFile>),
    /// What is read lies in no environment: there may be keys elsewhere.
    Elsewhere,
}

/// Why nothing can be verified by a signature.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NoKeys {
    /// There are none.
    #[error("the environment has no keys, so no signature can be verified")]
    None,
    /// One of them is none.
    #[error("{path} cannot be used: {error}")]
    Broken {
        /// Its path from the environment's root.
        path: String,
        /// Why not.
        error: KeyFileError,
    },
    /// There are more than an order can carry.
    #[error("the keys in keys/ have {0} bytes in all, more than {MOST}")]
    TooMany(usize),
}

impl NoKeys {
    /// What to do about it.
    pub fn cure(&self) -> String {
        match self {
            Self::None => "put the key of whoever signs into keys/ (`gpg --armor --export FINGERPRINT > keys/NAME.asc`, or \
                           minisign's NAME.pub), after its fingerprint was compared with what they publish"
                .to_owned(),
            Self::Broken { .. } => "put the key there again, or remove the file".to_owned(),
            Self::TooMany(_) => "remove those that no recipe needs".to_owned(),
        }
    }
}

impl SigningKeys {
    /// Those of the environment in this directory.
    pub fn read(root: &Path) -> Self {
        let entries = std::fs::read_dir(root.join(KEYS)).into_iter().flatten().filter_map(Result::ok);
        let is_key = |name: &String| {
            let ending = name.rsplit_once('.').filter(|(stem, _)| !stem.is_empty()).map(|(_, ending)| ending);
            ending.is_some_and(|ending| ENDINGS.contains(&ending))
        };
        let mut names: Vec<String> =
            entries.filter_map(|entry| entry.file_name().into_string().ok()).filter(is_key).collect();
        names.sort();
        let file = |name: String| {
            let path = format!("{KEYS}/{name}");
            SigningKeyFile { keys: read(root, &path), path }
        };
        Self::Of(names.into_iter().map(file).collect())
    }

    /// The files, where they are known.
    pub fn files(&self) -> &[SigningKeyFile] {
        match self {
            Self::Of(files) => files,
            Self::Elsewhere => &[],
        }
    }

    /// Whether it is known that there are none.
    pub fn is_empty(&self) -> bool {
        matches!(self, Self::Of(files) if files.is_empty())
    }

    /// Whether one of them gives no key.
    pub fn is_broken(&self) -> bool {
        self.files().iter().any(|file| file.keys.is_err())
    }

    /// All of them, as an order carries them.
    pub(crate) fn all(&self) -> Result<Vec<KeyFile>, NoKeys> {
        let Self::Of(files) = self else { return Ok(Vec::new()) };
        if files.is_empty() {
            return Err(NoKeys::None);
        }
        let key = |SigningKeyFile { path, keys }: &SigningKeyFile| match keys {
            Ok(keys) => Ok(keys.to_file(path)),
            // It may be the one that is needed.
            Err(error) => Err(NoKeys::Broken { path: path.clone(), error: error.clone() }),
        };
        let keys: Vec<KeyFile> = files.iter().map(key).collect::<Result<_, _>>()?;
        match keys.iter().map(|key| key.text.len()).sum() {
            size if size > MOST => Err(NoKeys::TooMany(size)),
            _ => Ok(keys),
        }
    }
}

fn read(root: &Path, path: &str) -> Result<PublicKeys, KeyFileError> {
    let file = root.join(path);
    let unreadable = |error: io::Error| KeyFileError::Unreadable(error.to_string());
    if file.metadata().map_err(unreadable)?.len() > MOST_KEY as u64 {
        return Err(KeyError::TooLarge.into());
    }
    Ok(PublicKeys::read(&read_below(root, &file).map_err(unreadable)?)?)
}
