//! `sorted`, `min`, `max` and the `sort` of lists.

use ays_grammar::Span;

use crate::interpreter::args::Args;
use crate::interpreter::heap::{Id, Object, Val};
use crate::interpreter::sequences::index_of;
use crate::interpreter::{Interpreter, Stop};

impl Interpreter {
    /// `sorted`, `min` and `max`, with their `key` and `cmp`.
    pub(super) async fn ordered(&mut self, name: &str, args: Args, span: Span) -> Result<Val, Stop> {
        let key = args.named("key").cloned().unwrap_or(Val::None);
        if let Some(text) = args.unknown() {
            return Ok(Val::Unknown(text));
        }
        if name == "sorted" {
            let values = args.at(0).cloned().unwrap_or(Val::None);
            let values = self.iterate(&values, span).await?;
            let values = self.sort(values, &args, 1, span).await?;
            let list = self.heap.list(values);
            return self.at(list, span);
        }
        let values = match &args.positional[..] {
            [one] => {
                let one = one.clone();
                self.iterate(&one, span).await?
            }
            several => several.to_vec(),
        };
        let mut best: Option<(Val, Val)> = None;
        for value in values {
            let rank = match &key {
                Val::None => value.clone(),
                key => self.call(key.clone(), Args::of(vec![value.clone()]), span).await?,
            };
            let better = match &best {
                None => true,
                Some((best, _)) => {
                    let order = self.heap.order(&rank, best);
                    let order = self.at(order, span)?;
                    if name == "min" { order.is_lt() } else { order.is_gt() }
                }
            };
            if better {
                best = Some((rank, value));
            }
        }
        match best {
            Some((_, value)) => Ok(value),
            None => Err(self.raise("ValueError", &format!("{name}() arg is an empty sequence"), span)),
        }
    }

    /// Sorts values by `cmp`, `key` and `reverse`; `at` is where these stand by position.
    pub(super) async fn sort(
        &mut self,
        values: Vec<Val>,
        args: &Args,
        at: usize,
        span: Span,
    ) -> Result<Vec<Val>, Stop> {
        let compare = args.or(at, "cmp", &Val::None).clone();
        let key = args.or(at + 1, "key", &Val::None).clone();
        let reverse = self.heap.truth(args.or(at + 2, "reverse", &Val::None)) == Some(true);
        let mut ranked: Vec<(Val, Val)> = Vec::with_capacity(values.len());
        for value in values {
            let rank = match &key {
                Val::None => value.clone(),
                key => self.call(key.clone(), Args::of(vec![value.clone()]), span).await?,
            };
            ranked.push((rank, value));
        }
        // Equal values keep their order, also from the back.
        if reverse {
            ranked.reverse();
        }
        // What is compared need not be in any order at all, which the sort of the standard library does not take.
        let mut length = 1;
        while length < ranked.len() {
            let mut merged = Vec::with_capacity(ranked.len());
            for run in ranked.chunks(2 * length) {
                let (one, other) = run.split_at(length.min(run.len()));
                let (mut left, mut right) = (one.iter().peekable(), other.iter().peekable());
                while let (Some(first), Some(second)) = (left.peek(), right.peek()) {
                    let is_less = self.is_less(&compare, &second.0, &first.0, span).await?;
                    merged.extend(if is_less { right.next() } else { left.next() }.cloned());
                }
                merged.extend(left.chain(right).cloned());
            }
            ranked = merged;
            length *= 2;
        }
        if reverse {
            ranked.reverse();
        }
        Ok(ranked.into_iter().map(|(_, value)| value).collect())
    }

    pub(super) async fn is_less(
        &mut self,
        compare: &Val,
        one: &Val,
        other: &Val,
        span: Span,
    ) -> Result<bool, Stop> {
        if let Val::None = compare {
            let order = self.heap.order(one, other);
            return Ok(self.at(order, span)?.is_lt());
        }
        let args = Args::of(vec![one.clone(), other.clone()]);
        let order = self.call(compare.clone(), args, span).await?;
        Ok(index_of(&order).unwrap_or(0) < 0)
    }

    pub(in crate::interpreter) async fn sort_method(
        &mut self,
        id: Id,
        args: Args,
        span: Span,
    ) -> Result<Val, Stop> {
        let values = self.heap.items(&Val::Ref(id));
        let values = self.at(values, span)?;
        let sorted = self.sort(values, &args, 0, span).await?;
        if let Object::List(items) = self.heap.get_mut(id) {
            *items = sorted;
        }
        Ok(Val::None)
    }
}
