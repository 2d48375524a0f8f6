//! A service template: a directory below `servicetemplates/` that holds `service.hrd`.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use ays_grammar::hrd::{self, Hrd};
use ays_model::{Md5, TemplateName};
use ays_repository::TEMPLATE_FILES;
use md5::Digest;

use crate::recipe_error::RecipeError;
use crate::text::{Text, read_below};
use crate::walk::directories_with;

/// Where a template is. Nothing in it has been read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Template {
    /// Its directory's name.
    pub name: TemplateName,
    /// Its directory.
    pub dir: PathBuf,
    /// The names of its main file that are there; one, as a rule.
    mains: Vec<&'static str>,
    /// The environment's root.
    pub(crate) root: PathBuf,
}

impl Template {
    /// All templates below `top`, sorted by name; `root` is what errors leave out of their paths.
    pub fn below(top: &Path, root: &Path) -> Vec<Self> {
        let found = directories_with(top, &TEMPLATE_FILES);
        let mut templates: Vec<Self> =
            found.into_iter().map(|(dir, mains)| Self::of(dir, mains, root)).collect();
        templates.sort_by(|a, b| (&a.name, &a.dir).cmp(&(&b.name, &b.dir)));
        templates
    }

    /// The template that a directory is.
    pub fn at(dir: &Path, root: &Path) -> Option<Self> {
        let mut mains = TEMPLATE_FILES.to_vec();
        mains.retain(|name| dir.join(name).is_file());
        (!mains.is_empty()).then(|| Self::of(dir.to_owned(), mains, root))
    }

    fn of(dir: PathBuf, mains: Vec<&'static str>, root: &Path) -> Self {
        let name = dir.file_name().map(|name| name.display().to_string()).unwrap_or_default();
        Self { name: name.into(), dir, mains, root: root.to_owned() }
    }

    /// `service.hrd`, with the text that it came from. Keys are as written, without the prefix `service.`.
    pub fn service(&self) -> Result<(Hrd, Text), RecipeError> {
        Self::parse(self.main()?)
    }

    /// The text of its main file.
    fn main(&self) -> Result<Text, RecipeError> {
        match self.mains[..] {
            [name] => self.read(name),
            _ => Err(RecipeError::TwoMainFiles { dir: self.dir.clone() }),
        }
    }

    /// `instance.hrd`: the questions and values of an instance; empty where the file is missing.
    pub(crate) fn instance(&self) -> Result<(Hrd, Text), RecipeError> {
        if self.dir.join("instance.hrd").is_file() {
            Self::parse(self.read("instance.hrd")?)
        } else {
            let text = Text { name: self.shown("instance.hrd"), bytes: Vec::new() };
            Ok((Hrd { entries: Vec::new() }, text))
        }
    }

    /// `actions.py`, where there is one.
    pub(crate) fn actions(&self) -> Result<Option<Text>, RecipeError> {
        if self.dir.join("actions.py").is_file() { self.read("actions.py").map(Some) } else { Ok(None) }
    }

    /// What kind of service it is (`service.category`); none where the file says nothing or cannot be read.
    pub fn category(&self) -> Option<String> {
        let main = self.main().ok()?;
        // Most have none, and are not parsed for that.
        let word = b"category";
        if !main.bytes.windows(word.len()).any(|part| part.eq_ignore_ascii_case(word)) {
            return None;
        }
        let (service, _) = Self::parse(main).ok()?;
        match &service.get("category")?.value {
            hrd::Value::String(category) => Some(category.clone()),
            _ => None,
        }
    }

    /// One MD5 over the contents of all its files in the order of their sorted paths, as AYS computes it.
    pub(crate) fn checksum(&self) -> Result<Md5, RecipeError> {
        let mut md5 = md5::Md5::new();
        let mut paths = Vec::new();
        for entry in walkdir::WalkDir::new(&self.dir) {
            let entry = entry.map_err(|error| unreadable(self.dir.clone(), error.into()))?;
            if entry.file_type().is_file() {
                paths.push(entry.into_path());
            }
        }
        paths.sort();
        for path in paths {
            md5.update(std::fs::read(&path).map_err(|source| unreadable(path, source))?);
        }
        Ok(Md5(md5.finalize().into()))
    }

    fn parse(text: Text) -> Result<(Hrd, Text), RecipeError> {
        let hrd = hrd::parse(&text.name, &text.bytes)?.resolve(&text.name, &text.bytes)?;
        Ok((hrd, text))
    }

    fn read(&self, file: &str) -> Result<Text, RecipeError> {
        let path = self.dir.join(file);
        let bytes = read_below(&self.root, &path).map_err(|source| unreadable(path, source))?;
        Ok(Text { name: self.shown(file), bytes })
    }

    /// A file of it as errors name it.
    pub fn shown(&self, file: &str) -> String {
        let dir = self.dir.strip_prefix(&self.root).unwrap_or(&self.dir);
        dir.join(file).display().to_string()
    }
}

fn unreadable(path: PathBuf, source: std::io::Error) -> RecipeError {
    RecipeError::Unreadable { path, source: Arc::new(source) }
}
