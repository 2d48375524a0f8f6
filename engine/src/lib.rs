//! Installs a recipe on a node: Recipe -> [`Plan`] -> steps over SSH, or on this machine -> [`Event`]s.
//!
//! It must not know the terminal, HTML or clouds: whoever calls it renders the events.

mod bootstrap;
mod delivery;
mod event;
mod faults;
mod helper;
mod hop;
mod host_key;
mod index;
mod install;
mod master;
mod outdated;
mod plan;
mod register;
mod rehearse;
mod relay;
mod rollout;
mod scripted;
mod scrub;
mod sources;
mod ssh;
mod stacks;
mod stop;
mod survey;
mod target;

pub use delivery::ShareError;
pub use event::{Event, Record, RunResult, Step};
pub use faults::{FaultAt, FaultKind, OnPurpose};
pub use helper::{Helper, HelperError};
pub use host_key::{HostKey, HostKeyError};
pub use install::{InstallError, Installed, Mode};
pub use outdated::{Asked, Freshness, HasImage, OutdatedError, outdated};
pub use plan::{Plan, Planned};
pub use rehearse::{Outcome, Rehearsal, RehearseError, Rehearsed};
pub use rollout::{NodeResult, Rollout, Sharing};
#[doc(hidden)]
pub use scripted::Scripted;
pub use scrub::{Bad, Fault, Found, NotHealed, Scrub, ScrubError, Told};
pub use sources::{SourceAnswer, look, probe};
pub use ssh::{ConnectError, NewHostKeys, Openings, SshSettings, Transport};
pub use stacks::Stacks;
pub use stop::{Stop, Stopper};
pub use survey::{Survey, SurveyError, SurveyedImage, survey};
pub use target::Target;
