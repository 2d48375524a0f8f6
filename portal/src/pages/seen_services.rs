//! What was seen of services when somebody looked last.

use std::collections::HashMap;

use ays_catalogue::{JobId, ServiceOnNode, Timestamp};
use ays_operations::{Controller, ServiceOn};

use super::reports::reports;
use crate::failure::Failure;
use crate::words::{State, Tone};

/// What the last job that had to do with a service said of it, and when.
pub(super) type Seen = HashMap<ServiceOnNode, (ServiceOn, JobId, Timestamp)>;

pub(super) async fn seen(controller: &Controller) -> Result<Seen, Failure> {
    let mut seen = Seen::new();
    for (on, job, at) in reports::<ServiceOn>(controller, "service").await? {
        let (Some(service), Some(instance)) = (on.template.clone(), on.instance.clone()) else { continue };
        let of = ServiceOnNode { service, instance, node: on.node.clone() };
        seen.entry(of).or_insert_with(|| (on, job, at));
    }
    Ok(seen)
}

pub(super) fn state(on: &ServiceOn) -> State {
    match (&on.problem, on.is_up) {
        (Some(_), _) => State::new(Tone::Bad, "failed"),
        (None, Some(true)) => State::new(Tone::Good, "up"),
        (None, Some(false)) => State::new(Tone::Bad, "not up"),
        (None, None) if on.processes.iter().any(|process| process.runs) => State::new(Tone::Good, "runs"),
        (None, None) => State::new(Tone::Off, "stopped"),
    }
}
