//! Who commits.

use std::path::Path;

use ays_repository::{self as git, Author};

use crate::failure::Failure;
use crate::prompt;

/// An author, and whether git knew of them.
pub struct Known {
    pub author: Author,
    pub by_git: bool,
}

/// The author that git's configuration names, or that somebody says.
pub fn author(dir: &Path) -> Result<Known, Failure> {
    if let Some(author) = git::author(dir) {
        return Ok(Known { author, by_git: true });
    }
    if !prompt::possible() {
        return Err(Failure::NoAuthor);
    }
    let is_given = |text: &str| match text.trim() {
        "" => Err("Every commit says who made it.".to_owned()),
        text if text.contains(['<', '>']) => Err("< and > cannot be in it.".to_owned()),
        _ => Ok(()),
    };
    let name = prompt::text("Your name, for the commits of this clone:", None, is_given)?;
    let email = prompt::text("Your mail address:", None, is_given)?;
    Ok(Known { author: Author { name, email }, by_git: false })
}

impl Known {
    /// Keeps what was asked, so that it is asked once.
    pub fn keep(&self, root: &Path) -> Result<(), Failure> {
        if self.by_git { Ok(()) } else { Ok(git::set_author(root, &self.author)?) }
    }
}
