//! The services that an install brings: the one that was asked for, and, before it, those that it needs.

use std::collections::HashMap;
use std::fmt::Write as _;

use ays_model::{InstanceName, TemplateName};

use crate::answers::Answers;
use crate::dependency::{Dependency, NeededFor};
use crate::environment::Environment;
use crate::recipe::Recipe;
use crate::recipe_error::RecipeError;
use crate::request::{Dependencies, Request};
use crate::template::Template;

/// A service of a [`Graph`].
#[derive(Debug)]
pub struct Service {
    /// What it is.
    pub recipe: Recipe,
    /// What was asked for, so that its answers can be written down.
    pub request: Request,
    /// The services that it needs, by their numbers in the graph; all are lower than its own.
    pub needs: Vec<usize>,
}

/// The services that an install brings, each once, those that others need before these. The last one was asked for.
#[derive(Debug)]
pub struct Graph {
    /// In the order in which they are installed.
    pub services: Vec<Service>,
    /// What an operator should know.
    pub warnings: Vec<String>,
}

/// More services than this need each other by mistake.
const MOST: usize = 1000;

/// Services that need each other, one below the other, are fewer than this, but by mistake.
const LONGEST_WAY: usize = 64;

type Key = (TemplateName, InstanceName);

struct Reading<'e> {
    environment: &'e Environment,
    purpose: NeededFor,
    graph: Graph,
    known: HashMap<Key, usize>,
    /// The services that lead to the one that is read.
    way: Vec<Key>,
}

impl Graph {
    /// Reads a service and those that it needs; `purpose` says for what. Nothing is written.
    pub fn read(
        environment: &Environment,
        template: &Template,
        request: Request,
        purpose: NeededFor,
    ) -> Result<Self, RecipeError> {
        let graph = Self { services: Vec::new(), warnings: Vec::new() };
        let mut reading = Reading { environment, purpose, graph, known: HashMap::new(), way: Vec::new() };
        reading.read(template, request)?;
        Ok(reading.graph)
    }

    /// The service that was asked for.
    pub fn asked(&self) -> Option<&Service> {
        self.services.last()
    }

    /// Who needs whom, as a tree of lines; a service that stands there already is not unfolded again.
    pub fn text(&self) -> String {
        let mut text = String::new();
        let mut unfolded = vec![false; self.services.len()];
        if let Some(last) = self.services.len().checked_sub(1) {
            self.unfold(last, 0, &mut unfolded, &mut text);
        }
        text
    }

    fn unfold(&self, number: usize, depth: usize, unfolded: &mut [bool], text: &mut String) {
        let service = &self.services[number];
        let again = if unfolded[number] && !service.needs.is_empty() { " (as above)" } else { "" };
        // Writing into a String does not fail.
        let _ = writeln!(text, "{}{}. {}{again}", "  ".repeat(depth), number + 1, service.recipe.title());
        if !std::mem::replace(&mut unfolded[number], true) {
            service.needs.iter().for_each(|needed| self.unfold(*needed, depth + 1, unfolded, text));
        }
    }

    /// The same for Graphviz.
    pub fn dot(&self) -> String {
        let quoted = |text: &str| format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""));
        let mut text = String::from("digraph services {\n  rankdir=LR;\n  node [shape=box];\n");
        for (number, service) in self.services.iter().enumerate() {
            let label = quoted(&service.recipe.title());
            let _ = writeln!(text, "  s{} [label={label}];", number + 1);
        }
        for (number, service) in self.services.iter().enumerate() {
            for needed in &service.needs {
                let _ = writeln!(text, "  s{} -> s{};", number + 1, needed + 1);
            }
        }
        text.push_str("}\n");
        text
    }
}

impl Reading<'_> {
    /// Reads a service after those that it needs; its number.
    fn read(&mut self, template: &Template, request: Request) -> Result<usize, RecipeError> {
        let key = (template.name.clone(), request.instance.clone());
        let recipe = Recipe::read(self.environment, template, &request)?;
        let mut needs = Vec::new();
        self.way.push(key.clone());
        if request.dependencies == Dependencies::First {
            for dependency in &recipe.parts.dependencies {
                if dependency.needed_for == NeededFor::Building && self.purpose == NeededFor::Running {
                    continue;
                }
                let needed = (dependency.template.clone(), dependency.instance.clone());
                if let Some(start) = self.way.iter().position(|key| *key == needed) {
                    let names = self.way[start..].iter().chain([&needed]).map(title);
                    let circle = names.collect::<Vec<_>>().join(" -> ");
                    return Err(dependency
                        .wrong(format!("its dependencies lead in a circle: {circle}"))
                        .into());
                }
                let number = match self.known.get(&needed) {
                    Some(known) => {
                        let number = *known;
                        self.compare_answers(number, dependency, &recipe);
                        number
                    }
                    // A recipe can name ever new instances of itself.
                    None if self.way.len() >= LONGEST_WAY => {
                        let message = format!("its dependencies go on below {LONGEST_WAY} services");
                        return Err(dependency.wrong(message).into());
                    }
                    None => {
                        let template = self
                            .environment
                            .template(&dependency.template)
                            .map_err(|error| dependency.wrong(error.to_string()))?;
                        let of_dependency = Request {
                            instance: dependency.instance.clone(),
                            answers: self.answers(dependency, &request)?,
                            parent: None,
                            ..request.clone()
                        };
                        self.read(template, of_dependency)?
                    }
                };
                if !needs.contains(&number) {
                    needs.push(number);
                }
                if self.graph.services.len() > MOST {
                    return Err(dependency.wrong(format!("more than {MOST} services are needed")).into());
                }
            }
        }
        self.way.pop();
        let number = self.graph.services.len();
        self.known.insert(key, number);
        self.graph.services.push(Service { recipe, request, needs });
        Ok(number)
    }

    /// What an operator's file says goes before what a recipe gives.
    fn answers(&self, dependency: &Dependency, request: &Request) -> Result<Answers, RecipeError> {
        let Some(seed) = &request.seed else { return Ok(dependency.answers.clone()) };
        let mut answers = Answers::default();
        let names = [&self.environment.domain, dependency.template.as_str(), dependency.instance.as_str()];
        answers.add_seed(&seed.name, &seed.bytes, &names.join("."))?;
        for (key, answer) in dependency.answers.all() {
            if answers.get(key).is_none() {
                answers.give(key, answer.to_owned());
            }
        }
        Ok(answers)
    }

    /// The first one that names a service gives it its answers.
    fn compare_answers(&mut self, known: usize, dependency: &Dependency, by: &Recipe) {
        let service = &self.graph.services[known];
        let other = dependency
            .answers
            .all()
            .find(|(key, answer)| service.request.answers.get(key).is_some_and(|given| given != *answer));
        if let Some((key, _)) = other {
            self.graph.warnings.push(format!(
                "{} gives {} another `{key}` than it has; it keeps the one that it has",
                by.title(),
                service.recipe.title()
            ));
        }
    }
}

fn title((template, instance): &Key) -> String {
    if *instance == "main" { template.to_string() } else { format!("{template} ({instance})") }
}
