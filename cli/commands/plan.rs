//! `ays plan`, and what `ays install --dry-run` shows.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use ays_engine::{Mode, Plan, Planned, SourceAnswer, Starting};
use ays_model::{InstanceName, TemplateName};
use ays_operations::{Install, PlannedInstall, PlannedService, Selection};
use ays_recipes::{Answers, Dependencies, Seed, Stored};

use crate::failure::{Failure, eprint_line};
use crate::render::{table, units};
use crate::signals::stop_at_once;
use crate::site::Site;
use crate::targets::Targets;

/// Shows what an install would do, and which services need which; nothing is done
#[derive(clap::Args)]
pub struct Args {
    /// The template
    #[arg(short, long)]
    name: TemplateName,
    /// The instance
    #[arg(short, long, default_value = "main")]
    instance: InstanceName,
    #[command(flatten)]
    targets: Targets,
    /// Leave the services out that it depends on
    #[arg(short, long, visible_alias = "nodeps")]
    single: bool,
    /// Start nothing of what is installed
    #[arg(long)]
    no_start: bool,
    /// Answers: 'key:value key2:value2' or 'key=value # key2=value2'
    #[arg(long, value_name = "DATA", default_value = "", hide_default_value = true)]
    data: String,
    /// Answers that --data does not give, in an HRD file with keys DOMAIN.NAME.INSTANCE.KEY (also -hs)
    #[arg(long, value_name = "FILE")]
    hrdseed: Option<PathBuf>,
    /// Print the graph of services alone, for Graphviz: ays plan -n NAME --dot | dot -Tsvg
    #[arg(long, conflicts_with = "json")]
    dot: bool,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

pub async fn run(args: Args, repo: Option<&Path>) -> Result<(), Failure> {
    let site = Site::find(repo)?;
    let environment = Arc::clone(site.environment()?);
    let (mut answers, mut seed) = (Answers::parse(&args.data)?, None);
    if let Some(path) = &args.hrdseed {
        let bytes =
            std::fs::read(path).map_err(|source| Failure::Unreadable { path: path.clone(), source })?;
        let prefix = format!("{}.{}.{}", environment.domain, args.name, args.instance);
        answers.add_seed(&path.display().to_string(), &bytes, &prefix)?;
        seed = Some(Arc::new(Seed { name: path.display().to_string(), bytes }));
    }
    let install = Install {
        template: environment.template(&args.name)?.name.clone(),
        instance: args.instance,
        nodes: Selection::from(&args.targets),
        mode: Mode::IfNeeded,
        force: false,
        dependencies: if args.single { Dependencies::Skip } else { Dependencies::First },
        starting: if args.no_start { Starting::Leaves } else { Starting::Starts },
        parallel: None,
        answers,
        stored: Stored::Used,
        parent: None,
        seed,
    };
    let planned = install.plan(environment, std::env::temp_dir(), stop_at_once()).await?;
    if args.dot {
        return table::raw(planned.dot.as_bytes());
    }
    show(&planned, args.json)
}

/// The plan and what its sources say, as JSON.
#[derive(serde::Serialize)]
struct DryRun<'a> {
    #[serde(flatten)]
    plan: &'a Plan,
    /// In the order of the plan's fetches.
    sources: &'a [SourceAnswer],
}

/// Shows what an install would do.
pub(super) fn show(planned: &PlannedInstall, json: bool) -> Result<(), Failure> {
    let of_service =
        |PlannedService { plans, sources }: &'_ PlannedService| -> Vec<(Plan, Vec<SourceAnswer>)> {
            plans.iter().map(|plan| (plan.clone(), sources.clone())).collect()
        };
    let plans: Vec<_> = planned.services.iter().flat_map(of_service).collect();
    if json {
        let all: Vec<_> = plans.iter().map(|(plan, sources)| DryRun { plan, sources }).collect();
        return match &all[..] {
            [one] => table::json(one),
            all => table::json(&all),
        };
    }
    if planned.services.len() > 1 {
        table::line("who needs whom:")?;
        for line in planned.graph.lines() {
            table::line(&format!("  {line}"))?;
        }
    }
    for (plan, sources) in &plans {
        show_plan(plan, sources)?;
    }
    let mut warnings: Vec<_> = planned.warnings.iter().collect();
    warnings.extend(plans.iter().flat_map(|(plan, _)| &plan.warnings));
    warnings.dedup();
    for warning in warnings {
        eprint_line(&format!("warning: {warning}"));
    }
    table::line("nothing was done: this is a dry run")
}

fn show_plan(plan: &Plan, sources: &[SourceAnswer]) -> Result<(), Failure> {
    let instance = if plan.instance == "main" { String::new() } else { format!(" ({})", plan.instance) };
    table::line(&format!("{}{instance} on {}:", plan.template, plan.node))?;
    let (mut sources, mut fetched) = (sources.iter(), 0);
    for (number, step) in plan.steps.iter().enumerate() {
        table::line(&format!("  {}  {step}", number + 1))?;
        if matches!(step, Planned::Fetch { .. }) {
            let is_registered = plan.registered.contains(&fetched);
            fetched += 1;
            let state = match sources.next() {
                Some(SourceAnswer::Answers { refused: Some(reason), .. }) if is_registered => {
                    format!("NO IMAGE, seen from here: {reason}")
                }
                Some(SourceAnswer::Answers { size, disk, .. }) => {
                    let size = match size {
                        Some(size) => units::bytes(*size),
                        None => "it answers, without a size".to_owned(),
                    };
                    let disk = disk.as_ref().filter(|_| is_registered);
                    let disk = disk.map(|disk| format!(", {disk}")).unwrap_or_default();
                    format!("{size}{disk}, seen from here")
                }
                Some(SourceAnswer::OnNode) => "a file on the node: not looked at".to_owned(),
                Some(SourceAnswer::Dead(reason)) => format!("NO ANSWER, seen from here: {reason}"),
                None => String::new(),
            };
            table::line(&format!("       {state}"))?;
        }
    }
    Ok(())
}
