//! What needs a person, each with the one action that helps.

use std::collections::BTreeMap;

use ays_catalogue::{Holding, ImageStatus, Job, JobFilter, JobStatus, Timestamp};
use ays_engine::{Asked, Freshness};
use ays_operations::{self as operations, Controller, Problem};

use super::checked_nodes::checked_nodes;
use super::jobs;
use super::nodes;
use super::stacks;
use crate::address;
use crate::failure::Failure;
use crate::markup;
use crate::words::{State, Tone};

/// Something that needs a person.
pub(super) struct Need {
    pub state: State,
    pub title: String,
    pub href: String,
    pub what: String,
    pub action: Action,
}

/// What helps.
pub(super) struct Action {
    pub title: &'static str,
    /// Where its form is sent.
    pub to: String,
    pub fields: Vec<(&'static str, String)>,
}

/// So many of the last jobs are looked through.
const JOBS: u32 = 300;

/// So long a job may wait for a worker, in seconds.
const WAITS: i64 = 120;

/// A pool with less than so many bytes has little left.
const LITTLE: u64 = 10 << 30;

/// So many stacks are named.
const NAMED: usize = 5;

/// All that needs a person, the worst first.
pub(super) async fn needs(controller: &Controller, holdings: &[Holding]) -> Result<Vec<Need>, Failure> {
    let filter = JobFilter { limit: Some(JOBS), ..JobFilter::default() };
    let last = operations::jobs(controller.clone(), filter).await?;
    let disabled: Vec<_> = operations::images(controller.clone()).await?;
    let is_offered = |held: &Holding| {
        disabled.iter().any(|image| image.id == held.image && image.status == ImageStatus::Created)
    };
    let works = last.iter().any(|job| !job.status.is_over());
    let mut needs = of_images(holdings.iter().filter(|held| is_offered(held)), works);
    needs.extend(of_jobs(&last, &jobs::names(controller, &last).await?));
    needs.extend(outdated(&last));
    for (name, (node, at)) in &checked_nodes(controller).await? {
        let state = nodes::state(node);
        let little = node.pool_free.filter(|free| *free < LITTLE);
        let mut what = nodes::findings(node);
        if let Some(free) = little {
            what = format!("Its pool has {} left. {what}", markup::size(free));
        }
        if state.tone != Tone::Good || little.is_some() {
            let tone = if state.tone == Tone::Bad { Tone::Bad } else { Tone::Warn };
            let word = if little.is_some() { "disk fills" } else { "node" };
            needs.push(Need {
                state: State::new(tone, word),
                title: format!("Node {name}"),
                href: stacks::path(name),
                what: format!("{what} (checked {})", markup::relative(at)),
                action: form("Check it again", "/nodes/check", vec![("node", name.clone())]),
            });
        }
    }
    needs.sort_by_key(|need| (need.state.tone != Tone::Bad, need.state.tone != Tone::Warn));
    Ok(needs)
}

fn form(title: &'static str, to: impl Into<String>, fields: Vec<(&'static str, String)>) -> Action {
    Action { title, to: to.into(), fields }
}

/// Of each image, what its stacks do not have as they should.
fn of_images<'a>(holdings: impl Iterator<Item = &'a Holding>, works: bool) -> Vec<Need> {
    let mut wrong: BTreeMap<(&str, i64, u8), Vec<&Holding>> = BTreeMap::new();
    for held in holdings {
        let kind = match stacks::state(held).tone {
            Tone::Good => continue,
            Tone::Bad => 0,
            // What arrives while nothing works does not arrive.
            Tone::Busy if works => continue,
            Tone::Busy => 1,
            Tone::Warn => 2,
            Tone::Off => 3,
        };
        wrong.entry((held.image_name.as_str(), held.image.0, kind)).or_default().push(held);
    }
    let need = |((name, id, kind), on): ((&str, i64, u8), Vec<&Holding>)| {
        let mut names: Vec<_> =
            on.iter().take(NAMED).map(|held| held.stack_name.as_str().to_owned()).collect();
        if on.len() > NAMED {
            names.push(format!("{} more", on.len() - NAMED));
        }
        let on = names.join(", ");
        let image = vec![("image", id.to_string())];
        let (state, what, action) = match kind {
            0 => (
                State::new(Tone::Bad, "damaged"),
                format!("Its copy is damaged on {on}."),
                form("Heal it", "/needs/heal", image),
            ),
            1 => (
                State::new(Tone::Warn, "stuck"),
                format!("It is on its way to {on}, and no job brings it."),
                form("Bring it again", "/needs/bring", image),
            ),
            2 => (
                State::new(Tone::Warn, "older generation"),
                format!("An older generation is offered on {on}."),
                form("Bring the current one", "/needs/bring", image),
            ),
            _ => (
                State::new(Tone::Warn, "not offered"),
                format!("It is wanted, and not offered, on {on}."),
                form("Bring it there", "/needs/bring", image),
            ),
        };
        Need {
            state,
            title: format!("Image {name}"),
            href: address::to("/images", &id.to_string()),
            what,
            action,
        }
    };
    wrong.into_iter().map(need).collect()
}

/// Jobs that failed, and were not done again; jobs that nobody takes.
fn of_jobs(last: &[Job], names: &jobs::Names) -> Vec<Need> {
    let mut needs = Vec::new();
    for (at, job) in last.iter().enumerate() {
        let title =
            format!("Job {}: {} {}", job.id, jobs::kind(&job.kind), jobs::what(&job.operation, names));
        let again = |newer: &Job| newer.operation == job.operation;
        match job.status {
            // The newer ones stand before it.
            JobStatus::Failed if !last[..at].iter().any(again) => needs.push(Need {
                state: State::new(Tone::Bad, "failed"),
                title,
                href: jobs::path(job.id),
                what: problem(job),
                action: form("Retry", format!("{}/retry", jobs::path(job.id)), Vec::new()),
            }),
            JobStatus::Queued if age(&job.created_at) > WAITS => needs.push(Need {
                state: State::new(Tone::Warn, "stuck"),
                title,
                href: jobs::path(job.id),
                what: format!(
                    "It waits since {}: no worker is free. `ays worker` starts one.",
                    markup::relative(&job.created_at)
                ),
                action: form("Cancel", format!("{}/cancel", jobs::path(job.id)), Vec::new()),
            }),
            JobStatus::Running if job.attempts > 2 => needs.push(Need {
                state: State::new(Tone::Warn, "stuck"),
                title,
                href: jobs::path(job.id),
                what: format!("It was begun {} times, and not ended.", job.attempts),
                action: form("Cancel", format!("{}/cancel", jobs::path(job.id)), Vec::new()),
            }),
            _ => {}
        }
    }
    needs
}

fn problem(job: &Job) -> String {
    let problem = job.problem.clone().and_then(|problem| serde_json::from_value::<Problem>(problem).ok());
    problem.map(|problem| problem.in_one_line()).unwrap_or_default()
}

fn age(at: &Timestamp) -> i64 {
    let at = at.to_string().parse::<jiff::Timestamp>();
    at.map_or(0, |at| jiff::Timestamp::now().as_second() - at.as_second())
}

/// The images that were outdated when their sources were asked last, unless they were installed again since.
fn outdated(last: &[Job]) -> Option<Need> {
    let at = last.iter().position(|job| job.kind == "outdated" && job.report.is_some())?;
    if last[..at].iter().any(|job| job.kind == "installOutdated") {
        return None;
    }
    let asked: Vec<Asked> = serde_json::from_value(last[at].report.clone()?).ok()?;
    let names: Vec<_> = asked
        .iter()
        .filter(|asked| matches!(asked.freshness, Freshness::Outdated(_)))
        .map(|asked| asked.image.as_str())
        .collect();
    (!names.is_empty()).then(|| Need {
        state: State::new(Tone::Warn, "outdated"),
        title: format!("{} outdated", names.len()),
        href: jobs::path(last[at].id),
        what: format!("Their sources have other bytes now: {}.", names.join(", ")),
        action: form("Install them again", "/needs/install-outdated", Vec::new()),
    })
}
