//! `ays install --rehearse`

use std::str::FromStr;

use ays_engine::{Mode, Outcome, Record, Rehearsal, Rehearsed, Stop};
use ays_recipes::{Environment, Recipe};
use ays_transport::{FaultAt, Transport};

use crate::failure::Failure;
use crate::render::table;
use crate::{context, targets};

/// What `--fail-at` says: a step and a kind of fault, or `all`.
#[derive(Debug, Clone)]
pub struct FailAt(Rehearsed);

impl FromStr for FailAt {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        Ok(Self(if text == "all" { Rehearsed::All } else { Rehearsed::One(text.parse::<FaultAt>()?) }))
    }
}

/// Rehearses on this machine, in a directory that goes away.
pub async fn run(
    environment: &Environment,
    recipe: &Recipe,
    mode: Mode,
    fail_at: Option<FailAt>,
    stop: &Stop,
    show_event: &(dyn Fn(&Record) + Send + Sync),
    json: bool,
) -> Result<(), Failure> {
    let pool = targets::local_pool(environment)?;
    let rehearsal = Rehearsal {
        environment,
        recipe,
        mode,
        format: pool.format,
        transport: &Transport::Ssh(context::ssh(environment, false)?),
        temporary: &std::env::temp_dir(),
        by: &context::who(),
    };
    let faults = fail_at.map_or(Rehearsed::Nothing, |FailAt(faults)| faults);
    let (mut rehearsed, mut wrong, mut printed) = (0, 0, Ok(()));
    let tell = |outcome: &Outcome| {
        rehearsed += 1;
        wrong += usize::from(!outcome.wrong.is_empty());
        let told = if json { table::json_line(outcome) } else { show(outcome) };
        if printed.is_ok() {
            printed = told;
        }
    };
    rehearsal
        .run(&faults, stop, show_event, tell)
        .await
        .map_err(|source| Failure::Rehearsal(Box::new(source)))?;
    printed?;
    if wrong > 0 {
        return Err(Failure::NotSame { rehearsed, wrong });
    }
    if !json {
        table::line(&match rehearsed {
            0 => "it works, and nothing of it was kept: this is a rehearsal".to_owned(),
            1 => "run again, it ends as it does without the fault; nothing of it was kept".to_owned(),
            number => format!("after each of {number} faults it ends as without; nothing of it was kept"),
        })?;
    }
    Ok(())
}

fn show(outcome: &Outcome) -> Result<(), Failure> {
    let Outcome { step, kind, runs, wrong } = outcome;
    table::line(&format!("{step}:{kind}"))?;
    for (number, run) in runs.iter().enumerate() {
        let when = if number == 0 { "with the fault" } else { "again" };
        table::line(&format!("  {when:14}  {run}"))?;
    }
    for wrong in wrong {
        table::line(&format!("  WRONG           {wrong}"))?;
    }
    Ok(())
}
