use serde::{Deserialize, Serialize};

/// What a source says of the bytes it has now: while it agrees, an interrupted transfer can go on.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Identity {
    /// Bytes.
    pub(crate) size: Option<u64>,
    pub(crate) etag: Option<String>,
    pub(crate) last_modified: Option<String>,
}

impl Identity {
    /// Whether the same identity means the same bytes.
    pub(crate) fn is_telling(&self) -> bool {
        self.strong_etag().is_some() || (self.size.is_some() && self.last_modified.is_some())
    }

    /// Whether those may be the same bytes: as long, and no validator that both have differs.
    pub(crate) fn may_be(&self, other: &Self) -> bool {
        let same =
            |one: &Option<String>, other: &Option<String>| one.is_none() || other.is_none() || one == other;
        self.size == other.size
            && same(&self.etag, &other.etag)
            && same(&self.last_modified, &other.last_modified)
    }

    /// A weak one (`W/".."`) stands for content that is alike, not for the same bytes.
    pub(crate) fn strong_etag(&self) -> Option<&str> {
        self.etag.as_deref().filter(|etag| !etag.starts_with("W/"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_tells_the_same_bytes() {
        let identity = |size, etag: Option<&str>, last_modified: Option<&str>| Identity {
            size,
            etag: etag.map(str::to_owned),
            last_modified: last_modified.map(str::to_owned),
        };
        let date = Some("Fri, 21 Nov 2026 10:00:00 GMT");
        for (identity, telling) in [
            (identity(None, Some("\"a\""), None), true),
            (identity(Some(1), Some("W/\"a\""), None), false),
            (identity(Some(1), Some("W/\"a\""), date), true),
            (identity(Some(1), None, date), true),
            (identity(None, None, date), false),
            (identity(Some(1), None, None), false),
        ] {
            assert_eq!(identity.is_telling(), telling, "{identity:?}");
        }
    }
}
