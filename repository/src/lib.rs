//! The environment's repository and its remote: made, cloned, brought up to date, saved; and what git says of the files
//! that are checked out.
//!
//! It must not know what a recipe means: of templates and services it knows where they lie and what they are called.
//!
//! All of it blocks. Nothing here asks or prints: [`Access`] is what the program hands over for that. libgit2 does the
//! work; where the operator has set up what only git does (hooks, filters, signatures, a sparse checkout), their git does
//! that step. Nothing of a remote is taken for more than text and files.

mod access;
mod address;
mod branch;
mod changes;
mod checkout;
mod clone;
mod clone_name;
mod commit;
mod differing;
mod filter;
mod git_error;
mod init;
mod key_file;
mod known_hosts;
mod layout;
mod login;
mod needs;
mod place;
mod pull;
mod remote;
mod remote_error;
mod save;
mod ssh;
mod status;
mod tree;
mod user_git;

pub use access::{Access, Ask, Progress, Question};
pub use address::{Address, AddressError};
pub use branch::BranchError;
pub use changes::{Change, Changes, How, What};
pub use checkout::{Checkout, CheckoutError};
pub use clone::{CloneError, Cloned, clone, discard_partial};
pub use clone_name::{clone_name, set_clone_name};
pub use git_error::GitError;
pub use init::{InitError, Made, init};
pub use known_hosts::HostKeyError;
pub use layout::{NotFound, SERVICE_FILE, SERVICES, TEMPLATE_FILES, TEMPLATES, root_of, service_of};
pub use needs::Need;
pub use place::place_of;
pub use pull::{PullError, Pulled, fetch, pull};
pub use remote_error::{RemoteError, Tried};
pub use save::{Author, Commit, SaveError, Saved, Unsaved, author, save, set_author, unsaved};
pub use status::{Status, status};
pub use tree::{FetchedTree, FileKind, TreeError, TreeFile, Wanted, Which};
pub use user_git::UserGitError;
