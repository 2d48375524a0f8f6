//! Reading every copy of the images again.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use ays_engine::{Bad, Scrub, Stop};
use ays_model::{CopyVerdict, Event, Node, NodeName, Record};
use ays_transport::{SshSettings, Transport};
use serde::{Deserialize, Serialize};

use crate::controller::{Controller, Tell};
use crate::error::Error;
use crate::off_runtime::off_runtime;
use crate::queries::no_image;
use crate::selection::{Selected, all_nodes};

/// A scrub of copies.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase", deny_unknown_fields)]
pub struct ScrubCopies {
    /// Only of this image: its name or id.
    pub image: Option<String>,
    /// Only on these nodes; none: on all.
    pub nodes: Vec<NodeName>,
    /// Whether copies that are not good are brought again from a node that has a good one. Else they are only marked.
    pub heal: bool,
}

/// What a scrub came to.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Scrubbed {
    /// How many copies were found to be what.
    pub copies: BTreeMap<CopyVerdict, usize>,
}

impl ScrubCopies {
    /// Reads them; each is told when it has been read.
    ///
    /// # Errors
    ///
    /// An image or a node that nobody knows, and those of the catalogue. What a copy or its node meets is told.
    pub async fn run(
        self,
        controller: Controller,
        ssh: SshSettings,
        stop: Stop,
        tell: Tell,
    ) -> Result<Scrubbed, Error> {
        let Self { image, nodes: on, heal } = self;
        let (environment, names) = (Arc::clone(&controller.environment), on.clone());
        let reading = move || {
            for name in names.iter().filter(|name| **name != Node::LOCAL) {
                environment.node(None, name)?;
            }
            Ok(all_nodes(&environment))
        };
        let Selected { targets, broken } = off_runtime(&stop, reading).await?;
        for (node, error) in broken {
            tell(ays_engine::now(&node, Event::Warning { message: format!("{node}: {error}") }));
        }
        let catalogue = &controller.catalogue;
        let copies = match catalogue.copies_to_scrub(image.as_deref()).await? {
            Some(copies) => copies,
            None => return Err(no_image(&controller, &image.unwrap_or_default()).await?.into()),
        };
        let settings = &controller.environment.settings;
        let owner = controller.owner().await?;
        let scrub = Scrub {
            nodes: &targets,
            on: &on,
            catalogue,
            owner: &owner,
            transport: &Transport::Ssh(ssh),
            rate: settings.scrub.rate,
            bad: if heal { Bad::Healed } else { Bad::Marked },
            parallel: settings.install.parallel,
        };
        let counted = Mutex::new(Scrubbed::default());
        let count = |record: Record| {
            if let Event::CopyChecked(report) = &record.event {
                let mut counted = counted.lock().unwrap_or_else(PoisonError::into_inner);
                *counted.copies.entry(report.result).or_default() += 1;
            }
            tell(record);
        };
        scrub.run(scrub.chosen(copies), &stop, &count).await;
        Ok(counted.into_inner().unwrap_or_else(PoisonError::into_inner))
    }
}
