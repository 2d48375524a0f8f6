//! Points in time.

use std::fmt;

use serde::{Deserialize, Serialize};

/// A point in time: UTC, RFC 3339 with milliseconds (`2026-11-21T20:48:51.000Z`), so that text order is time order.
///
/// Whoever calls the catalogue says what time it is; tests have a clock of their own.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, sqlx::Type)]
#[serde(transparent)]
#[sqlx(transparent)]
pub struct Timestamp(String);

impl Timestamp {
    /// The time by this machine's clock.
    pub fn now() -> Self {
        jiff::Timestamp::now().into()
    }

    /// For people, to the second: `2026-11-21 20:48:51`, UTC.
    pub fn to_the_second(&self) -> String {
        self.0.chars().take("2026-11-21T20:48:51".len()).map(|c| if c == 'T' { ' ' } else { c }).collect()
    }

    /// How many milliseconds before `later` it is; 0 when the clock was set back between the two.
    pub(crate) fn milliseconds_until(&self, later: &Self) -> Option<u64> {
        let [from, to] = [self, later].map(|time| time.0.parse::<jiff::Timestamp>().ok());
        Some(u64::try_from(to?.as_millisecond() - from?.as_millisecond()).unwrap_or(0))
    }
}

impl From<jiff::Timestamp> for Timestamp {
    fn from(time: jiff::Timestamp) -> Self {
        Self(format!("{time:.3}"))
    }
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
