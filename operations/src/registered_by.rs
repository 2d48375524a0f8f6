//! Which recipe of an environment registers an image of a name.

use ays_actions::{Action, Outcome, Progress, Script, install_methods};
use ays_model::{ImageName, TemplateName};
use ays_recipes::{Environment, Unknown};

/// The first recipe that registers an image of this name. A recipe that cannot be read registers nothing; of one whose
/// image's name is an operator's answer, the catalogue knows more.
pub(crate) fn registered_by(environment: &Environment, image: &ImageName) -> Option<TemplateName> {
    let found = environment.templates().iter().find(|template| {
        let examined =
            template.examine(&environment.settings, environment.signing_keys(), Unknown::MayHaveOne);
        let script = examined.actions.and_then(Result::ok).and_then(|actions| actions.script.ok());
        script.is_some_and(|script| registers(&script, image))
    });
    found.map(|template| template.name.clone())
}

fn registers(script: &Script, image: &ImageName) -> bool {
    install_methods().into_iter().any(|method| {
        let mut run = script.run(method);
        let mut outcome = Outcome::Done;
        while let Ok(Progress::Action(action)) = run.resume(outcome) {
            outcome = match action {
                Action::RegisterImage(registered) if registered.name == *image => return true,
                Action::RegisterImage(_) => Outcome::REGISTERED,
                _ => Outcome::Unknown,
            };
        }
        false
    })
}
