//! `ays outdated`

use std::path::Path;

use ays_engine::{Asked, Freshness, outdated};
use ays_recipes::{Answers, Dependencies, Environment, Recipe, RecipeError, Request, Stored, Template};

use crate::context;
use crate::failure::{Failure, eprint_line};
use crate::render::table;

/// Asks the source of every image whether it has changed, without downloading anything
///
/// Exit code 10 when an image is outdated, or a node has an older generation of it than another; 1 when a source could not
/// be asked; else 0. `ays install --outdated` brings what this finds.
#[derive(clap::Args)]
pub struct Args {
    /// Print JSON
    #[arg(long)]
    json: bool,
}

pub async fn run(args: &Args, repo: Option<&Path>) -> Result<(), Failure> {
    let environment = context::environment(repo)?;
    let asked = ask(&environment).await?;
    if args.json {
        table::json(&asked)?;
    } else {
        table::print(
            &["IMAGE", "GRID", "GENERATION", "MADE (UTC)", "STATE", "NODES BEHIND"],
            asked.iter().map(row),
        )?;
    }
    let unknown = |asked: &&Asked| matches!(asked.freshness, Freshness::Unknown(_));
    let outdated = asked.iter().filter(is_behind).count();
    for asked in asked.iter().filter(|_| !args.json) {
        if let Freshness::Outdated(why) | Freshness::Unknown(why) = &asked.freshness {
            eprint_line(&format!("{}: {why}", asked.image));
        }
    }
    match (outdated, asked.iter().filter(unknown).count()) {
        (0, 0) => Ok(()),
        (0, unknown) => Err(Failure::NotAsked(unknown)),
        (outdated, _) => Err(Failure::Outdated(outdated)),
    }
}

/// What the sources of this environment's images say.
pub async fn ask(environment: &Environment) -> Result<Vec<Asked>, Failure> {
    let catalogue = context::catalogue(environment).await?;
    let recipe = |template: &Template, instance: &str| without_answers(environment, template, instance);
    Ok(outdated(environment, &catalogue, recipe, &std::env::temp_dir()).await?)
}

/// A recipe as it is when nobody answers its questions.
pub fn without_answers(
    environment: &Environment,
    template: &Template,
    instance: &str,
) -> Result<Recipe, RecipeError> {
    let request = Request {
        instance: instance.to_owned(),
        answers: Answers::default(),
        dependencies: Dependencies::Skip,
        nodes: Vec::new(),
        stored: Stored::Used,
    };
    Recipe::read(environment, template, &request)
}

fn is_behind(asked: &&Asked) -> bool {
    matches!(asked.freshness, Freshness::Outdated(_)) || !asked.behind().is_empty()
}

fn row(asked: &Asked) -> Vec<String> {
    let state = match asked.freshness {
        Freshness::Current => "current",
        Freshness::Outdated(_) => "OUTDATED",
        Freshness::Unknown(_) => "unknown",
    };
    vec![
        asked.image.clone(),
        asked.gid.to_string(),
        asked.generation.to_string(),
        asked.made_at.to_the_second(),
        state.to_owned(),
        asked.behind().iter().map(|has| has.node.as_str()).collect::<Vec<_>>().join(", "),
    ]
}
