//! `ays image availability`

use std::ffi::OsString;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use ays_engine::Stopper;
use ays_model::{Gid, NodeName};
use ays_operations::{Availability, Canary, SetAvailability, StackAvailability, Tell, Wanted};

use crate::commands::job;
use crate::failure::Failure;
use crate::render::events::{Renderer, Style};
use crate::render::{pools, table};
use crate::signals::heed_signals;
use crate::site::Site;

/// Says on which stacks an image is available, and brings it there
///
/// All stacks that are named are set, or none. A pool that lacks the image's current generation gets it from the nearest pool
/// that has a verified copy, never from the source; it is offered there when it is verified. Without --set, --add, --remove
/// and --all, what is wanted already is brought where it is missing.
#[derive(clap::Args)]
pub struct Args {
    /// Its name or id
    image: String,
    /// Exactly on these stacks (a,b or repeated)
    #[arg(long, value_name = "STACK", value_delimiter = ',', group = "wanted", num_args = 0..)]
    set: Option<Vec<NodeName>>,
    /// On these stacks too
    #[arg(long, value_name = "STACK", value_delimiter = ',', group = "wanted")]
    add: Vec<NodeName>,
    /// No more on these stacks
    #[arg(long, value_name = "STACK", value_delimiter = ',', group = "wanted")]
    remove: Vec<NodeName>,
    /// On all stacks of its grid
    #[arg(long, group = "wanted")]
    all: bool,
    /// On all stacks of this grid, which must be the image's
    #[arg(long, value_name = "GID", group = "wanted")]
    grid: Option<Gid>,
    /// In waves: how many stacks have it after each, such as 1,10%,100%. Each wave is read again before the next begins
    #[arg(long, value_name = "WAVES")]
    canary: Option<Canary>,
    /// Runs a program for each stack, which must end with 0; AYS_IMAGE, AYS_STACK and AYS_GENERATION say for what. After a
    /// wave that it fails, no other begins
    #[arg(long, value_name = "COMMAND")]
    check: Option<String>,
    /// Why, for the records
    #[arg(long, value_name = "TEXT")]
    reason: Option<String>,
    /// Let a worker do it: print the job's number, and end
    #[arg(long, conflicts_with = "check")]
    detach: bool,
    /// Learn the host keys of nodes that have never been seen
    #[arg(long)]
    accept_new_host_key: bool,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

pub async fn run(args: Args, repo: Option<&Path>) -> Result<(), Failure> {
    let site = Site::find(repo)?;
    if args.check.is_some() {
        // Whoever may ask a server for work may not run programs there.
        site.environment()?;
    }
    let (again, detach) = (args.again(), args.detach);
    let set = SetAvailability {
        wanted: args.wanted(),
        image: args.image,
        gid: args.grid,
        seen: None,
        canary: args.canary,
        check: args.check.as_deref().map(words).transpose()?,
        reason: args.reason,
    };
    if detach {
        return job::detach(&site, set).await;
    }
    let (stopper, stop) = Stopper::new();
    heed_signals(stopper);
    let renderer = Mutex::new(Renderer::new(if args.json { Style::Quiet } else { Style::Summary }));
    let tell: Tell =
        Arc::new(move |record| renderer.lock().unwrap_or_else(PoisonError::into_inner).show(&record));
    let done: Availability = site.perform(set, args.accept_new_host_key, stop.clone(), tell).await?;
    if args.json {
        table::json(&done)?;
    } else {
        show(&done)?;
    }
    let mut said = pools::problems(&done.not_published);
    said.extend(pools::problems(&done.not_brought));
    said.extend(done.stopped.as_ref().map(|why| format!("no further stack gets it: {why}")));
    if said.is_empty() {
        Ok(())
    } else {
        Err(Failure::NotEverywhere { said, again, interrupted: stop.is_wanted() })
    }
}

impl Args {
    fn wanted(&self) -> Wanted {
        match self {
            Self { set: Some(stacks), .. } => Wanted::Set(stacks.clone()),
            Self { add, .. } if !add.is_empty() => Wanted::Add(add.clone()),
            Self { remove, .. } if !remove.is_empty() => Wanted::Remove(remove.clone()),
            Self { all: true, .. } | Self { grid: Some(_), .. } => Wanted::All,
            _ => Wanted::Same,
        }
    }

    /// The same again: in the same waves, with the same check.
    fn again(&self) -> String {
        let mut words =
            vec!["ays".to_owned(), "image".to_owned(), "availability".to_owned(), self.image.clone()];
        let mut option = |name: &str, value: String| words.extend([format!("--{name}"), value]);
        let stacks = |names: &[NodeName]| names.iter().map(NodeName::as_str).collect::<Vec<_>>().join(",");
        let named =
            [("set", self.set.as_deref().unwrap_or_default()), ("add", &self.add), ("remove", &self.remove)];
        named
            .into_iter()
            .filter(|(_, names)| !names.is_empty())
            .for_each(|(name, names)| option(name, stacks(names)));
        let grid = self.grid.map(|grid| grid.to_string());
        for (name, value) in [
            ("grid", grid),
            ("canary", self.canary.as_ref().map(Canary::to_string)),
            ("check", self.check.clone()),
        ] {
            value.into_iter().for_each(|value| option(name, value));
        }
        if self.all {
            words.push("--all".to_owned());
        }
        shell_words::join(words)
    }
}

/// A command as a shell has it, without the shell.
fn words(command: &str) -> Result<Vec<OsString>, Failure> {
    let words = shell_words::split(command).ok().filter(|words| !words.is_empty());
    let words = words.ok_or_else(|| Failure::NoCommand(command.to_owned()))?;
    Ok(words.into_iter().map(OsString::from).collect())
}

fn show(Availability { generation, stacks, .. }: &Availability) -> Result<(), Failure> {
    let rows = stacks.iter().map(|StackAvailability { stack, status, wanted, offers, arriving }| {
        let offers = match offers {
            None if *wanted && *arriving => "arriving".to_owned(),
            None if *wanted => "nothing yet".to_owned(),
            None => String::new(),
            Some(number) if Some(*number) == *generation => format!("generation {number}"),
            Some(number) => format!("generation {number}, an older one"),
        };
        let wanted = if *wanted { "yes" } else { "no" };
        vec![stack.to_string(), table::word(status), wanted.to_owned(), offers]
    });
    table::print(&["STACK", "STATUS", "WANTED", "OFFERS"], rows)
}
