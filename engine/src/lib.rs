//! Installs a recipe on a node: Recipe -> [`Plan`] -> steps over SSH, or on this machine -> [`Event`](ays_model::Event)s.
//!
//! It must not know the terminal, HTML or clouds: whoever calls it renders the events.

mod adopt;
mod checkup;
mod delivery;
mod digests;
mod index;
mod inspect;
mod install;
mod install_error;
mod lifecycle;
mod node_problem;
mod obstacle;
mod outdated;
mod own_pool;
mod plan;
mod register;
mod rehearse;
mod rollout;
mod run_log;
mod run_nodes;
mod scrub;
mod sources;
mod stacks;
mod stop;
mod survey;
mod survey_signed;
mod truth;

pub use adopt::{Adopt, AdoptError, AdoptedPool, Former, LeftOut};
pub use checkup::{Checked, Checkup};
pub use delivery::ShareError;
pub use digests::digest_file;
pub use inspect::{InspectError, findings, inspect_copy, inspect_file};
pub use install_error::InstallError;
pub use node_problem::{NodeProblem, Place};
pub use obstacle::Unreadable;
pub use outdated::{Asked, Freshness, HasImage, OutdatedError, Questions};
pub use plan::{Plan, Planned, registered};
pub use rehearse::{Rehearsal, RehearseError, Rehearsed};
pub use rollout::{Installed, Mode, NodeResult, Rollout, Sharing};
pub use run_log::{Tell, now};
pub use scrub::{Bad, Fault, NotHealed, Scrub, ScrubError};
pub use sources::{SourceAnswer, look, probe};
pub use stacks::Stacks;
pub use stop::{Stop, Stopper};
pub use survey::{Survey, SurveyError, SurveyedImage, survey, survey_led};
pub use survey_signed::{SurveyedSignature, look_at_key, survey_keys, survey_signatures};
