//! Bytes and times for people.

/// Bytes in units of 1000, as disks and links are sold.
pub fn bytes(bytes: u64) -> String {
    let (mut value, mut unit) = (bytes as f64, "B");
    for next in ["kB", "MB", "GB", "TB", "PB"] {
        if value < 1000.0 {
            break;
        }
        (value, unit) = (value / 1000.0, next);
    }
    if unit == "B" { format!("{bytes} B") } else { format!("{value:.1} {unit}") }
}

/// Seconds as `9 s`, `2 min 05 s`, `3 h 20 min`.
pub fn seconds(seconds: u64) -> String {
    match seconds {
        0..60 => format!("{seconds} s"),
        60..3600 => format!("{} min {:02} s", seconds / 60, seconds % 60),
        _ => format!("{} h {:02} min", seconds / 3600, seconds % 3600 / 60),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn units_change_where_people_expect_it() {
        assert_eq!([999, 1000, 1_500_000, 2_000_000_000].map(bytes), ["999 B", "1.0 kB", "1.5 MB", "2.0 GB"]);
        assert_eq!([9, 125, 12_000].map(seconds), ["9 s", "2 min 05 s", "3 h 20 min"]);
    }
}
