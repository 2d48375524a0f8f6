//! `actions.py`: what an install would not do, and images that are not what they should be.

use ays_actions::{
    Action, LeftOut, OTHER_METHODS, Outcome, Progress, RegisterImage, Script, install_methods,
};
use ays_grammar::{Diagnostic, Span};
use ays_model::near;
use ays_recipes::{Actions, Examined, Text};

use crate::codes::{
    ACTIONS, ACTIONS_SYNTAX, CATEGORY, IMAGE_SIZE, NOT_REGISTERED, REGISTER_IMAGE, UNKNOWN_FUNCTION,
    UNKNOWN_METHOD, UNRESOLVED,
};
use crate::mistake::Mistake;
use crate::place::{at, part};

const CATEGORIES: [&str; 3] = ["Linux", "Windows", "vStorage"];
/// What real recipes ask for at most.
const LARGEST_GB: u32 = 250;
const REGISTER: &str = "registerImage";

/// Gives the stem of the file that is registered, too.
pub(crate) fn lint(actions: &Actions, examined: &Examined) -> (Vec<Mistake>, Option<String>) {
    let text = &actions.text;
    let source = String::from_utf8_lossy(&text.bytes);
    let mentions = ["imageutil", "registerimage"].iter().any(|word| source.to_lowercase().contains(word));
    let is_image = mentions || (!examined.downloads.is_empty() && !examined.is_service);
    let mut found = Vec::new();
    if is_image {
        for place in actions.unresolved.iter().filter(|place| !in_comment(&source, **place)) {
            let message = format!("{} has no value", part(text, *place));
            found.push(Mistake::at(&UNRESOLVED, &at(text, *place, message)));
        }
    }
    let script = match &actions.script {
        Ok(script) => script,
        Err(error) => {
            // A reference is no Python until it has a value.
            if actions.unresolved.is_empty() {
                found.push(Mistake::at(&ACTIONS_SYNTAX, error));
            }
            return (found, None);
        }
    };
    let methods = methods(script);
    let is_named = methods.is_empty();
    found.extend(methods);
    let unsupported = unsupported(script);
    found.extend(unsupported.iter().map(|left_out| match left_out {
        LeftOut::Construct(error) => Mistake::at(&ACTIONS, error),
        LeftOut::Function(error) => Mistake::at(&UNKNOWN_FUNCTION, error),
    }));
    let downloads: Option<Vec<_>> =
        examined.downloads.iter().map(|download| download.as_ref()?.as_ref().ok()).collect();
    if !is_image || examined.service.is_err() || downloads.is_none() {
        return (found, None);
    }
    let mut wrong: Vec<Diagnostic> = Vec::new();
    let mut images = Vec::new();
    // Which images there are may depend on what only a node, or an operator, can tell.
    let mut depends = false;
    for method in install_methods() {
        let mut run = script.run(method);
        let mut outcome = Outcome::Done;
        loop {
            match run.resume(outcome) {
                Ok(Progress::Action(Action::RegisterImage(image))) => {
                    images.push(image);
                    outcome = Outcome::REGISTERED;
                }
                Ok(Progress::Action(Action::Print(_))) => outcome = Outcome::Done,
                Ok(Progress::Action(_)) => {
                    depends = true;
                    outcome = Outcome::Unknown;
                }
                Ok(Progress::Returned(_)) => break,
                Err(error) => {
                    wrong.push(error);
                    break;
                }
            }
        }
    }
    wrong.retain(|error| !unsupported.iter().any(|known| known.error().span().start == error.span().start));
    let is_call = |error: &Diagnostic| part(text, error.span()).starts_with(REGISTER);
    found.extend(
        wrong.iter().map(|error| Mistake::at(if is_call(error) { &REGISTER_IMAGE } else { &ACTIONS }, error)),
    );
    if images.is_empty() && wrong.is_empty() && unsupported.is_empty() && mentions && is_named && !depends {
        let place = calls(&source).first().copied().unwrap_or_default();
        let message = "no image is registered: `configure` of class `Actions` does not call registerImage";
        found.push(Mistake::at(&NOT_REGISTERED, &at(text, place, message)));
    }
    let places = calls(&source);
    for (index, image) in images.iter().enumerate() {
        let place = places.get(index).or(places.last()).copied().unwrap_or_default();
        found.extend(image_findings(image, text, place));
    }
    (found, images.last().map(|image| image.stem.clone()))
}

/// What the methods hold that is never done.
fn unsupported(script: &Script) -> Vec<LeftOut> {
    let methods: Vec<&str> = script.methods().map(|(def, _)| def.name.as_str()).collect();
    let mut found: Vec<_> = methods.into_iter().flat_map(|method| script.unsupported(method)).collect();
    let place = |left_out: &LeftOut| (left_out.error().span().start, left_out.error().span().end);
    found.sort_by_key(place);
    found.dedup_by_key(|left_out| place(left_out));
    found
}

/// Methods that an install would not find under their names.
fn methods(script: &Script) -> Vec<Mistake> {
    let install = install_methods();
    let known = || install.iter().chain(&OTHER_METHODS).copied();
    let mut found = Vec::new();
    for (def, span) in script.methods() {
        let name = def.name.as_str();
        let other_case = known().find(|known| known.eq_ignore_ascii_case(name));
        let meant = other_case.or_else(|| near(name, known()).filter(|_| name.len() >= 5));
        if let Some(meant) = meant.filter(|_| !known().any(|known| known == name) && !name.starts_with('_')) {
            let message = format!(
                "no method is named `{name}`, so an install does not run it; did you mean `{meant}`?"
            );
            found.push(Mistake::at(&UNKNOWN_METHOD, &script.wrong(span, message)));
        }
    }
    found
}

fn image_findings(image: &RegisterImage, text: &Text, place: Span) -> Vec<Mistake> {
    let mut found: Vec<_> = image
        .warnings()
        .into_iter()
        .map(|warning| Mistake::at(&IMAGE_SIZE, &at(text, place, warning)))
        .collect();
    if image.size_gb > LARGEST_GB {
        let message = format!(
            "image `{}`: {} GB is more than any image needs; sizes are in GB",
            image.name, image.size_gb
        );
        found.push(Mistake::at(&IMAGE_SIZE, &at(text, place, message)));
    }
    let category = image.category.as_str();
    let other_case = CATEGORIES.into_iter().find(|known| known.eq_ignore_ascii_case(category));
    let is_own = category.contains(|c: char| c.is_ascii_digit() || c == ' ');
    let meant = other_case.or_else(|| near(category, CATEGORIES).filter(|_| category.len() >= 5 && !is_own));
    if let Some(meant) = meant.filter(|_| !CATEGORIES.contains(&category)) {
        let message = format!(
            "image `{}`: the category `{category}` is one of its own; did you mean `{meant}`?",
            image.name
        );
        found.push(Mistake::at(&CATEGORY, &at(text, place, message)));
    }
    found
}

/// Where registerImage is called.
fn calls(source: &str) -> Vec<Span> {
    let called = source.match_indices(REGISTER).map(|(start, word)| Span::new(start, start + word.len()));
    called
        .filter(|span| source[span.end..].trim_start().starts_with('(') && !in_comment(source, *span))
        .collect()
}

fn in_comment(source: &str, place: Span) -> bool {
    let line = source[..place.start].rsplit('\n').next().unwrap_or_default();
    line.trim_start().starts_with('#')
}
