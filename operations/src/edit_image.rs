//! Changing what is said of an image: its name, what it is for, and how machines start from it.

use std::sync::Arc;

use ays_catalogue::{Change, Changed, ImageEdit};
use ays_engine::{Direction, Published, Stop};
use ays_model::{ImageName, TemplateName};
use ays_transport::SshSettings;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::add_image::{is_line, of_recipe};
use crate::change_image::{find, not_changed};
use crate::controller::{Controller, Tell};
use crate::error::{Error, Kind};
use crate::off_runtime::off_runtime;
use crate::pool_problem::ChangedPool;
use crate::pools::Pools;
use crate::registered_by::registered_by;

/// A change of what is said of an image.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct EditImage {
    /// Its name or id.
    pub image: String,
    /// What is to be said otherwise.
    pub edit: ImageEdit,
    /// Why, for the records.
    #[serde(default)]
    pub reason: Option<String>,
}

/// An image that was edited.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct EditedImage {
    /// Its name now.
    pub image: ImageName,
    /// The facts that are others now, as they were.
    pub before: Value,
    /// As they are.
    pub after: Value,
    /// The pools that it concerns.
    pub pools: Vec<ChangedPool>,
    /// The recipe that made it: its next generation says again what the recipe says.
    pub recipe: Option<TemplateName>,
}

/// Why an image is not edited.
#[derive(Debug, thiserror::Error)]
enum NotEdited {
    #[error("nothing is to be changed")]
    Nothing,
    #[error("the {0} of an image is one line of text")]
    Text(&'static str),
    #[error("the size of an image is from 1 to 65536 GB")]
    Size,
    #[error("{image} is the image of the recipe {template}, whose next install would make `{image}` again")]
    OfRecipe { image: ImageName, template: TemplateName },
    #[error("`{name}` is the image of the recipe {template}")]
    TakenByRecipe { name: ImageName, template: TemplateName },
}

impl EditImage {
    /// Changes it in the catalogue and in the index of every pool that has it.
    ///
    /// # Errors
    ///
    /// There is no such image, or what is to be said of it cannot be. A pool that is not reached is told in the result.
    pub async fn run(
        self,
        controller: Controller,
        ssh: SshSettings,
        stop: Stop,
        tell: Tell,
    ) -> Result<EditedImage, Error> {
        let Self { image, edit, reason } = self;
        check(&edit)?;
        let image = find(&controller, &image).await?.image;
        let recipe = of_recipe(&controller, &image.name, &[image.gid]).await?;
        let new_name = edit.name.clone().filter(|name| *name != image.name);
        if let Some(name) = &new_name {
            check_new_name(&controller, &image.name, name, recipe.as_ref(), &stop).await?;
        }
        let pools = Pools::of(&controller, ssh, &stop).await?;
        let by = controller.changes(reason);
        let change = Change::Edit(image.id, Box::new(edit));
        let published = pools.publish(&controller, &tell).change(change, &by, Direction::More, &stop).await;
        let Published { changed, failed } = published.map_err(not_changed)?;
        let failed = pools.that_matter(failed);
        let Changed { before, after, pools: concerned } = changed;
        let pools = ChangedPool::all(concerned, &failed);
        Ok(EditedImage { image: new_name.unwrap_or(image.name), before, after, pools, recipe })
    }
}

fn check(edit: &ImageEdit) -> Result<(), Error> {
    let wrong = |error| Err(Error::new(Kind::Usage, error));
    if edit.is_empty() {
        let nothing = Error::new(Kind::Usage, NotEdited::Nothing);
        return Err(nothing.with_cure("say what: --name, --description, --category, --size, .."));
    }
    let is_empty_or_line = |text: &str| text.is_empty() || is_line(text);
    let texts = [
        ("name", edit.name.as_deref().is_none_or(is_line)),
        ("category", edit.category.as_deref().is_none_or(is_line)),
        // These an image need not have.
        ("description", edit.description.as_deref().is_none_or(is_empty_or_line)),
        ("user name", edit.username.as_deref().is_none_or(is_empty_or_line)),
    ];
    if let Some((what, _)) = texts.iter().find(|(_, is_good)| !is_good) {
        return wrong(NotEdited::Text(what));
    }
    if edit.size_gb.is_some_and(|size| !(1..=65536).contains(&size)) {
        return wrong(NotEdited::Size);
    }
    Ok(())
}

/// An image that a recipe makes has the name that the recipe says.
async fn check_new_name(
    controller: &Controller,
    image: &ImageName,
    name: &ImageName,
    recipe: Option<&TemplateName>,
    stop: &Stop,
) -> Result<(), Error> {
    if let Some(template) = recipe {
        let refused = NotEdited::OfRecipe { image: image.clone(), template: template.clone() };
        let cure = format!("change the name in the recipe {template}, and install that");
        return Err(Error::new(Kind::Usage, refused).with_cure(cure));
    }
    let (environment, asked) = (Arc::clone(&controller.environment), name.clone());
    match off_runtime(stop, move || Ok(registered_by(&environment, &asked))).await? {
        None => Ok(()),
        Some(template) => {
            let refused = NotEdited::TakenByRecipe { name: name.clone(), template };
            Err(Error::new(Kind::Usage, refused).with_cure("choose another name"))
        }
    }
}
