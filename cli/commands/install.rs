//! `ays install`

use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use ays_engine::{Mode, Rehearsed, Starting, Stop, Stopper};
use ays_model::{FaultAt, InstanceName, Record, TemplateName};
use ays_operations::{
    BroughtUpToDate, Error, Install, InstallOutdated, InstallReport, InstalledAgain, Rehearse, Selection,
    Tell,
};
use ays_recipes::{Answers, Dependencies, Environment, Seed, Stored};

use super::{job, plan};
use crate::failure::{Failure, eprint_line};
use crate::render::events::Style;
use crate::render::rehearsal::Rehearsal;
use crate::render::{quoted, rollout};
use crate::signals::heed_signals;
use crate::site::Site;
use crate::targets::Targets;
use crate::{ask, context, prompt};

/// Installs a service on nodes: fetches what its recipe names, verifies it, registers the image
#[derive(clap::Args)]
pub struct Args {
    /// The template
    #[arg(short, long, required_unless_present = "outdated")]
    name: Option<TemplateName>,
    /// The environment's domain, where it must be a certain one
    #[arg(short, long)]
    domain: Option<String>,
    /// The instance
    #[arg(short, long, default_value = "main")]
    instance: InstanceName,
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
    /// Start nothing of what is installed
    #[arg(long)]
    no_start: bool,
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
    /// The instance below whose directory the answers are written down: domain__name__instance, then those above it (:)
    #[arg(long, value_name = "INSTANCE", conflicts_with = "detach")]
    parent: Option<String>,
    /// Register an image even when the disk in it is broken; the record says by whom
    #[arg(long)]
    force: bool,
    /// Print what would be done, and do nothing
    #[arg(long)]
    dry_run: bool,
    /// Try it on this machine, in a directory that goes away afterwards
    #[arg(long, conflicts_with_all = ["dry_run", "targettype", "targetname", "grid", "all"])]
    rehearse: bool,
    /// Let a step go wrong once, then run again twice: check, fetch:lost, store:kill (fail is meant without a kind), or all
    #[arg(long, value_name = "STEP[:KIND]", requires = "rehearse")]
    fail_at: Option<FailAt>,
    /// Let a worker do it: print the job's number, and end
    #[arg(long, conflicts_with_all = ["rehearse", "dry_run", "data", "hrdseed", "hrdreset"])]
    detach: bool,
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

/// What `--fail-at` says: a step and a kind of fault, or `all`.
#[derive(Debug, Clone)]
struct FailAt(Rehearsed);

impl std::str::FromStr for FailAt {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        Ok(Self(if text == "all" { Rehearsed::All } else { Rehearsed::One(text.parse::<FaultAt>()?) }))
    }
}

/// `ays update`: an install of all of it, whatever is installed.
pub async fn update(args: Args, repo: Option<&Path>) -> Result<(), Failure> {
    run(Args { reinstall: true, ..args }, repo).await
}

pub async fn run(args: Args, repo: Option<&Path>) -> Result<(), Failure> {
    let site = Site::find(repo)?;
    if let Some(asked) = &args.domain {
        let here = &site.environment()?.domain;
        if asked != here {
            return Err(Failure::Domain { asked: asked.clone(), here: here.clone() });
        }
    }
    let (stopper, stop) = Stopper::new();
    let work = Work { args: &args, repo, site, stop };
    match &args.name {
        Some(name) if !args.outdated => work.install(name, || heed_signals(stopper)).await,
        name => {
            heed_signals(stopper);
            work.bring_outdated(name.clone()).await
        }
    }
}

/// What one command does.
struct Work<'a> {
    args: &'a Args,
    repo: Option<&'a Path>,
    site: Site,
    stop: Stop,
}

impl Work<'_> {
    /// Installs again what is outdated, one template after another. One that fails stops no other.
    async fn bring_outdated(&self, template: Option<TemplateName>) -> Result<(), Failure> {
        let args = self.args;
        let install = InstallOutdated {
            template,
            nodes: Selection::from(&args.targets),
            force: args.force,
            dependencies: self.dependencies(),
            parallel: args.parallel,
        };
        if args.detach {
            return job::detach(&self.site, install).await;
        }
        let style = rollout::style(args.json, args.quiet, true);
        let done =
            self.site.perform(install, args.accept_new_host_key, self.stop.clone(), rollout::tell(style));
        let BroughtUpToDate { services, unknown } = done.await?;
        for (image, why) in &unknown {
            eprint_line(&format!("warning: {image}: {why}"));
        }
        if services.is_empty() && !unknown.is_empty() {
            return Err(Failure::NotAsked(unknown.len()));
        }
        if services.is_empty() {
            eprint_line("nothing is outdated");
            return Ok(());
        }
        let (all, mut failed) = (services.len(), 0);
        for InstalledAgain { template, instance, report, problem, .. } in services {
            let ended = match (report, problem) {
                (Some(report), _) => self.ended(&template, &instance, report, Mode::Again, style),
                (None, Some(problem)) => Err(Error::from(problem).into()),
                (None, None) => Ok(()),
            };
            if let Err(error) = ended {
                if self.stop.is_wanted() {
                    return Err(error);
                }
                error.report();
                failed += 1;
            }
        }
        if failed == 0 { Ok(()) } else { Err(Failure::StillOutdated { failed, all }) }
    }

    async fn install(&self, template: &TemplateName, begin: impl FnOnce()) -> Result<(), Failure> {
        let Self { args, stop, .. } = self;
        let mode = if args.reinstall { Mode::Again } else { Mode::IfNeeded };
        let mut install = Install {
            template: template.clone(),
            instance: args.instance.clone(),
            nodes: Selection::from(&args.targets),
            mode,
            force: args.force,
            dependencies: self.dependencies(),
            starting: if args.no_start { Starting::Leaves } else { Starting::Starts },
            parallel: args.parallel,
            answers: Answers::parse(&args.data)?,
            stored: if args.hrdreset { Stored::Forgotten } else { Stored::Used },
            parent: args.parent.clone(),
            seed: None,
        };
        let mut are_several = install.nodes.may_mean_several();
        if !args.data.is_empty() || args.hrdseed.is_some() || args.hrdreset {
            // Answers may be secret: they are in no job.
            self.site.environment()?;
        }
        if let Site::Here(environment) = &self.site {
            install.template = environment.template(template)?.name.clone();
            are_several = install.nodes.select(environment)?.targets.len() > 1;
            // A job has the answers that the repository has.
            if !args.detach {
                self.ask(environment, &mut install).await?;
            }
        }
        if args.dry_run {
            let environment = Arc::clone(self.site.environment()?);
            let planned = install.plan(environment, std::env::temp_dir(), stop.clone()).await?;
            return plan::show(&planned, args.json);
        }

        if args.detach {
            return job::detach(&self.site, install).await;
        }

        // What is asked, and what is wrong before anything runs, ends at the first Ctrl-C.
        begin();
        let style = rollout::style(args.json, args.quiet, are_several);
        if args.rehearse {
            return self.rehearse(install, style).await;
        }
        let (template, instance) = (install.template.clone(), install.instance.clone());
        let tell = rollout::tell(style);
        let report = self.site.perform(install, args.accept_new_host_key, stop.clone(), tell).await?;
        self.ended(&template, &instance, report, mode, style)
    }

    fn dependencies(&self) -> Dependencies {
        if self.args.single { Dependencies::Skip } else { Dependencies::First }
    }

    async fn rehearse(&self, install: Install, style: Style) -> Result<(), Failure> {
        let faults = self.args.fail_at.clone().map_or(Rehearsed::Nothing, |FailAt(faults)| faults);
        let rehearsal = Arc::new(Mutex::new(Rehearsal::new(style)));
        let shown = Arc::clone(&rehearsal);
        let tell: Tell = Arc::new(move |record: Record| {
            shown.lock().unwrap_or_else(PoisonError::into_inner).show(&record)
        });
        let (environment, temporary) = (Arc::clone(self.site.environment()?), std::env::temp_dir());
        let ssh = context::ssh(&environment, false)?;
        let rehearse = Rehearse { install, faults };
        rehearse.run(environment, temporary, context::actor(), ssh, self.stop.clone(), tell).await?;
        let mut rehearsal = rehearsal.lock().unwrap_or_else(PoisonError::into_inner);
        rehearsal.end()
    }

    /// Shows what an install came to.
    fn ended(
        &self,
        template: &TemplateName,
        instance: &InstanceName,
        InstallReport { answers, nodes, .. }: InstallReport,
        mode: Mode,
        style: Style,
    ) -> Result<(), Failure> {
        if let (Some(first), Style::Steps | Style::Summary) = (answers.first(), style) {
            let others = match answers.len() {
                1 => String::new(),
                number => format!(" and {} more", number - 1),
            };
            eprint_line(&format!("the answers are in {}{others}", first.display()));
        }
        let again = |nodes: &[&str]| self.again(template, instance, mode, nodes);
        rollout::end(template, nodes, style, again, self.stop.is_wanted())
    }

    /// Adds what is answered in a file; on a terminal the questions that are left are asked.
    async fn ask(&self, environment: &Arc<Environment>, install: &mut Install) -> Result<(), Failure> {
        if let Some(path) = &self.args.hrdseed {
            let bytes =
                std::fs::read(path).map_err(|source| Failure::Unreadable { path: path.clone(), source })?;
            let prefix = format!("{}.{}.{}", environment.domain, install.template, install.instance);
            install.answers.add_seed(&path.display().to_string(), &bytes, &prefix)?;
            install.seed = Some(Arc::new(Seed { name: path.display().to_string(), bytes }));
        }
        if prompt::possible() {
            let questions = install.clone().questions(Arc::clone(environment), self.stop.clone()).await?;
            ask::ask_all(&questions, &mut install.answers)?;
        }
        Ok(())
    }

    /// The command that does the same on these nodes alone.
    fn again(&self, template: &TemplateName, instance: &InstanceName, mode: Mode, nodes: &[&str]) -> String {
        let mut words = vec!["ays", "install", "-n", template].into_iter().map(quoted).collect::<Vec<_>>();
        if *instance != "main" {
            words.extend(["-i".to_owned(), quoted(instance)]);
        }
        words.extend(["--targetname".to_owned(), quoted(&nodes.join(","))]);
        for (is_given, option) in [
            (mode == Mode::Again, "-r"),
            (self.args.single, "--single"),
            (self.args.no_start, "--no-start"),
            (self.args.force, "--force"),
        ] {
            if is_given {
                words.push(option.to_owned());
            }
        }
        if !self.args.data.is_empty() {
            // It may hold a password.
            words.push("--data ..".to_owned());
        }
        if let Some(repo) = self.repo {
            words.extend(["--repo".to_owned(), quoted(&repo.display().to_string())]);
        }
        words.join(" ")
    }
}
