//! An image is published: an account is chosen, its target's fields are filled in, the plan is looked at, and it becomes a job.

use std::collections::BTreeMap;

use askama::Template;
use axum::extract::Path;
use axum::response::Response;
use ays_catalogue::{CloudAccount, ImageDetail};
use ays_operations::{self as operations, Controller, Error, PublicationPlan, PublishImage};
use ays_publish::{Field, TargetType, Weight, publication_fields};

use super::images;
use super::queue::queue;
use crate::failure::Failure;
use crate::fields::Fields;
use crate::form::Form;
use crate::frame::{Frame, shown};
use crate::markup;
use crate::visitor::Visitor;

#[derive(Template)]
#[template(path = "publish.html")]
struct Page {
    frame: Frame,
    path: String,
    accounts: Vec<(String, bool)>,
    /// None is chosen yet.
    account: Option<String>,
    fields: Vec<ShownField>,
    overwrite: bool,
    accepted: bool,
    problem: Option<String>,
    plan: Option<ShownPlan>,
}

struct ShownField {
    key: &'static str,
    about: &'static str,
    mandatory: bool,
    value: String,
    words: &'static [&'static str],
    /// What the account can see of such.
    seen: Vec<String>,
}

struct ShownPlan {
    facts: Vec<(&'static str, String)>,
    /// How each is meant, what, and what to do.
    problems: Vec<(&'static str, String, String)>,
    is_refused: bool,
}

/// What the names of fields begin with in the form.
const FIELD: &str = "field-";

pub(crate) async fn page(visitor: Visitor, Path(image): Path<String>) -> Result<Response, Failure> {
    visitor.must_operate()?;
    let fields = visitor.query.clone();
    show(visitor, image, &fields, None, None).await
}

pub(crate) async fn ask(
    Path(image): Path<String>,
    Form { visitor, fields }: Form,
) -> Result<Response, Failure> {
    visitor.must_operate()?;
    let publish = PublishImage {
        image: image.clone(),
        generation: None,
        accounts: fields.one("account").map(str::to_owned).into_iter().collect(),
        fields: said(&fields),
        overwrite: fields.has("overwrite"),
        accept_licence: fields.has("licence"),
        keep: false,
    };
    if fields.one("do") == Some("publish") {
        return queue(&visitor, publish).await;
    }
    let server = visitor.portal.server().clone();
    match server.plan_publication(&visitor.session.user, &publish).await {
        Ok(mut plans) => show(visitor, image, &fields, plans.pop(), None).await,
        Err(error) => show(visitor, image, &fields, None, Some(words(&error))).await,
    }
}

fn said(fields: &Fields) -> BTreeMap<String, String> {
    let field = |(key, value): &(String, String)| {
        let key = key.strip_prefix(FIELD)?.to_owned();
        let value = value.trim().to_owned();
        (!value.is_empty()).then_some((key, value))
    };
    fields.0.iter().filter_map(field).collect()
}

fn words(error: &Error) -> String {
    let cure = error.cure.as_ref().map(|cure| format!(" ({cure})")).unwrap_or_default();
    format!("{}{cure}", ays_model::causes(error))
}

async fn show(
    visitor: Visitor,
    image: String,
    fields: &Fields,
    plan: Option<PublicationPlan>,
    problem: Option<String>,
) -> Result<Response, Failure> {
    let controller = visitor.controller().await?;
    let detail = operations::image(controller.clone(), image).await?;
    let accounts = operations::accounts(controller.clone()).await?;
    let chosen = match accounts.as_slice() {
        [only] => Some(only.name.clone()),
        _ => fields.one("account").map(str::to_owned),
    };
    let account = accounts.iter().find(|account| Some(&account.name) == chosen.as_ref());
    let mut problem = problem;
    let shown_fields = match account {
        None => Vec::new(),
        Some(account) => {
            let seen = match problem {
                // It was asked just now.
                Some(_) => BTreeMap::new(),
                None => match see(&controller, account).await {
                    Ok(seen) => seen,
                    Err(error) => {
                        problem = Some(words(&error));
                        BTreeMap::new()
                    }
                },
            };
            shown_fields(
                account,
                &detail,
                plan.as_ref().map_or_else(|| said(fields), |plan| plan.fields.clone()),
                seen,
            )
        }
    };
    let name = detail.image.name.to_string();
    let path = images::path(&detail.image);
    let above = [("Images", "/images"), (name.as_str(), path.as_str())];
    let page = Page {
        frame: Frame::new(&visitor, format!("Publish {name}"), &above).await?,
        path: super::publications::publish_path(&detail.image),
        account: account.map(|account| account.name.clone()),
        accounts: accounts
            .iter()
            .map(|known| (known.name.clone(), Some(&known.name) == chosen.as_ref()))
            .collect(),
        fields: shown_fields,
        overwrite: fields.has("overwrite"),
        accepted: fields.has("licence"),
        problem,
        plan: plan.map(shown_plan),
    };
    shown(&page)
}

/// What an account can see, by the keys of the fields that it may be said for.
async fn see(
    controller: &Controller,
    account: &CloudAccount,
) -> Result<BTreeMap<&'static str, Vec<String>>, Error> {
    let seen = operations::test_account(controller.clone(), account.name.clone()).await?;
    let key = |kind: &str| match kind {
        "projects" => Some("keystoneProject"),
        "regions" => Some("region"),
        _ => None,
    };
    Ok(seen.found.into_iter().filter_map(|(kind, names)| Some((key(&kind)?, names))).collect())
}

fn shown_fields(
    account: &CloudAccount,
    detail: &ImageDetail,
    said: BTreeMap<String, String>,
    mut seen: BTreeMap<&'static str, Vec<String>>,
) -> Vec<ShownField> {
    let Ok(target) = account.target.parse::<TargetType>() else { return Vec::new() };
    let mut values = operations::publication_defaults(detail, target);
    values.extend(said);
    let field = |Field { key, mandatory, words, about, .. }: &Field| ShownField {
        key,
        about,
        mandatory: *mandatory,
        value: values.get(*key).cloned().unwrap_or_default(),
        words,
        seen: seen.remove(key).unwrap_or_default(),
    };
    publication_fields(target).iter().map(field).collect()
}

fn shown_plan(plan: PublicationPlan) -> ShownPlan {
    let is_refused = plan.is_refused();
    let mut facts = vec![
        ("Account", format!("{} ({})", plan.account, plan.target)),
        ("Disk", markup::size(plan.virtual_size)),
        ("Data", format!("{} at most", markup::size(plan.data))),
        ("Sent", plan.sent.map_or_else(|| "less than its data: it is packed".to_owned(), markup::size)),
    ];
    facts.extend(plan.done.map(|done| ("Done", format!("publication {done} has brought it there"))));
    let problem = |problem: ays_publish::Problem| {
        let tone = if problem.weight == Weight::Error { "bad" } else { "warn" };
        (tone, problem.problem, problem.cure)
    };
    ShownPlan { facts, problems: plan.problems.into_iter().map(problem).collect(), is_refused }
}
