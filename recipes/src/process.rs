//! `process.N`: a program that a service runs.

use std::path::PathBuf;
use std::time::Duration;

use ays_grammar::Diagnostic;
use ays_grammar::hrd::{Entry, Hrd, Item, Value};
use ays_model::{Scheme, SecretUrl};
use secrecy::{ExposeSecret, SecretString};

use crate::fields::Fields;
use crate::secrets::Secrets;
use crate::text::Text;
use crate::value::scalar;

/// A program that a service runs on a node.
#[derive(Debug, Clone)]
pub struct Process {
    /// Its name within the service.
    pub name: String,
    /// The command line, for a shell.
    pub command: SecretString,
    /// The same with the names of secrets in their places.
    pub shown: String,
    /// Variables of its environment.
    pub env: Vec<(String, SecretString)>,
    /// Where it is started.
    pub cwd: Option<PathBuf>,
    /// The user that it runs as; none: root.
    pub user: Option<String>,
    /// Processes with a lower number are started earlier, and stopped later.
    pub priority: i64,
    /// The TCP ports that it listens at when it is up.
    pub ports: Vec<u16>,
    /// The addresses (http, https) that answer well when it is up, as its node reaches them.
    pub urls: Vec<SecretUrl>,
    /// How long it may take to come up.
    pub timeout_start: Duration,
    /// How long it may take to end by itself.
    pub timeout_stop: Duration,
    /// A part of the command lines of its processes, wherever they were started.
    pub filter: Option<String>,
    /// The platforms that it is for; empty: all.
    pub platforms: Vec<String>,
    /// What it is given that must not be seen.
    pub secrets: Vec<SecretString>,
}

impl Process {
    /// What is said of it, without the secrets that it has been given.
    pub fn mask(&self, said: &str) -> String {
        // A line of one stands for itself where it was said.
        let mut lines: Vec<&str> =
            self.secrets.iter().flat_map(|secret| secret.expose_secret().lines()).map(str::trim).collect();
        lines.retain(|line| !line.is_empty());
        // One may hold another.
        lines.sort_by_key(|line| std::cmp::Reverse(line.len()));
        lines.into_iter().fold(said.to_owned(), |said, line| said.replace(line, "***"))
    }
}

/// How long a process may take to come up, or to end, where the recipe does not say.
const TIMEOUT: Duration = Duration::from_secs(10);
/// The priority of a process whose recipe does not say.
const PRIORITY: i64 = 10;
/// What AYS started processes with. All of them mean: it runs, and outlives whoever started it.
const MANAGERS: [&str; 4] = ["tmux", "upstart", "systemd", "screen"];

/// The processes of a service, in the order in which they are started.
pub(crate) fn read(
    service: &Hrd,
    file: &Text,
    substitute: &dyn Fn(&str) -> String,
    secrets: &Secrets<'_>,
) -> Result<Vec<Process>, Diagnostic> {
    let mut processes: Vec<Process> = Vec::new();
    for (number, entry) in service.numbered("process") {
        if is_empty(entry) {
            continue;
        }
        let variables = service.get(&format!("env.process.{number}"));
        let fields = Fields::of(entry, file, substitute, secrets, "name:'..', cmd:'..', ports:'80',")?;
        let words = Words { service, fields: &fields };
        words.check("cmd")?;
        words.check("args")?;
        let process = one(&fields, number, variables)?;
        if processes.iter().any(|other| other.name == process.name) {
            return Err(fields.wrong(format!("another process is named `{}`", process.name)));
        }
        processes.push(process);
    }
    // Of the same priority, the order of their numbers.
    processes.sort_by_key(|process| process.priority);
    Ok(processes)
}

/// What a shell takes for more than a part of a word.
const OF_SHELL: &[char] =
    &['\'', '"', '\\', '$', '`', ';', '&', '|', '<', '>', '(', ')', '#', '\n', '\r', '\0'];

/// How deep values of the recipe may refer to each other.
const DEEPEST: u32 = 8;

/// The command line of a process: a shell reads it, so what comes from elsewhere must be nothing but words.
struct Words<'a> {
    service: &'a Hrd,
    fields: &'a Fields<'a>,
}

impl Words<'_> {
    fn check(&self, field: &str) -> Result<(), Diagnostic> {
        match self.fields.item(field) {
            Some(Item::String(text)) => self.check_text(field, text, DEEPEST),
            _ => Ok(()),
        }
    }

    /// A value that the recipe itself says is its author's; those in it are not.
    fn check_text(&self, field: &str, text: &str, deepest: u32) -> Result<(), Diagnostic> {
        for (start, _) in text.match_indices("$(") {
            let rest = &text[start + 2..];
            let Some(end) = rest.find(')') else { return Ok(()) };
            let key = &rest[..end];
            let own = self.service.get(key.strip_prefix("service.").unwrap_or(key));
            let own = own.filter(|_| deepest > 0).and_then(|entry| scalar(&entry.value));
            if let Some(own) = own {
                self.check_text(field, &own, deepest - 1)?;
                continue;
            }
            let reference = format!("$({key})");
            let value = (self.fields.substitute)(&reference);
            let value = self.fields.secrets.for_nodes(&value);
            // One without a value stays as it stands, for the shell: `$(date)`.
            if value.expose_secret() != reference && value.expose_secret().contains(OF_SHELL) {
                let message =
                    format!("`{field}`: a shell would read more than a word in what {reference} is");
                let help = format!("give it by `env`, such as env:'VALUE={reference}', and write \"$VALUE\"");
                return Err(self.fields.wrong(message).with_help(help));
            }
        }
        Ok(())
    }
}

fn one(fields: &Fields<'_>, number: u64, variables: Option<&Entry>) -> Result<Process, Diagnostic> {
    let command = fields.raw("cmd")?.ok_or_else(|| fields.wrong("`cmd` is missing"))?;
    let command = match fields.raw("args")? {
        Some(arguments) => format!("{command} {arguments}"),
        None => command,
    };
    if command.contains('\0') {
        return Err(fields.wrong("`cmd` must not contain control characters"));
    }
    let name = fields.text("name")?.unwrap_or_else(|| format!("process{number}"));
    let is_plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    let name: String = name.chars().map(|c| if is_plain(c) { c } else { '-' }).collect();
    let ports = fields.list("ports")?.iter().map(|port| port.parse::<u16>()).collect::<Result<_, _>>();
    if let Some(manager) = fields.text("startupmanager")?
        && !MANAGERS.contains(&manager.to_lowercase().as_str())
    {
        let known = MANAGERS[..3].join(", ");
        return Err(fields.wrong(format!("`startupmanager` is none that is known: {known}")));
    }
    let urls = fields.list("urls")?.iter().map(|url| SecretUrl::parse(url)).collect::<Result<Vec<_>, _>>();
    let urls = urls.map_err(|error| fields.wrong(format!("`urls`: {error}")))?;
    if let Some(url) = urls.iter().find(|url| !matches!(url.scheme(), Scheme::Http | Scheme::Https)) {
        return Err(fields.wrong(format!("`urls`: {url} is neither http nor https")));
    }
    let user = fields.text("user")?;
    if user.as_ref().is_some_and(|user| !user.chars().all(is_plain) || user.starts_with('-')) {
        return Err(fields.wrong("`user` must be the name of a user"));
    }
    let (env, mut secrets) = environment(fields, variables)?;
    secrets.extend(fields.secrets.held_by(&command));
    Ok(Process {
        name: name.trim_start_matches(['.', '-']).to_owned(),
        shown: fields.secrets.shown(&command),
        command: fields.secrets.for_nodes(&command),
        env,
        cwd: fields.path("cwd")?,
        user: user.filter(|user| user != "root"),
        priority: fields.number("prio")?.unwrap_or(PRIORITY),
        ports: ports.map_err(|_| fields.wrong("`ports` must be port numbers, such as '80;443'"))?,
        urls,
        timeout_start: fields.seconds("timeout_start", TIMEOUT)?,
        timeout_stop: fields.seconds("timeout_stop", TIMEOUT)?,
        filter: fields.text("filterstr")?,
        platforms: fields.list("platform")?.iter().map(|name| name.to_lowercase()).collect(),
        secrets,
    })
}

/// Names and values.
type Variables = Vec<(String, SecretString)>;

/// `env` of the entry, a text `NAME=value,NAME=value` or `NAME:value`, and the key `env.process.N`. Beside it the secrets in it.
fn environment(
    fields: &Fields<'_>,
    variables: Option<&Entry>,
) -> Result<(Variables, Vec<SecretString>), Diagnostic> {
    let mut pairs: Vec<(String, String)> = Vec::new();
    if let Some(Entry { value: Value::Dict(given), .. }) = variables {
        for (name, item) in given {
            if let Item::String(text) = item {
                pairs.push((name.clone(), (fields.substitute)(text)));
            }
        }
    }
    for part in fields.raw("env")?.unwrap_or_default().split([',', ';']) {
        match part.split_once(['=', ':']) {
            Some((name, value)) => pairs.push((name.trim().to_owned(), value.trim().to_owned())),
            None if part.trim().is_empty() => {}
            // It may be a part of a secret, so that it is not shown.
            None => {
                let help = "a value with a comma or semicolon goes into `env.process.N`";
                return Err(fields.wrong("`env`: a part of it is no NAME=value").with_help(help));
            }
        }
    }
    let is_name = |name: &str| {
        name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
            && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
    };
    if let Some((name, _)) = pairs.iter().find(|(name, value)| !is_name(name) || value.contains('\0')) {
        return Err(fields.wrong(format!("`env`: `{name}` cannot be a variable")));
    }
    let held = pairs.iter().flat_map(|(_, value)| fields.secrets.held_by(value)).collect();
    let pairs = pairs.into_iter().map(|(name, value)| (name, fields.secrets.for_nodes(&value)));
    Ok((pairs.collect(), held))
}

/// Whether an entry says nothing.
pub(crate) fn is_empty(entry: &Entry) -> bool {
    match &entry.value {
        Value::String(text) => matches!(&*text.trim().to_lowercase(), "" | "false" | "0"),
        Value::List(items) => items.is_empty(),
        Value::Dict(pairs) => pairs.is_empty(),
        Value::Ask(_) | Value::Bytes(_) => false,
    }
}
