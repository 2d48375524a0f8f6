//! The methods of `str` and `unicode`.

use std::sync::Arc;

use super::args::Args;
use super::heap::{Fault, Heap, Object, Val};
use super::sequences::index_of;
use super::text::{Mixed, bytes_of, decode};

/// A text as its bytes or characters: what Python counts.
#[derive(Clone)]
struct Units {
    units: Vec<u32>,
    is_text: bool,
}

impl Units {
    fn of(value: &Val) -> Option<Self> {
        Some(match value {
            Val::Bytes(bytes) => {
                Self { units: bytes.iter().map(|byte| u32::from(*byte)).collect(), is_text: false }
            }
            Val::Text(text) => Self { units: text.chars().map(u32::from).collect(), is_text: true },
            _ => return None,
        })
    }

    fn value(&self, heap: &mut Heap, units: &[u32]) -> Result<Val, Fault> {
        if self.is_text {
            heap.charge(units.len())?;
            return Ok(Val::Text(
                units.iter().filter_map(|unit| char::from_u32(*unit)).collect::<String>().into(),
            ));
        }
        let bytes: Vec<u8> = units.iter().filter_map(|unit| u8::try_from(*unit).ok()).collect();
        heap.bytes(&bytes)
    }

    fn char(&self, unit: u32) -> Option<char> {
        char::from_u32(unit).filter(|c| self.is_text || c.is_ascii())
    }

    fn all(&self, test: impl Fn(char) -> bool) -> bool {
        !self.units.is_empty() && self.units.iter().all(|unit| self.char(*unit).is_some_and(&test))
    }

    fn map(&self, change: impl Fn(char) -> char) -> Vec<u32> {
        self.units.iter().map(|unit| self.char(*unit).map_or(*unit, |c| u32::from(change(c)))).collect()
    }
}

impl Heap {
    /// Where a part begins in a text.
    fn find(&self, text: &[u32], part: &[u32], start: usize, end: usize) -> Result<Option<usize>, Fault> {
        let Some(text) = text.get(start..end) else { return Ok(None) };
        if part.is_empty() {
            return Ok(Some(start));
        }
        let found = places(text.iter(), part.iter()).next();
        self.walk(found.unwrap_or(text.len()) + part.len())?;
        Ok(found.map(|at| at + start))
    }

    /// Where it begins the last time.
    fn find_last(
        &self,
        text: &[u32],
        part: &[u32],
        start: usize,
        end: usize,
    ) -> Result<Option<usize>, Fault> {
        let Some(text) = text.get(start..end) else { return Ok(None) };
        if part.is_empty() {
            return Ok(Some(end));
        }
        // The first place from behind.
        let found = places(text.iter().rev(), part.iter().rev()).next();
        self.walk(found.unwrap_or(text.len()) + part.len())?;
        Ok(found.map(|behind| start + text.len() - behind - part.len()))
    }
}

/// The places where a part begins in a text, in time that grows with both of them and not with their product (Knuth, Morris
/// and Pratt).
fn places<'t>(
    text: impl Iterator<Item = &'t u32>,
    part: impl Iterator<Item = &'t u32>,
) -> impl Iterator<Item = usize> {
    let part: Vec<u32> = part.copied().collect();
    // Of what fits so far: how much of it is the part's beginning too, when it goes on otherwise.
    let mut shorter = vec![0; part.len()];
    let step = |shorter: &[usize], mut fits: usize, unit: u32, part: &[u32]| {
        while fits > 0 && part.get(fits) != Some(&unit) {
            fits = shorter[fits - 1];
        }
        if part.get(fits) == Some(&unit) { fits + 1 } else { fits }
    };
    for at in 1..part.len() {
        shorter[at] = step(&shorter, shorter[at - 1], part[at], &part);
    }
    let mut fits = 0;
    text.enumerate().filter_map(move |(at, unit)| {
        fits = step(&shorter, fits, *unit, &part);
        (fits == part.len()).then(|| at + 1 - part.len())
    })
}

fn is_space(unit: u32) -> bool {
    matches!(unit, 9..=13 | 32)
}

/// One character to one: what becomes several is left as it is.
fn upper(c: char) -> char {
    let mut changed = c.to_uppercase();
    changed.next().filter(|_| changed.next().is_none()).unwrap_or(c)
}

fn lower(c: char) -> char {
    let mut changed = c.to_lowercase();
    changed.next().filter(|_| changed.next().is_none()).unwrap_or(c)
}

impl Heap {
    /// Calls a method of a text; none for one that texts do not have.
    pub(super) fn string_method(
        &mut self,
        this: &Val,
        name: &str,
        args: &Args,
    ) -> Result<Option<Val>, Fault> {
        let Some(text) = Units::of(this) else { return Ok(None) };
        self.charge(text.units.len())?;
        let length = text.units.len();
        let value = match name {
            "lower" => text.value(self, &text.map(lower))?,
            "upper" => text.value(self, &text.map(upper))?,
            "swapcase" => {
                text.value(self, &text.map(|c| if c.is_lowercase() { upper(c) } else { lower(c) }))?
            }
            "capitalize" => {
                let mut units = text.map(lower);
                if let Some(first) = units.first_mut() {
                    *first = text.char(*first).map_or(*first, |c| u32::from(upper(c)));
                }
                text.value(self, &units)?
            }
            "title" => {
                let mut within = false;
                let mut units = Vec::new();
                for unit in &text.units {
                    let c = text.char(*unit);
                    let changed = c.map(|c| if within { lower(c) } else { upper(c) });
                    units.push(changed.map_or(*unit, u32::from));
                    within = c.is_some_and(char::is_alphabetic);
                }
                text.value(self, &units)?
            }
            "strip" | "lstrip" | "rstrip" => self.strip(&text, name, args.at(0))?,
            "split" | "rsplit" => self.split(&text, name == "rsplit", args)?,
            "splitlines" => {
                self.split_lines(&text, self.truth(args.or(0, "keepends", &Val::Bool(false))) == Some(true))?
            }
            "partition" | "rpartition" => {
                let separator = self.part(args.needed(0, name)?)?;
                let place = match name {
                    "partition" => self.find(&text.units, &separator.units, 0, length)?,
                    _ => self.find_last(&text.units, &separator.units, 0, length)?,
                };
                let (before, middle, behind): (&[u32], &[u32], &[u32]) = match place {
                    Some(at) => {
                        let end = at + separator.units.len();
                        (&text.units[..at], &separator.units, &text.units[end..])
                    }
                    None if name == "partition" => (&text.units, &[], &[]),
                    None => (&[], &[], &text.units),
                };
                let parts =
                    vec![text.value(self, before)?, text.value(self, middle)?, text.value(self, behind)?];
                self.tuple(parts)?
            }
            "join" => self.join(this, args.needed(0, name)?)?,
            "replace" => {
                let (old, new) = (self.part(args.needed(0, name)?)?, self.part(args.needed(1, name)?)?);
                let most = args.at(2).and_then(index_of).and_then(|count| usize::try_from(count).ok());
                self.replace(&text, &old, &new, most.unwrap_or(usize::MAX))?
            }
            "find" | "index" | "rfind" | "rindex" | "count" => {
                let part = self.part(args.needed(0, name)?)?;
                let (start, end) = bounds(args, length);
                if name == "count" {
                    let (mut count, mut at) = (0, start);
                    while let Some(found) = self.find(&text.units, &part.units, at, end)? {
                        count += 1;
                        at = found + part.units.len().max(1);
                    }
                    return Ok(Some(Val::Int(count)));
                }
                let place = if name.starts_with('r') {
                    self.find_last(&text.units, &part.units, start, end)?
                } else {
                    self.find(&text.units, &part.units, start, end)?
                };
                match place {
                    Some(at) => Val::Int(i64::try_from(at).unwrap_or(i64::MAX)),
                    None if name.ends_with("find") => Val::Int(-1),
                    None => return Err(Fault::value_error("substring not found")),
                }
            }
            "startswith" | "endswith" => {
                let (start, end) = bounds(args, length);
                let within = text.units.get(start..end).unwrap_or_default();
                let part = args.needed(0, name)?;
                let parts = match part {
                    Val::Ref(id) => match self.get(*id) {
                        Object::Tuple(items) => items.clone(),
                        _ => vec![part.clone()],
                    },
                    _ => vec![part.clone()],
                };
                let mut found = false;
                for part in parts {
                    let part = self.part(&part)?;
                    found |= match name {
                        "startswith" => within.starts_with(&part.units),
                        _ => within.ends_with(&part.units),
                    };
                }
                Val::Bool(found)
            }
            "isdigit" => Val::Bool(text.all(|c| c.is_ascii_digit())),
            "isalpha" => Val::Bool(text.all(char::is_alphabetic)),
            "isalnum" => Val::Bool(text.all(char::is_alphanumeric)),
            "isspace" => Val::Bool(text.all(char::is_whitespace)),
            "islower" | "isupper" => {
                let is_wanted = |c: char| if name == "islower" { c.is_lowercase() } else { c.is_uppercase() };
                let cased: Vec<char> = text
                    .units
                    .iter()
                    .filter_map(|unit| text.char(*unit))
                    .filter(|c| c.is_lowercase() || c.is_uppercase())
                    .collect();
                Val::Bool(!cased.is_empty() && cased.into_iter().all(is_wanted))
            }
            "ljust" | "rjust" | "center" | "zfill" => self.justify(&text, name, args)?,
            "expandtabs" => {
                let tab = index_of(args.or(0, "tabsize", &Val::Int(8))).unwrap_or(8);
                let tab = usize::try_from(tab).unwrap_or(0);
                let (mut units, mut column) = (Vec::new(), 0_usize);
                for unit in &text.units {
                    match unit {
                        9 if tab > 0 => {
                            let blanks = tab - column % tab;
                            self.charge(blanks.saturating_mul(size_of::<u32>()))?;
                            units.extend(std::iter::repeat_n(32, blanks));
                            column += blanks;
                        }
                        9 => {}
                        10 | 13 => {
                            units.push(*unit);
                            column = 0;
                        }
                        _ => {
                            units.push(*unit);
                            column += 1;
                        }
                    }
                }
                text.value(self, &units)?
            }
            "encode" => {
                let encoding = args.or(0, "encoding", &Val::None).clone();
                match (self.encoding(&encoding)?, this) {
                    ("hex", _) => {
                        let bytes = bytes_of(this).unwrap_or_default();
                        let hex: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
                        self.str(&hex)?
                    }
                    (_, Val::Text(text)) => self.str(&Arc::clone(text))?,
                    _ => this.clone(),
                }
            }
            "decode" => {
                let encoding = args.or(0, "encoding", &Val::None).clone();
                match (self.encoding(&encoding)?, this) {
                    ("utf-8", Val::Bytes(bytes)) => Val::Text(decode(bytes)?),
                    ("latin-1", Val::Bytes(bytes)) => {
                        Val::Text(bytes.iter().map(|b| char::from(*b)).collect::<String>().into())
                    }
                    _ => this.clone(),
                }
            }
            "format" => self.format(this, args)?,
            _ => return Ok(None),
        };
        Ok(Some(value))
    }

    fn part(&self, value: &Val) -> Result<Units, Fault> {
        Units::of(value).ok_or_else(|| {
            Fault::type_error(format!(
                "expected a string or other character buffer object, not {}",
                self.type_name(value)
            ))
        })
    }

    fn encoding(&self, name: &Val) -> Result<&'static str, Fault> {
        let text = match name {
            Val::None => return Ok("utf-8"),
            _ => String::from_utf8_lossy(bytes_of(name).unwrap_or_default()).to_lowercase(),
        };
        match text.replace('_', "-").as_str() {
            "utf-8" | "utf8" | "ascii" | "us-ascii" => Ok("utf-8"),
            "latin-1" | "latin1" | "iso-8859-1" => Ok("latin-1"),
            "hex" => Ok("hex"),
            _ => Err(Fault::Raise("LookupError", format!("unknown encoding: {text}"))),
        }
    }

    fn strip(&mut self, text: &Units, name: &str, characters: Option<&Val>) -> Result<Val, Fault> {
        let characters = match characters {
            None | Some(Val::None) => None,
            Some(value) => Some(self.part(value)?.units),
        };
        let tested = characters.as_ref().map_or(1, Vec::len);
        self.walk(text.units.len().saturating_mul(tested))?;
        let goes = |unit: &u32| match &characters {
            Some(characters) => characters.contains(unit),
            None if text.is_text => char::from_u32(*unit).is_some_and(char::is_whitespace),
            None => is_space(*unit),
        };
        let units = &text.units;
        let start = match name {
            "rstrip" => 0,
            _ => units.iter().position(|unit| !goes(unit)).unwrap_or(units.len()),
        };
        let end = match name {
            "lstrip" => units.len(),
            _ => units.iter().rposition(|unit| !goes(unit)).map_or(start, |at| at + 1),
        };
        text.value(self, &units[start..end.max(start)])
    }

    fn split(&mut self, text: &Units, from_right: bool, args: &Args) -> Result<Val, Fault> {
        let most = index_of(args.or(1, "maxsplit", &Val::Int(-1))).unwrap_or(-1);
        let most = usize::try_from(most).unwrap_or(usize::MAX);
        let separator = match args.or(0, "sep", &Val::None) {
            Val::None => None,
            value => {
                let value = value.clone();
                Some(self.part(&value)?.units)
            }
        };
        let units = &text.units;
        let mut parts: Vec<&[u32]> = Vec::new();
        match &separator {
            Some(separator) if separator.is_empty() => return Err(Fault::value_error("empty separator")),
            Some(separator) if from_right => {
                let mut end = units.len();
                while parts.len() < most
                    && let Some(at) = self.find_last(units, separator, 0, end)?
                {
                    parts.push(&units[at + separator.len()..end]);
                    end = at;
                }
                parts.push(&units[..end]);
                parts.reverse();
            }
            Some(separator) => {
                let mut start = 0;
                while parts.len() < most
                    && let Some(at) = self.find(units, separator, start, units.len())?
                {
                    parts.push(&units[start..at]);
                    start = at + separator.len();
                }
                parts.push(&units[start..]);
            }
            None if from_right => {
                let mut end = units.len();
                loop {
                    end = units[..end].iter().rposition(|unit| !is_space(*unit)).map_or(0, |at| at + 1);
                    if end == 0 {
                        break;
                    }
                    if parts.len() == most {
                        parts.push(&units[..end]);
                        break;
                    }
                    let start = units[..end].iter().rposition(|unit| is_space(*unit)).map_or(0, |at| at + 1);
                    parts.push(&units[start..end]);
                    end = start;
                }
                parts.reverse();
            }
            None => {
                let mut start = 0;
                while let Some(offset) = units[start..].iter().position(|unit| !is_space(*unit)) {
                    start += offset;
                    if parts.len() == most {
                        parts.push(&units[start..]);
                        break;
                    }
                    let end = units[start..].iter().position(|unit| is_space(*unit));
                    let end = end.map_or(units.len(), |offset| start + offset);
                    parts.push(&units[start..end]);
                    start = end;
                }
            }
        }
        let parts = parts.into_iter().map(|part| text.value(self, part)).collect::<Result<Vec<_>, _>>()?;
        self.list(parts)
    }

    fn split_lines(&mut self, text: &Units, keep: bool) -> Result<Val, Fault> {
        let units = &text.units;
        let (mut lines, mut start) = (Vec::new(), 0);
        while start < units.len() {
            let end = units[start..].iter().position(|unit| matches!(unit, 10 | 13));
            let end = end.map_or(units.len(), |offset| start + offset);
            let next = match units.get(end..) {
                Some([13, 10, ..]) => end + 2,
                Some([_, ..]) => end + 1,
                _ => end,
            };
            lines.push(text.value(self, &units[start..if keep { next } else { end }])?);
            start = next;
        }
        self.list(lines)
    }

    fn join(&mut self, separator: &Val, items: &Val) -> Result<Val, Fault> {
        let items = self.items(items)?;
        let mut out = Mixed::new(matches!(separator, Val::Text(_)));
        let mut unknown = false;
        for (index, item) in items.iter().enumerate() {
            let length = |value: &Val| match value {
                Val::Unknown(text) => text.len(),
                value => bytes_of(value).map_or(0, <[u8]>::len),
            };
            self.charge(length(separator).saturating_add(length(item)))?;
            if index > 0 {
                out.push(separator);
            }
            match item {
                Val::Unknown(text) => {
                    unknown = true;
                    out.push_str(text);
                }
                _ if bytes_of(item).is_some() => out.push(item),
                _ => {
                    let name = self.type_name(item);
                    let message = format!("sequence item {index}: expected string, {name} found");
                    return Err(Fault::type_error(message));
                }
            }
        }
        let joined = out.finish(self)?;
        if unknown {
            let shown = String::from_utf8_lossy(bytes_of(&joined).unwrap_or_default()).into_owned();
            return Ok(Val::Unknown(shown.into()));
        }
        Ok(joined)
    }

    fn replace(&mut self, text: &Units, old: &Units, new: &Units, most: usize) -> Result<Val, Fault> {
        let units = &text.units;
        let (mut out, mut start, mut count) = (Vec::new(), 0, 0);
        let is_text = text.is_text || old.is_text || new.is_text;
        if old.units.is_empty() {
            for unit in units.iter().take(most) {
                out.extend_from_slice(&new.units);
                out.push(*unit);
                self.charge(new.units.len())?;
            }
            out.extend(units.iter().skip(most));
            if most > units.len() {
                out.extend_from_slice(&new.units);
            }
        } else {
            while count < most
                && let Some(at) = self.find(units, &old.units, start, units.len())?
            {
                out.extend_from_slice(&units[start..at]);
                out.extend_from_slice(&new.units);
                self.charge(new.units.len())?;
                start = at + old.units.len();
                count += 1;
            }
            out.extend_from_slice(&units[start..]);
        }
        Units { units: Vec::new(), is_text }.value(self, &out)
    }

    fn justify(&mut self, text: &Units, name: &str, args: &Args) -> Result<Val, Fault> {
        let width =
            index_of(args.needed(0, name)?).ok_or_else(|| Fault::type_error("an integer is required"))?;
        let missing = usize::try_from(width).unwrap_or(0).saturating_sub(text.units.len());
        self.charge(missing)?;
        let fill = match args.at(1) {
            Some(value) => {
                let value = value.clone();
                match self.part(&value)?.units[..] {
                    [unit] => unit,
                    _ => return Err(Fault::type_error("must be char, not str")),
                }
            }
            None => 32,
        };
        let blanks = |count: usize| std::iter::repeat_n(fill, count);
        let units: Vec<u32> = match name {
            "ljust" => text.units.iter().copied().chain(blanks(missing)).collect(),
            "rjust" => blanks(missing).chain(text.units.iter().copied()).collect(),
            "zfill" => {
                let signs = usize::from(matches!(text.units.first(), Some(43 | 45)));
                let (sign, digits) = text.units.split_at(signs);
                sign.iter()
                    .copied()
                    .chain(std::iter::repeat_n(48, missing))
                    .chain(digits.iter().copied())
                    .collect()
            }
            _ => {
                // The odd blank goes where CPython puts it.
                let width = usize::try_from(width).unwrap_or(0);
                let left = missing / 2 + (missing & width & 1);
                blanks(left).chain(text.units.iter().copied()).chain(blanks(missing - left)).collect()
            }
        };
        text.value(self, &units)
    }
}

/// `start` and `end`, as `find` and its like take them.
fn bounds(args: &Args, length: usize) -> (usize, usize) {
    let size = i64::try_from(length).unwrap_or(i64::MAX);
    let bound = |at: usize, default: i64| {
        let given = args.at(at).and_then(index_of).unwrap_or(default);
        let place = if given < 0 { given.saturating_add(size).max(0) } else { given };
        usize::try_from(place).unwrap_or(0)
    };
    (bound(1, 0), bound(2, size).min(length))
}
