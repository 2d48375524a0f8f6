//! `ays install`

use std::collections::{BTreeMap, BTreeSet};
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use ays_engine::{
    Freshness, InstallError, Mode, NodeResult, Plan, Planned, Rollout, Sharing, SourceAnswer, Stacks, Stop,
    Stopper, probe,
};
use ays_model::Target;
use ays_recipes::{Answers, Dependencies, Environment, Flag, Recipe, Request, Stored, Template};
use ays_transport::Transport;

use crate::commands::outdated;
use crate::commands::rehearse::{self, FailAt};
use crate::failure::{Failure, NotInstalled, eprint_line};
use crate::render::events::{Renderer, Style};
use crate::render::{quoted, table, units};
use crate::signals::heed_signals;
use crate::targets::{Selected, Targets};
use crate::{ask, context, prompt};

/// Installs a service on nodes: fetches what its recipe names, verifies it, registers the image
#[derive(clap::Args)]
pub struct Args {
    /// The template
    #[arg(short, long, required_unless_present = "outdated")]
    name: Option<String>,
    /// The environment's domain, where it must be a certain one
    #[arg(short, long)]
    domain: Option<String>,
    /// The instance
    #[arg(short, long, default_value = "main")]
    instance: String,
    #[command(flatten)]
    targets: Targets,
    /// The most nodes at work at once (setting install.parallel)
    #[arg(long, value_name = "N")]
    parallel: Option<NonZeroUsize>,
    /// Do all of it again, whatever is installed
    #[arg(short, long)]
    reinstall: bool,
    /// Install again what `ays outdated` finds, on the nodes that have it; with --name or nodes, only among these
    #[arg(long, conflicts_with_all = ["reinstall", "rehearse", "dry_run", "instance", "data", "hrdseed", "hrdreset"])]
    outdated: bool,
    /// Leave the services out that it depends on
    #[arg(short, long, visible_alias = "nodeps")]
    single: bool,
    /// Answers: 'key:value key2:value2' or 'key=value # key2=value2'
    #[arg(long, value_name = "DATA", default_value = "", hide_default_value = true)]
    data: String,
    /// Answers that --data does not give, in an HRD file with keys DOMAIN.NAME.INSTANCE.KEY (also -hs)
    #[arg(long, value_name = "FILE")]
    hrdseed: Option<PathBuf>,
    /// Forget what was answered before, and ask again (also -hr)
    #[arg(long)]
    hrdreset: bool,
    /// Print what would be done, and do nothing
    #[arg(long)]
    dry_run: bool,
    /// Try it on this machine, in a directory that goes away afterwards
    #[arg(long, conflicts_with_all = ["dry_run", "targettype", "targetname", "grid", "all"])]
    rehearse: bool,
    /// Let a step go wrong once, then run again twice: check, fetch:lost, store:kill (fail is meant without a kind), or all
    #[arg(long, value_name = "STEP[:KIND]", requires = "rehearse")]
    fail_at: Option<FailAt>,
    /// Learn the host keys of nodes that have never been seen
    #[arg(long)]
    accept_new_host_key: bool,
    /// Print warnings and errors only
    #[arg(short, long, conflicts_with = "json")]
    quiet: bool,
    /// Print events as JSON, one a line
    #[arg(long)]
    json: bool,
}

pub async fn run(args: Args, repo: Option<&Path>) -> Result<(), Failure> {
    let parallel = args.parallel.map(|number| Flag {
        key: "install.parallel",
        flag: "--parallel",
        value: number.to_string(),
    });
    let environment = context::environment_with(repo, parallel.into_iter().collect())?;
    if let Some(asked) = args.domain.as_ref().filter(|asked| **asked != environment.domain) {
        return Err(Failure::Domain { asked: asked.clone(), here: environment.domain });
    }
    let (stopper, stop) = Stopper::new();
    let work = Work { args: &args, repo, environment: &environment, stop: &stop };
    match &args.name {
        Some(name) if !args.outdated => {
            let mode = if args.reinstall { Mode::Again } else { Mode::IfNeeded };
            work.install(name, &args.instance, args.targets.select(&environment)?, mode, || {
                heed_signals(stopper)
            })
            .await
        }
        name => {
            heed_signals(stopper);
            work.bring_outdated(name.as_deref()).await
        }
    }
}

/// What one command does, once or for several templates.
struct Work<'a> {
    args: &'a Args,
    repo: Option<&'a Path>,
    environment: &'a Environment,
    stop: &'a Stop,
}

impl Work<'_> {
    /// Installs again what is outdated, one template after another. One that fails stops no other.
    async fn bring_outdated(&self, name: Option<&str>) -> Result<(), Failure> {
        let selected = match self.args.targets.are_named() {
            true => Some(self.args.targets.select(self.environment)?),
            false => None,
        };
        let is_selected = |node: &str| {
            selected.as_ref().is_none_or(|selected| selected.targets.iter().any(|one| one.name() == node))
        };
        let (mut behind, mut unknown) = (BTreeMap::<(String, String), BTreeSet<String>>::new(), 0);
        for asked in outdated::ask(self.environment).await? {
            if name.is_some_and(|name| name != asked.template) {
                continue;
            }
            if let Freshness::Unknown(why) = &asked.freshness {
                eprint_line(&format!("warning: {}: {why}", asked.image));
                unknown += 1;
            }
            for has in asked.behind().into_iter().filter(|has| is_selected(&has.node)) {
                let service = (asked.template.clone(), has.instance.clone());
                behind.entry(service).or_default().insert(has.node.clone());
            }
        }
        if behind.is_empty() && unknown > 0 {
            return Err(Failure::NotAsked(unknown));
        }
        if behind.is_empty() {
            eprint_line("nothing is outdated");
            return Ok(());
        }
        let (all, mut failed) = (behind.len(), 0);
        for ((template, instance), nodes) in behind {
            let nodes: Vec<_> = nodes.into_iter().collect();
            let installed = match Targets::named(nodes).select(self.environment) {
                Ok(selected) => self.install(&template, &instance, selected, Mode::Again, || ()).await,
                Err(error) => Err(error),
            };
            if let Err(error) = installed {
                if self.stop.is_wanted() {
                    return Err(error);
                }
                error.report();
                failed += 1;
            }
        }
        if failed == 0 { Ok(()) } else { Err(Failure::StillOutdated { failed, all }) }
    }

    async fn install(
        &self,
        name: &str,
        instance: &str,
        Selected { targets, broken }: Selected,
        mode: Mode,
        begin: impl FnOnce(),
    ) -> Result<(), Failure> {
        let Self { args, repo, environment, stop } = *self;
        let template = environment.template(name)?;
        let request = args.request(environment, &template, instance, &targets)?;
        let recipe = Recipe::read(environment, &template, &request)?;
        if args.dry_run {
            let stacks = Stacks::of(environment);
            let plan = |target: &Target| Plan::new(&recipe, target, &stacks.wanted_on(target));
            let plans: Vec<Plan> = targets.iter().map(plan).collect::<Result<_, _>>()?;
            return dry_run(&plans, &recipe, args.json).await;
        }

        // What is asked, and what is wrong before anything runs, ends at the first Ctrl-C.
        begin();
        let style = match (args.json, args.quiet) {
            (true, _) => Style::Json,
            (false, true) => Style::Quiet,
            (false, false) if targets.len() > 1 => Style::Summary,
            (false, false) => Style::Steps,
        };
        let renderer = Mutex::new(Renderer::new(style));
        let show = |record: &_| renderer.lock().unwrap_or_else(PoisonError::into_inner).show(record);
        if args.rehearse {
            return rehearse::run(environment, &recipe, mode, args.fail_at.clone(), stop, &show, args.json)
                .await;
        }
        let changed = Recipe::write_answers(environment, &template, &request)?;
        if let (Some(first), Style::Steps | Style::Summary) = (changed.first(), style) {
            let others = match changed.len() {
                1 => String::new(),
                number => format!(" and {} more", number - 1),
            };
            eprint_line(&format!("the answers are in {}{others}", first.display()));
        }
        let settings = &environment.settings;
        let rollout = Rollout {
            environment,
            recipe: &recipe,
            catalogue: &context::catalogue(environment).await?,
            logs: &context::data_dir(environment)?.join("runs"),
            transport: &Transport::Ssh(context::ssh(environment, args.accept_new_host_key)?),
            mode,
            sharing: if settings.fetch.share { Sharing::Neighbours } else { Sharing::Alone },
            parallel: settings.install.parallel,
            by: &context::who(),
        };
        let results = rollout.run(&targets, stop, &show).await.map_err(|source| Failure::Install {
            template: recipe.template.clone(),
            node: targets.first().map(|target| target.name().to_owned()).unwrap_or_default(),
            source: Box::new(source),
        })?;
        if style == Style::Summary {
            table::line(&summary(&results, broken.len()))?;
        }
        let failed = targets.iter().zip(results).filter_map(|(target, result)| Some((target, result.err()?)));
        let mut failed: Vec<(String, NotInstalled)> =
            failed.map(|(target, error)| (target.name().to_owned(), error.into())).collect();
        failed.extend(broken.into_iter().map(|(name, error)| (name, error.into())));
        match (&targets[..], failed.pop()) {
            (_, None) => Ok(()),
            ([_], Some((node, NotInstalled::Failed(source)))) if failed.is_empty() => {
                Err(Failure::Install { template: recipe.template, node, source })
            }
            (_, Some(last)) => {
                failed.push(last);
                let nodes: Vec<_> = failed.iter().map(|(name, _)| name.as_str()).collect();
                let again = args.again(&recipe, mode, &nodes, repo);
                Err(Failure::Rollout {
                    template: recipe.template,
                    failed,
                    interrupted: stop.is_wanted(),
                    again,
                })
            }
        }
    }
}

impl Args {
    /// What the operator has answered; on a terminal the questions that are left are asked.
    fn request(
        &self,
        environment: &Environment,
        template: &Template,
        instance: &str,
        targets: &[Target],
    ) -> Result<Request, Failure> {
        let mut request = Request {
            instance: instance.to_owned(),
            answers: Answers::parse(&self.data)?,
            dependencies: if self.single { Dependencies::Skip } else { Dependencies::First },
            nodes: targets.iter().map(|target| target.name().to_owned()).collect(),
            stored: if self.hrdreset { Stored::Forgotten } else { Stored::Used },
        };
        if let Some(path) = &self.hrdseed {
            let bytes =
                std::fs::read(path).map_err(|source| Failure::Unreadable { path: path.clone(), source })?;
            let prefix = format!("{}.{}.{instance}", environment.domain, template.name);
            request.answers.add_seed(&path.display().to_string(), &bytes, &prefix)?;
        }
        if prompt::possible() {
            ask::ask_all(&Recipe::questions(environment, template, &request)?, &mut request.answers)?;
        }
        Ok(request)
    }

    /// The command that does the same on these nodes alone.
    fn again(&self, recipe: &Recipe, mode: Mode, nodes: &[&str], repo: Option<&Path>) -> String {
        let mut words =
            vec!["ays", "install", "-n", &recipe.template].into_iter().map(quoted).collect::<Vec<_>>();
        if recipe.instance != "main" {
            words.extend(["-i".to_owned(), quoted(&recipe.instance)]);
        }
        words.extend(["--targetname".to_owned(), quoted(&nodes.join(","))]);
        for (is_given, option) in [(mode == Mode::Again, "-r"), (self.single, "--single")] {
            if is_given {
                words.push(option.to_owned());
            }
        }
        if !self.data.is_empty() {
            // It may hold a password.
            words.push("--data ..".to_owned());
        }
        if let Some(repo) = repo {
            words.extend(["--repo".to_owned(), quoted(&repo.display().to_string())]);
        }
        words.join(" ")
    }
}

/// `12 nodes: 10 installed, 1 had nothing to do, 1 failed`.
fn summary(results: &[NodeResult], broken: usize) -> String {
    use ays_engine::Installed;
    let count = |is: fn(&NodeResult) -> bool| results.iter().filter(|result| is(result)).count();
    let interrupted = count(|result| matches!(result, Err(InstallError::Interrupted)));
    let counts = [
        (count(|result| matches!(result, Ok(Installed::Now))), "installed"),
        (count(|result| matches!(result, Ok(Installed::Before))), "had nothing to do"),
        (count(Result::is_err) - interrupted + broken, "failed"),
        (interrupted, "interrupted"),
    ];
    let said = counts.iter().filter(|(count, _)| *count > 0).map(|(count, what)| format!("{count} {what}"));
    format!("{} nodes: {}", results.len() + broken, said.collect::<Vec<_>>().join(", "))
}

/// The plan and what its sources say, as JSON.
#[derive(serde::Serialize)]
struct DryRun<'a> {
    #[serde(flatten)]
    plan: &'a Plan,
    /// In the order of the plan's fetches.
    sources: &'a [SourceAnswer],
}

async fn dry_run(plans: &[Plan], recipe: &Recipe, json: bool) -> Result<(), Failure> {
    let urls: Vec<_> = recipe.fetches.iter().map(|fetch| fetch.url.clone()).collect();
    let sources = probe(&urls, &std::env::temp_dir()).await;
    if json {
        return match plans {
            [plan] => table::json(&DryRun { plan, sources: &sources }),
            plans => {
                let all: Vec<_> = plans.iter().map(|plan| DryRun { plan, sources: &sources }).collect();
                table::json(&all)
            }
        };
    }
    for plan in plans {
        show_plan(plan, &sources)?;
    }
    let mut warnings: Vec<_> = plans.iter().flat_map(|plan| &plan.warnings).collect();
    warnings.dedup();
    for warning in warnings {
        eprint_line(&format!("warning: {warning}"));
    }
    table::line("nothing was done: this is a dry run")
}

fn show_plan(plan: &Plan, sources: &[SourceAnswer]) -> Result<(), Failure> {
    table::line(&format!("{} on {}:", plan.template, plan.node))?;
    let mut sources = sources.iter();
    for (number, step) in plan.steps.iter().enumerate() {
        table::line(&format!("  {}  {step}", number + 1))?;
        if matches!(step, Planned::Fetch { .. }) {
            let state = match sources.next() {
                Some(SourceAnswer::Answers { size: Some(size) }) => {
                    format!("{}, seen from here", units::bytes(*size))
                }
                Some(SourceAnswer::Answers { size: None }) => {
                    "it answers, without a size, seen from here".to_owned()
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
