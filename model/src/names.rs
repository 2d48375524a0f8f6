//! Names: of nodes, templates, instances, pools and others. Each kind is a type of its own, so that none stands for another.

/// Makes a type for a kind of name.
macro_rules! name {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
        #[serde(transparent)]
        pub struct $name(String);

        impl $name {
            /// The name as it is written.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl From<String> for $name {
            fn from(name: String) -> Self {
                Self(name)
            }
        }

        impl From<&str> for $name {
            fn from(name: &str) -> Self {
                Self(name.to_owned())
            }
        }

        impl From<$name> for String {
            fn from(name: $name) -> Self {
                name.0
            }
        }

        impl std::ops::Deref for $name {
            type Target = str;

            fn deref(&self) -> &str {
                &self.0
            }
        }

        impl AsRef<str> for $name {
            fn as_ref(&self) -> &str {
                &self.0
            }
        }

        impl std::borrow::Borrow<str> for $name {
            fn borrow(&self) -> &str {
                &self.0
            }
        }

        impl PartialEq<str> for $name {
            fn eq(&self, other: &str) -> bool {
                self.0 == other
            }
        }

        impl PartialEq<&str> for $name {
            fn eq(&self, other: &&str) -> bool {
                self.0 == *other
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.pad(&self.0)
            }
        }
    };
}

name! {
    /// A node's name; a stack has its node's.
    NodeName
}
name! {
    /// A template's name: its directory's.
    TemplateName
}

impl TemplateName {
    /// Stands where a template's name is noted, for images that an operator described on the command line. `ays new image`
    /// gives no template such a name.
    pub const BY_HAND: &str = "(by hand)";

    /// What stands for the template of an image without a recipe.
    pub fn by_hand() -> Self {
        Self::from(Self::BY_HAND)
    }

    /// Whether it stands for no template.
    pub fn is_by_hand(&self) -> bool {
        self == Self::BY_HAND
    }
}

name! {
    /// A service instance's name; `main` where nobody says otherwise.
    InstanceName
}
name! {
    /// A pool's name in the environment's settings.
    PoolName
}
name! {
    /// An image's name, which users know.
    ImageName
}
name! {
    /// An environment's name.
    EnvironmentName
}
name! {
    /// What tells a catalogue from all others: made once with it, and never changed.
    CatalogueId
}
name! {
    /// The name of a user of a node's system.
    UserName
}

name! {
    /// What names a key: the hexadecimal digits of its fingerprint; a key of minisign has a number of 16 digits.
    Fingerprint
}

/// A grid's number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
#[serde(transparent)]
pub struct Gid(pub u32);

impl Default for Gid {
    /// The grid of all that name none.
    fn default() -> Self {
        Self(1)
    }
}

impl From<u32> for Gid {
    fn from(number: u32) -> Self {
        Self(number)
    }
}

/// As databases have numbers.
impl TryFrom<i64> for Gid {
    type Error = std::num::TryFromIntError;

    fn try_from(number: i64) -> Result<Self, Self::Error> {
        number.try_into().map(Self)
    }
}

impl std::fmt::Display for Gid {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.fmt(f)
    }
}

impl std::str::FromStr for Gid {
    type Err = std::num::ParseIntError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        text.parse().map(Self)
    }
}
