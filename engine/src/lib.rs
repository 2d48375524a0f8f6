//! Installs a recipe on a node: Recipe -> [`Plan`] -> steps over SSH, or on this machine -> [`Event`](ays_model::Event)s.
//!
//! It must not know the terminal, HTML or clouds: whoever calls it renders the events.

mod adopt;
mod bring;
mod checkup;
mod copy_check;
mod delivery;
mod digests;
mod in_use;
mod index;
mod inspect;
mod install;
mod install_error;
mod lifecycle;
mod node_problem;
mod obstacle;
mod outdated;
mod own_pool;
mod passing;
mod plan;
mod register;
mod rehearse;
mod remove_copies;
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
pub use bring::{Arrived, Bring, BringError, Brought, NoRoom, NotBrought, Recorder, Recording, ToBring};
pub use checkup::{Checked, Checkup};
pub use copy_check::Fault;
pub use delivery::ShareError;
pub use digests::digest_file;
pub use in_use::InUse;
pub use inspect::{InspectError, findings, inspect_copy, inspect_file};
pub use install_error::InstallError;
pub use node_problem::{NodeProblem, Place};
pub use obstacle::Unreadable;
pub use outdated::{Asked, Freshness, HasImage, OutdatedError, Questions};
pub use plan::{Plan, Planned, registered};
pub use rehearse::{Rehearsal, RehearseError, Rehearsed};
pub use remove_copies::{FileEnd, RemoveError, RemoveFiles};
pub use rollout::{Installed, Mode, NodeResult, Rollout, Sharing};
pub use run_log::{Tell, now};
pub use scrub::{Bad, NotHealed, Scrub, ScrubError};
pub use sources::{SourceAnswer, look, probe};
pub use stacks::Stacks;
pub use stop::{Stop, Stopper};
pub use survey::{Survey, SurveyError, SurveyedImage, survey, survey_stream};
pub use survey_signed::{SurveyedSignature, look_at_key, survey_keys, survey_signatures};
