//! A recipe: its source with lint's findings in place, its plan for a node, its install.

use std::collections::HashMap;
use std::path::{Path as FilePath, PathBuf};
use std::sync::Arc;

use askama::Template;
use axum::extract::Path;
use axum::response::Response;
use ays_engine::{Mode, SourceAnswer, Starting, Stopper};
use ays_lint::Mistake;
use ays_model::Severity;
use ays_operations::{
    self as operations, Controller, Error, Install, Kind, LintScope, PlannedInstall, PlannedService,
    Selection,
};
use ays_recipes::{Answers, Dependencies, Environment, Stored};

use super::highlight;
use super::queue::queue;
use super::recipes;
use crate::failure::Failure;
use crate::fields::Fields;
use crate::form::Form;
use crate::frame::{Frame, shown};
use crate::markup;
use crate::visitor::Visitor;

#[derive(Template)]
#[template(path = "recipe.html")]
struct Page {
    frame: Frame,
    path: String,
    /// HTML.
    lint: String,
    /// What lint found in files that are not shown.
    elsewhere: Vec<String>,
    nodes: Vec<(String, bool)>,
    again: bool,
    questions: String,
    plan: Option<ShownPlan>,
    files: Vec<File>,
}

struct File {
    name: String,
    lines: Vec<Line>,
}

struct Line {
    /// HTML.
    html: String,
    /// What lint found: how it is meant, what, and what to do.
    mistakes: Vec<(&'static str, String, String)>,
}

struct ShownPlan {
    node: String,
    steps: Vec<String>,
    sources: Vec<String>,
    warnings: Vec<String>,
}

/// The files of a recipe that are shown.
const FILES: [&str; 4] = ["service.hrd", "services.hrd", "instance.hrd", "actions.py"];

pub(crate) async fn page(visitor: Visitor, Path(name): Path<String>) -> Result<Response, Failure> {
    show(visitor, name, &Fields::default(), None).await
}

pub(crate) async fn ask(
    Path(name): Path<String>,
    Form { visitor, fields }: Form,
) -> Result<Response, Failure> {
    visitor.must_operate()?;
    let controller = visitor.controller().await?;
    // Before anything: a name that is there, and not what a pattern means.
    controller.environment.template(&name).map_err(|error| Error::new(Kind::Unknown, error))?;
    let node = fields.one("node").unwrap_or("").to_owned();
    let known = operations::nodes(Arc::clone(&controller.environment)).await?;
    if !known.iter().any(|(known, _)| *known == node.as_str()) {
        return Err(Failure::usage("choose one of the nodes"));
    }
    let install = install(&name, &node, fields.has("again"));
    if fields.one("do") != Some("plan") {
        return queue(&visitor, install).await;
    }
    let (_stopper, stop) = Stopper::new();
    let planned =
        install.plan(Arc::clone(&controller.environment), controller.temporary.clone(), stop).await?;
    show(visitor, name, &fields, Some(planned)).await
}

fn install(template: &str, node: &str, again: bool) -> Install {
    Install {
        template: template.into(),
        instance: "main".into(),
        nodes: Selection { names: vec![node.to_owned()], ..Selection::default() },
        mode: if again { Mode::Again } else { Mode::IfNeeded },
        force: false,
        starting: Starting::default(),
        dependencies: Dependencies::default(),
        parallel: None,
        answers: Answers::default(),
        stored: Stored::default(),
        parent: None,
        seed: None,
    }
}

async fn show(
    visitor: Visitor,
    name: String,
    fields: &Fields,
    planned: Option<PlannedInstall>,
) -> Result<Response, Failure> {
    let controller = visitor.controller().await?;
    let environment = Arc::clone(&controller.environment);
    let template = environment.template(&name).map_err(|error| Error::new(Kind::Unknown, error))?;
    let dir = template.dir.clone();
    let scope = LintScope::Environment(Arc::clone(&environment));
    let mistakes = operations::lint(scope, vec![dir.clone()]).await?;
    let nodes = operations::nodes(Arc::clone(&environment)).await?;
    let chosen = fields.one("node").map(str::to_owned);
    let nodes: Vec<_> = nodes
        .iter()
        .filter(|(_, node)| node.is_ok())
        .map(|(node, _)| (node.as_str().to_owned(), chosen.as_deref() == Some(node.as_str())))
        .collect();
    let questions = match nodes.first() {
        Some((node, _)) if visitor.may_operate() => questions(&controller, &name, node).await,
        _ => String::new(),
    };
    let reading = tokio::task::spawn_blocking(move || files(&environment, &dir));
    let texts = reading.await.map_err(|error| Error::new(Kind::Failed, error))?;
    let (files, elsewhere) = with_mistakes(texts, &mistakes);
    let found: Vec<_> = mistakes.iter().collect();
    let page = Page {
        frame: Frame::new(&visitor, format!("Recipe: {name}"), &[("Recipes", "/recipes")]).await?,
        path: recipes::path(&name),
        lint: markup::state(&recipes::state(&found)),
        elsewhere,
        nodes,
        again: fields.has("again"),
        questions,
        plan: planned.and_then(shown_plan),
        files,
    };
    shown(&page)
}

/// The keys that nobody has answered yet.
async fn questions(controller: &Controller, name: &str, node: &str) -> String {
    let (_stopper, stop) = Stopper::new();
    // A recipe that cannot be read says so by lint, below.
    let asked = install(name, node, false).questions(Arc::clone(&controller.environment), stop).await;
    asked
        .map(|asked| asked.iter().map(|question| question.key.as_str()).collect::<Vec<_>>().join(", "))
        .unwrap_or_default()
}

/// The files with their paths from the environment's root.
fn files(environment: &Environment, dir: &FilePath) -> Vec<(PathBuf, String)> {
    let read = FILES.iter().filter_map(|name| {
        let path = dir.join(name);
        let bytes = environment.read(&path).ok()?;
        let shown = path.strip_prefix(&environment.root).unwrap_or(&path).to_owned();
        Some((shown, String::from_utf8_lossy(&bytes).into_owned()))
    });
    read.collect()
}

/// The files with what lint found at their lines, and what it found in none of them.
fn with_mistakes(texts: Vec<(PathBuf, String)>, mistakes: &[Mistake]) -> (Vec<File>, Vec<String>) {
    let mut of_line: HashMap<(&str, usize), Vec<&Mistake>> = HashMap::new();
    let mut elsewhere = Vec::new();
    for mistake in mistakes {
        if texts.iter().any(|(path, _)| path.as_path() == FilePath::new(&mistake.file)) {
            of_line.entry((&mistake.file, mistake.line)).or_default().push(mistake);
        } else {
            let finding = &mistake.finding;
            elsewhere.push(format!("{}: {} ({})", mistake.file, finding.message, finding.cure));
        }
    }
    let said = |mistake: &&Mistake| {
        let tone = if mistake.finding.severity == Severity::Error { "bad" } else { "warn" };
        let what = format!("{}: {}", mistake.finding.code, mistake.finding.message);
        (tone, what, mistake.finding.cure.clone())
    };
    let files = texts.iter().map(|(path, text)| {
        let name = path.display().to_string();
        let is_python = path.extension().is_some_and(|ending| ending == "py");
        let lines = highlight::lines(text, is_python).into_iter().enumerate().map(|(at, html)| Line {
            html,
            mistakes: of_line.get(&(name.as_str(), at + 1)).into_iter().flatten().map(said).collect(),
        });
        let lines = lines.collect();
        File { name, lines }
    });
    (files.collect(), elsewhere)
}

fn shown_plan(PlannedInstall { services, mut warnings, .. }: PlannedInstall) -> Option<ShownPlan> {
    // Those that others need come first: the last one is what was asked for.
    let node = services.last()?.plans.first()?.node.as_str().to_owned();
    let are_several = services.len() > 1;
    let (mut steps, mut said) = (Vec::new(), Vec::new());
    for PlannedService { plans, sources } in services {
        let Some(plan) = plans.into_iter().next() else { continue };
        let of = if are_several { format!("{}: ", plan.template) } else { String::new() };
        steps.extend(plan.steps.iter().map(|step| format!("{of}{step}")));
        warnings.extend(plan.warnings.into_iter().map(|warning| format!("{of}{warning}")));
        for source in sources {
            match source {
                SourceAnswer::Answers { size, disk, refused } => {
                    warnings.extend(refused.map(|why| format!("{of}no image, seen from here: {why}")));
                    let size = size.map_or_else(|| "it answers, without a size".to_owned(), markup::size);
                    let disk = disk.map(|disk| format!(", {disk}")).unwrap_or_default();
                    said.push(format!("{of}source: {size}{disk}, seen from here"));
                }
                SourceAnswer::Dead(why) => {
                    warnings.push(format!("{of}the source does not answer, seen from here: {why}"))
                }
                SourceAnswer::OnNode => said.push(format!("{of}source: a file on the node")),
            }
        }
    }
    warnings.dedup();
    Some(ShownPlan { node, steps, sources: said, warnings })
}
