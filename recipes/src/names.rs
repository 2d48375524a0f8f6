//! Finding a thing by its name, and what is said when there is none or there are several.

use std::fmt;
use std::path::PathBuf;

use ays_model::alike;

/// Where something of a name was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place(pub PathBuf);

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0.display())
    }
}

/// A name that does not lead to exactly one thing.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum LookupError {
    /// Nothing has the name.
    #[error("no {what} is named `{name}`{}", near_text(.near))]
    Unknown {
        /// `template`, `node`, `pool`.
        what: &'static str,
        /// The name.
        name: String,
        /// The names that come nearest, nearest first.
        near: Vec<String>,
    },
    /// Several have it.
    #[error("several {what}s are named `{name}`:{}", places_text(.places))]
    Several {
        /// `template`, `node`.
        what: &'static str,
        /// The name.
        name: String,
        /// All of them.
        places: Vec<Place>,
    },
}

impl LookupError {
    /// For a name that none of `known` is.
    pub fn unknown<'a>(what: &'static str, name: &str, known: impl IntoIterator<Item = &'a str>) -> Self {
        let near = alike(name, known).into_iter().map(str::to_owned).collect();
        Self::Unknown { what, name: name.to_owned(), near }
    }
}

fn near_text(near: &[String]) -> String {
    match near {
        [] => String::new(),
        near => format!(
            "; did you mean {}?",
            near.iter().map(|n| format!("`{n}`")).collect::<Vec<_>>().join(", ")
        ),
    }
}

fn places_text(places: &[Place]) -> String {
    places.iter().map(|place| format!("\n  {place}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn near_names_are_offered_nearest_first() {
        let error = LookupError::unknown("template", "image_wilie", ["image_wily", "image_win", "redis"]);
        let LookupError::Unknown { near, .. } = &error else { panic!("{error}") };
        assert_eq!(near, &["image_wily", "image_win"]);
        let error = LookupError::unknown("template", "zzz", ["image_wily"]);
        assert_eq!(error.to_string(), "no template is named `zzz`");
    }
}
