//! What takes time and can be asked for as a value: by a command, by a call to a server, by a schedule.

use ays_engine::{Asked, Stop};
use ays_model::CopyVerdict;
use ays_transport::SshSettings;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::controller::{Controller, Tell};
use crate::error::{Error, Kind};
use crate::problem::Problem;
use crate::{
    ActOnServices, AddImage, AddedImage, Availability, BroughtUpToDate, ChangeImage, ChangeStack,
    ChangedImage, ChangedPool, ChangedStack, CheckNodes, CheckedNode, CopiedImage, CopyImage, DestroyImage,
    DestroyResult, Destroyed, EditImage, EditedImage, Install, InstallOutdated, InstallReport,
    InstalledAgain, InstalledOn, Outdated, PoolProblem, Prune, PrunePublications, PrunedPublication,
    PublishImage, PublishOutdated, PublishedTo, Recover, Recovered, RemovalResult, RemovePublication,
    RemovedFile, RemovedPublication, RetryPublication, ScrubCopies, Scrubbed, ServiceOn, SetAvailability,
};

/// Makes the enum of all operations, and runs each.
macro_rules! operations {
    ($($(#[$doc:meta])* $name:ident($what:ty) => $word:literal,)+) => {
        /// An operation that takes time, as a job holds it: as JSON, `kind` names it and its fields stand beside.
        #[derive(Debug, Clone, Serialize, Deserialize)]
        #[serde(tag = "kind", rename_all = "camelCase")]
        pub enum Operation {
            $($(#[$doc])* $name($what),)+
        }

        impl Operation {
            /// What `kind` is in JSON.
            pub fn kind(&self) -> &'static str {
                match self {
                    $(Self::$name(_) => $word,)+
                }
            }

            /// Does it.
            ///
            /// # Errors
            ///
            /// Those of the operation: it came to nothing.
            pub async fn run(
                self,
                controller: Controller,
                ssh: SshSettings,
                stop: Stop,
                tell: Tell,
            ) -> Result<Outcome, Error> {
                match self {
                    $(Self::$name(what) => Outcome::of(&what.run(controller, ssh, stop, tell).await?),)+
                }
            }
        }

        $(impl From<$what> for Operation {
            fn from(what: $what) -> Self {
                Self::$name(what)
            }
        })+
    };
}

operations! {
    /// A service on nodes.
    Install(Install) => "install",
    /// An image that no recipe describes.
    AddImage(AddImage) => "addImage",
    /// What is outdated, again.
    InstallOutdated(InstallOutdated) => "installOutdated",
    /// Whether sources have changed.
    Outdated(Outdated) => "outdated",
    /// Copies are read again.
    Scrub(ScrubCopies) => "scrub",
    /// Where an image is available.
    Availability(SetAvailability) => "availability",
    /// An image's state, or its current generation.
    ChangeImage(ChangeImage) => "changeImage",
    /// What is said of an image.
    EditImage(EditImage) => "editImage",
    /// An image comes to more pools.
    CopyImage(CopyImage) => "copyImage",
    /// An image is deleted for ever.
    DestroyImage(DestroyImage) => "destroyImage",
    /// Old generations are removed.
    Prune(Prune) => "prune",
    /// A stack's state.
    ChangeStack(ChangeStack) => "changeStack",
    /// Whether nodes can be installed on.
    CheckNodes(CheckNodes) => "checkNodes",
    /// Services that are installed.
    ActOnServices(ActOnServices) => "service",
    /// An image goes to clouds.
    PublishImage(PublishImage) => "publish",
    /// What clouds have of images is brought up to date.
    PublishOutdated(PublishOutdated) => "publishOutdated",
    /// Old generations are removed from a cloud.
    PrunePublications(PrunePublications) => "prunePublications",
    /// A publication is tried again.
    RetryPublication(RetryPublication) => "retryPublication",
    /// A publication is removed.
    RemovePublication(RemovePublication) => "removePublication",
    /// What came to no end at clouds is ended.
    Recover(Recover) => "recover",
}

/// What an operation came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outcome {
    /// What `--json` of its command prints.
    pub report: Value,
    /// Why not all of it went well; none: it did.
    pub problem: Option<Problem>,
}

impl Outcome {
    fn of<R: Report>(report: &R) -> Result<Self, Error> {
        let json = serde_json::to_value(report).map_err(|error| Error::new(Kind::Failed, error))?;
        let problem = report.failed().map(|message| Problem {
            kind: Kind::Failed,
            message,
            because: Vec::new(),
            cure: None,
        });
        Ok(Self { report: json, problem })
    }
}

/// What an operation came to, as it tells it.
pub(crate) trait Report: Serialize {
    /// What of it did not go well, in a few words; none: all of it did.
    fn failed(&self) -> Option<String>;
}

/// The words for things that did not go well; none: there are none.
fn of_all(count: usize, what: &str) -> Option<String> {
    (count > 0).then(|| format!("{count} {what}"))
}

impl Report for InstallReport {
    fn failed(&self) -> Option<String> {
        of_nodes(&self.nodes)
    }
}

impl Report for AddedImage {
    fn failed(&self) -> Option<String> {
        of_nodes(&self.nodes)
    }
}

fn of_nodes(nodes: &[InstalledOn]) -> Option<String> {
    let failed: Vec<_> = nodes.iter().filter_map(|on| Some((on, on.problem.as_ref()?))).collect();
    match failed[..] {
        [] => None,
        [(on, problem)] => Some(format!("{}: {}", on.node, problem.in_one_line())),
        _ => of_all(failed.len(), "nodes failed"),
    }
}

impl Report for BroughtUpToDate {
    fn failed(&self) -> Option<String> {
        let is_bad = |again: &&InstalledAgain| {
            again.problem.is_some() || again.report.as_ref().is_some_and(|report| report.failed().is_some())
        };
        of_all(self.services.iter().filter(is_bad).count(), "outdated templates were not installed again")
    }
}

impl Report for Vec<Asked> {
    fn failed(&self) -> Option<String> {
        None
    }
}

impl Report for Scrubbed {
    fn failed(&self) -> Option<String> {
        let is_good = |verdict: &CopyVerdict| matches!(verdict, CopyVerdict::Good | CopyVerdict::Healed);
        let bad = self.copies.iter().filter(|(verdict, _)| !is_good(verdict)).map(|(_, count)| count).sum();
        of_all(bad, "copies are not as they should be, or were not read")
    }
}

impl Report for Availability {
    fn failed(&self) -> Option<String> {
        if let Some(why) = &self.stopped {
            return Some(format!("no further stack gets it: {why}"));
        }
        of_pools(&self.not_brought).or_else(|| of_pools(&self.not_published))
    }
}

fn of_pools(problems: &[PoolProblem]) -> Option<String> {
    match problems {
        [] => None,
        [problem] => Some(format!("pool {}: {}", problem.pool.name, problem.why)),
        all => of_all(all.len(), "pools failed"),
    }
}

impl Report for ChangedImage {
    fn failed(&self) -> Option<String> {
        of_pools(&ChangedPool::not_written(&self.pools))
    }
}

impl Report for EditedImage {
    fn failed(&self) -> Option<String> {
        of_pools(&ChangedPool::not_written(&self.pools))
    }
}

impl Report for CopiedImage {
    fn failed(&self) -> Option<String> {
        let failed = self.pools.iter().filter(|to| to.why.is_some()).count();
        of_all(failed, "pools did not get it").or_else(|| of_pools(&self.not_published))
    }
}

impl Report for ChangedStack {
    fn failed(&self) -> Option<String> {
        of_pools(&ChangedPool::not_written(&self.pools))
    }
}

impl Report for Destroyed {
    fn failed(&self) -> Option<String> {
        match self.result {
            DestroyResult::Before | DestroyResult::Now => None,
            DestroyResult::Refused => Some("nothing was changed: not all of its files may go".to_owned()),
            DestroyResult::Offered => Some("nothing was removed: some pools may still offer it".to_owned()),
            DestroyResult::Partly => Some("not all of its files were removed".to_owned()),
        }
    }
}

impl Report for Vec<RemovedFile> {
    fn failed(&self) -> Option<String> {
        let failed = self.iter().filter(|file| file.result == RemovalResult::Failed).count();
        of_all(failed, "files were not removed")
    }
}

impl Report for Vec<ServiceOn> {
    fn failed(&self) -> Option<String> {
        let bad: Vec<_> = self.iter().filter(|service| service.is_bad()).collect();
        match bad[..] {
            [ServiceOn { node, problem: Some(problem), .. }] => {
                Some(format!("{node}: {}", problem.in_one_line()))
            }
            _ => of_all(bad.len(), "services are not as they should be"),
        }
    }
}

impl Report for Vec<CheckedNode> {
    fn failed(&self) -> Option<String> {
        of_all(self.iter().filter(|node| node.has_errors()).count(), "nodes cannot be installed on")
    }
}

impl Report for Vec<PublishedTo> {
    fn failed(&self) -> Option<String> {
        let failed: Vec<_> = self.iter().filter_map(|to| Some((to, to.problem.as_ref()?))).collect();
        match failed[..] {
            [] => None,
            [(to, problem)] => Some(format!("{}: {}", to.account, problem.in_one_line())),
            _ => of_all(failed.len(), "accounts did not get it"),
        }
    }
}

impl Report for RemovedPublication {
    fn failed(&self) -> Option<String> {
        None
    }
}

impl Report for Recovered {
    fn failed(&self) -> Option<String> {
        let open = self.ended.iter().filter(|(_, problem)| problem.is_some()).count();
        of_all(open, "publications left something behind")
    }
}

impl Report for Vec<PrunedPublication> {
    fn failed(&self) -> Option<String> {
        of_all(self.iter().filter(|of| of.problem.is_some()).count(), "publications were not removed")
    }
}
