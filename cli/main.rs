//! `ays`: arguments in, events and exit codes out. What the work is, the other crates know.

mod ask;
mod client;
mod commands;
mod context;
mod failure;
mod prompt;
mod render;
mod signals;
mod site;
mod targets;
mod upload;
mod word;

use std::process::ExitCode;

use ays_model::RunAction;
use clap::{CommandFactory, Parser, Subcommand};

/// Installs OS images on the nodes of a private cloud, from the recipes of an environment repository.
///
/// Run it inside a clone of the environment, or name the clone with --repo.
#[derive(Parser)]
#[command(
    name = "ays",
    version,
    after_help = "Exit codes: 0 all is well, 1 a node failed, 2 wrong usage (unknown node, template or option), \
                  3 an error in a recipe or HRD file, 10 an image is outdated, 130 interrupted."
)]
struct Cli {
    #[command(subcommand)]
    command: Command,

    /// The environment's repository; default: the one that the current directory lies in
    #[arg(long, global = true, value_name = "DIR")]
    repo: Option<std::path::PathBuf>,

    /// The catalogue's PostgreSQL database, as the setting `database` has it
    #[arg(long, global = true, value_name = "ADDRESS")]
    database: Option<String>,
}

#[derive(Subcommand)]
enum Command {
    Install(commands::install::Args),
    List(commands::list::Args),
    /// Installs a service again, from what its sources have now: as ays install --reinstall
    Update(commands::install::Args),
    Plan(commands::plan::Args),
    /// Starts services, and waits until they are up
    Start(commands::service::Args),
    /// Ends the processes of services
    Stop(commands::service::Args),
    /// Ends the processes of services, and starts them again
    Restart(commands::service::Args),
    /// Says whether the processes of services run and listen at their ports
    Status(commands::service::Args),
    /// Has recipes look whether their services do what they should
    Monitor(commands::service::Args),
    /// Brings packages, and runs `prepare` of the recipe
    Prepare(commands::service::Args),
    /// Runs `configure` of the recipe
    Configure(commands::service::Args),
    /// Brings `git.build`, and runs `build` of the recipe
    Build(commands::service::Args),
    /// Runs `cleanup` of the recipe
    Cleanup(commands::service::Args),
    /// Runs `execute` of the recipe
    Execute(commands::service::ExecuteArgs),
    /// Runs `data_export` of the recipe
    Export(commands::service::Args),
    /// Runs `data_import` of the recipe
    Import(commands::service::Args),
    /// Runs `removedata` of the recipe
    Removedata(commands::service::Args),
    /// Ends a service, and removes all that its install wrote
    Uninstall(commands::service::Args),
    /// Ends a service, and removes what it wrote and its data
    Reset(commands::service::Args),
    Resetstate(commands::resetstate::Args),
    Consume(commands::consume::Args),
    Hrdpath(commands::hrdpath::Args),
    Console(commands::console::Args),
    Nodes(commands::nodes::Args),
    Node(commands::node::Args),
    Pool(commands::pool::Args),
    Image(commands::image::Args),
    Stack(commands::stack::Args),
    Publish(commands::publish::Args),
    Publication(commands::publication::Args),
    Account(commands::account::Args),
    Recover(commands::recover::Args),
    Where(commands::where_is::Args),
    Runs(commands::runs::Args),
    Audit(commands::audit::Args),
    Scrub(commands::scrub::Args),
    Outdated(commands::outdated::Args),
    New(commands::new::Args),
    Secret(commands::secret::Args),
    Hrd(commands::hrd::Args),
    Lint(commands::lint::Args),
    Actions(commands::actions::Args),
    Explain(commands::explain::Args),
    Fmt(commands::fmt::Args),
    Catalogue(commands::catalogue::Args),
    Config(commands::config::Args),
    Env(commands::env::Args),
    /// Brings what is new at the environment's remote: as ays env pull
    Mdupdate(commands::env::PullArgs),
    /// Sends what was changed here to the environment's remote: as ays env save
    Push(commands::env::SaveArgs),
    #[command(name = "makelocal")]
    MakeLocal(commands::make_local::Args),
    Job(commands::job::Args),
    Schedule(commands::schedule::Args),
    Worker(commands::worker::Args),
    Serve(commands::serve::Args),
    User(commands::user::Args),
    Webhook(commands::webhook::Args),
    Completions(commands::completions::Args),
    Man(commands::man::Args),
}

fn main() -> ExitCode {
    let cli = Cli::parse_from(std::env::args_os().map(long_form));
    // Beats to a node go on, on a thread of their own, while a slow reader of our output holds this one up.
    let done = match tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build() {
        Ok(runtime) => {
            let done = runtime.block_on(run(cli));
            // A question that nobody answered any more is not waited for.
            runtime.shutdown_background();
            done
        }
        Err(source) => Err(failure::Failure::Runtime(source)),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => error.report(),
    }
}

async fn run(cli: Cli) -> Result<(), failure::Failure> {
    let repo = cli.repo.as_deref();
    if let Some(database) = cli.database {
        context::set_database(database);
    }
    match cli.command {
        Command::Install(args) => commands::install::run(args, repo).await,
        Command::List(args) => commands::list::run(&args, repo).await,
        Command::Update(args) => commands::install::update(args, repo).await,
        Command::Plan(args) => commands::plan::run(args, repo).await,
        Command::Start(args) => commands::service::run(args, RunAction::Start, repo).await,
        Command::Stop(args) => commands::service::run(args, RunAction::Stop, repo).await,
        Command::Restart(args) => commands::service::run(args, RunAction::Restart, repo).await,
        Command::Status(args) => commands::service::run(args, RunAction::Status, repo).await,
        Command::Monitor(args) => commands::service::run(args, RunAction::Monitor, repo).await,
        Command::Prepare(args) => commands::service::run(args, RunAction::Prepare, repo).await,
        Command::Configure(args) => commands::service::run(args, RunAction::Configure, repo).await,
        Command::Build(args) => commands::service::run(args, RunAction::Build, repo).await,
        Command::Cleanup(args) => commands::service::run(args, RunAction::Cleanup, repo).await,
        Command::Execute(args) => commands::service::execute(args, repo).await,
        Command::Export(args) => commands::service::run(args, RunAction::Export, repo).await,
        Command::Import(args) => commands::service::run(args, RunAction::Import, repo).await,
        Command::Removedata(args) => commands::service::run(args, RunAction::Removedata, repo).await,
        Command::Uninstall(args) => commands::service::run(args, RunAction::Uninstall, repo).await,
        Command::Reset(args) => commands::service::run(args, RunAction::Reset, repo).await,
        Command::Resetstate(args) => commands::resetstate::run(args, repo).await,
        Command::Consume(args) => commands::consume::run(args, repo).await,
        Command::Hrdpath(args) => commands::hrdpath::run(&args, repo),
        Command::Console(args) => commands::console::run(&args, repo),
        Command::Nodes(args) => commands::nodes::run(&args, repo).await,
        Command::Node(args) => commands::node::run(args, repo).await,
        Command::Pool(args) => commands::pool::run(args, repo).await,
        Command::Image(args) => commands::image::run(args, repo).await,
        Command::Stack(args) => commands::stack::run(args, repo).await,
        Command::Publish(args) => commands::publish::run(args, repo).await,
        Command::Publication(args) => commands::publication::run(args, repo).await,
        Command::Account(args) => commands::account::run(args, repo).await,
        Command::Recover(args) => commands::recover::run(args, repo).await,
        Command::Audit(args) => commands::audit::run(args, repo).await,
        Command::Where(args) => commands::where_is::run(args, repo).await,
        Command::Runs(args) => commands::runs::run(args, repo).await,
        Command::Outdated(args) => commands::outdated::run(&args, repo).await,
        Command::New(args) => commands::new::run(args, repo).await,
        Command::Scrub(args) => commands::scrub::run(args, repo).await,
        Command::Secret(args) => commands::secret::run(&args, repo),
        Command::Hrd(args) => commands::hrd::run(&args),
        Command::Lint(args) => commands::lint::run(&args, repo).await,
        Command::Actions(args) => commands::actions::run(args, repo).await,
        Command::Explain(args) => commands::explain::run(&args),
        Command::Fmt(args) => commands::fmt::run(&args, repo),
        Command::Catalogue(args) => commands::catalogue::run(args, repo).await,
        Command::Config(args) => commands::config::run(&args, repo),
        Command::Env(args) => commands::env::run(args, repo).await,
        Command::Mdupdate(args) => commands::env::run_pull(args, repo).await,
        Command::Push(args) => commands::env::run_save(args, repo).await,
        Command::MakeLocal(args) => commands::make_local::run(args, repo).await,
        Command::Job(args) => commands::job::run(args, repo).await,
        Command::Schedule(args) => commands::schedule::run(args, repo).await,
        Command::Worker(args) => commands::worker::run(args, repo).await,
        Command::Serve(args) => commands::serve::run(args, repo).await,
        Command::User(args) => commands::user::run(args, repo).await,
        Command::Webhook(args) => commands::webhook::run(args, repo).await,
        Command::Completions(args) => commands::completions::run(&args, &Cli::command()),
        Command::Man(args) => commands::man::run(args, Cli::command()),
    }
}

/// AYS had options of two letters after one dash.
fn long_form(arg: std::ffi::OsString) -> std::ffi::OsString {
    match arg.to_str() {
        Some("-tt") => "--targettype".into(),
        Some("-tn") => "--targetname".into(),
        Some("-hs") => "--hrdseed".into(),
        Some("-hr") => "--hrdreset".into(),
        _ => arg,
    }
}
