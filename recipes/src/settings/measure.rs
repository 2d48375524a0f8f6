//! Times and sizes as settings write them: `60s`, `50MB`, `1KiB`.

use std::time::Duration;

const TIMES: [(&str, u64); 4] = [("s", 1), ("m", 60), ("h", 3600), ("d", 86400)];

const SIZES: [(&str, u64); 10] = [
    ("", 1),
    ("B", 1),
    ("kB", 1000),
    ("KB", 1000),
    ("MB", 1000 * 1000),
    ("GB", 1000 * 1000 * 1000),
    ("KiB", 1 << 10),
    ("MiB", 1 << 20),
    ("GiB", 1 << 30),
    ("TiB", 1 << 40),
];

/// A whole number of seconds, minutes, hours or days.
pub(crate) fn time(text: &str) -> Option<Duration> {
    measure(text, &TIMES).map(Duration::from_secs)
}

/// A number of bytes.
pub(crate) fn size(text: &str) -> Option<u64> {
    measure(text, &SIZES)
}

fn measure(text: &str, units: &[(&str, u64)]) -> Option<u64> {
    let (number, unit) = text.split_at(text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len()));
    let (_, factor) = units.iter().find(|(name, _)| *name == unit.trim_start())?;
    number.parse::<u64>().ok()?.checked_mul(*factor)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_and_its_unit_are_read() {
        assert_eq!(
            ["0s", "60s", "5m", "2 h", "1d"].map(time),
            [0, 60, 300, 7200, 86400].map(|s| Some(Duration::from_secs(s)))
        );
        assert_eq!(
            ["0", "12B", "10kB", "50MB", "1KiB", "2GiB"].map(size),
            [0, 12, 10_000, 50_000_000, 1024, 2 << 30].map(Some)
        );
        for text in ["", "60", "s", "-1s", "1.5h", "1s 2s", "99999999999999999999s", "300000000000000000d"] {
            assert_eq!(time(text), None, "{text:?}");
        }
        for text in ["", "MB", "1mb", "1 Mbit", "-1B", "18446744073709551615KiB"] {
            assert_eq!(size(text), None, "{text:?}");
        }
    }
}
