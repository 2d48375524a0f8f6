//! OpenPGP's times, which are seconds since 1970.

use jiff::Timestamp;
use pgp::types::{Duration, Timestamp as Seconds};

pub(crate) fn timestamp(seconds: Seconds) -> Timestamp {
    // All of its 32 bits are within what a timestamp can say.
    Timestamp::from_second(seconds.as_secs().into()).unwrap_or(Timestamp::MAX)
}

/// When something ends that lasts so long; none: never.
pub(crate) fn end(begin: Seconds, lasts: Option<Duration>) -> Option<Timestamp> {
    let seconds = lasts.map(Duration::as_secs).filter(|seconds| *seconds > 0)?;
    Timestamp::from_second(i64::from(begin.as_secs()) + i64::from(seconds)).ok()
}
