//! Overview: what needs a person, how much there is of what, what happens now.

use askama::Template;
use axum::response::Response;
use ays_catalogue::{HoldingFilter, JobFilter, JobStatus};
use ays_operations::{self as operations, InstallOutdated, ScrubCopies, Selection, SetAvailability, Wanted};
use ays_recipes::Dependencies;

use super::jobs;
use super::needs::{Need, needs};
use super::queue::queue;
use crate::failure::Failure;
use crate::form::Form;
use crate::frame::{Frame, shown};
use crate::markup;
use crate::table::{TableView, view};
use crate::visitor::Visitor;

#[derive(Template)]
#[template(path = "overview.html")]
struct Page {
    frame: Frame,
    needs: Vec<Need>,
    /// How many needs are not shown.
    more: usize,
    numbers: Vec<(&'static str, String, &'static str)>,
    jobs: TableView,
}

/// So many needs are shown.
const NEEDS: usize = 50;

/// So many of the last jobs are shown.
const JOBS: u32 = 10;

pub(crate) async fn page(visitor: Visitor) -> Result<Response, Failure> {
    let controller = visitor.controller().await?;
    let filter = HoldingFilter { only_wrong: true, ..HoldingFilter::default() };
    let wrong = operations::holdings(controller.clone(), filter).await?;
    let mut needs = needs(&controller, &wrong).await?;
    let filter = JobFilter { limit: Some(JOBS), ..JobFilter::default() };
    let last = operations::jobs(controller.clone(), filter).await?;
    let table = jobs::table("jobs", &last, &jobs::names(&controller, &last).await?);
    if let Some(file) = table.export(&visitor.query) {
        return file;
    }
    let numbers = operations::numbers(controller).await?;
    let of = |counts: &[(String, u64)], word: &str| {
        counts.iter().find(|(state, _)| state == word).map_or(0, |(_, count)| *count)
    };
    let usable = of(&numbers.images, "CREATED");
    let not_offered =
        wrong.iter().filter(|held| held.offers.is_none() || held.offers != held.current).count();
    let offered = numbers.wanted.saturating_sub(not_offered as u64);
    let running = last.iter().filter(|job| job.status == JobStatus::Running).count();
    let read = numbers.oldest_scrub_seconds.map_or_else(
        || "never".to_owned(),
        |seconds| format!("{} ago", markup::duration(seconds.max(0.0) as u64)),
    );
    let more = needs.len().saturating_sub(NEEDS);
    needs.truncate(NEEDS);
    let page = Page {
        frame: Frame::new(&visitor, "Overview", &[]).await?,
        needs,
        more,
        numbers: vec![
            ("Images", usable.to_string(), "/images"),
            ("Offered as wanted", format!("{offered} of {}", numbers.wanted), "/matrix"),
            ("Verified copies", of(&numbers.copies, "verified").to_string(), "/matrix"),
            ("Longest not read again", read, "/schedules"),
            ("Jobs running", running.to_string(), "/jobs"),
            ("In the recycle bin", of(&numbers.images, "DELETED").to_string(), "/bin"),
        ],
        jobs: view(&visitor, table),
    };
    shown(&page)
}

fn image(form: &Form) -> Result<String, Failure> {
    form.visitor.must_operate()?;
    let image = form.fields.one("image").map(str::to_owned);
    image.ok_or_else(|| Failure::usage("which image?"))
}

/// Reads an image's copies again, and brings those that are damaged.
pub(crate) async fn heal(form: Form) -> Result<Response, Failure> {
    let image = Some(image(&form)?);
    queue(&form.visitor, ScrubCopies { image, nodes: Vec::new(), heal: true }).await
}

/// Brings an image to where it is wanted.
pub(crate) async fn bring(form: Form) -> Result<Response, Failure> {
    let image = image(&form)?;
    let bring = SetAvailability {
        image,
        gid: None,
        wanted: Wanted::Same,
        seen: None,
        canary: None,
        check: None,
        reason: None,
    };
    queue(&form.visitor, bring).await
}

pub(crate) async fn install_outdated(form: Form) -> Result<Response, Failure> {
    let again = InstallOutdated {
        template: None,
        nodes: Selection { all: true, ..Selection::default() },
        force: false,
        dependencies: Dependencies::default(),
        parallel: None,
    };
    queue(&form.visitor, again).await
}
