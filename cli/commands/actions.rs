//! `ays actions`

use std::io::IsTerminal;
use std::path::Path;
use std::sync::Arc;

use async_trait::async_trait;
use ays_actions::{Function, functions};
use ays_engine::{Debugged, GoOn, Watch};
use ays_model::{InstanceName, TemplateName};
use ays_operations::DebugMethod;
use ays_recipes::Answers;
use ays_transport::Network;
use serde::Serialize;

use crate::context;
use crate::failure::Failure;
use crate::render::table;
use crate::signals::stop_at_once;

/// What `actions.py` of a recipe may call
#[derive(clap::Args)]
pub struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(clap::Subcommand)]
enum Command {
    /// Lists the functions that a recipe may call, with their meanings
    Functions {
        /// Only those whose names hold this
        #[arg(value_name = "PART")]
        part: Option<String>,
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
    /// Steps through a method on a node that goes away: shows each action and what it came to
    ///
    /// Nothing of this machine's files and processes is changed. On a terminal it waits before each action. What is asked of
    /// images and other services is taken to be done. On real nodes, `ays prepare`, `configure` and so on run methods.
    Run(RunArgs),
}

/// A method, and the service that it is done for.
#[derive(clap::Args)]
struct RunArgs {
    /// The method: configure, start, ..
    method: String,
    /// The template
    #[arg(short, long)]
    name: TemplateName,
    /// The instance
    #[arg(short, long, default_value = "main")]
    instance: InstanceName,
    /// Answers: 'key:value key2:value2' or 'key=value # key2=value2'
    #[arg(long, value_name = "DATA", default_value = "", hide_default_value = true)]
    data: String,
    /// What `execute` is given
    #[arg(long)]
    cmd: Option<String>,
    /// On a node that is made of this machine and goes away: it needs root
    #[arg(long, required = true)]
    rehearse: bool,
    /// That node reaches what this machine reaches; else nothing
    #[arg(long)]
    network: bool,
}

/// A function under one of its names.
#[derive(Serialize)]
struct Row<'a> {
    name: &'a str,
    parameters: &'a str,
    reaches: &'static str,
    meaning: &'a str,
}

pub async fn run(args: Args, repo: Option<&Path>) -> Result<(), Failure> {
    match args.command {
        Command::Functions { part, json } => functions_with(part, json),
        Command::Run(args) => run_method(args, repo).await,
    }
}

async fn run_method(args: RunArgs, repo: Option<&Path>) -> Result<(), Failure> {
    let environment = Arc::new(context::environment(repo)?);
    let debug = DebugMethod {
        template: args.name,
        instance: args.instance,
        method: args.method,
        command: args.cmd,
        answers: Answers::parse(&args.data)?,
        network: if args.network { Network::Shared } else { Network::None },
    };
    let waits = std::io::stdin().is_terminal() && std::io::stdout().is_terminal();
    if waits {
        table::line("Enter does the next action, c all of them, q none.")?;
    }
    let mut watch = Terminal { waits, printed: Ok(()) };
    let returned = debug.run(environment, std::env::temp_dir(), stop_at_once(), &mut watch).await?;
    watch.printed?;
    match returned {
        Some(value) => table::line(&format!("it returned {value}")),
        None => table::line("left"),
    }
}

/// Shows a method on the terminal.
struct Terminal {
    /// Each action waits for the operator.
    waits: bool,
    printed: Result<(), Failure>,
}

#[async_trait]
impl Watch for Terminal {
    async fn show(&mut self, shown: Debugged) -> GoOn {
        let is_next = matches!(shown, Debugged::Next { .. });
        self.printed = print(shown);
        if self.printed.is_err() || (is_next && self.waits && !self.goes_on().await) {
            GoOn::No
        } else {
            GoOn::Yes
        }
    }
}

impl Terminal {
    /// Waits for the operator, who can also end it by a signal.
    async fn goes_on(&mut self) -> bool {
        let reading = tokio::task::spawn_blocking(|| {
            let mut line = String::new();
            std::io::stdin().read_line(&mut line).map(|_| line)
        });
        match reading.await {
            Ok(Ok(line)) if !line.is_empty() => {
                self.waits = line.trim() != "c";
                line.trim() != "q"
            }
            // The end of the input.
            _ => false,
        }
    }
}

fn print(shown: Debugged) -> Result<(), Failure> {
    match shown {
        Debugged::Next { line, source, what } => {
            table::line(&format!("{line:>4} | {source}"))?;
            table::line(&format!("     > {what}"))
        }
        Debugged::Gave(value) => table::line(&format!("     = {value}")),
    }
}

fn functions_with(part: Option<String>, json: bool) -> Result<(), Failure> {
    let part = part.as_deref().unwrap_or_default().to_lowercase();
    let rows = functions().iter().flat_map(|function: &Function| {
        function.names.iter().map(|name| Row {
            name,
            parameters: function.parameters,
            reaches: function.reaches.as_str(),
            meaning: function.meaning,
        })
    });
    let rows: Vec<Row<'_>> = rows.filter(|row| row.name.to_lowercase().contains(&part)).collect();
    if json {
        return table::json(&rows);
    }
    let rows = rows.into_iter().map(|row| {
        let call = format!("{}({})", row.name, row.parameters);
        vec![call, row.reaches.to_owned(), row.meaning.to_owned()]
    });
    table::print(&["FUNCTION", "REACHES", "WHAT IT DOES"], rows)
}
