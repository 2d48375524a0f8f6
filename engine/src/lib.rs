//! Installs a recipe on a node: Recipe -> [`Plan`] -> steps over SSH, or on this machine -> [`Event`]s.
//!
//! It must not know the terminal, HTML or clouds: whoever calls it renders the events.

mod checkup;
mod delivery;
mod digests;
mod event;
mod finding;
mod index;
mod inspect;
mod install;
mod install_error;
mod lifecycle;
mod outdated;
mod plan;
mod register;
mod rehearse;
mod rollout;
mod run_nodes;
mod scrub;
mod sources;
mod stacks;
mod stop;
mod survey;
mod truth;

pub use checkup::{Checked, Checkup};
pub use delivery::ShareError;
pub use digests::digest_file;
pub use event::{Event, Record, RunResult, Step};
pub use finding::{Finding, Place, Weight};
pub use inspect::{InspectError, findings, inspect_copy, inspect_file};
pub use install_error::InstallError;
pub use outdated::{Asked, Freshness, HasImage, OutdatedError, outdated};
pub use plan::{Plan, Planned};
pub use rehearse::{Outcome, Rehearsal, RehearseError, Rehearsed};
pub use rollout::{Installed, Mode, NodeResult, Rollout, Sharing};
pub use scrub::{Bad, Fault, Found, NotHealed, Scrub, ScrubError, Told};
pub use sources::{SourceAnswer, look, probe};
pub use stacks::Stacks;
pub use stop::{Stop, Stopper};
pub use survey::{Survey, SurveyError, SurveyedImage, survey};
