//! The mistakes of an environment's maintainers, found before an operator meets them.
//!
//! It must not know the network, SSH, the catalogue or the terminal: it reads what is in the repository. What an
//! install would refuse is judged by `ays-recipes`, and told here in the same words.

mod across;
mod actions;
mod codes;
mod export;
mod instances;
mod mistake;
mod pairs;
mod place;
mod questions;
mod secrets;
mod service;
mod signing_keys;
mod template;
mod text;

use std::path::{Path, PathBuf};

use ays_recipes::{Environment, Layers, Settings, SettingsError, SigningKeys, Template, Unknown};

pub use codes::{CODES, Code};
pub use export::SourceProblem;
pub use mistake::Mistake;

/// All that is found in an environment, in the order of the files and their lines.
pub fn lint(environment: &Environment) -> Vec<Mistake> {
    let mut found = templates(
        environment.templates(),
        &environment.settings,
        environment.signing_keys(),
        Unknown::HasNone,
        Some(&environment.domain),
    );
    found.extend(signing_keys::lint(environment.signing_keys()));
    found.extend(instances::lint(environment));
    found.extend(secrets::in_settings(&environment.root));
    let ignored = |path: &Path| environment.ignores(path);
    found.extend(secrets::private_keys(&environment.root, &environment.root, &ignored));
    in_order(found)
}

/// What [`lint`] finds in these files, and in those below these directories. A mistake that lies between several
/// files is found in each of them.
pub fn lint_paths(environment: &Environment, paths: &[PathBuf]) -> Vec<Mistake> {
    let mut found = lint(environment);
    let paths: Vec<_> =
        paths.iter().map(|path| path.canonicalize().unwrap_or_else(|_| path.clone())).collect();
    found.retain(|mistake| {
        let file = environment.root.join(&mistake.file);
        paths.iter().any(|path| file.starts_with(path))
    });
    found
}

/// The same for an environment whose `ays.toml` cannot be used, as `error` says: that, and what can be told without it.
/// An error is one of other settings.
pub fn lint_without_settings(root: &Path, error: SettingsError) -> Result<Vec<Mistake>, SettingsError> {
    let Some(mistake) = instances::settings(root, &error) else { return Err(error) };
    let mut found = vec![mistake];
    let settings = Settings::read(&Layers::default(), None)?;
    let all = Template::below(&root.join("servicetemplates"), root);
    let keys = SigningKeys::read(root);
    found.extend(templates(&all, &settings, &keys, Unknown::MayHaveOne, None));
    found.extend(signing_keys::lint(&keys));
    found.extend(secrets::in_settings(root));
    found.extend(secrets::private_keys(root, root, &|_| false));
    Ok(in_order(found))
}

/// What is found outside of any environment: in a template's directory, in all templates below a directory, or in
/// one file. Files are named from `path`'s beginning.
pub fn lint_outside(path: &Path) -> Result<Vec<Mistake>, SettingsError> {
    let settings = Settings::read(&Layers::default(), None)?;
    let directory = if path.is_dir() { path } else { path.parent().unwrap_or(path) };
    let mut all = if path.is_dir() { Template::below(directory, Path::new("")) } else { Vec::new() };
    all.extend(Template::at(directory, Path::new("")));
    let mut found = templates(&all, &settings, &SigningKeys::Elsewhere, Unknown::MayHaveOne, None);
    if !path.is_dir() {
        found.retain(|mistake| Path::new(&mistake.file) == path);
        let of_template = all.iter().any(|template| template.dir == directory);
        let is_read = ["service.hrd", "services.hrd", "instance.hrd", "actions.py"];
        if !(of_template && is_read.iter().any(|name| path.ends_with(name)))
            && path.extension().is_some_and(|e| e == "hrd")
        {
            found.extend(text::lint_file(path));
        }
    }
    found.extend(secrets::private_keys(path, Path::new(""), &|_| false));
    Ok(in_order(found))
}

/// What it means that the source of a template's `web.export`, the `number`th from 0, fails when it is asked.
pub fn source_fails(template: &Template, number: usize, problem: &SourceProblem) -> Option<Mistake> {
    let (hrd, text) = template.service().ok()?;
    let (_, entry) = hrd.numbered("web.export").into_iter().nth(number)?;
    Some(export::failed(entry, &text, problem))
}

fn templates(
    all: &[Template],
    settings: &Settings,
    keys: &SigningKeys,
    unknown: Unknown,
    domain: Option<&str>,
) -> Vec<Mistake> {
    let mut found = Vec::new();
    let mut read = Vec::new();
    for template in all {
        let (findings, seen) = template::lint(template, settings, keys, unknown);
        found.extend(findings);
        read.push(seen);
    }
    found.extend(across::lint(&read, domain));
    found
}

fn in_order(mut found: Vec<Mistake>) -> Vec<Mistake> {
    found.sort_by(|a, b| place(a).cmp(&place(b)));
    found.dedup_by(|a, b| place(a) == place(b) && a.finding.message == b.finding.message);
    found
}

fn place(mistake: &Mistake) -> (&str, usize, usize, &str) {
    (&mistake.file, mistake.line, mistake.column, mistake.finding.code)
}
