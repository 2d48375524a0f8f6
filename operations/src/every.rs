//! When a schedule makes its jobs.

use std::fmt;
use std::str::FromStr;

use jiff::civil::Weekday;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp, ToSpan, Zoned};

/// Again and again, at times in UTC.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Every {
    /// `every 15m`, `every 2h`: so long after the last one.
    Pause(SignedDuration),
    /// `hourly`: at each full hour.
    Hour,
    /// `daily 03:00`.
    Day(Time),
    /// `weekly sun 03:00`.
    Week(Weekday, Time),
}

/// An hour and a minute, UTC.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Time {
    hour: i8,
    minute: i8,
}

/// Text that says no time.
#[derive(Debug, thiserror::Error)]
#[error(
    "`{0}` says no time: write `daily 03:00`, `weekly sun 03:00`, `hourly`, `every 15m` or `every 2h`; times are UTC"
)]
pub struct NotEvery(String);

const DAYS: [(&str, Weekday); 7] = [
    ("mon", Weekday::Monday),
    ("tue", Weekday::Tuesday),
    ("wed", Weekday::Wednesday),
    ("thu", Weekday::Thursday),
    ("fri", Weekday::Friday),
    ("sat", Weekday::Saturday),
    ("sun", Weekday::Sunday),
];

impl Every {
    /// The first time after `now`.
    pub fn next(self, now: Timestamp) -> Timestamp {
        let next = match self {
            Self::Pause(pause) => return now.saturating_add(pause).unwrap_or(Timestamp::MAX),
            Self::Hour => {
                let begun = now.as_second().div_euclid(3600) * 3600;
                return Timestamp::from_second(begun + 3600).unwrap_or(Timestamp::MAX);
            }
            Self::Day(time) => {
                days(now).find(|day| time.on(day).is_some_and(|at| at > now)).and_then(|day| time.on(&day))
            }
            Self::Week(weekday, time) => days(now)
                .filter(|day| day.weekday() == weekday)
                .find(|day| time.on(day).is_some_and(|at| at > now))
                .and_then(|day| time.on(&day)),
        };
        next.unwrap_or(Timestamp::MAX)
    }
}

/// This day and those after it.
fn days(now: Timestamp) -> impl Iterator<Item = Zoned> {
    let today = now.to_zoned(TimeZone::UTC);
    (0..9_i64).filter_map(move |after| today.checked_add(after.days()).ok())
}

impl Time {
    fn on(self, day: &Zoned) -> Option<Timestamp> {
        let at = day.date().at(self.hour, self.minute, 0, 0).to_zoned(TimeZone::UTC).ok()?;
        Some(at.timestamp())
    }
}

impl FromStr for Time {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        let (hour, minute) = text.split_once(':').ok_or(())?;
        let number = |text: &str, most: i8| match text.parse::<i8>() {
            Ok(number) if text.len() == 2 && (0..most).contains(&number) => Ok(number),
            _ => Err(()),
        };
        Ok(Self { hour: number(hour, 24)?, minute: number(minute, 60)? })
    }
}

impl FromStr for Every {
    type Err = NotEvery;

    fn from_str(text: &str) -> Result<Self, NotEvery> {
        let lower = text.to_lowercase();
        let words: Vec<&str> = lower.split_whitespace().collect();
        let read = match words[..] {
            ["hourly"] => Some(Self::Hour),
            ["daily", time] => time.parse().ok().map(Self::Day),
            ["weekly", day, time] => {
                let day = DAYS.iter().find(|(name, _)| *name == day).map(|(_, day)| *day);
                day.zip(time.parse().ok()).map(|(day, time)| Self::Week(day, time))
            }
            ["every", pause] => pause_of(pause).map(Self::Pause),
            _ => None,
        };
        read.ok_or_else(|| NotEvery(text.to_owned()))
    }
}

fn pause_of(text: &str) -> Option<SignedDuration> {
    let (number, seconds) = match (text.strip_suffix('m'), text.strip_suffix('h')) {
        (Some(number), _) => (number, 60),
        (_, Some(number)) => (number, 3600),
        _ => return None,
    };
    let number: i64 = number.parse().ok().filter(|number| (1..=10_000).contains(number))?;
    Some(SignedDuration::from_secs(number * seconds))
}

impl fmt::Display for Every {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Pause(pause) if pause.as_secs() % 3600 == 0 => {
                write!(f, "every {}h", pause.as_secs() / 3600)
            }
            Self::Pause(pause) => write!(f, "every {}m", pause.as_secs() / 60),
            Self::Hour => f.write_str("hourly"),
            Self::Day(Time { hour, minute }) => write!(f, "daily {hour:02}:{minute:02}"),
            Self::Week(day, Time { hour, minute }) => {
                let name = DAYS.iter().find(|(_, known)| known == day).map_or("", |(name, _)| name);
                write!(f, "weekly {name} {hour:02}:{minute:02}")
            }
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test")]
    use super::*;

    #[test]
    fn each_form_says_when_it_is_next() {
        // A Friday.
        let now: Timestamp = "2026-11-27T03:00:00Z".parse().unwrap();
        for (text, next) in [
            ("daily 03:00", "2026-11-28T03:00:00Z"),
            ("daily 03:01", "2026-11-27T03:01:00Z"),
            ("weekly fri 03:00", "2026-12-04T03:00:00Z"),
            ("weekly sun 23:59", "2026-11-29T23:59:00Z"),
            ("hourly", "2026-11-27T04:00:00Z"),
            ("every 15m", "2026-11-27T03:15:00Z"),
            ("every 2h", "2026-11-27T05:00:00Z"),
        ] {
            let every: Every = text.parse().unwrap();
            assert_eq!(every.next(now).to_string(), next, "{text}");
            assert_eq!(every.to_string(), text);
        }
    }

    #[test]
    fn what_says_no_time_is_refused() {
        for text in [
            "",
            "daily",
            "daily 3:00",
            "daily 24:00",
            "daily 03:60",
            "weekly 03:00",
            "weekly xyz 03:00",
            "every 0m",
            "every 5s",
            "sometimes",
        ] {
            assert!(text.parse::<Every>().is_err(), "{text}");
        }
    }
}
