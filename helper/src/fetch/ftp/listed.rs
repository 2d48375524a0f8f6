//! The lines of a directory's listing.

/// The name in a line such as `type=dir;modify=20151001120000; current` (RFC 3659), with a `/` behind a directory's.
pub(crate) fn machine_listed(line: &str) -> Option<String> {
    let (facts, name) = line.trim_end().split_once("; ")?;
    let kind = facts
        .split(';')
        .find_map(|fact| fact.to_ascii_lowercase().strip_prefix("type=").map(str::to_owned))?;
    let is_plain = !name.contains(['/', '\\']) && !name.contains(char::is_control);
    match kind.as_str() {
        _ if !is_plain => None,
        "file" => Some(name.to_owned()),
        "dir" => Some(format!("{name}/")),
        // A link, which may lead to either.
        kind if kind.starts_with("os.unix") => Some(format!("{name}/")),
        _ => None,
    }
}

/// The name in a line of NLST, which may have the directory's path in front, and does not say what it is the name of.
pub(crate) fn plainly_listed(line: &str) -> Option<String> {
    let name = line.trim_end().rsplit(['/', '\\']).next()?;
    let is_plain = !name.is_empty() && name != "." && name != ".." && !name.contains(char::is_control);
    is_plain.then(|| name.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_a_plain_listing() {
        for (line, name) in [
            ("x y.img\r", Some("x y.img")),
            ("dir/x.img", Some("x.img")),
            ("./x.img", Some("x.img")),
            ("..", None),
            ("dir/.", None),
            ("", None),
            ("\u{1b}[0m", None),
        ] {
            assert_eq!(plainly_listed(line).as_deref(), name, "{line:?}");
        }
    }
}
