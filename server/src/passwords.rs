//! Names and passwords: few are looked at at once, and after a few wrong ones for a name, it has to wait.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use ays_catalogue::{Catalogue, Role};
use ays_operations::{Error, whose_password};
use secrecy::SecretString;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// How many passwords are looked at at once: each takes 20 MB of memory, and all of a processor.
const AT_ONCE: usize = 2;

/// How many callers may wait for that; more are told to come again.
const WAITING: usize = 20;

/// So many wrong passwords for one name cost nothing.
const FREE: u32 = 5;

/// So long a name waits after that.
const PAUSE: Duration = Duration::from_secs(60);

/// More names than these are not remembered: the one that failed longest ago is forgotten.
const NAMES: usize = 10_000;

/// What came of a name and a password.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PasswordCheck {
    /// It is that user's, who may do so much.
    Right(Role),
    /// It is not, or there is no such user.
    Wrong,
    /// It was not looked at: too many for this name were wrong, and it may try again after so long.
    Later(Duration),
    /// It was not looked at: too many wait.
    Busy,
}

/// Looks at passwords.
#[derive(Debug)]
pub(crate) struct Passwords {
    turns: Arc<Semaphore>,
    waiting: Semaphore,
    attempts: Attempts,
}

impl Default for Passwords {
    fn default() -> Self {
        Self {
            turns: Arc::new(Semaphore::new(AT_ONCE)),
            waiting: Semaphore::new(WAITING),
            attempts: Attempts::default(),
        }
    }
}

impl Passwords {
    pub async fn check(
        &self,
        catalogue: Catalogue,
        name: String,
        password: SecretString,
    ) -> Result<PasswordCheck, Error> {
        if let Some(wait) = self.attempts.wait(&name, Instant::now()) {
            return Ok(PasswordCheck::Later(wait));
        }
        let Some(turn) = self.turn().await else { return Ok(PasswordCheck::Busy) };
        // Others may have been wrong while this one waited.
        if let Some(wait) = self.attempts.wait(&name, Instant::now()) {
            return Ok(PasswordCheck::Later(wait));
        }
        let role = whose_password(catalogue, name.clone(), password, turn).await?;
        match role {
            Some(_) => self.attempts.succeeded(&name),
            None => self.attempts.failed(&name, Instant::now()),
        }
        Ok(role.map_or(PasswordCheck::Wrong, PasswordCheck::Right))
    }

    /// A turn; none: too many wait.
    async fn turn(&self) -> Option<OwnedSemaphorePermit> {
        let _waiting = self.waiting.try_acquire().ok()?;
        Arc::clone(&self.turns).acquire_owned().await.ok()
    }
}

/// Passwords that were wrong, by the name that was tried.
#[derive(Debug, Default)]
struct Attempts(Mutex<HashMap<String, (u32, Instant)>>);

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
