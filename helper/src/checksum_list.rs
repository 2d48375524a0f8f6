//! The text of `.md5sum`, `SHA256SUMS` and `CHECKSUM` files, as they are in life.

use std::borrow::Cow;
use std::fmt;

use ays_model::{Checksum, ChecksumKind, unpacked_name};

/// What is wrong with such a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unusable {
    /// Nothing is in it.
    Empty,
    /// It is a page of a web server that answers everything.
    Html,
    /// No line has a checksum, or none of the kind that is wanted.
    NoDigits(Option<ChecksumKind>),
    /// Its lines are for other files.
    NoLine,
    /// Two of its lines for the file differ.
    Contradiction,
}

impl fmt::Display for Unusable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Empty => f.write_str("it is empty"),
            Self::Html => f.write_str("it is an HTML page"),
            Self::NoDigits(Some(kind)) => {
                write!(f, "it holds no {} hexadecimal digits of {}", kind.digits(), kind.title())
            }
            Self::NoDigits(None) => f.write_str("it holds no checksum that is known"),
            Self::NoLine => f.write_str("none of its lines is for that file"),
            Self::Contradiction => f.write_str("its lines for that file differ"),
        }
    }
}

/// One line: the checksum, and the file's name where the line has one.
struct Line<'a> {
    checksum: Checksum,
    name: Option<Cow<'a, str>>,
}

impl Line<'_> {
    /// Whether it is for what is packed in the file `name`.
    fn is_inside(&self, name: &str) -> bool {
        let inside = unpacked_name(name);
        inside.is_some() && self.name.as_deref().map(file_name) == inside
    }
}

/// The MD5 of the file `name`. A text with a single line is for that file whatever name the line has: it lies under an
/// address that is made from the file's.
pub fn md5_beside(text: &str, name: &str) -> Result<Checksum, Unusable> {
    let lines = lines(text, Some(ChecksumKind::Md5))?;
    match &lines[..] {
        [only] if only.is_inside(name) => Err(Unusable::NoLine),
        [only] => Ok(only.checksum),
        _ => of_name(&lines, name),
    }
}

/// The strongest checksum that the list called `list` has for `name`.
pub fn listed(text: &str, list: &str, name: &str) -> Result<Checksum, Unusable> {
    let lines = lines(text, None)?;
    match &lines[..] {
        [only] if only.is_inside(name) => Err(Unusable::NoLine),
        [only] if only.name.is_none() || is_beside(list, name) => Ok(only.checksum),
        _ => of_name(&lines, name),
    }
}

/// The strongest checksum that a list has for `inside`, the name of what is packed in a file: only a line of that name
/// counts.
pub fn listed_inside(text: &str, inside: &str) -> Option<Checksum> {
    of_name(&lines(text, None).ok()?, inside).ok()
}

/// Whether a list of that name is for one file, and this one: `x.img.sha256`.
fn is_beside(list: &str, name: &str) -> bool {
    let list = list.rsplit('/').next().unwrap_or(list);
    list.strip_prefix(name).is_some_and(|suffix| suffix.starts_with(['.', '-', '_']))
}

fn of_name(lines: &[Line<'_>], name: &str) -> Result<Checksum, Unusable> {
    let of_it =
        || lines.iter().filter(|line| line.name.as_deref().is_some_and(|path| file_name(path) == name));
    let found = of_it().map(|line| line.checksum).max_by_key(Checksum::kind).ok_or(Unusable::NoLine)?;
    if of_it().any(|line| line.checksum.kind() == found.kind() && line.checksum != found) {
        return Err(Unusable::Contradiction);
    }
    Ok(found)
}

/// Lists name files with a path (`./name`, `images/name`), or a backslash for it.
fn file_name(path: &str) -> &str {
    path.rsplit(['/', '\\']).next().unwrap_or(path)
}

/// The lines that have a checksum, of this kind where one is wanted.
fn lines(text: &str, wanted: Option<ChecksumKind>) -> Result<Vec<Line<'_>>, Unusable> {
    let text = text.trim_start_matches('\u{feff}').trim();
    if text.is_empty() {
        return Err(Unusable::Empty);
    }
    // Whatever else stands in the file, such as a signature around the list, is no line of the list.
    let lines = text.lines().filter_map(|line| read(line.trim()));
    let lines: Vec<_> =
        lines.filter(|line| wanted.is_none_or(|wanted| line.checksum.kind() == wanted)).collect();
    if !lines.is_empty() {
        return Ok(lines);
    }
    Err(if text.starts_with('<') { Unusable::Html } else { Unusable::NoDigits(wanted) })
}

fn read(line: &str) -> Option<Line<'_>> {
    // BSD: `MD5 (name) = digits`; the kind is said, and may be one that is not known.
    if let Some((head, digits)) = line.rsplit_once(") = ").or_else(|| line.rsplit_once(")= "))
        && let Some((title, name)) = head.split_once('(')
    {
        let checksum = kind_of(title.trim())?.read(digits.trim()).ok()?;
        return Some(Line { checksum, name: Some(name.into()) });
    }
    // GNU: `digits  name`, `digits *name`; a backslash in front says that the name is escaped.
    let is_escaped = line.starts_with('\\');
    let line = line.strip_prefix('\\').unwrap_or(line);
    let (digits, rest) = line.split_once(char::is_whitespace).unwrap_or((line, ""));
    let checksum = ChecksumKind::ALL.iter().find(|kind| kind.digits() == digits.len())?.read(digits).ok()?;
    let name = rest.trim_start();
    let name = name.strip_prefix('*').unwrap_or(name);
    let name: Cow<'_, str> = if is_escaped { name.replace("\\\\", "\\").into() } else { name.into() };
    Some(Line { checksum, name: (!name.is_empty()).then_some(name) })
}

/// `SHA256`, `SHA2-256`, `sha-256`; not `SHA3-256` or `SHA512/256`, which are others.
fn kind_of(title: &str) -> Option<ChecksumKind> {
    let plain = title.to_ascii_lowercase().replace('-', "");
    let plain = plain
        .strip_prefix("sha2")
        .filter(|rest| rest.len() == 3)
        .map(|rest| format!("sha{rest}"))
        .unwrap_or(plain);
    plain.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    const A: &str = "0123456789abcdef0123456789abcdef";
    const B: &str = "fedcba9876543210fedcba9876543210";

    fn md5(digits: &str) -> Checksum {
        ChecksumKind::Md5.read(digits).unwrap()
    }

    #[test]
    fn a_checksum_beside_its_file() {
        let upper = A.to_uppercase();
        for text in [
            A.to_owned(),
            format!("{A}\n"),
            format!("{A}\r\n"),
            format!("\u{feff}{A}  x.img\n"),
            format!("{upper}  x.img\n"),
            format!("{A} *x.img\n"),
            format!("{A}  ./x.img\n"),
            format!("{A}  /srv/images/x.img"),
            format!("{A}  another-name.img\n"),
            format!("\n\n{A}\tx.img\n"),
            format!("MD5 (x.img) = {upper}\n"),
            format!("MD5(x.img)= {A}\n"),
            format!("{B}  y.img\n{A}  x.img\n"),
            format!("{B} *y.img\r\n{A} *images/x.img\r\n"),
            format!("{A}  x.img\n{upper}  x.img\n"),
            format!("# made by hand\n{A}  x.img\n"),
            format!("MD5 (y.img) = {B}\nMD5 (x.img) = {A}\n"),
            format!("{A}  x.img\n{A}{B}  x.img\n"),
        ] {
            assert_eq!(md5_beside(&text, "x.img"), Ok(md5(A)), "{text:?}");
        }
    }

    #[test]
    fn what_is_no_checksum() {
        let none = Unusable::NoDigits(Some(ChecksumKind::Md5));
        for (text, reason) in [
            (String::new(), Unusable::Empty),
            (" \n\u{feff}\n".to_owned(), none),
            ("<!DOCTYPE html>\n<h1>404 Not Found</h1>".to_owned(), Unusable::Html),
            ("<html><body>no</body></html>".to_owned(), Unusable::Html),
            ("not found".to_owned(), none),
            (A[1..].to_owned(), none),
            (format!("{A}0"), none),
            (A.replace('a', "g"), none),
            (format!("{A}{B}  x.img"), none),
            (format!("{A}  y.img\n{B}  z.img"), Unusable::NoLine),
            (format!("{A}  y.img\n{B}  prefix-x.img"), Unusable::NoLine),
            (format!("{A}  x.img\n{B}  x.img"), Unusable::Contradiction),
        ] {
            assert_eq!(md5_beside(&text, "x.img"), Err(reason), "{text:?}");
        }
    }

    #[test]
    fn a_list_of_several_files() {
        let sum = format!("{A}{B}");
        let other = format!("{B}{A}");
        for text in [
            sum.clone(),
            format!("{sum} *x.img\n"),
            format!("{other} *y.img\n{sum} *x.img\n"),
            format!("SHA256 (y.img) = {other}\nSHA256 (x.img) = {sum}\n"),
            format!(
                "-----BEGIN PGP SIGNED MESSAGE-----\nHash: SHA256\n\n# x.img: 5 bytes\nSHA256 (x.img) = {sum}\n\
                 -----BEGIN PGP SIGNATURE-----\n\niQIzBAEBCAAdFiEE\n=abcd\n-----END PGP SIGNATURE-----\n"
            ),
            // Of several kinds the strongest counts, and what is of no known kind does not.
            format!("{A}  x.img\n{sum}  x.img\n{B}01234567  x.img\n"),
            format!("SHA3-256 (x.img) = {other}\nSHA512/256 (x.img) = {other}\nSHA2-256 (x.img) = {sum}\n"),
        ] {
            let expected = ChecksumKind::Sha256.read(&sum);
            assert_eq!(listed(&text, "SHA256SUMS", "x.img"), Ok(expected.unwrap()), "{text:?}");
        }
        // A list is made for many files: one line for another file says nothing of this one..
        assert_eq!(listed(&format!("{sum}  y.img\n"), "SHA256SUMS", "x.img"), Err(Unusable::NoLine));
        // .. unless the list's own name says that it is for this one.
        let sum = ChecksumKind::Sha256.read(&sum).unwrap();
        let text = format!("SHA256 (y-20261126.img) = {}\n", sum.digits());
        for list in ["x.img.CHECKSUM", "../sums/x.img.sha256", "x.img-CHECKSUM"] {
            assert_eq!(listed(&text, list, "x.img"), Ok(sum), "{list}");
        }
        assert_eq!(listed(&text, "x.img2.sha256", "x.img"), Err(Unusable::NoLine));
    }

    #[test]
    fn every_kind_of_checksum_is_read() {
        for kind in ChecksumKind::ALL {
            let sum = kind.read(&"5e".repeat(kind.digits() / 2)).unwrap();
            let (title, digits) = (kind.title(), sum.digits());
            let bare = title.replace('-', "");
            for text in [
                digits.clone(),
                format!("{digits}  x.img\r\n"),
                format!("{bare} (x.img) = {digits}"),
                format!("{bare}(x.img)= {digits}"),
                format!("{title} (x.img) = {digits}"),
            ] {
                assert_eq!(listed(&text, "CHECKSUM", "x.img"), Ok(sum), "{text:?}");
            }
        }
        assert_eq!(listed("not found", "CHECKSUM", "x.img"), Err(Unusable::NoDigits(None)));
    }

    #[test]
    fn what_is_packed_in_a_file_has_checksums_of_its_own() {
        let text = format!("{A}  x.img\n{B}  y.img\n");
        assert_eq!(listed(&text, "MD5SUMS", "x.img.xz"), Err(Unusable::NoLine));
        assert_eq!(listed_inside(&text, "x.img"), Some(md5(A)));
        let text = format!("{A}  x.img\n");
        for list in ["MD5SUMS", "x.img.xz.md5"] {
            assert_eq!(listed(&text, list, "x.img.xz"), Err(Unusable::NoLine), "{list}");
        }
        assert_eq!(md5_beside(&text, "x.img.xz"), Err(Unusable::NoLine));
        assert_eq!(listed_inside(&text, "x.img"), Some(md5(A)));
        // A line without a name is for what lies there.
        assert_eq!(listed(A, "x.img.xz.md5", "x.img.xz"), Ok(md5(A)));
        assert_eq!(listed_inside(A, "x.img"), None);
    }

    #[test]
    fn an_escaped_name() {
        assert_eq!(listed(&format!("\\{A}  a\\\\b\n{B}  c\n"), "MD5SUMS", "b"), Ok(md5(A)));
    }
}
