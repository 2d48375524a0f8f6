//! Jobs: operations that wait in a queue, and the workers that do them, on one machine or many.
//!
//! What is known of a job is in the catalogue; which worker has it is in the queue ([apalis](https://docs.rs/apalis)), which
//! can be filled again from the catalogue at any time. A worker that is killed is known to be gone at once (see
//! [`ays_catalogue::Processes`]): its locks are given back, and another worker goes on with its jobs.
//!
//! It must not know the terminal, nor how a server is asked.

mod queue;
mod record;
mod site;
mod webhook;
mod worker;

pub use queue::{Queue, QueueError, Task};
pub use site::Site;
pub use worker::{JobNote, Log, Worker, WorkerError};
