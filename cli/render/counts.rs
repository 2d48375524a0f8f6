//! How many copies a scrub found not to be good.

/// How many copies are not good.
#[derive(Debug, Default)]
pub struct Counts {
    /// Missing, damaged, or unreadable.
    pub bad: usize,
    /// Nobody knows.
    pub unread: usize,
}

/// `1 copy`, `12 copies`.
pub fn copies(count: usize) -> String {
    if count == 1 { "1 copy".to_owned() } else { format!("{count} copies") }
}
