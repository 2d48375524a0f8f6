//! Installs a recipe on a node: Recipe -> [`Plan`] -> steps over SSH, or on this machine -> [`Event`]s.
//!
//! It must not know the terminal, HTML or clouds: whoever calls it renders the events.

mod bootstrap;
mod event;
mod helper;
mod hop;
mod host_key;
mod install;
mod plan;
mod probe;
mod register;
mod ssh;
mod target;

pub use event::{Event, Record, RunResult, Step};
pub use helper::{Helper, HelperError};
pub use host_key::{HostKey, HostKeyError};
pub use install::{Install, InstallError, Installed, Mode};
pub use plan::{Plan, Planned};
pub use probe::{SourceState, probe};
pub use register::wanted_on;
pub use ssh::{ConnectError, NewHostKeys, SshSettings};
pub use target::Target;
