//! Names that were meant.

/// The one of `known` that `name` most likely was meant to be: one or two letters lie between them, fewer where the
/// name is short. None where it is one of them.
pub(crate) fn near<'a>(name: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
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
    use super::near;

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
