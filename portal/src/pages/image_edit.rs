//! Editing what is said of an image. Of two who edit one image, the second is told what the first has changed.

use askama::Template;
use axum::extract::Path;
use axum::response::Response;
use ays_catalogue::{Image, ImageDetail, ImageEdit, JobFilter};
use ays_model::BootType;
use ays_operations::{self as operations, Controller, EditImage};

use super::image::with_dialog;
use super::image_use::names;
use super::images;
use super::queue::queue;
use crate::failure::Failure;
use crate::fields::Fields;
use crate::form::Form;
use crate::visitor::Visitor;

#[derive(Template)]
#[template(path = "edit.html")]
struct Dialog {
    proof: String,
    action: String,
    close: String,
    fields: Vec<Field>,
    reason: String,
    problem: Option<String>,
    differences: Vec<String>,
}

/// A field of the form.
struct Field {
    key: &'static str,
    title: &'static str,
    /// What it was when the form was shown.
    was: String,
    value: String,
    choices: Option<&'static [&'static str]>,
    is_number: bool,
    problem: Option<&'static str>,
}

impl Field {
    /// Whether a choice is the one that it has.
    fn is(&self, choice: &str) -> bool {
        self.value == choice
    }
}

const YES_NO: &[&str] = &["yes", "no"];
const BOOT_TYPES: &[&str] = &["bios", "uefi"];

/// So many of the last jobs are looked through.
const JOBS: u32 = 100;

/// The fields as an image has them.
fn of_image(image: &Image) -> Vec<Field> {
    let field = |key, title, value: String| Field {
        key,
        title,
        was: value.clone(),
        value,
        choices: None,
        is_number: false,
        problem: None,
    };
    let number = |key, title, value: u32| Field { is_number: true, ..field(key, title, value.to_string()) };
    let hot_resize = if image.hot_resize { "yes" } else { "no" };
    vec![
        field("name", "Name", image.name.as_str().to_owned()),
        field("description", "Description", image.description.clone()),
        field("type", "Type", image.category.clone()),
        number("size", "Size (GB)", image.size_gb),
        field("username", "Login", image.username.clone().unwrap_or_default()),
        number("accountId", "Account (0: public)", image.account_id),
        Field {
            choices: Some(BOOT_TYPES),
            ..field("bootType", "Boot type", image.boot_type.as_str().to_owned())
        },
        Field { choices: Some(YES_NO), ..field("hotResize", "Hot Resize", hot_resize.to_owned()) },
    ]
}

pub(crate) async fn page(visitor: Visitor, Path(image): Path<String>) -> Result<Response, Failure> {
    visitor.must_operate()?;
    let detail = operations::image(visitor.controller().await?, image).await?;
    let fields = of_image(&detail.image);
    ask(visitor, detail, fields, None, Vec::new(), "").await
}

pub(crate) async fn edit(
    Path(image): Path<String>,
    Form { visitor, fields: sent }: Form,
) -> Result<Response, Failure> {
    visitor.must_operate()?;
    let controller = visitor.controller().await?;
    let detail = operations::image(controller.clone(), image).await?;
    let mut fields = of_image(&detail.image);
    let mut differences = Vec::new();
    for field in &mut fields {
        let was = text(&sent, &format!("was-{}", field.key));
        let said = if sent.has(field.key) { text(&sent, field.key) } else { was.clone() };
        let is_mine = said != was;
        if field.was != was {
            let yours = if is_mine { format!(", and you wrote `{said}`") } else { String::new() };
            differences.push(format!("{} was `{was}`, is now `{}`{yours}.", field.title, field.was));
        }
        if is_mine {
            field.value = said;
        }
    }
    let edit = read(&mut fields);
    let reason = sent.one("reason").unwrap_or("").to_owned();
    if !differences.is_empty() {
        let problem = "Somebody else has changed this image since you opened it. What you wrote is kept: look at \
                       what is different, and save again.";
        return ask(visitor, detail, fields, Some(problem.to_owned()), differences, &reason).await;
    }
    if let Some(who) = edited_now(&controller, &detail.image).await? {
        return ask(visitor, detail, fields, Some(who), Vec::new(), &reason).await;
    }
    match edit {
        Some(edit) if edit.is_empty() => {
            let problem = "Nothing is changed yet.".to_owned();
            ask(visitor, detail, fields, Some(problem), Vec::new(), &reason).await
        }
        Some(edit) => {
            let reason = Some(reason).filter(|reason| !reason.is_empty());
            queue(&visitor, EditImage { image: detail.image.id.0.to_string(), edit, reason }).await
        }
        None => ask(visitor, detail, fields, None, Vec::new(), &reason).await,
    }
}

fn text(sent: &Fields, name: &str) -> String {
    sent.one(name).unwrap_or("").to_owned()
}

/// What is to be said otherwise; none: a field says something that cannot be, and has its problem then.
fn read(fields: &mut [Field]) -> Option<ImageEdit> {
    let mut edit = ImageEdit::default();
    for field in fields.iter_mut().filter(|field| field.value != field.was) {
        let value = field.value.clone();
        let number = value.parse::<u32>().ok();
        field.problem = match field.key {
            "name" | "type" if value.is_empty() => Some("It needs one."),
            "size" if !number.is_some_and(|size| (1..=65_536).contains(&size)) => {
                Some("A whole number of GB, from 1 to 65536.")
            }
            "accountId" if number.is_none() => Some("A whole number; 0: everyone's."),
            _ => None,
        };
        match field.key {
            "name" => edit.name = Some(value.into()),
            "description" => edit.description = Some(value),
            "type" => edit.category = Some(value),
            "size" => edit.size_gb = number,
            "username" => edit.username = Some(value),
            "accountId" => edit.account_id = number,
            "bootType" => {
                edit.boot_type = Some(if value == "uefi" { BootType::Uefi } else { BootType::Bios })
            }
            _ => edit.hot_resize = Some(value == "yes"),
        }
    }
    fields.iter().all(|field| field.problem.is_none()).then_some(edit)
}

/// Whose edit of the image is under way.
async fn edited_now(controller: &Controller, image: &Image) -> Result<Option<String>, Failure> {
    let filter = JobFilter { limit: Some(JOBS), ..JobFilter::default() };
    let jobs = operations::jobs(controller.clone(), filter).await?;
    let is_edit = |job: &&ays_catalogue::Job| {
        job.kind == "editImage" && !job.status.is_over() && names(&job.operation, image)
    };
    Ok(jobs.iter().find(is_edit).map(|job| {
        format!(
            "{} edits this image just now (job {}). What you wrote is kept: save again when that is done.",
            job.actor, job.id
        )
    }))
}

async fn ask(
    visitor: Visitor,
    detail: ImageDetail,
    fields: Vec<Field>,
    problem: Option<String>,
    differences: Vec<String>,
    reason: &str,
) -> Result<Response, Failure> {
    let path = images::path(&detail.image);
    let dialog = Dialog {
        proof: visitor.proof(),
        action: format!("{path}/edit"),
        close: path,
        fields,
        reason: reason.to_owned(),
        problem,
        differences,
    };
    let dialog = dialog.render()?;
    with_dialog(visitor, detail, Some(dialog)).await
}
