//! Sign-ins that failed: after a few for one name, it has to wait.

use std::collections::HashMap;
use std::sync::Mutex;
use std::time::{Duration, Instant};

/// So many wrong passwords for one name cost nothing.
const FREE: u32 = 5;

/// So long a name waits after that.
const PAUSE: Duration = Duration::from_secs(60);

/// More names than these are not remembered: the one that failed longest ago is forgotten.
const NAMES: usize = 10_000;

/// Sign-ins that failed, by the name that was tried.
#[derive(Debug, Default)]
pub(crate) struct Attempts(Mutex<HashMap<String, (u32, Instant)>>);

impl Attempts {
    /// How long a name has to wait; none: it may try.
    pub fn wait(&self, name: &str, now: Instant) -> Option<Duration> {
        let failed = self.0.lock().ok()?;
        let (times, last) = failed.get(name)?;
        let waited = now.saturating_duration_since(*last);
        if *times < FREE { None } else { PAUSE.checked_sub(waited).filter(|wait| !wait.is_zero()) }
    }

    /// It was the wrong password.
    pub fn failed(&self, name: &str, now: Instant) {
        let Ok(mut failed) = self.0.lock() else { return };
        if failed.len() >= NAMES
            && !failed.contains_key(name)
            && let Some(oldest) =
                failed.iter().min_by_key(|(_, (_, last))| *last).map(|(name, _)| name.clone())
        {
            failed.remove(&oldest);
        }
        let (times, last) = failed.entry(name.to_owned()).or_insert((0, now));
        // Who waited has one more try, and waits again when that is wrong too.
        *times = if now.saturating_duration_since(*last) > 15 * PAUSE { 1 } else { *times + 1 };
        *last = now;
    }

    /// It was the right one.
    pub fn succeeded(&self, name: &str) {
        if let Ok(mut failed) = self.0.lock() {
            failed.remove(name);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_waits_after_five_wrong_passwords_and_others_do_not() {
        let (attempts, begun) = (Attempts::default(), Instant::now());
        for _ in 0..4 {
            attempts.failed("anna", begun);
        }
        assert_eq!(attempts.wait("anna", begun), None);
        attempts.failed("anna", begun);
        assert_eq!(attempts.wait("anna", begun), Some(PAUSE));
        assert_eq!(attempts.wait("bert", begun), None);
        assert_eq!(attempts.wait("anna", begun + PAUSE), None);
        attempts.failed("anna", begun + PAUSE);
        assert_eq!(attempts.wait("anna", begun + PAUSE), Some(PAUSE));
        attempts.succeeded("anna");
        assert_eq!(attempts.wait("anna", begun + PAUSE), None);
    }
}
