//! What depends on what only a node can tell: in a plan it is walked, and marked.

use std::sync::Arc;

use ays_grammar::Span;
use ays_grammar::actions::Stmt;
use indexmap::IndexMap;

use super::flow::Flow;
use super::heap::Val;
use super::scope::{Found, ScopeId, bound_in};
use super::{Interpreter, Stop};

/// What a text depends on of which a part is unknown: the first such part.
fn cause(text: &Arc<str>) -> Arc<str> {
    let Some(start) = text.find('<') else { return Arc::clone(text) };
    let mut open = 0_usize;
    let end = text[start..].find(|c| {
        match c {
            '<' => open += 1,
            '>' => open -= 1,
            _ => {}
        }
        open == 0
    });
    end.map_or_else(|| Arc::clone(text), |end| text[start..=start + end].into())
}

/// A call of a function.
#[derive(Debug, Default)]
pub(super) struct Frame {
    /// What it may have returned before, as far as that is known, and what decides.
    pub(super) may_return: Vec<Val>,
    pub(super) because: Option<Arc<str>>,
}

/// The names that blocks of which one is done give values to, with those that they had before.
#[derive(Default)]
pub(super) struct Touched(IndexMap<String, Option<Val>>);

impl Interpreter {
    /// What only a node can tell, as a plan names it.
    pub(super) fn cause(&mut self, value: &Val, span: Span) -> Result<Arc<str>, Stop> {
        let Val::Unknown(text) = value else { return Ok("".into()) };
        let charged = self.heap.charge(text.len());
        self.at(charged, span)?;
        Ok(cause(text))
    }

    /// Walks a block that may be done or not.
    pub(super) async fn maybe(
        &mut self,
        body: &[Stmt],
        because: &Arc<str>,
        touched: &mut Touched,
        scope: ScopeId,
    ) -> Result<(), Stop> {
        let (names, looked_at) = bound_in(body);
        let walked = self.heap.step(looked_at);
        self.at(walked, body.first().map(|stmt| stmt.span).unwrap_or_default())?;
        for name in names {
            if !touched.0.contains_key(&name) {
                let before = match self.scopes.find(&name, scope) {
                    Found::Value(value) => Some(value),
                    Found::Unbound | Found::Nothing => None,
                };
                touched.0.insert(name, before);
            }
        }
        let unsure = self.unsure.len();
        self.unsure.push(Arc::clone(because));
        let result = self.block(body, scope).await;
        self.unsure.truncate(unsure);
        for (name, before) in &touched.0 {
            match before {
                Some(value) => self.scopes.set(name, value.clone(), scope),
                None => _ = self.scopes.remove(name, scope),
            }
        }
        match result {
            Ok(Flow::Next) => Ok(()),
            Ok(flow) => {
                // What comes behind is done only where this was not.
                self.unsure.push(Arc::clone(because));
                if let (Flow::Return(value), Some(frame)) = (flow, self.frames.last_mut()) {
                    frame.may_return.push(value);
                    frame.because.get_or_insert_with(|| Arc::clone(because));
                }
                Ok(())
            }
            // A method that ends so has failed; a plan shows one that goes well.
            Err(Stop::Raised(..)) => Ok(()),
            Err(stop) => Err(stop),
        }
    }

    /// After the last of such blocks: what they gave values to is no longer known.
    pub(super) fn forget(&mut self, touched: Touched, because: &Arc<str>, scope: ScopeId) {
        for (name, _) in touched.0 {
            self.scopes.set(&name, Val::Unknown(Arc::clone(because)), scope);
        }
    }

    /// What a call returns that may have returned before.
    pub(super) fn returned(&self, frame: &Frame, value: Val) -> Val {
        let Some(because) = &frame.because else { return value };
        let same = frame.may_return.iter().all(|other| self.heap.equal(other, &value).unwrap_or(false));
        if same { value } else { Val::Unknown(Arc::clone(because)) }
    }
}
