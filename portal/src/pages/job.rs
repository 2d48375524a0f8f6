//! A job: how far it is, live, and what came of it.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use askama::Template;
use axum::extract::Path;
use axum::http::HeaderMap;
use axum::response::sse::{Event, KeepAlive, Sse};
use axum::response::{IntoResponse, Redirect, Response};
use ays_catalogue::{Job, JobId, JobStatus};
use ays_model::Record;
use ays_operations::{self as operations, Problem};
use futures_util::stream::{self, Stream};
use serde_json::Value;
use tokio::time::{Instant, timeout_at};

use super::image::text;
use super::jobs;
use crate::address;
use crate::failure::Failure;
use crate::form::Form;
use crate::frame::{Frame, shown};
use crate::live::{self, Follower, Line, Work};
use crate::markup;
use crate::visitor::Visitor;

#[derive(Template)]
#[template(path = "job.html")]
struct Page {
    frame: Frame,
    id: JobId,
    path: String,
    over: bool,
    failed: bool,
    facts: Vec<(&'static str, String)>,
    problem: Option<Problem>,
    results: Vec<String>,
    progress: String,
    lines: Vec<String>,
    left_out: usize,
    last: u32,
    operation: String,
    report: String,
}

/// How many events are read at once.
const EVENTS: u32 = 500;

/// So many lines of the log are shown.
const LINES: usize = 1_000;

/// So long one answer goes on; who still follows asks again, and shows again who they are.
const FOLLOWS: Duration = Duration::from_mins(10);

fn id(job: &str) -> Result<JobId, Failure> {
    job.parse().map(JobId).map_err(|_| Failure::unknown(format!("no job has the number `{job}`")))
}

pub(crate) async fn page(visitor: Visitor, Path(job): Path<String>) -> Result<Response, Failure> {
    let controller = visitor.controller().await?;
    // Before its events: what it told before it was over is there then.
    let job = operations::job(controller.clone(), id(&job)?).await?;
    let (mut work, mut lines, mut last) = (Work::default(), Vec::new(), 0);
    loop {
        let events = controller.catalogue.job_events(job.id, last, EVENTS).await?;
        if events.is_empty() {
            break;
        }
        for (number, record) in events {
            last = number;
            let Ok(record) = serde_json::from_value::<Record>(record) else { continue };
            work.take(&record);
            lines.extend(Line::of(number, &record));
        }
    }
    let over = job.status.is_over();
    let left_out = lines.len().saturating_sub(LINES);
    let pretty = |value: &Value| serde_json::to_string_pretty(value).unwrap_or_default();
    let title = format!("Job {}: {}", job.id, jobs::kind(&job.kind));
    let what = jobs::what(&job.operation, &jobs::names(&controller, std::slice::from_ref(&job)).await?);
    let page = Page {
        frame: Frame::new(&visitor, title, &[("Jobs", "/jobs")]).await?,
        id: job.id,
        path: jobs::path(job.id),
        over,
        failed: job.status == JobStatus::Failed,
        facts: facts(&job, &what),
        problem: job.problem.clone().and_then(|problem| serde_json::from_value(problem).ok()),
        results: results(&job),
        progress: live::progress(&work, over),
        lines: lines[left_out..].iter().map(live::line).collect(),
        left_out,
        last,
        operation: pretty(&job.operation),
        report: job.report.as_ref().map(pretty).unwrap_or_default(),
    };
    shown(&page)
}

fn facts(job: &Job, what: &str) -> Vec<(&'static str, String)> {
    let mut facts = vec![
        ("Status", format!("<span id=\"status\">{}</span>", markup::state(&job.status.into()))),
        ("Of what", text(what)),
        ("Who", text(&job.actor)),
        ("Asked for", markup::time(&job.created_at)),
    ];
    let mut time = |name, at: &Option<ays_catalogue::Timestamp>| {
        facts.extend(at.as_ref().map(|at| (name, markup::time(at))));
    };
    time("Begun", &job.started_at);
    time("Ended", &job.ended_at);
    facts.extend(job.cancelled_by.as_ref().map(|by| ("Cancelled by", text(by))));
    if job.attempts > 1 {
        facts.push(("Begun how often", job.attempts.to_string()));
    }
    facts.extend(job.worker.as_ref().map(|worker| ("Worker", text(worker))));
    facts.retain(|(_, value)| !value.is_empty());
    facts
}

/// What came of it, in a line for each thing, as HTML.
fn results(job: &Job) -> Vec<String> {
    let Some(report) = &job.report else { return Vec::new() };
    let said = |of: &Value, key: &str| of.get(key).and_then(Value::as_str).map(str::to_owned);
    let mut results = Vec::new();
    if let Some(image) = said(report, "image") {
        let to = address::to("/images", &image);
        results.push(format!("Image <a href=\"{}\">{}</a>", text(&to), text(&image)));
    }
    if job.kind == "availability" {
        for on in report.get("stacks").and_then(Value::as_array).into_iter().flatten() {
            let (Some(stack), offers) = (said(on, "stack"), on.get("offers").and_then(Value::as_u64)) else {
                continue;
            };
            let is_wanted = on.get("wanted").and_then(Value::as_bool).unwrap_or(false);
            match offers {
                Some(number) => results.push(format!("{} offers generation {number}", text(&stack))),
                None if is_wanted => results.push(format!("{} does not offer it yet", text(&stack))),
                None => {}
            }
        }
    }
    if job.kind == "checkNodes" {
        for node in report.as_array().into_iter().flatten() {
            let Some(name) = said(node, "node") else { continue };
            let findings: Vec<_> =
                node.get("findings").and_then(Value::as_array).into_iter().flatten().collect();
            if findings.is_empty() {
                results.push(format!("{}: nothing is wrong", text(&name)));
            }
            for finding in findings {
                let (problem, cure) = (said(finding, "problem"), said(finding, "cure"));
                results.push(format!(
                    "{}: {}. {}",
                    text(&name),
                    text(problem.as_deref().unwrap_or("")),
                    text(cure.as_deref().unwrap_or(""))
                ));
            }
        }
    }
    results
}

pub(crate) async fn cancel(Path(job): Path<String>, Form { visitor, .. }: Form) -> Result<Response, Failure> {
    visitor.must_operate()?;
    let job = operations::cancel_job(visitor.controller().await?, id(&job)?).await?;
    Ok(Redirect::to(&jobs::path(job.id)).into_response())
}

pub(crate) async fn retry(Path(job): Path<String>, Form { visitor, .. }: Form) -> Result<Response, Failure> {
    visitor.must_operate()?;
    let job = operations::retry_job(visitor.controller().await?, id(&job)?).await?;
    Ok(Redirect::to(&jobs::path(job)).into_response())
}

/// What happens in a job, as server-sent events: `log` has lines, `progress` how far each node is, `over` that nothing more
/// comes. Each has the number of the last event that it tells of, which a browser says when it comes back.
pub(crate) async fn live(
    visitor: Visitor,
    Path(job): Path<String>,
    headers: HeaderMap,
) -> Result<Response, Failure> {
    let job = operations::job(visitor.controller().await?, id(&job)?).await?;
    let known =
        headers.get("last-event-id").and_then(|value| value.to_str().ok()).or(visitor.query.one("after"));
    let after = known.and_then(|number| number.parse().ok()).unwrap_or(0);
    let follower = visitor.portal.feeds().follow(visitor.portal.catalogue(), job.id);
    let follower = follower.ok_or_else(|| Failure::usage("this job cannot be followed"))?;
    Ok(Sse::new(told(follower, after)).keep_alive(KeepAlive::default()).into_response())
}

/// Where somebody is who follows a job.
struct Told {
    follower: Follower,
    /// The number of the last event that they know.
    after: u32,
    until: Instant,
    /// What they were told last of where the job is; nothing: they were told nothing yet.
    status: String,
    over: bool,
}

fn told(follower: Follower, after: u32) -> impl Stream<Item = Result<Event, Infallible>> {
    let told = Told { follower, after, until: Instant::now() + FOLLOWS, status: String::new(), over: false };
    let batches = stream::unfold(told, |mut told| async move {
        if told.over {
            return None;
        }
        loop {
            let news = Arc::clone(&told.follower.news.borrow_and_update());
            if news.last > told.after || news.status != told.status || news.over {
                let events = events(&news, told.after);
                (told.after, told.over) = (news.last.max(told.after), news.over);
                told.status.clone_from(&news.status);
                return Some((stream::iter(events), told));
            }
            match timeout_at(told.until, told.follower.news.changed()).await {
                Ok(Ok(())) => {}
                // The time is over, or nobody reads any more: they come back.
                Ok(Err(_)) | Err(_) => return None,
            }
        }
    });
    futures_util::StreamExt::flatten(batches)
}

fn events(news: &live::News, after: u32) -> Vec<Result<Event, Infallible>> {
    let number = news.last.to_string();
    let event = |kind: &str, text: &str| Ok(Event::default().id(&number).event(kind).data(text));
    let lines: String = news.lines.iter().filter(|(at, _)| *at > after).map(|(_, line)| &**line).collect();
    let mut events = Vec::new();
    if !lines.is_empty() {
        events.push(event("log", &lines));
    }
    events.push(event("status", &news.status));
    events.push(event("progress", &news.progress));
    if news.over {
        events.push(event("over", "yes"));
    }
    events
}
