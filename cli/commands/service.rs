//! `ays start`, `stop`, `status`, `uninstall` and the other verbs of services that are installed.

use std::num::NonZeroUsize;
use std::path::Path;

use ays_engine::Stopper;
use ays_model::{InstanceName, RunAction, RunResult, TemplateName};
use ays_operations::{ActOnServices, Kind, Selection, ServiceOn};
use ays_protocol::ProcessSeen;

use super::job;
use crate::failure::{Failure, eprint_line};
use crate::render::events::Style;
use crate::render::{rollout, table};
use crate::signals::heed_signals;
use crate::site::Site;
use crate::targets::Targets;

/// What is done, and with which services.
#[derive(clap::Args)]
pub struct Args {
    /// The template; without one, all services that are installed on the nodes
    #[arg(short, long)]
    name: Option<TemplateName>,
    /// The instance
    #[arg(short, long, default_value = "main")]
    instance: InstanceName,
    #[command(flatten)]
    targets: Targets,
    /// The most nodes at work at once (setting install.parallel)
    #[arg(long, value_name = "N")]
    parallel: Option<NonZeroUsize>,
    /// Let a worker do it: print the job's number, and end
    #[arg(long)]
    detach: bool,
    /// Learn the host keys of nodes that have never been seen
    #[arg(long)]
    accept_new_host_key: bool,
    /// Print warnings and errors only
    #[arg(short, long, conflicts_with = "json")]
    quiet: bool,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

/// Which service, and what `execute` of its recipe is given.
#[derive(clap::Args)]
pub struct ExecuteArgs {
    #[command(flatten)]
    service: Args,
    /// What the method is given beside the service; not with --detach, nor through a server
    #[arg(long, conflicts_with = "detach")]
    cmd: Option<String>,
}

pub async fn execute(args: ExecuteArgs, repo: Option<&Path>) -> Result<(), Failure> {
    run_with(args.service, RunAction::Execute, args.cmd, repo).await
}

pub async fn run(args: Args, action: RunAction, repo: Option<&Path>) -> Result<(), Failure> {
    run_with(args, action, None, repo).await
}

async fn run_with(
    args: Args,
    action: RunAction,
    command: Option<String>,
    repo: Option<&Path>,
) -> Result<(), Failure> {
    if args.name.is_none()
        && !matches!(
            action,
            RunAction::Status | RunAction::Monitor | RunAction::Start | RunAction::Stop | RunAction::Restart
        )
    {
        return Err(Failure::NoTemplate);
    }
    let site = Site::find(repo)?;
    if command.is_some() {
        // No job has it.
        site.environment()?;
    }
    let act = ActOnServices {
        action,
        template: args.name,
        instance: args.instance,
        nodes: Selection::from(&args.targets),
        parallel: args.parallel,
        command,
    };
    if args.detach {
        return job::detach(&site, act).await;
    }
    let (stopper, stop) = Stopper::new();
    heed_signals(stopper);
    let style = if args.json || args.quiet {
        Style::Quiet
    } else {
        rollout::style(false, false, act.nodes.may_mean_several())
    };
    let services: Vec<ServiceOn> =
        site.perform(act, args.accept_new_host_key, stop.clone(), rollout::tell(style)).await?;
    if args.json {
        table::json(&services)?;
    } else if action.only_looks() && !args.quiet {
        show(&services)?;
    }
    ended(&services, action, stop.is_wanted())
}

fn show(services: &[ServiceOn]) -> Result<(), Failure> {
    if services.is_empty() {
        eprint_line("nothing is installed there");
        return Ok(());
    }
    let rows = services.iter().map(|service| {
        let state = match (&service.problem, service.is_up, &service.processes[..]) {
            (Some(_), ..) => "?",
            (None, Some(false), _) => "down",
            (None, _, []) => "installed",
            (None, _, _) => "up",
        };
        let of = match &service.instance {
            Some(instance) if *instance != "main" => format!(" ({instance})"),
            _ => String::new(),
        };
        let template = service.template.as_ref().map_or("", TemplateName::as_str);
        let said = match &service.problem {
            Some(problem) => problem.in_one_line(),
            None => service.processes.iter().map(ProcessSeen::to_string).collect::<Vec<_>>().join("; "),
        };
        vec![service.node.to_string(), format!("{template}{of}"), state.to_owned(), said]
    });
    table::print(&["NODE", "SERVICE", "STATE", "PROCESSES"], rows)
}

/// Those that did not go well are named, each with its reason.
fn ended(services: &[ServiceOn], action: RunAction, interrupted: bool) -> Result<(), Failure> {
    let bad: Vec<_> = services.iter().filter(|service| service.is_bad()).collect();
    if bad.is_empty() {
        return Ok(());
    }
    let is_of =
        |kind| move |service: &&&ServiceOn| service.problem.as_ref().is_some_and(|why| why.kind == kind);
    let kind = if interrupted || bad.iter().any(|service| service.result == RunResult::Interrupted) {
        Kind::Interrupted
    } else if bad.iter().filter(is_of(Kind::Invalid)).count() == bad.len() {
        Kind::Invalid
    } else {
        Kind::Failed
    };
    let said = bad.iter().map(|service| {
        let template = service.template.as_ref().map_or("?", TemplateName::as_str);
        let why = match &service.problem {
            Some(problem) => problem.in_one_line(),
            None => "it is not up".to_owned(),
        };
        format!("{template} on {}: {why}", service.node)
    });
    Err(Failure::Services { action: action.as_str(), said: said.collect(), kind })
}
