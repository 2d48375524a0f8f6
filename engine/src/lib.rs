//! Installs a recipe on a node: Recipe -> [`Plan`] -> steps over SSH, or on this machine -> [`Event`]s.
//!
//! It must not know the terminal, HTML or clouds: whoever calls it renders the events.

mod bootstrap;
mod checkup;
mod delivery;
mod event;
mod faults;
mod finding;
mod helper;
mod hop;
mod host_key;
mod index;
mod inspect;
mod install;
mod install_key;
mod master;
mod outdated;
mod plan;
mod refusal;
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

pub use checkup::{Checked, Checkup};
pub use delivery::ShareError;
pub use event::{Event, Record, RunResult, Step};
pub use faults::{FaultAt, FaultKind, OnPurpose};
pub use finding::{Finding, Place, Weight};
pub use helper::{Helper, HelperError};
pub use host_key::{HostKey, HostKeyError};
pub use inspect::{InspectError, findings, inspect_copy, inspect_file};
pub use install::{InstallError, Installed, Mode};
pub use install_key::{Asking, InstallKey, InstallKeyError, KeyState, PublicKey, PublicKeyError};
pub use outdated::{Asked, Freshness, HasImage, OutdatedError, outdated};
pub use plan::{Plan, Planned};
pub use refusal::{NoAnswer, Offer};
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
