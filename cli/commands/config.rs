//! `ays config`

use std::path::Path;

use ays_recipes::{LookupError, Setting};
use serde_json::json;

use crate::context;
use crate::failure::Failure;
use crate::render::table;

/// Shows the settings
#[derive(clap::Args)]
pub struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(clap::Subcommand)]
enum Command {
    /// Shows every key with its value, and where that is from
    ///
    /// The later of these wins, key by key: the defaults, /etc/ays/config.toml, ~/.config/ays/config.toml, ays.toml in
    /// the environment's repository, variables (AYS_INSTALL_PARALLEL for install.parallel), flags. Outside of an
    /// environment there is no ays.toml.
    Show {
        /// Only this one, such as install.parallel
        key: Option<String>,
        /// Print JSON: [{"key": .., "value": .., "from": "default|FILE:LINE|VARIABLE"}]
        #[arg(long)]
        json: bool,
    },
}

pub fn run(args: &Args, repo: Option<&Path>) -> Result<(), Failure> {
    let Command::Show { key, json } = &args.command;
    let settings = context::settings(repo)?;
    let all = settings.all();
    let asked: Vec<_> =
        all.iter().filter(|setting| key.as_ref().is_none_or(|key| setting.key() == *key)).collect();
    match key {
        Some(key) if asked.is_empty() => {
            let known: Vec<_> = all.iter().map(Setting::key).collect();
            Err(LookupError::unknown("key", key, known.iter().map(String::as_str)).into())
        }
        _ if *json => {
            let row = |s: &&Setting| json!({"key": s.key(), "value": s.value, "from": s.origin.to_string()});
            table::json(&asked.iter().map(row).collect::<Vec<_>>())
        }
        Some(_) => table::line(&lines(&asked, Setting::key)),
        None => table::line(&in_sections(&asked)),
    }
}

/// The settings as a file would say them, each with its origin as a comment.
fn in_sections(settings: &[&Setting]) -> String {
    let groups = settings.chunk_by(|a, b| a.section() == b.section());
    let groups = groups.map(|group| match group[0].section() {
        section if section.is_empty() => lines(group, Setting::name),
        section => format!("[{section}]\n{}", lines(group, Setting::name)),
    });
    groups.collect::<Vec<_>>().join("\n\n")
}

/// Where comments begin, when the values leave the place.
const COMMENTS: usize = 40;

fn lines(settings: &[&Setting], name: fn(&Setting) -> String) -> String {
    let line = |setting: &&Setting| {
        let said = format!("{} = {}", name(setting), setting.value);
        format!("{said:COMMENTS$}  # {}", setting.origin)
    };
    settings.iter().map(line).collect::<Vec<_>>().join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;
    use ays_recipes::{Flag, Layers, Settings};

    #[test]
    fn settings_are_shown_as_a_file_that_says_where_they_are_from() {
        let flag = Flag { key: "install.parallel", flag: "--parallel", value: "8".to_owned() };
        let variables = vec![("AYS_NAME".to_owned(), "g8".to_owned())];
        let settings =
            Settings::read(&Layers { files: Vec::new(), variables, flags: vec![flag] }, None).unwrap();
        let some = |setting: &&Setting| ["name", "install", "pool"].contains(&&*setting.path[0]);
        let some: Vec<_> = settings.all().iter().filter(some).collect();
        assert_eq!(
            in_sections(&some),
            "\
name = \"g8\"                               # AYS_NAME

[install]
parallel = 8                              # --parallel

[pool.local]
format = \"raw\"                            # default
path = \"/var/lib/ays/templates\"           # default
shared = false                            # default"
        );
        assert_eq!(
            lines(&some[1..2], Setting::key),
            "install.parallel = 8                      # --parallel"
        );
    }
}
