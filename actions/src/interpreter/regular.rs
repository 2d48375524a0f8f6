//! `re`, by an engine that takes time in proportion to the text.

use std::borrow::Cow;
use std::sync::Arc;

use ays_grammar::Span;
use regex::{Captures, Regex, RegexBuilder};

use super::args::Args;
use super::deep::on_own_stack;
use super::functions::Bound;
use super::heap::{Expression, Fault, Match, Object, Val};
use super::sequences::index_of;
use super::text::{Mixed, bytes_of};
use super::{Interpreter, Stop};

/// How many bytes a compiled expression may need. One that fits into a smaller size costs no more than that.
const SIZES: [usize; 3] = [32 << 10, 256 << 10, 1 << 20];
/// How many bytes an expression may use while it searches.
const SEARCH: usize = 64 << 10;

impl Interpreter {
    /// A function of `re`.
    pub(super) async fn regular(&mut self, name: &str, bound: &Bound, span: Span) -> Result<Val, Stop> {
        if name == "escape" {
            let text = bound.text(&self.heap, &["pattern"]);
            let text = self.at(text, span)?;
            let mut escaped = String::new();
            for c in text.chars() {
                if !c.is_ascii_alphanumeric() {
                    escaped.push('\\');
                }
                escaped.push(c);
            }
            let escaped = self.heap.str(&escaped);
            return self.at(escaped, span);
        }
        let regex = self.pattern(bound);
        let (regex, source) = self.at(regex, span)?;
        let result = match name {
            "compile" => self.heap.add(Object::Regex { pattern: regex, source }),
            "sub" => {
                let (text, new) = (bound.get(&["string"]), bound.get(&["repl"]));
                let most = bound.int(&self.heap, &["count"]);
                let most = self.at(most, span)?.unwrap_or(0);
                return self.substitute(&regex, &text, &new, most, span).await;
            }
            _ => {
                let most = bound.int(&self.heap, &["maxsplit"]);
                let most = self.at(most, span)?.unwrap_or(0);
                self.search(name, &regex, &bound.get(&["string"]), most)
            }
        };
        self.at(result, span)
    }

    /// The expression that a call is given: a text, or one that was compiled.
    fn pattern(&mut self, bound: &Bound) -> Result<(Expression, Arc<str>), Fault> {
        let pattern = bound.get(&["pattern"]);
        if let Val::Ref(id) = &pattern
            && let Object::Regex { pattern, source } = self.heap.get(*id)
        {
            return Ok((pattern.clone(), Arc::clone(source)));
        }
        let source = bound.text(&self.heap, &["pattern"])?;
        let flags = bound.text_or_none(&self.heap, &["flags"])?.unwrap_or_default();
        let text = source.as_str().into();
        Ok((self.expression(source, flags)?, text))
    }

    /// A text as an expression. Each is compiled once.
    pub(super) fn expression(&mut self, source: String, flags: String) -> Result<Expression, Fault> {
        let key = (source, flags);
        if let Some(known) = self.expressions.get(&key) {
            return Ok(known.clone());
        }
        self.heap.charge(key.0.len().saturating_mul(64))?;
        let pattern = translated(&key.0)?;
        let [smallest, .., largest] = SIZES;
        for size in SIZES {
            // A library does not say how large an expression is: the smallest size that it fits into is paid for.
            self.heap.charge(size + SEARCH)?;
            match on_own_stack(|| build(&pattern, &key.1, size)) {
                Ok(regex) => {
                    let expression = Expression { regex, weight: size / smallest };
                    self.expressions.insert(key, expression.clone());
                    return Ok(expression);
                }
                Err(regex::Error::CompiledTooBig(_)) if size < largest => {}
                Err(error) => {
                    let (source, why) = (&key.0, error.to_string());
                    let why = why.lines().last().unwrap_or_default().trim_start_matches("error: ");
                    return Err(Fault::Ended(format!(
                        "the regular expression `{source}` is not supported in actions: {why}"
                    )));
                }
            }
        }
        Err(Fault::Ended("a regular expression is too large".to_owned()))
    }

    /// Takes what searching a text costs: each of its bytes may be looked at by each part of the expression.
    pub(super) fn pay_search(&self, expression: &Expression, bytes: usize) -> Result<(), Fault> {
        self.heap.walk(bytes.saturating_add(1).saturating_mul(4 * expression.weight))
    }

    /// Takes what finding the next place costs, which may look at all that is left of the text.
    fn pay_match(&self, text: &str, from: usize) -> Result<(), Fault> {
        self.heap.step(1)?;
        self.heap.walk(text.len().saturating_sub(from) / 4)
    }

    /// A method of a compiled expression, or of what one has found; none for one that they do not have.
    pub(super) fn regular_method(
        &mut self,
        this: &Val,
        name: &str,
        args: &Args,
    ) -> Result<Option<Val>, Fault> {
        let Val::Ref(id) = this else { return Ok(None) };
        match self.heap.get(*id) {
            Object::Regex { pattern, .. } => {
                let pattern = pattern.clone();
                match name {
                    "match" | "search" | "findall" | "finditer" | "split" => {
                        let text = args.needed(0, name)?;
                        let most = args.at(1).and_then(index_of).unwrap_or(0);
                        self.search(name, &pattern, text, most).map(Some)
                    }
                    "sub" => {
                        let (new, text) = (args.needed(0, name)?, args.needed(1, name)?);
                        let most = args.at(2).and_then(index_of).unwrap_or(0);
                        self.replace(&pattern, text, new, most).map(Some)
                    }
                    _ => Ok(None),
                }
            }
            Object::Match(found) => {
                self.heap.walk(found.groups.len() * 4)?;
                let found = found.clone();
                self.match_method(&found, name, args)
            }
            _ => Ok(None),
        }
    }

    fn search(&mut self, name: &str, expression: &Expression, text: &Val, most: i64) -> Result<Val, Fault> {
        let shown = &*self.searched(text)?;
        self.pay_search(expression, shown.len())?;
        let regex = &expression.regex;
        match name {
            "match" | "search" => {
                // The first place is found: where that is not the beginning, nothing fits there.
                let at_start = |found: &Captures<'_>| found.get(0).is_some_and(|whole| whole.start() == 0);
                let captures = regex.captures(shown).filter(|found| name == "search" || at_start(found));
                match captures {
                    Some(captures) => self.found(regex, text, &captures),
                    None => Ok(Val::None),
                }
            }
            "findall" => {
                let mut made = Vec::new();
                for captures in regex.captures_iter(shown) {
                    self.pay_match(shown, captures.get(0).map_or(0, |whole| whole.end()))?;
                    let part = |index: usize| captures.get(index).map_or("", |part| part.as_str());
                    let item = match captures.len() {
                        1 => self.like(text, part(0))?,
                        2 => self.like(text, part(1))?,
                        count => {
                            let parts = (1..count).map(|index| self.like(text, part(index)));
                            let parts = parts.collect::<Result<Vec<_>, _>>()?;
                            self.heap.tuple(parts)?
                        }
                    };
                    made.push(item);
                }
                self.heap.list(made)
            }
            "finditer" => {
                let mut made = Vec::new();
                for captures in regex.captures_iter(shown) {
                    self.pay_match(shown, captures.get(0).map_or(0, |whole| whole.end()))?;
                    made.push(self.found(regex, text, &captures)?);
                }
                self.heap.add(Object::Iterator { items: made, at: 0 })
            }
            _ => {
                let most = if most > 0 { usize::try_from(most).unwrap_or(usize::MAX) } else { usize::MAX };
                let (mut parts, mut start, mut split) = (Vec::new(), 0, 0);
                for captures in regex.captures_iter(shown) {
                    let Some(whole) = captures.get(0) else { continue };
                    self.pay_match(shown, whole.end())?;
                    if whole.is_empty() {
                        continue;
                    }
                    if split == most {
                        break;
                    }
                    split += 1;
                    parts.push(self.like(text, &shown[start..whole.start()])?);
                    for index in 1..captures.len() {
                        parts.push(match captures.get(index) {
                            Some(part) => self.like(text, part.as_str())?,
                            None => Val::None,
                        });
                    }
                    start = whole.end();
                }
                parts.push(self.like(text, &shown[start..])?);
                self.heap.list(parts)
            }
        }
    }

    /// What is searched. It is not copied where that can be done without.
    fn searched<'v>(&self, value: &'v Val) -> Result<Cow<'v, str>, Fault> {
        let Some(bytes) = bytes_of(value) else { return Err(Fault::type_error("expected string or buffer")) };
        self.heap.pass(bytes.len())?;
        let text = String::from_utf8_lossy(bytes);
        if let Cow::Owned(text) = &text {
            self.heap.charge(text.len())?;
        }
        Ok(text)
    }

    /// A part of a text, of the text's own kind.
    fn like(&mut self, text: &Val, part: &str) -> Result<Val, Fault> {
        let mut out = Mixed::new(matches!(text, Val::Text(_)));
        out.push_str(part);
        out.finish(&self.heap)
    }

    fn found(&mut self, regex: &Regex, text: &Val, captures: &Captures<'_>) -> Result<Val, Fault> {
        let groups = captures.iter().map(|part| part.map(|part| (part.start(), part.end()))).collect();
        let names = regex.capture_names().map(|name| name.map(Arc::from)).collect();
        self.heap.add(Object::Match(Match { text: text.clone(), groups, names }))
    }

    fn match_method(&mut self, found: &Match, name: &str, args: &Args) -> Result<Option<Val>, Fault> {
        let shown = self.searched(&found.text)?;
        let place = |value: &Val| {
            let index = match value {
                Val::Int(index) => usize::try_from(*index).ok(),
                _ => {
                    let name = bytes_of(value).unwrap_or_default();
                    found
                        .names
                        .iter()
                        .position(|known| known.as_ref().is_some_and(|known| known.as_bytes() == name))
                }
            };
            let index = index.filter(|index| *index < found.groups.len());
            index.ok_or_else(|| Fault::Raise("IndexError", "no such group".to_owned()))
        };
        let part = |this: &mut Self, index: usize| match found.groups[index] {
            Some((start, end)) => this.like(&found.text, &shown[start..end]),
            None => Ok(Val::None),
        };
        Ok(Some(match name {
            "group" => match &args.positional[..] {
                [] => part(self, 0)?,
                [one] => {
                    let index = place(one)?;
                    part(self, index)?
                }
                several => {
                    let parts = several.iter().map(|one| place(one).and_then(|index| part(self, index)));
                    let parts = parts.collect::<Result<Vec<_>, _>>()?;
                    self.heap.tuple(parts)?
                }
            },
            "groups" => {
                let parts =
                    (1..found.groups.len()).map(|index| part(self, index)).collect::<Result<Vec<_>, _>>()?;
                self.heap.tuple(parts)?
            }
            "groupdict" => {
                let mut pairs = Vec::new();
                for (index, name) in found.names.iter().enumerate() {
                    if let Some(name) = name {
                        pairs.push((self.heap.str(name)?, part(self, index)?));
                    }
                }
                self.heap.dict(pairs)?
            }
            "start" | "end" | "span" => {
                let index = place(args.at(0).unwrap_or(&Val::Int(0)))?;
                let (start, end) = found.groups[index].unwrap_or((0, 0));
                let number = |at: usize| Val::Int(i64::try_from(at).unwrap_or(i64::MAX));
                match name {
                    "start" => number(start),
                    "end" => number(end),
                    _ => self.heap.tuple(vec![number(start), number(end)])?,
                }
            }
            _ => return Ok(None),
        }))
    }

    async fn substitute(
        &mut self,
        expression: &Expression,
        text: &Val,
        new: &Val,
        most: i64,
        span: Span,
    ) -> Result<Val, Stop> {
        if bytes_of(new).is_some() {
            let replaced = self.replace(expression, text, new, most);
            return self.at(replaced, span);
        }
        // The text of each place is what a function says.
        let shown =
            self.searched(text).and_then(|shown| self.pay_search(expression, shown.len()).map(|()| shown));
        let shown = &*self.at(shown, span)?;
        let regex = &expression.regex;
        let most = if most > 0 { usize::try_from(most).unwrap_or(usize::MAX) } else { usize::MAX };
        let (mut out, mut start) = (String::new(), 0);
        for captures in regex.captures_iter(shown).take(most) {
            let Some(whole) = captures.get(0) else { continue };
            let paid = self.pay_match(shown, whole.end());
            self.at(paid, span)?;
            let found = self.found(regex, text, &captures);
            let found = self.at(found, span)?;
            let part = self.call(new.clone(), Args::of(vec![found]), span).await?;
            let length = bytes_of(&part).map_or(0, <[u8]>::len);
            let charged = self.heap.charge(length.saturating_add(whole.start() - start));
            self.at(charged, span)?;
            out.push_str(&shown[start..whole.start()]);
            out.push_str(&String::from_utf8_lossy(bytes_of(&part).unwrap_or_default()));
            start = whole.end();
        }
        out.push_str(&shown[start..]);
        let value = self.like(text, &out);
        self.at(value, span)
    }

    fn replace(&mut self, expression: &Expression, text: &Val, new: &Val, most: i64) -> Result<Val, Fault> {
        let Some(template) = bytes_of(new) else {
            return Err(Fault::Ended(
                "a function for `sub` of a compiled expression is not supported".to_owned(),
            ));
        };
        let template = String::from_utf8_lossy(template).into_owned();
        let shown = &*self.searched(text)?;
        self.pay_search(expression, shown.len())?;
        let most = if most > 0 { usize::try_from(most).unwrap_or(usize::MAX) } else { usize::MAX };
        let (mut out, mut start) = (String::new(), 0);
        for captures in expression.regex.captures_iter(shown).take(most) {
            let Some(whole) = captures.get(0) else { continue };
            self.pay_match(shown, whole.end())?;
            let before = out.len();
            // Each reference may bring in all that was found.
            let most = template.len().saturating_mul(1 + whole.len());
            if most > 64 << 10 {
                self.heap.charge(most)?;
            }
            out.push_str(&shown[start..whole.start()]);
            expand(&mut out, &template, &captures)?;
            self.heap.charge(out.len() - before)?;
            start = whole.end();
        }
        out.push_str(&shown[start..]);
        self.like(text, &out)
    }
}

/// An expression of Python with what the engine writes otherwise written so; what it lacks is an error.
fn translated(source: &str) -> Result<String, Fault> {
    let mut pattern = String::new();
    let mut rest = source;
    while let Some(at) = rest.find(['\\', '(']) {
        pattern.push_str(&rest[..at]);
        let behind = &rest[at..];
        let taken = match behind.get(..2) {
            Some("\\Z") => {
                pattern.push_str("\\z");
                2
            }
            Some(
                "\\/" | "\\\"" | "\\'" | "\\:" | "\\=" | "\\@" | "\\%" | "\\," | "\\;" | "\\!" | "\\_"
                | "\\`",
            ) => {
                pattern.push_str(&behind[1..2]);
                2
            }
            Some(two) if two.starts_with('\\') => {
                pattern.push_str(two);
                2
            }
            _ if behind.starts_with("(?P=") || behind.starts_with("(?(") => {
                return Err(Fault::Ended(
                    "a regular expression with back-references is not supported in actions".to_owned(),
                ));
            }
            _ => {
                let end = behind.chars().next().map_or(1, char::len_utf8);
                pattern.push_str(&behind[..end]);
                end
            }
        };
        rest = &behind[taken..];
    }
    pattern.push_str(rest);
    Ok(pattern)
}

fn build(pattern: &str, flags: &str, size: usize) -> Result<Regex, regex::Error> {
    let has = |flag: char| flags.contains(flag);
    RegexBuilder::new(pattern)
        .case_insensitive(has('i'))
        .multi_line(has('m'))
        .dot_matches_new_line(has('s'))
        .size_limit(size)
        .dfa_size_limit(SEARCH)
        .build()
}

/// `\1` and `\g<name>` of a replacement.
fn expand(out: &mut String, template: &str, captures: &Captures<'_>) -> Result<(), Fault> {
    let mut rest = template;
    while let Some(at) = rest.find('\\') {
        out.push_str(&rest[..at]);
        rest = &rest[at + 1..];
        if let Some(behind) = rest.strip_prefix("g<") {
            let (name, after) =
                behind.split_once('>').ok_or_else(|| Fault::value_error("missing group name"))?;
            let part = match name.parse::<usize>() {
                Ok(index) => captures.get(index),
                Err(_) => captures.name(name),
            };
            out.push_str(part.map_or("", |part| part.as_str()));
            rest = after;
            continue;
        }
        let Some(first) = rest.chars().next() else {
            out.push('\\');
            break;
        };
        rest = &rest[first.len_utf8()..];
        match first {
            '1'..='9' => {
                let index = first.to_digit(10).and_then(|digit| usize::try_from(digit).ok()).unwrap_or(0);
                out.push_str(captures.get(index).map_or("", |part| part.as_str()));
            }
            'n' => out.push('\n'),
            't' => out.push('\t'),
            'r' => out.push('\r'),
            '\\' => out.push('\\'),
            other => out.extend(['\\', other]),
        }
    }
    out.push_str(rest);
    Ok(())
}
