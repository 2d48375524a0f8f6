//! What a rehearsal tells.

use ays_model::{Event, FaultReport, Record};

use super::events::{Renderer, Style};
use super::table;
use crate::failure::Failure;

/// Shows what a rehearsal tells.
pub struct Rehearsal {
    style: Style,
    renderer: Renderer,
    rehearsed: usize,
    wrong: usize,
    printed: Result<(), Failure>,
}

impl Rehearsal {
    pub fn new(style: Style) -> Self {
        Self { style, renderer: Renderer::new(style), rehearsed: 0, wrong: 0, printed: Ok(()) }
    }

    /// Shows one event, or what came of one fault.
    pub fn show(&mut self, record: &Record) {
        let Event::FaultRehearsed(report) = &record.event else { return self.renderer.show(record) };
        self.rehearsed += 1;
        self.wrong += usize::from(!report.wrong.is_empty());
        let printed = if self.style == Style::Json { table::json_line(report) } else { show(report) };
        if self.printed.is_ok() {
            self.printed = printed;
        }
    }

    /// Shows what it came to.
    pub fn end(&mut self) -> Result<(), Failure> {
        std::mem::replace(&mut self.printed, Ok(()))?;
        if self.wrong > 0 {
            return Err(Failure::NotSame { rehearsed: self.rehearsed, wrong: self.wrong });
        }
        if self.style == Style::Json {
            return Ok(());
        }
        table::line(&match self.rehearsed {
            0 => "it works, and nothing of it was kept: this is a rehearsal".to_owned(),
            1 => "run again, it ends as it does without the fault; nothing of it was kept".to_owned(),
            number => format!("after each of {number} faults it ends as without; nothing of it was kept"),
        })
    }
}

fn show(FaultReport { step, kind, runs, wrong }: &FaultReport) -> Result<(), Failure> {
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
