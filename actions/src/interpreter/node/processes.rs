//! Processes of the node, and the numbers that name them.

use ays_grammar::Span;
use ays_model::{NodeAction, Processes};

use crate::action::Outcome;
use crate::interpreter::functions::Bound;
use crate::interpreter::heap::{Fault, Val};
use crate::interpreter::{Interpreter, Stop};

impl Interpreter {
    pub(super) fn number(&mut self, bound: &Bound, names: &[&str], span: Span) -> Result<u32, Stop> {
        let number = bound.int(&self.heap, names);
        let number = self.at(number, span)?.and_then(|number| u32::try_from(number).ok());
        number.ok_or_else(|| self.raise("ValueError", "a number is expected", span))
    }

    pub(super) fn signal(&mut self, bound: &Bound, span: Span) -> Result<u8, Stop> {
        let signal = bound.int(&self.heap, &["sig"]);
        let signal = self.at(signal, span)?.unwrap_or(9);
        match u8::try_from(signal).ok().filter(|signal| (1..=64).contains(signal)) {
            Some(signal) => Ok(signal),
            None => Err(self.raise("ValueError", &format!("{signal} is no signal"), span)),
        }
    }

    /// A port. One that only a node can tell is 0 in a plan.
    pub(super) fn port(&mut self, bound: &Bound, span: Span) -> Result<u16, Stop> {
        if matches!(bound.get(&["port"]), Val::Unknown(_)) {
            return Ok(0);
        }
        let port = bound.int(&self.heap, &["port"]);
        let port = self.at(port, span)?.unwrap_or(0);
        match u16::try_from(port) {
            Ok(port) => Ok(port),
            Err(_) => Err(self.raise("ValueError", &format!("{port} is no port"), span)),
        }
    }

    pub(super) async fn pids(
        &mut self,
        processes: Processes,
        span: Span,
        value: impl FnOnce(Vec<u32>, &mut Self) -> Result<Val, Fault> + Send,
    ) -> Result<Val, Stop> {
        let what = processes.to_string();
        match self.perform(NodeAction::Pids(processes), span).await? {
            Outcome::Pids(pids) => {
                let value = value(pids, self);
                self.at(value, span)
            }
            _ => Ok(self.unknown(what)),
        }
    }

    pub(super) fn numbers(pids: Vec<u32>, this: &mut Self) -> Result<Val, Fault> {
        this.heap.list(pids.into_iter().map(|pid| Val::Int(i64::from(pid))).collect())
    }
}
