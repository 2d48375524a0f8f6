//! How nodes are reached, as the program's edge says it.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use ays_model::NewHostKeys;
use tokio::sync::Semaphore;

use crate::scripted::Scripted;

/// How nodes are reached.
pub enum Transport {
    /// By OpenSSH.
    Ssh(SshSettings),
    /// They are a test's.
    #[doc(hidden)]
    Scripted(Scripted),
}

/// What ssh needs to know of its surroundings.
#[derive(Clone)]
pub struct SshSettings {
    /// The user's home directory: `.ssh` in it is honoured.
    pub home: PathBuf,
    /// Where connections' sockets lie, where their names are not too long there; else they lie in `/tmp`.
    pub run: PathBuf,
    /// The host keys that the environment's repository knows.
    pub known_hosts: PathBuf,
    /// What becomes of new host keys.
    pub new_host_keys: NewHostKeys,
    /// The file that those are written to which are learned.
    pub learned: PathBuf,
    /// How long a connection stays after its last use, to be found again by the next run; zero: not at all.
    pub keep: Duration,
    /// Bounds how many connections are made at once.
    pub openings: Openings,
}

/// Bounds how many connections are made at once: more than the processor can agree on keys for only make all of
/// them slow.
#[derive(Debug, Clone)]
pub struct Openings(pub(crate) Arc<Semaphore>);

/// Connections that a processor makes at once: 100 took no less time with more than eight on two of them.
const OPENINGS_PER_PROCESSOR: usize = 4;

impl Default for Openings {
    fn default() -> Self {
        let processors = std::thread::available_parallelism().map_or(1, std::num::NonZeroUsize::get);
        Self(Arc::new(Semaphore::new(OPENINGS_PER_PROCESSOR * processors)))
    }
}
