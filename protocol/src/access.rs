//! What keeps the machines of a node from reading what is stored in a pool.

use std::path::PathBuf;

use ays_model::UserName;
use serde::{Deserialize, Serialize};

/// Something that keeps the processes of machines from reading a pool.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Obstacle {
    /// The user that reads the pool is none of the node's.
    NoUser(UserName),
    /// It could not be told what the user may read.
    NotTold {
        /// The user.
        user: UserName,
        /// Why not.
        reason: String,
    },
    /// A directory on the way to the pool, or the pool itself, that the user may not pass.
    Directory {
        /// The user.
        user: UserName,
        /// The first of them.
        path: PathBuf,
    },
    /// Files of the pool that the user may not read.
    Files {
        /// The user.
        user: UserName,
        /// Their names.
        files: Vec<String>,
    },
    /// SELinux is enforcing, and the pool has a label that is not for machines.
    Label {
        /// The pool's directory.
        path: PathBuf,
        /// The type of its label, such as `var_lib_t`.
        label: String,
        /// The boolean that lets machines read it all the same, where there is one.
        boolean: Option<String>,
    },
    /// AppArmor confines libvirt's machines, and its rules do not name the pool.
    Profile {
        /// The pool's directory.
        path: PathBuf,
        /// The profile, such as `libvirtd`.
        profile: String,
    },
}
