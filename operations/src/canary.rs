//! In which waves stacks get a new generation.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// How many stacks have it after each wave: `1,10%,100%`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub struct Canary(Vec<Step>);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Step {
    Stacks(usize),
    Percent(usize),
}

/// Text that says no waves.
#[derive(Debug, thiserror::Error)]
#[error("waves are written as `1,10%,100%`: how many stacks, or how many of a hundred, have it after each")]
pub struct NoCanary;

impl Canary {
    /// After each wave, how many of `all` stacks have it; each wave has one at least.
    pub(crate) fn waves(&self, all: usize) -> Vec<usize> {
        let mut waves: Vec<usize> = Vec::new();
        for step in &self.0 {
            let most = match step {
                Step::Stacks(stacks) => *stacks,
                // A part of a stack is a stack.
                Step::Percent(percent) => (all * percent).div_ceil(100),
            };
            let most = most.min(all);
            if most > waves.last().copied().unwrap_or(0) {
                waves.push(most);
            }
        }
        waves
    }
}

impl From<Canary> for String {
    fn from(canary: Canary) -> Self {
        canary.to_string()
    }
}

impl TryFrom<String> for Canary {
    type Error = NoCanary;

    fn try_from(text: String) -> Result<Self, NoCanary> {
        text.parse()
    }
}

impl fmt::Display for Canary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (number, step) in self.0.iter().enumerate() {
            f.write_str(if number == 0 { "" } else { "," })?;
            match step {
                Step::Stacks(stacks) => write!(f, "{stacks}")?,
                Step::Percent(percent) => write!(f, "{percent}%")?,
            }
        }
        Ok(())
    }
}

impl FromStr for Canary {
    type Err = NoCanary;

    fn from_str(text: &str) -> Result<Self, NoCanary> {
        let step = |word: &str| {
            let word = word.trim();
            match word.strip_suffix('%') {
                Some(percent) => {
                    percent.parse().ok().filter(|percent| (1..=100).contains(percent)).map(Step::Percent)
                }
                None => word.parse().ok().filter(|stacks| *stacks > 0).map(Step::Stacks),
            }
        };
        text.split(',').map(step).collect::<Option<Vec<_>>>().map(Self).ok_or(NoCanary)
    }
}

#[cfg(test)]
mod tests {
    use super::Canary;

    #[test]
    fn waves_grow_and_have_one_stack_at_least() {
        let waves = |text: &str, all| text.parse::<Canary>().unwrap().waves(all);
        assert_eq!(waves("1,10%,100%", 40), [1, 4, 40]);
        assert_eq!(waves("1,10%,100%", 5), [1, 5]);
        assert_eq!(waves("1, 10%, 100%", 1), [1]);
        assert_eq!(waves("1%", 3), [1]);
        assert_eq!(waves("2,50%", 16), [2, 8]);
        assert_eq!(waves("100%,1", 3), [3]);
        assert_eq!(waves("1", 0), [0; 0]);
        assert_eq!("1, 10%,100%".parse::<Canary>().unwrap().to_string(), "1,10%,100%");
        for wrong in ["", "0", "0%", "101%", "one", "1,,2", "-1", "1.5%"] {
            assert!(wrong.parse::<Canary>().is_err(), "{wrong}");
        }
    }
}
