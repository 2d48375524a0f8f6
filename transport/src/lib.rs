//! How the controller reaches a node: OpenSSH's connections, this machine itself, or a test's scripted nodes; and on
//! the other side a running helper, which does one step after the other.
//!
//! It must not know recipes or the catalogue. Its build script builds the static helper and embeds it.

mod bootstrap;
mod connect_error;
mod connection;
mod faults;
mod helper;
mod helper_error;
mod hop;
mod host_key;
mod install_key;
mod login_shell;
mod master;
mod no_sudo;
mod read_disk;
mod refusal;
mod relay;
mod remote;
mod run_directory;
mod scripted;
mod session;
mod settings;
mod ssh;

pub use connect_error::ConnectError;
pub use connection::{Connection, Network};
pub use faults::{Faults, OnPurpose, around};
pub use helper::{Heard, Helper};
pub use helper_error::HelperError;
pub use host_key::HostKeyError;
pub use install_key::{Asking, InstallKey, InstallKeyError, KeyState, PublicKey, PublicKeyError};
pub use no_sudo::NoSudo;
pub use read_disk::{DiskPart, DiskReader, ReadError};
pub use refusal::{NoAnswer, Offer};
pub use relay::relay;
#[doc(hidden)]
pub use scripted::Scripted;
pub use session::{OpenError, Session};
pub use settings::{Openings, SshSettings, Transport};
