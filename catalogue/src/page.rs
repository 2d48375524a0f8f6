//! A page of a long list.

use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// By what images are sorted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum ImageColumn {
    /// Their number.
    Id,
    /// Their name, then their grid.
    #[default]
    Name,
    /// Their category.
    Type,
    /// The smallest disk that a machine may have.
    Size,
    /// Where they are in their life.
    Status,
    /// Their grid.
    Gid,
    /// When they changed last.
    LastModified,
}

impl ImageColumn {
    pub(crate) const fn sql(self) -> &'static str {
        match self {
            Self::Id => "id",
            Self::Name => "name",
            Self::Type => "type",
            Self::Size => "size_gb",
            Self::Status => "status",
            Self::Gid => "gid",
            Self::LastModified => "last_modified",
        }
    }
}

/// Which part of the images is asked for.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ImageQuery {
    /// Only those whose name, category, description or source has this text, in upper or lower case.
    pub search: Option<String>,
    /// Only those that have each of these texts in its column, in upper or lower case.
    pub columns: Vec<(ImageColumn, String)>,
    /// Those that are destroyed too.
    pub destroyed: bool,
    /// By what they are sorted.
    pub sort: ImageColumn,
    /// The last first.
    pub descending: bool,
    /// How many are left out at the beginning.
    pub skip: u32,
    /// How many at the most.
    pub limit: u32,
}

/// A part of a list.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Page<T> {
    /// The items.
    pub items: Vec<T>,
    /// How many there are in all.
    pub total: u64,
}

/// A column that does not exist.
#[derive(Debug, thiserror::Error)]
#[error("`{0}` is no column: id, name, type, size, status, gid and lastModified are")]
pub struct NoColumn(String);

impl FromStr for ImageColumn {
    type Err = NoColumn;

    fn from_str(word: &str) -> Result<Self, NoColumn> {
        serde_json::from_value(word.into()).map_err(|_| NoColumn(word.to_owned()))
    }
}
