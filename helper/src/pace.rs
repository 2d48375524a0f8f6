use std::num::NonZeroU64;
use std::time::{Duration, Instant};

/// A delay up to this is made up for; a longer one is not, or the bytes after it would come all at once.
const SLACK: Duration = Duration::from_secs(1);

/// The least that is worth a pause, in bytes.
const LEAST: usize = 4 << 10;

/// Keeps bytes from going by faster than they may.
#[derive(Debug)]
pub(crate) struct Pace {
    rate: Option<NonZeroU64>,
    /// When the next bytes may go by.
    due: Instant,
}

impl Pace {
    /// At most `rate` bytes a second; none: as fast as they can.
    pub(crate) fn new(rate: Option<NonZeroU64>) -> Self {
        Self { rate, due: Instant::now() }
    }

    /// Whether there is a rate at all.
    pub(crate) fn is_bounded(&self) -> bool {
        self.rate.is_some()
    }

    /// How many bytes, of `most`, may go by at once, so that it looks even: what is due in a tenth of a second.
    pub(crate) fn portion(&self, most: usize) -> usize {
        match self.rate {
            Some(rate) => usize::try_from(rate.get() / 10).unwrap_or(most).clamp(LEAST.min(most), most),
            None => most,
        }
    }

    /// So many bytes have gone by: how long to wait before the next.
    pub(crate) fn pause(&mut self, count: usize) -> Duration {
        let Some(rate) = self.rate else { return Duration::ZERO };
        let now = Instant::now();
        let earliest = now.checked_sub(SLACK).unwrap_or(now);
        let seconds = count as f64 / rate.get() as f64;
        self.due = self.due.max(earliest) + Duration::try_from_secs_f64(seconds).unwrap_or(SLACK);
        self.due.saturating_duration_since(now)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_pauses_add_up_to_the_rate() {
        let begun = Instant::now();
        let rate = NonZeroU64::new(1_000_000);
        let mut pace = Pace::new(rate);
        assert_eq!((pace.portion(512 << 10), Pace::new(None).portion(512 << 10)), (100_000, 512 << 10));
        let pauses = (0..20).map(|_| pace.pause(100_000)).max().unwrap();
        // Nothing was waited for, so the last pause is all of it.
        let expected = Duration::from_secs(2);
        assert!(pauses <= expected && pauses + begun.elapsed() >= expected, "{pauses:?}");
        assert_eq!(Pace::new(None).pause(100_000), Duration::ZERO);
    }

    #[test]
    fn after_a_long_delay_the_bytes_do_not_come_all_at_once() {
        let mut pace = Pace::new(NonZeroU64::new(1_000_000));
        pace.due = Instant::now().checked_sub(Duration::from_secs(60)).unwrap();
        assert_eq!(pace.pause(900_000), Duration::ZERO);
        let pause = pace.pause(1_100_000);
        assert!(pause <= Duration::from_secs(1) && pause > Duration::from_millis(900), "{pause:?}");
    }
}
