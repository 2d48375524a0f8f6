//! What takes time and can be asked for as a value: by a command, by a call to a server, by a schedule.

use ays_engine::Stop;
use ays_transport::SshSettings;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::controller::{Controller, Tell};
use crate::error::{Error, Kind};
use crate::{
    ChangeImage, ChangeStack, CheckNodes, DestroyImage, Install, InstallOutdated, Outdated, Prune,
    ScrubCopies, SetAvailability,
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

            /// Does it. What it came to is what `--json` prints of it.
            ///
            /// # Errors
            ///
            /// Those of the operation.
            pub async fn run(
                self,
                controller: Controller,
                ssh: SshSettings,
                stop: Stop,
                tell: Tell,
            ) -> Result<Value, Error> {
                match self {
                    $(Self::$name(what) => as_json(what.run(controller, ssh, stop, tell).await?),)+
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
    /// An image is deleted for ever.
    DestroyImage(DestroyImage) => "destroyImage",
    /// Old generations are removed.
    Prune(Prune) => "prune",
    /// A stack's state.
    ChangeStack(ChangeStack) => "changeStack",
    /// Whether nodes can be installed on.
    CheckNodes(CheckNodes) => "checkNodes",
}

fn as_json(report: impl Serialize) -> Result<Value, Error> {
    serde_json::to_value(report).map_err(|error| Error::new(Kind::Failed, error))
}
