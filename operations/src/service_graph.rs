//! Who needs whom among the services of a node.

use std::sync::Arc;

use ays_catalogue::ServiceOnNode;
use ays_engine::{Stop, Stopper};
use ays_model::{InstanceName, TemplateName};
use ays_recipes::{Answers, Dependencies, Environment, Graph, NeededFor, Request, Stored};

use crate::controller::Controller;
use crate::error::Error;
use crate::off_runtime::off_runtime;

/// A template and an instance of it.
pub type ServiceName = (TemplateName, InstanceName);

/// Who needs whom: a service, all that it needs, and the services of its node that need it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServiceGraph {
    /// The services.
    pub services: Vec<ServiceName>,
    /// The service that was asked for, by its number.
    pub asked: usize,
    /// Who needs whom, by their numbers.
    pub needs: Vec<(usize, usize)>,
}

/// Reads who needs whom around a service that is installed.
///
/// # Errors
///
/// Its recipe, or one that it needs, cannot be read; those of others are left out then.
pub async fn service_graph(controller: Controller, of: ServiceOnNode) -> Result<ServiceGraph, Error> {
    let installed = controller.catalogue.installed_services().await?;
    let others =
        installed.into_iter().filter(|other| other.node == of.node && *other != of).collect::<Vec<_>>();
    let (_stopper, stop): (Stopper, Stop) = Stopper::new();
    let environment = Arc::clone(&controller.environment);
    off_runtime(&stop, move || {
        let mut graph = ServiceGraph {
            services: vec![(of.service.clone(), of.instance.clone())],
            asked: 0,
            needs: Vec::new(),
        };
        graph.add(&read(&environment, &of)?);
        for other in others {
            // What is wrong with it is said where it is asked for.
            if let Ok(read) = read(&environment, &other)
                && read.services.iter().any(|service| {
                    service.recipe.template == of.service && service.recipe.instance == of.instance
                })
            {
                graph.add(&read);
            }
        }
        Ok(graph)
    })
    .await
}

fn read(environment: &Environment, of: &ServiceOnNode) -> Result<Graph, Error> {
    let request = Request {
        instance: of.instance.clone(),
        answers: Answers::default(),
        dependencies: Dependencies::First,
        nodes: vec![of.node.clone()],
        stored: Stored::Used,
        parent: None,
        seed: None,
    };
    Ok(Graph::read(environment, environment.template(&of.service)?, request, NeededFor::Running)?)
}

impl ServiceGraph {
    fn add(&mut self, read: &Graph) {
        let numbers: Vec<usize> = read
            .services
            .iter()
            .map(|service| self.number((service.recipe.template.clone(), service.recipe.instance.clone())))
            .collect();
        for (number, service) in read.services.iter().enumerate() {
            for needed in &service.needs {
                let edge = (numbers[number], numbers[*needed]);
                if !self.needs.contains(&edge) {
                    self.needs.push(edge);
                }
            }
        }
    }

    fn number(&mut self, of: ServiceName) -> usize {
        match self.services.iter().position(|known| *known == of) {
            Some(number) => number,
            None => {
                self.services.push(of);
                self.services.len() - 1
            }
        }
    }
}
