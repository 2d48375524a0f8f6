//! A new directory below `servicetemplates/`.

use std::io;
use std::path::{Component, Path, PathBuf};

use ays_model::TemplateName;

use crate::environment::Environment;
use crate::names::Place;

/// Why no template was written.
#[derive(Debug, thiserror::Error)]
pub enum NewTemplateError {
    /// A name that no directory can have, or that AYS could not tell apart.
    #[error("`{0}` cannot name a template: letters, digits, `.`, `-` and single `_` can")]
    Name(TemplateName),
    /// There is one of that name.
    #[error("there is a template `{name}` already: {place}")]
    Taken {
        /// The name.
        name: TemplateName,
        /// Its directory.
        place: Place,
    },
    /// The disk says no.
    #[error("{path} cannot be written", path = .path.display())]
    Write {
        /// What was being written.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
}

/// Whether a new template may have this name.
pub fn check_template_name(environment: &Environment, name: &TemplateName) -> Result<(), NewTemplateError> {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_');
    let starts_well = name.starts_with(|c: char| c.is_ascii_alphanumeric());
    if !starts_well || !name.chars().all(is_plain) || name.contains("__") {
        return Err(NewTemplateError::Name(name.clone()));
    }
    match environment.templates().iter().find(|template| template.name == *name) {
        Some(template) => {
            Err(NewTemplateError::Taken { name: name.clone(), place: environment.place(&template.dir) })
        }
        None => Ok(()),
    }
}

/// Writes a template's files, each with its path below the template's directory, which appears when all of them are there.
/// They are named as errors name them.
pub fn write_template(
    environment: &Environment,
    name: &TemplateName,
    files: &[(PathBuf, Vec<u8>)],
) -> Result<Vec<Place>, NewTemplateError> {
    check_template_name(environment, name)?;
    let templates = environment.root.join("servicetemplates");
    let failed = |path: &Path| {
        let path = path.to_owned();
        move |source| NewTemplateError::Write { path, source }
    };
    let hidden = templates.join(format!(".{name}.ays-part"));
    // What a stopped one left.
    match std::fs::remove_dir_all(&hidden) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(failed(&hidden)(error)),
        _ => {}
    }
    std::fs::create_dir(&hidden).map_err(failed(&hidden))?;
    for (path, bytes) in files {
        if !path.components().all(|part| matches!(part, Component::Normal(_))) {
            return Err(failed(path)(io::Error::other("it leads out of the template")));
        }
        let file = hidden.join(path);
        let directory = file.parent().unwrap_or(&hidden);
        std::fs::create_dir_all(directory).map_err(failed(directory))?;
        std::fs::write(&file, bytes).map_err(failed(&file))?;
    }
    let dir = templates.join(name.as_str());
    std::fs::rename(&hidden, &dir).map_err(failed(&dir))?;
    Ok(files.iter().map(|(path, _)| environment.place(&dir.join(path))).collect())
}
