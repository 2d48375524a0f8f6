//! How long a source's bytes are waited for.

use std::time::Duration;

use ays_protocol::Phase;
use tokio::time::Instant;

use super::fault::Fault;

/// A buffer that is not full yet is handed on after this long, so that a slow source shows progress.
const PATIENCE: Duration = Duration::from_millis(200);

/// How long to wait for more bytes: what a buffer holds already must not lie there.
pub(crate) fn wait(buffer: &[u8], begun: Instant, stall: Duration) -> Duration {
    if buffer.is_empty() { stall } else { PATIENCE.saturating_sub(begun.elapsed()) }
}

/// No byte came for so long.
pub(crate) fn stalled(stall: Duration) -> Fault {
    Fault::again(Phase::Transfer, format!("no byte came for {stall:?}"))
}
