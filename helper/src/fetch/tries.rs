use std::time::Duration;

use ays_protocol::{Failure, Phase};

use super::access::Access;

const LONGEST_PAUSE: Duration = Duration::from_secs(5);

/// How often a source has been tried. A try that brought new bytes does not count against the bound.
#[derive(Debug)]
pub(crate) struct Tries<'a> {
    access: Access<'a>,
    made: u32,
    fruitless: u32,
    furthest: u64,
}

impl<'a> Tries<'a> {
    pub(crate) fn new(access: Access<'a>, have: u64) -> Self {
        Self { access, made: 0, fruitless: 0, furthest: have }
    }

    /// After a failed try that got to `have` bytes: how long to wait for the next one, or that there is none.
    pub(crate) fn failed(
        &mut self,
        url: &str,
        have: u64,
        phase: Phase,
        reason: &str,
    ) -> Result<Duration, Failure> {
        let limits = self.access.limits;
        self.made += 1;
        if have >= self.furthest.saturating_add(limits.progress) {
            self.furthest = have;
            self.fruitless = 0;
        } else {
            self.fruitless += 1;
        }
        if self.fruitless >= self.access.tries() || self.made >= limits.most_tries {
            return Err(Failure::Unreachable {
                url: url.to_owned(),
                phase,
                reason: reason.to_owned(),
                attempts: self.made,
            });
        }
        let doublings = self.fruitless.saturating_sub(1).min(16);
        let pause = limits.pause.saturating_mul(1 << doublings).min(LONGEST_PAUSE);
        // So that many nodes that lost the same source do not all come back at once.
        Ok(pause + pause.mul_f64(fastrand::f64() / 2.0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Limits;
    use ays_model::Network;

    const MIB: u64 = 1 << 20;

    fn failure(attempts: u32) -> Failure {
        Failure::Unreachable { url: "u".into(), phase: Phase::Transfer, reason: "r".into(), attempts }
    }

    #[test]
    fn tries_without_new_bytes_are_bounded() {
        let (network, limits) = (Network { tries: 3, ..Network::default() }, Limits::default());
        let mut tries = Tries::new(Access { network: &network, limits: &limits }, 0);
        let mut fail = |have| tries.failed("u", have, Phase::Transfer, "r").map(|_| ());
        assert_eq!(fail(0), Ok(()));
        assert_eq!(fail(10 * MIB), Ok(()));
        // The same bytes again are no progress.
        assert_eq!(fail(10 * MIB), Ok(()));
        assert_eq!(fail(10 * MIB), Ok(()));
        assert_eq!(fail(10 * MIB), Err(failure(5)));
    }

    #[test]
    fn tries_with_new_bytes_are_bounded_too() {
        let (network, limits) = (Network::default(), Limits { most_tries: 7, ..Limits::default() });
        let mut tries = Tries::new(Access { network: &network, limits: &limits }, 0);
        for number in 1..7 {
            assert_eq!(tries.failed("u", number * MIB, Phase::Transfer, "r").map(|_| ()), Ok(()));
        }
        assert_eq!(tries.failed("u", 7 * MIB, Phase::Transfer, "r").map(|_| ()), Err(failure(7)));
    }

    #[test]
    fn the_pause_grows_up_to_a_bound() {
        let (network, limits) = (Network { tries: 20, ..Network::default() }, Limits::default());
        let mut tries = Tries::new(Access { network: &network, limits: &limits }, 0);
        for least in [200, 400, 800, 1600, 3200, 5000, 5000] {
            let pause = tries.failed("u", 0, Phase::Connect, "r").unwrap();
            let least = Duration::from_millis(least);
            assert!((least..=least.mul_f64(1.5)).contains(&pause), "{pause:?} for {least:?}");
        }
    }
}
