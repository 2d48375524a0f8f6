//! What a name that nobody knows was most likely meant to be.

/// Those of `known` that are like `name`, the nearest first, at most three: for somebody to choose from.
pub fn alike<'a>(name: &str, known: impl IntoIterator<Item = &'a str>) -> Vec<&'a str> {
    let lower = name.to_lowercase();
    let score = |known: &str| strsim::jaro_winkler(&lower, &known.to_lowercase());
    let mut scored: Vec<(f64, &str)> = known
        .into_iter()
        .map(|known| (score(known), known))
        .filter(|(score, known)| *score > 0.75 || known.contains(name))
        .collect();
    scored.sort_by(|a, b| b.0.total_cmp(&a.0).then(a.1.cmp(b.1)));
    scored.dedup_by(|a, b| a.1 == b.1);
    scored.into_iter().take(3).map(|(_, known)| known).collect()
}

/// The one of `known` that `name` is but for a slip of the keyboard: one or two letters lie between them, fewer where
/// the name is short. None where it is one of them.
pub fn near<'a>(name: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let most = match name.chars().count() {
        0..=2 => return None,
        3..=7 => 1,
        8..=64 => 2,
        // No slip, and much to compare.
        _ => return None,
    };
    let name = name.to_lowercase();
    let scored = known.into_iter().map(|known| (strsim::osa_distance(&name, &known.to_lowercase()), known));
    let (distance, known) = scored.min_by_key(|(distance, _)| *distance)?;
    // Another number is another thing: `image_7` was not meant to be `image_8`.
    let parts = |text: &str| text.to_lowercase().chars().partition::<String, _>(char::is_ascii_digit);
    let ((number, letters), (other, same)) = (parts(&name), parts(known));
    if letters == same && !number.is_empty() && !other.is_empty() {
        return None;
    }
    (1..=most).contains(&distance).then_some(known)
}

#[cfg(test)]
mod tests {
    use super::{alike, near};

    #[test]
    fn names_that_are_alike_come_nearest_first() {
        assert_eq!(alike("image_wilie", ["image_wily", "image_win", "redis"]), ["image_wily", "image_win"]);
        assert!(alike("zzz", ["image_wily"]).is_empty());
    }

    #[test]
    fn a_slip_of_the_keyboard_is_near_and_another_word_is_not() {
        let known = ["url", "source", "dest", "checkmd5", "sums", "image_2"];
        for (name, meant) in [
            ("soruce", Some("source")),
            ("checkmd", Some("checkmd5")),
            ("chekmd5", Some("checkmd5")),
            ("chekmd", None),
            ("uri", Some("url")),
            ("desc", Some("dest")),
            ("ur", None),
            ("url", None),
            ("URL", None),
            ("link", None),
            ("overwrite", None),
            ("image_1", None),
        ] {
            assert_eq!(near(name, known), meant, "{name}");
        }
    }
}
