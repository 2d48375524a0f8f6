//! Functions of the table that make a value of their arguments.

use std::time::{SystemTime, UNIX_EPOCH};

use ays_grammar::Span;

use crate::table::Pure;

use super::functions::Bound;
use super::heap::{Fault, Val};
use super::sequences::index_of;
use super::text::bytes_of;
use super::{Interpreter, Stop};

/// What `$name` stands for in a text of `j.dirs.replaceTxtDirVars`.
const DIRECTORIES: [(&str, &str); 9] = [
    ("base", "/opt/jumpscale7"),
    ("appdir", "/opt/jumpscale7/apps"),
    ("vardir", "/opt/jumpscale7/var"),
    ("cfgdir", "/opt/jumpscale7/cfg"),
    ("bindir", "/opt/jumpscale7/bin"),
    ("logdir", "/opt/jumpscale7/var/log"),
    ("tmpdir", "/opt/jumpscale7/var/tmp"),
    ("codedir", "/opt/code"),
    ("hrddir", "/opt/jumpscale7/hrd"),
];

impl Interpreter {
    pub(super) async fn pure(&mut self, pure: Pure, bound: &Bound, span: Span) -> Result<Val, Stop> {
        match pure {
            Pure::Fail => {
                let message = bound.text(&self.heap, &["msg", "message"]);
                let message = self.at(message, span)?;
                Err(self.raise("RuntimeError", &message, span))
            }
            Pure::Exit => {
                let status = bound.get(&["status", "exitcode"]);
                Err(self.raise_with("SystemExit", vec![status], span))
            }
            Pure::Regex(name) => {
                let value = self.regular(name, bound, span).await?;
                Ok(value)
            }
            _ => {
                let value = self.pure_value(pure, bound);
                self.at(value, span)
            }
        }
    }

    fn pure_value(&mut self, pure: Pure, bound: &Bound) -> Result<Val, Fault> {
        let path = |this: &Self| bound.text(&this.heap, &["path"]);
        Ok(match pure {
            Pure::True => Val::Bool(true),
            Pure::Nothing => Val::None,
            Pure::Same => bound.get(&["path", "function"]),
            Pure::Text(text) => self.heap.str(text)?,
            Pure::Environ => bound.get(&["default"]),
            Pure::JoinPaths => return self.join_paths(bound),
            Pure::DirName => self.heap.str(dir_name(&path(self)?))?,
            Pure::JumpScaleDirName => {
                let path = path(self)?;
                let directory = dir_name(&path).to_owned();
                if bound.is_true(&self.heap, &["lastOnly"]) {
                    return self.heap.str(directory.rsplit('/').next().unwrap_or_default());
                }
                if let Some(levels) = bound.int(&self.heap, &["levelsUp"])? {
                    let part = directory.rsplit('/').nth(usize::try_from(levels).unwrap_or(usize::MAX));
                    let part = part.ok_or_else(|| {
                        Fault::Raise("RuntimeError", format!("{path} has no part {levels} levels up"))
                    })?;
                    return self.heap.str(part);
                }
                self.heap.str(&format!("{directory}/"))?
            }
            Pure::BaseName => {
                let path = path(self)?;
                self.heap.str(path.rsplit('/').next().unwrap_or_default())?
            }
            Pure::JumpScaleBaseName => {
                let path = path(self)?;
                self.heap.str(path.trim_end_matches('/').rsplit('/').next().unwrap_or_default())?
            }
            Pure::Parent => {
                let path = path(self)?;
                let trimmed = path.strip_suffix('/').unwrap_or(&path);
                let parent = match trimmed.rsplit_once('/') {
                    Some(("", _)) => "/",
                    Some((parent, _)) => parent,
                    None => "",
                };
                self.heap.str(parent)?
            }
            Pure::Extension => {
                let path = path(self)?;
                self.heap.str(path.rsplit('.').next().unwrap_or_default())?
            }
            Pure::SplitPath => {
                let path = path(self)?;
                let name = path.rsplit('/').next().unwrap_or_default();
                let parts = vec![self.heap.str(dir_name(&path))?, self.heap.str(name)?];
                self.heap.tuple(parts)?
            }
            Pure::SplitExtension => {
                let path = path(self)?;
                let start = path.rfind('/').map_or(0, |at| at + 1);
                let name = &path[start..];
                let leading = name.len() - name.trim_start_matches('.').len();
                let at = name[leading..].rfind('.').map_or(path.len(), |at| start + leading + at);
                let parts = vec![self.heap.str(&path[..at])?, self.heap.str(&path[at..])?];
                self.heap.tuple(parts)?
            }
            Pure::NormalPath => {
                let path = path(self)?;
                let root = bound.text_or_none(&self.heap, &["root"])?.filter(|_| !path.starts_with('/'));
                let whole = match root {
                    Some(root) => format!("{root}/{path}"),
                    None => path,
                };
                self.heap.str(&normal_path(&whole))?
            }
            Pure::IsAbsolute => Val::Bool(path(self)?.starts_with('/')),
            Pure::RelativePart => {
                let path = path(self)?;
                let remove = bound.text(&self.heap, &["toremove"])?;
                let rest = path.strip_prefix(remove.trim_end_matches('/')).unwrap_or(&path);
                self.heap.str(rest.strip_prefix('/').unwrap_or(rest))?
            }
            Pure::ReplaceDirs => {
                let text = bound.text(&self.heap, &["txt"])?;
                let replaced = self.replace_directories(&text, bound)?;
                self.heap.str(&replaced)?
            }
            Pure::JsonLoads => {
                let text = bound.text(&self.heap, &["s"])?;
                self.heap.json_loads(&text)?
            }
            Pure::JsonDumps => self.heap.json_dumps(bound)?,
            Pure::Now => Val::Float(now().as_secs_f64()),
            Pure::FormatTime => {
                let format = bound.text(&self.heap, &["format"])?;
                let text = format_time(&format, now().as_secs())?;
                self.heap.str(&text)?
            }
            Pure::Random => {
                #[expect(clippy::cast_precision_loss, reason = "53 bits are what a float holds")]
                let number = (self.random() >> 11) as f64 / (1_u64 << 53) as f64;
                Val::Float(number)
            }
            Pure::RandomInt => {
                let (from, to) = (bound.int(&self.heap, &["fromInt"])?, bound.int(&self.heap, &["toInt"])?);
                self.between(from.unwrap_or(0), to.unwrap_or(0).saturating_add(1))?
            }
            Pure::RandomBelow => {
                let start = bound.int(&self.heap, &["start"])?.unwrap_or(0);
                match bound.int(&self.heap, &["stop"])? {
                    Some(stop) => self.between(start, stop)?,
                    None => self.between(0, start)?,
                }
            }
            Pure::Choice => {
                let items = self.heap.items(&bound.get(&["seq"]))?;
                let index = self.between(0, i64::try_from(items.len()).unwrap_or(i64::MAX))?;
                let index = index_of(&index).and_then(|index| usize::try_from(index).ok()).unwrap_or(0);
                items.get(index).cloned().unwrap_or(Val::None)
            }
            Pure::Guid => {
                let (high, low) = (self.random(), self.random());
                let high = high & !0xf000 | 0x4000;
                let low = low & !(0b11 << 62) | (0b10 << 62);
                let text = format!(
                    "{:08x}-{:04x}-{:04x}-{:04x}-{:012x}",
                    high >> 32,
                    high >> 16 & 0xffff,
                    high & 0xffff,
                    low >> 48,
                    low & 0xffff_ffff_ffff
                );
                self.heap.str(&text)?
            }
            Pure::RandomText => {
                const LETTERS: &[u8] = b"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789";
                let count = bound.int(&self.heap, &["x"])?.unwrap_or(10).clamp(0, 1000);
                let mut text = Vec::new();
                for _ in 0..count {
                    let at = usize::try_from(self.random() % 62).unwrap_or(0);
                    text.push(LETTERS[at]);
                }
                self.heap.bytes(&text)?
            }
            Pure::Dedent => {
                let text = bound.text(&self.heap, &["text"])?;
                self.heap.str(&dedent(&text))?
            }
            Pure::Quote => {
                let text = bound.text(&self.heap, &["s"])?;
                let is_url = bound.function.starts_with("urllib");
                let quoted = if is_url || bound.function != "pipes.quote" { text } else { quote(&text) };
                self.heap.str(&quoted)?
            }
            Pure::CopyValue => {
                let value = self.heap.to_value(&bound.get(&["x"]))?;
                self.heap.take_value(&value)?
            }
            Pure::Fail | Pure::Exit | Pure::Regex(_) | Pure::StartAction => Val::None,
        })
    }

    /// A path as `os.path.join` makes it; a part that only a node can tell is shown in it.
    fn join_paths(&mut self, bound: &Bound) -> Result<Val, Fault> {
        let parts = self.heap.items(&bound.get(&["paths"]))?;
        let unknown = parts.iter().any(|part| matches!(part, Val::Unknown(_)));
        let mut path = String::new();
        for part in parts {
            if bytes_of(&part).is_none() && !matches!(part, Val::Unknown(_)) {
                let name = self.heap.type_name(&part).to_owned();
                return Err(Fault::Raise(
                    "AttributeError",
                    format!("'{name}' object has no attribute 'startswith'"),
                ));
            }
            let text = String::from_utf8_lossy(&self.heap.display(&part)?).into_owned();
            if text.starts_with('/') || path.is_empty() {
                path = text;
            } else {
                if !path.ends_with('/') {
                    path.push('/');
                }
                path.push_str(&text);
            }
        }
        if unknown { Ok(Val::Unknown(path.into())) } else { self.heap.str(&path) }
    }

    /// A text with the directories of `j.dirs` in the place of their names, and what `additionalArgs` says.
    pub(super) fn replace_directories(&mut self, text: &str, bound: &Bound) -> Result<String, Fault> {
        let mut replaced = text.to_owned();
        let additional = self.additional(bound)?;
        let own = additional.iter().map(|(name, value)| (name.as_str(), value.as_str()));
        for (name, value) in own.chain(DIRECTORIES) {
            let name = format!("${name}");
            let count = replaced.matches(&name).count();
            self.heap.charge(replaced.len().saturating_add(count.saturating_mul(value.len())))?;
            replaced = replaced.replace(&name, value);
        }
        Ok(replaced)
    }

    /// `additionalArgs`, as texts.
    pub(super) fn additional(&mut self, bound: &Bound) -> Result<Vec<(String, String)>, Fault> {
        let pairs = match bound.get(&["additionalArgs"]) {
            Val::None => Vec::new(),
            value => self.heap.pairs_of(&value)?,
        };
        let mut texts = Vec::new();
        for (name, value) in pairs {
            let text = |value: &Val| {
                self.heap.display(value).map(|text| String::from_utf8_lossy(&text).into_owned())
            };
            texts.push((text(&name)?, text(&value)?));
        }
        Ok(texts)
    }

    /// The next of many numbers that look random: xorshift, which keeps no secret.
    fn random(&mut self) -> u64 {
        self.random ^= self.random << 13;
        self.random ^= self.random >> 7;
        self.random ^= self.random << 17;
        self.random.wrapping_mul(0x2545_f491_4f6c_dd1d)
    }

    fn between(&mut self, from: i64, to: i64) -> Result<Val, Fault> {
        let count = i128::from(to) - i128::from(from);
        if count <= 0 {
            return Err(Fault::value_error("empty range"));
        }
        let offset = i128::from(self.random()) % count;
        Ok(Val::Int(i64::try_from(i128::from(from) + offset).unwrap_or(from)))
    }
}

fn now() -> std::time::Duration {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default()
}

fn dir_name(path: &str) -> &str {
    let head = path.rfind('/').map_or("", |at| &path[..=at]);
    let trimmed = head.trim_end_matches('/');
    if trimmed.is_empty() { head } else { trimmed }
}

fn normal_path(path: &str) -> String {
    if path.is_empty() {
        return ".".to_owned();
    }
    let root = path.starts_with('/');
    let mut parts: Vec<&str> = Vec::new();
    for part in path.split('/') {
        match part {
            "" | "." => {}
            ".." if parts.last().is_some_and(|last| *last != "..") => _ = parts.pop(),
            ".." if root => {}
            part => parts.push(part),
        }
    }
    let joined = parts.join("/");
    match (root, joined.is_empty()) {
        (true, _) if path.starts_with("//") && !path.starts_with("///") => format!("//{joined}"),
        (true, _) => format!("/{joined}"),
        (false, true) => ".".to_owned(),
        (false, false) => joined,
    }
}

fn quote(text: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "@%_-+=:,./".contains(c);
    if !text.is_empty() && text.chars().all(plain) {
        return text.to_owned();
    }
    format!("'{}'", text.replace('\'', "'\"'\"'"))
}

fn dedent(text: &str) -> String {
    let blanks = |line: &str| line.len() - line.trim_start_matches([' ', '\t']).len();
    let margin = text.split('\n').filter(|line| !line.trim().is_empty()).map(blanks).min().unwrap_or(0);
    let lines = text
        .split('\n')
        .map(|line| if line.trim().is_empty() { "" } else { &line[margin.min(line.len())..] });
    lines.collect::<Vec<_>>().join("\n")
}

/// `strftime`, in UTC.
fn format_time(format: &str, seconds: u64) -> Result<String, Fault> {
    let (days, time) = (seconds / 86_400, seconds % 86_400);
    let (year, month, day) = date(days);
    let mut out = String::new();
    let mut characters = format.chars();
    while let Some(c) = characters.next() {
        if c != '%' {
            out.push(c);
            continue;
        }
        match characters.next() {
            Some('Y') => out += &format!("{year:04}"),
            Some('y') => out += &format!("{:02}", year % 100),
            Some('m') => out += &format!("{month:02}"),
            Some('d') => out += &format!("{day:02}"),
            Some('H') => out += &format!("{:02}", time / 3600),
            Some('M') => out += &format!("{:02}", time / 60 % 60),
            Some('S') => out += &format!("{:02}", time % 60),
            Some('s') => out += &seconds.to_string(),
            Some('F') => out += &format!("{year:04}-{month:02}-{day:02}"),
            Some('T') => out += &format!("{:02}:{:02}:{:02}", time / 3600, time / 60 % 60, time % 60),
            Some('%') => out.push('%'),
            other => {
                let other = other.map(String::from).unwrap_or_default();
                return Err(Fault::Ended(format!(
                    "time.strftime with `%{other}` is not supported in actions"
                )));
            }
        }
    }
    Ok(out)
}

/// Year, month and day of a day after 1970-01-01.
fn date(days: u64) -> (u64, u64, u64) {
    // Counted from the first of March of the year 0, so that a leap day is a year's last.
    let days = days + 719_468;
    let (era, of_era) = (days / 146_097, days % 146_097);
    let year_of_era = (of_era - of_era / 1460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month = (5 * of_year + 2) / 153;
    let day = of_year - (153 * month + 2) / 5 + 1;
    let month = if month < 10 { month + 3 } else { month - 9 };
    (era * 400 + year_of_era + u64::from(month <= 2), month, day)
}
