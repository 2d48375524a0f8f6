//! What a recipe prints, line by line.

use ays_grammar::Span;
use ays_grammar::actions::Expr;

use crate::action::Action;

use super::heap::{Object, Val};
use super::scope::ScopeId;
use super::text::bytes_of;
use super::{Interpreter, Stop};

/// A line that has no end yet.
#[derive(Debug, Default)]
pub(super) struct Printed {
    line: Vec<u8>,
    /// Whether a blank comes before what is printed next.
    blank: bool,
}

impl Interpreter {
    pub(super) async fn print_statement(
        &mut self,
        file: Option<&Expr>,
        values: &[Expr],
        newline: bool,
        span: Span,
        scope: ScopeId,
    ) -> Result<(), Stop> {
        let file = match file {
            Some(file) => Some(self.eval(file, scope).await?),
            None => None,
        };
        let mut out = Vec::new();
        let mut blank = self.printed.blank && file.is_none();
        for value in values {
            let value = self.eval(value, scope).await?;
            let value = self.plain(value, span).await?;
            let shown = self.heap.display(&value);
            let shown = self.at(shown, span)?;
            if blank {
                out.push(b' ');
            }
            blank = !bytes_of(&value).is_some_and(|text| matches!(text.last(), Some(b'\n' | b'\t' | b'\r')));
            out.extend(shown);
        }
        if newline {
            out.push(b'\n');
            blank = false;
        }
        match file {
            Some(Val::Ref(id)) if matches!(self.heap.get(id), Object::File(_)) => {
                self.write_file(id, &out, span)
            }
            _ => {
                self.printed.blank = blank;
                self.print(&out, span).await
            }
        }
    }

    /// Prints bytes as they are.
    pub(super) async fn print(&mut self, bytes: &[u8], span: Span) -> Result<(), Stop> {
        let charged = self.heap.charge(bytes.len());
        self.at(charged, span)?;
        let mut rest = bytes;
        while let Some(at) = rest.iter().position(|byte| *byte == b'\n') {
            self.printed.line.extend_from_slice(&rest[..at]);
            let line = std::mem::take(&mut self.printed.line);
            self.ask(Action::Print(String::from_utf8_lossy(&line).into_owned()), span).await?;
            rest = &rest[at + 1..];
        }
        self.printed.line.extend_from_slice(rest);
        Ok(())
    }

    /// Prints what is left of a line.
    pub(super) async fn end_line(&mut self, span: Span) -> Result<(), Stop> {
        if self.printed.line.is_empty() {
            return Ok(());
        }
        self.print(b"\n", span).await
    }
}
