//! Whose a directory of an environment's own files is: secrets, what they may do, the catalogue.
//!
//! A repository chooses its own name. What belongs to the one of a name is for that remote alone.

use std::collections::BTreeSet;
use std::io;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use crate::file;
use crate::usage::{Operator, Question, Word};

/// The directory of an environment's own files, and the repository that asks for it.
#[derive(Debug, Clone)]
pub struct Home {
    /// The directory.
    pub dir: PathBuf,
    /// The environment's name.
    pub name: String,
    /// Who asks.
    pub repository: Repository,
}

/// Which repository it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Repository {
    /// Where the clone is.
    pub root: PathBuf,
    /// Its remote's address, without a password; none where it has no remote.
    pub remote: Option<String>,
    /// That address in the form that all ways to write it have in common.
    pub place: Option<String>,
}

/// Why a directory is not this repository's.
#[derive(Debug, thiserror::Error)]
pub enum HomeError {
    /// It is another one's.
    #[error(
        "`{name}` is the environment of {owner} here, and this one is of {asks}: it gets neither its secrets nor its \
         catalogue. Where it is another environment: `ays env rename NAME` names this clone; where the repository has \
         moved: `ays env trust`"
    )]
    Stranger {
        /// The environment's name.
        name: String,
        /// Whose the directory is.
        owner: String,
        /// Who asks.
        asks: String,
    },
    /// The address was written otherwise when it was bound.
    #[error(
        "the secrets and the catalogue of `{name}` are bound to {owner}, and this clone's remote is written {asks}: \
         `ays env trust` says that both are one"
    )]
    Form {
        /// The environment's name.
        name: String,
        /// How it was written.
        owner: String,
        /// How it is written here.
        asks: String,
    },
    /// They stopped everything.
    #[error("interrupted")]
    Interrupted,
    /// The file that says whose it is cannot be read.
    #[error("{path} cannot be read", path = .path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// It cannot be written.
    #[error("{path} cannot be written", path = .path.display())]
    Unwritable {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
}

/// What the file says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
enum Owner {
    /// A remote, and the ways to write its address that an operator has said to be one.
    Remote { place: String, addresses: BTreeSet<String> },
    /// The directory of a repository without a remote.
    Path(PathBuf),
}

impl Repository {
    /// Its remote's address, else its directory.
    pub fn shown(&self) -> String {
        self.owner().shown()
    }

    fn owner(&self) -> Owner {
        match (&self.remote, &self.place) {
            (Some(address), Some(place)) => {
                Owner::Remote { place: place.clone(), addresses: [address.clone()].into() }
            }
            _ => Owner::Path(self.root.clone()),
        }
    }
}

impl Owner {
    /// Whether it is `other`, in one of its known forms.
    fn knows(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Remote { place, addresses }, Self::Remote { place: of_other, addresses: others }) => {
                place == of_other && others.is_subset(addresses)
            }
            _ => self == other,
        }
    }

    /// It with the forms of `before`, where both are one place.
    fn with_forms_of(self, before: &Self) -> Self {
        match (self, before) {
            (Self::Remote { place, mut addresses }, Self::Remote { place: of_other, addresses: others })
                if place == *of_other =>
            {
                addresses.extend(others.iter().cloned());
                Self::Remote { place, addresses }
            }
            (owner, _) => owner,
        }
    }

    fn shown(&self) -> String {
        match self {
            Self::Remote { addresses, .. } => {
                addresses.iter().map(String::as_str).collect::<Vec<_>>().join(" and ")
            }
            Self::Path(path) => path.display().to_string(),
        }
    }
}

impl Home {
    /// The file that says whose it is.
    fn file(&self) -> PathBuf {
        self.dir.join("repository.json")
    }

    /// Makes sure that the directory is this repository's. One that is nobody's becomes this one's.
    pub fn claim(&self, operator: &Operator) -> Result<(), HomeError> {
        let now = self.repository.owner();
        let before = loop {
            match self.owner()? {
                Some(owner) => break owner,
                // Another command may be the first at the same time.
                None if self.bind(&now, None)? => return Ok(()),
                None => {}
            }
        };
        if before.knows(&now) {
            return Ok(());
        }
        let (name, owner, asks) = (self.name.clone(), before.shown(), now.shown());
        match (&before, &now) {
            // It got a remote since.
            (Owner::Path(path), Owner::Remote { .. }) if *path == self.repository.root => {
                self.bind(&now, Some(&before)).map(drop)
            }
            (Owner::Remote { place, .. }, Owner::Remote { place: here, .. }) if place == here => {
                match operator.say(&Question::Form { name: &name, before: &owner, now: &asks }) {
                    Word::Yes => self.bind(&now.with_forms_of(&before), Some(&before)).map(drop),
                    Word::No => Err(HomeError::Form { name, owner, asks }),
                    Word::Interrupted => Err(HomeError::Interrupted),
                }
            }
            _ => Err(HomeError::Stranger { name, owner, asks }),
        }
    }

    /// Makes the directory this repository's, whosever it was; who that was, where it is theirs no more.
    pub fn trust(&self) -> Result<Option<String>, HomeError> {
        let (before, now) = (self.owner()?, self.repository.owner());
        let owner = before.iter().fold(now, Owner::with_forms_of);
        self.bind(&owner, before.as_ref())?;
        Ok(before.filter(|before| !owner.knows(before)).map(|before| before.shown()))
    }

    fn owner(&self) -> Result<Option<Owner>, HomeError> {
        let path = self.file();
        let unreadable = |source| HomeError::Unreadable { path: path.clone(), source };
        match file::read(&path).map_err(unreadable)? {
            Some(bytes) => serde_json::from_slice(&bytes).map(Some).map_err(|error| unreadable(error.into())),
            None => Ok(None),
        }
    }

    /// Writes whose it is, where it is still that of `before`; whether it was.
    fn bind(&self, owner: &Owner, before: Option<&Owner>) -> Result<bool, HomeError> {
        let path = self.file();
        let unwritable = |source| HomeError::Unwritable { path: path.clone(), source };
        let _lock = file::lock(&path).map_err(unwritable)?;
        if self.owner()?.as_ref() != before {
            return Ok(false);
        }
        let bytes = serde_json::to_vec_pretty(owner).map_err(|error| unwritable(error.into()))?;
        file::replace(&path, &bytes).map_err(unwritable)?;
        Ok(true)
    }
}
