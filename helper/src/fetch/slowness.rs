use std::time::Duration;

use ays_protocol::Phase;

use super::access::Access;
use super::fault::Fault;

/// Watches that a source gives enough: what it is waited for counts, not what the disk or the order's own limit takes.
#[derive(Debug)]
pub(crate) struct Slowness {
    window: Duration,
    /// The least that must come in a window, in bytes.
    least: u64,
    waited: Duration,
    came: u64,
}

impl Slowness {
    pub(crate) fn new(access: Access<'_>) -> Self {
        let window = access.stall();
        let least = (access.network.stall_rate as f64 * window.as_secs_f64()) as u64;
        Self { window, least, waited: Duration::ZERO, came: 0 }
    }

    /// So many bytes came after a wait.
    pub(crate) fn count(&mut self, waited: Duration, came: usize) -> Result<(), Fault> {
        self.waited += waited;
        self.came += came as u64;
        if self.waited < self.window {
            return Ok(());
        }
        if self.came < self.least {
            let (came, window) = (self.came, self.window);
            return Err(Fault::again(Phase::Transfer, format!("only {came} bytes came within {window:?}")));
        }
        self.waited = Duration::ZERO;
        self.came = 0;
        Ok(())
    }
}
