//! What becomes of an image: enabled, disabled, deleted, restored, undone.

use askama::Template;
use axum::extract::Path;
use axum::response::Response;
use ays_catalogue::{ImageDetail, ImageMove, Next, next_image_status};
use ays_operations::{self as operations, ChangeImage, DestroyImage, ImageChange, Operation};

use super::image::{before, with_dialog};
use super::images;
use super::queue::queue;
use crate::failure::Failure;
use crate::fields::Fields;
use crate::form::Form;
use crate::visitor::Visitor;

#[derive(Template)]
#[template(path = "change.html")]
struct Dialog {
    proof: String,
    action: String,
    close: String,
    title: &'static str,
    says: String,
    confirm: &'static str,
    asks_how: bool,
    asks_name: bool,
    name: String,
    name_problem: bool,
    reason: String,
    /// The generation that an undo goes back to, as it was when this was shown.
    seen: String,
    problem: Option<String>,
}

/// What can become of an image.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum To {
    Move(ImageMove),
    Undo,
}

impl To {
    fn parse(word: &str) -> Result<Self, Failure> {
        Ok(match word {
            "enable" => Self::Move(ImageMove::Enable),
            "disable" => Self::Move(ImageMove::Disable),
            "delete" => Self::Move(ImageMove::Delete),
            "restore" => Self::Move(ImageMove::Restore),
            "destroy" => Self::Move(ImageMove::Destroy),
            "undo" => Self::Undo,
            other => {
                return Err(Failure::unknown(format!("`{other}` is nothing that can become of an image")));
            }
        })
    }

    fn word(self) -> &'static str {
        match self {
            Self::Move(ImageMove::Enable) => "enable",
            Self::Move(ImageMove::Disable) => "disable",
            Self::Move(ImageMove::Delete) => "delete",
            Self::Move(ImageMove::Restore) => "restore",
            Self::Move(ImageMove::Destroy) => "destroy",
            Self::Undo => "undo",
        }
    }

    /// The dialog's heading, what it says, and its button.
    fn words(self, detail: &ImageDetail) -> (&'static str, String, &'static str) {
        let name = &detail.image.name;
        match self {
            Self::Move(ImageMove::Enable) => {
                ("Enable image", format!("{name} is offered again where it is wanted."), "Enable")
            }
            Self::Move(ImageMove::Disable) => {
                let says = format!("No stack offers {name} until it is enabled again. Its files stay.");
                ("Disable image", says, "Disable")
            }
            Self::Move(ImageMove::Delete) => {
                ("Delete image", format!("No stack offers {name} any more."), "Delete")
            }
            Self::Move(ImageMove::Restore) => {
                let says =
                    format!("{name} comes back from the recycle bin, and is offered where it is wanted.");
                ("Restore image", says, "Restore")
            }
            Self::Move(ImageMove::Destroy) => {
                let says = format!(
                    "The files of {name} are removed from every pool, where nothing uses them. This cannot be undone."
                );
                ("Permanent delete", says, "Delete permanently")
            }
            Self::Undo => {
                let number = before(detail).map_or_else(|| "before".to_owned(), |number| number.to_string());
                let says = format!(
                    "Generation {number} of {name} becomes the current one again, at once, everywhere."
                );
                ("Undo", says, "Undo")
            }
        }
    }

    /// Why it cannot be; none: it can.
    fn refused(self, detail: &ImageDetail) -> Option<String> {
        let image = &detail.image;
        let why = match self {
            // What is not in the recycle bin goes there first.
            Self::Move(ImageMove::Destroy) => return None,
            Self::Move(step) => match next_image_status(image.status, step) {
                Next::Wrong(why) => why.replace("NAME", image.name.as_str()),
                Next::Already => format!("is so already: {}", self.word()),
                Next::Becomes(_) => return None,
            },
            Self::Undo if before(detail).is_some() => return None,
            Self::Undo => "has no generation to go back to".to_owned(),
        };
        Some(format!("{} {why}", image.name))
    }
}

impl To {
    /// Why it cannot be as it was asked for; none: it can.
    fn problem(self, detail: &ImageDetail, fields: &Fields) -> Option<String> {
        let is_other = self == Self::Undo && fields.one("seen").is_some_and(|seen| seen != number(detail));
        let changed = "The generations have changed since you opened this: look, and confirm again.";
        self.refused(detail).or_else(|| is_other.then(|| changed.to_owned()))
    }
}

pub(crate) async fn page(
    visitor: Visitor,
    Path((image, change)): Path<(String, String)>,
) -> Result<Response, Failure> {
    visitor.must_operate()?;
    let to = To::parse(&change)?;
    let detail = operations::image(visitor.controller().await?, image).await?;
    ask(visitor, detail, to, &Fields::default(), false).await
}

pub(crate) async fn change(
    Path((image, change)): Path<(String, String)>,
    Form { visitor, fields }: Form,
) -> Result<Response, Failure> {
    visitor.must_operate()?;
    let to = To::parse(&change)?;
    let detail = operations::image(visitor.controller().await?, image).await?;
    if to.problem(&detail, &fields).is_some() {
        return ask(visitor, detail, to, &fields, false).await;
    }
    let destroys = to == To::Move(ImageMove::Destroy) || fields.one("how") == Some("permanently");
    if destroys && fields.one("name") != Some(detail.image.name.as_str().trim()) {
        return ask(visitor, detail, to, &fields, true).await;
    }
    let (image, reason) = (detail.image.id.0.to_string(), fields.one("reason").map(str::to_owned));
    let operation: Operation = match to {
        _ if destroys => DestroyImage { image, reason }.into(),
        To::Move(step) => ChangeImage { image, to: ImageChange::Move(step), reason }.into(),
        To::Undo => ChangeImage { image, to: ImageChange::Undo(before(&detail)), reason }.into(),
    };
    queue(&visitor, operation).await
}

/// The generation that an undo goes back to.
fn number(detail: &ImageDetail) -> String {
    before(detail).map(|number| number.to_string()).unwrap_or_default()
}

async fn ask(
    visitor: Visitor,
    detail: ImageDetail,
    to: To,
    fields: &Fields,
    name_problem: bool,
) -> Result<Response, Failure> {
    let (title, says, confirm) = to.words(&detail);
    let path = images::path(&detail.image);
    let asks_how = to == To::Move(ImageMove::Delete);
    let dialog = Dialog {
        proof: visitor.proof(),
        action: format!("{path}/change/{}", to.word()),
        close: path,
        title,
        says,
        confirm,
        asks_how,
        asks_name: asks_how || to == To::Move(ImageMove::Destroy),
        name: detail.image.name.as_str().to_owned(),
        name_problem,
        reason: fields.one("reason").unwrap_or("").to_owned(),
        problem: to.problem(&detail, fields),
        seen: if to == To::Undo { number(&detail) } else { String::new() },
    };
    let dialog = dialog.render()?;
    with_dialog(visitor, detail, Some(dialog)).await
}
