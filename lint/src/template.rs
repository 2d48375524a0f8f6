//! One template, by itself.

use ays_grammar::hrd::Hrd;
use ays_recipes::{RecipeError, Settings, SigningKeys, Template, Text, Unknown};

use crate::codes::{ACTIONS_SYNTAX, HRD_SYNTAX, PLATFORMS, QUESTION, SERVICE, TWO_MAIN_FILES, UNREADABLE};
use crate::mistake::Mistake;
use crate::{actions, export, service, text};

/// What is known of a template where templates are compared.
pub(crate) struct Seen {
    pub template: Template,
    /// `service.hrd`, where it can be read.
    pub service: Option<(Hrd, Text)>,
    /// The stem of the file that it registers.
    pub stem: Option<String>,
}

pub(crate) fn lint(
    template: &Template,
    settings: &Settings,
    keys: &SigningKeys,
    unknown: Unknown,
) -> (Vec<Mistake>, Seen) {
    let examined = template.examine(settings, keys, unknown);
    let mut found = Vec::new();
    let mut others: Vec<&Text> = Vec::new();
    match &examined.instance {
        Ok((hrd, file)) => {
            found.extend(text::lint(hrd, file));
            others.push(file);
        }
        Err(error) => found.push(unread(template, error)),
    }
    found.extend(examined.wrong_defaults.iter().map(|error| Mistake::at(&QUESTION, error)));
    if let Some(Ok(actions)) = &examined.actions {
        others.push(&actions.text);
    }
    match &examined.service {
        Ok((hrd, file)) => {
            found.extend(text::lint(hrd, file));
            found.extend(service::lint(hrd, file, &others));
            for ((_, entry), download) in hrd.numbered("web.export").into_iter().zip(&examined.downloads) {
                found.extend(export::lint(entry, file, download.as_ref(), keys));
            }
            found.extend(examined.wrong_parts.iter().map(|error| Mistake::at(&SERVICE, error)));
            match &examined.platforms {
                Ok(listed) => found.extend(service::platforms(listed, hrd, file)),
                Err(error) => found.push(Mistake::at(&PLATFORMS, error)),
            }
        }
        Err(error) => found.push(unread(template, error)),
    }
    let stem = match &examined.actions {
        None => None,
        Some(Err(RecipeError::Text(error))) => {
            found.push(Mistake::at(&ACTIONS_SYNTAX, error));
            None
        }
        Some(Err(error)) => {
            found.push(unread(template, error));
            None
        }
        Some(Ok(read)) => {
            let (findings, stem) = actions::lint(read, &examined);
            found.extend(findings);
            stem
        }
    };
    (found, Seen { template: template.clone(), service: examined.service.ok(), stem })
}

/// A file that could not be read.
fn unread(template: &Template, error: &RecipeError) -> Mistake {
    match error {
        RecipeError::Text(error) => Mistake::at(&HRD_SYNTAX, error),
        RecipeError::TwoMainFiles { .. } => {
            let message = "the template holds both service.hrd and services.hrd";
            Mistake::of_file(&TWO_MAIN_FILES, template.shown("services.hrd"), message)
        }
        RecipeError::Unreadable { path, source } => {
            let name = path.file_name().map(|name| name.display().to_string()).unwrap_or_default();
            Mistake::of_file(&UNREADABLE, template.shown(&name), format!("it cannot be read: {source}"))
        }
        error => Mistake::of_file(&UNREADABLE, template.shown("service.hrd"), error.to_string()),
    }
}
