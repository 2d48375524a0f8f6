//! `ays actions`

use ays_actions::{Function, functions};
use serde::Serialize;

use crate::failure::Failure;
use crate::render::table;

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
}

/// A function under one of its names.
#[derive(Serialize)]
struct Row<'a> {
    name: &'a str,
    parameters: &'a str,
    reaches: &'static str,
    meaning: &'a str,
}

pub fn run(args: &Args) -> Result<(), Failure> {
    let Command::Functions { part, json } = &args.command;
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
    if *json {
        return table::json(&rows);
    }
    let rows = rows.into_iter().map(|row| {
        let call = format!("{}({})", row.name, row.parameters);
        vec![call, row.reaches.to_owned(), row.meaning.to_owned()]
    });
    table::print(&["FUNCTION", "REACHES", "WHAT IT DOES"], rows)
}
