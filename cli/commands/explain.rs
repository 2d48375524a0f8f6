//! `ays explain`

use ays_lint::CODES;
use ays_recipes::LookupError;

use crate::failure::Failure;
use crate::render::{lint, table};

/// Says what a code of `ays lint` means
#[derive(clap::Args)]
pub struct Args {
    /// The code, such as same-stem; default: lists all
    code: Option<String>,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

pub fn run(args: &Args) -> Result<(), Failure> {
    let Some(name) = &args.code else {
        if args.json {
            return table::json(&CODES.as_slice());
        }
        let rows = CODES.iter().map(|code| vec![code.name.to_owned(), code.summary.to_owned()]);
        return table::print(&["CODE", "WHAT IT IS"], rows);
    };
    let Some(code) = CODES.iter().find(|code| code.name == *name) else {
        return Err(LookupError::unknown("code", name, CODES.iter().map(|code| code.name)).into());
    };
    if args.json { table::json(code) } else { table::line(&lint::explained(code)) }
}
