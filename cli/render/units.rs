//! Bytes and times for people.

use std::time::Duration;

use bytesize::ByteSize;

/// Bytes in units of 1000, as disks and links are sold.
pub fn bytes(bytes: u64) -> String {
    ByteSize::b(bytes).display().si().to_string()
}

/// Seconds as `9s`, `2m 5s`, `3h 20m`.
pub fn seconds(seconds: u64) -> String {
    humantime::format_duration(Duration::from_secs(seconds)).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn units_change_where_people_expect_it() {
        assert_eq!([999, 1000, 1_500_000, 2_000_000_000].map(bytes), ["999 B", "1.0 kB", "1.5 MB", "2.0 GB"]);
        assert_eq!([9, 125, 12_000].map(seconds), ["9s", "2m 5s", "3h 20m"]);
    }
}
