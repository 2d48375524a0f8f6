//! `ays install`

use std::future::Future;
use std::path::Path;

use ays_engine::{Install, Mode, Plan, Planned, SourceState, Target, probe, wanted_on};
use ays_recipes::{Answers, Dependencies, Environment, LookupError, Recipe, Request};
use tokio::signal::unix::{SignalKind, signal};

use crate::context;
use crate::failure::{Failure, eprint_line};
use crate::render::events::{Renderer, Style};
use crate::render::{table, units};

/// Installs a service on a node: fetches what its recipe names, verifies it, registers the image
#[derive(clap::Args)]
pub struct Args {
    /// The template
    #[arg(short, long)]
    name: String,
    /// The environment's domain, where it must be a certain one
    #[arg(short, long)]
    domain: Option<String>,
    /// The instance
    #[arg(short, long, default_value = "main")]
    instance: String,
    /// The kind of node: node.ssh, or node.local for this machine (also -tt)
    #[arg(long, value_name = "TYPE")]
    targettype: Option<String>,
    /// The node's name; without one this machine is meant (also -tn)
    #[arg(long, value_name = "NODE")]
    targetname: Option<String>,
    /// Do all of it again, whatever is installed
    #[arg(short, long)]
    reinstall: bool,
    /// Leave the services out that it depends on
    #[arg(short, long, visible_alias = "nodeps")]
    single: bool,
    /// Answers: 'key:value key2:value2' or 'key=value # key2=value2'
    #[arg(long, value_name = "DATA", default_value = "")]
    data: String,
    /// Print what would be done, and do nothing
    #[arg(long)]
    dry_run: bool,
    /// Learn the host key of a node that has never been seen
    #[arg(long)]
    accept_new_host_key: bool,
    /// Print warnings and errors only
    #[arg(short, long, conflicts_with = "json")]
    quiet: bool,
    /// Print events as JSON, one a line
    #[arg(long)]
    json: bool,
}

/// The type of target that is this machine.
const LOCAL_TYPE: &str = "node.local";

pub async fn run(args: Args, repo: Option<&Path>) -> Result<(), Failure> {
    let environment = context::environment(repo)?;
    if let Some(asked) = args.domain.filter(|asked| *asked != environment.domain) {
        return Err(Failure::Domain { asked, here: environment.domain });
    }
    let template = environment.template(&args.name)?;
    let target = target(&environment, args.targettype.as_deref(), args.targetname.as_deref())?;
    let request = Request {
        instance: args.instance,
        answers: Answers::parse(&args.data)?,
        dependencies: if args.single { Dependencies::Skip } else { Dependencies::First },
    };
    let recipe = Recipe::read(&environment, &template, &request)?;
    let plan = Plan::new(&recipe, &target, &wanted_on(&environment, &target))?;
    if args.dry_run {
        return dry_run(&plan, &recipe, args.json).await;
    }

    let stopped = stopped();
    let style = match (args.json, args.quiet) {
        (true, _) => Style::Json,
        (false, true) => Style::Quiet,
        (false, false) => Style::Human,
    };
    let mut renderer = Renderer::new(style);
    let install = Install {
        environment: &environment,
        recipe: &recipe,
        target: &target,
        catalogue: &context::catalogue(&environment).await?,
        logs: &context::data_dir(&environment)?.join("runs"),
        ssh: &context::ssh(&environment, args.accept_new_host_key)?,
        mode: if args.reinstall { Mode::Again } else { Mode::IfNeeded },
        by: &context::who(),
    };
    let installed = install.run(stopped, &mut |record| renderer.show(record)).await;
    installed.map(|_| ()).map_err(|source| Failure::Install {
        template: recipe.template.clone(),
        node: target.name().to_owned(),
        source: Box::new(source),
    })
}

fn target(environment: &Environment, template: Option<&str>, name: Option<&str>) -> Result<Target, Failure> {
    let local = || {
        let settings = &environment.settings;
        let pool = settings
            .pool("local")
            .ok_or_else(|| LookupError::unknown("pool", "local", settings.pool_names()))?;
        Ok(Target::Local(pool.clone()))
    };
    match (template, name) {
        (Some(LOCAL_TYPE), _) | (None, None) => local(),
        (Some(template), None) => Err(Failure::NoTargetName(template.to_owned())),
        (template, Some(name)) => Ok(Target::Node(Box::new(environment.node(template, name)?))),
    }
}

/// The plan and what its sources say, as JSON.
#[derive(serde::Serialize)]
struct DryRun<'a> {
    #[serde(flatten)]
    plan: &'a Plan,
    /// In the order of the plan's fetches.
    sources: Vec<SourceState>,
}

async fn dry_run(plan: &Plan, recipe: &Recipe, json: bool) -> Result<(), Failure> {
    let urls: Vec<_> = recipe.fetches.iter().map(|fetch| fetch.url.clone()).collect();
    let sources = probe(&urls, &std::env::temp_dir()).await;
    if json {
        return table::json(&DryRun { plan, sources });
    }
    table::line(&format!("{} on {}:", plan.template, plan.node))?;
    let mut sources = sources.into_iter();
    for (number, step) in plan.steps.iter().enumerate() {
        table::line(&format!("  {}  {step}", number + 1))?;
        if matches!(step, Planned::Fetch { .. }) {
            let state = match sources.next() {
                Some(SourceState::Answers { size: Some(size) }) => {
                    format!("{}, seen from here", units::bytes(size))
                }
                Some(SourceState::Answers { size: None }) => {
                    "it answers, without a size, seen from here".to_owned()
                }
                Some(SourceState::OnNode) => "a file on the node: not looked at".to_owned(),
                Some(SourceState::Dead(reason)) => format!("NO ANSWER, seen from here: {reason}"),
                None => String::new(),
            };
            table::line(&format!("       {state}"))?;
        }
    }
    for warning in &plan.warnings {
        eprint_line(&format!("warning: {warning}"));
    }
    table::line("nothing was done: this is a dry run")
}

/// Listens from now on; completes at the first Ctrl-C or SIGTERM. A Ctrl-C after that ends the program at once.
fn stopped() -> impl Future<Output = ()> {
    let listening = signal(SignalKind::interrupt()).and_then(|i| Ok((i, signal(SignalKind::terminate())?)));
    async {
        // Where signals cannot be listened to, they end the program.
        let Ok((mut interrupt, mut terminate)) = listening else { return std::future::pending().await };
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
        }
        eprint_line("stopping: what is under way on the node is being ended");
        tokio::spawn(async move {
            interrupt.recv().await;
            std::process::exit(130);
        });
    }
}
