//! The text of `.md5sum` and `SHA256SUMS` files, as they are in life.

use std::fmt;

/// The kind of a checksum, by the length of its digits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Algorithm {
    /// 32 digits.
    Md5,
    /// 64 digits.
    Sha256,
}

impl Algorithm {
    fn digits(self) -> usize {
        match self {
            Self::Md5 => 32,
            Self::Sha256 => 64,
        }
    }
}

impl fmt::Display for Algorithm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Md5 => "MD5",
            Self::Sha256 => "SHA-256",
        })
    }
}

/// What is wrong with such a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unusable {
    /// Nothing is in it.
    Empty,
    /// It is a page of a web server that answers everything.
    Html,
    /// No line has a checksum of that kind.
    NoDigits(Algorithm),
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
            Self::NoDigits(algorithm) => {
                write!(f, "it holds no {} hexadecimal digits of {algorithm}", algorithm.digits())
            }
            Self::NoLine => f.write_str("none of its lines is for that file"),
            Self::Contradiction => f.write_str("its lines for that file differ"),
        }
    }
}

/// One line: the digits, and the file's name where the line has one.
struct Line<'a> {
    digits: &'a str,
    name: Option<&'a str>,
}

/// The checksum of the file `name`, in lower case. A file with a single line is for that file whatever name the line
/// has: it lies under an address that is made from the file's.
pub fn beside(text: &str, algorithm: Algorithm, name: &str) -> Result<String, Unusable> {
    let lines = lines(text, algorithm)?;
    match &lines[..] {
        [only] => Ok(only.digits.to_ascii_lowercase()),
        _ => of_name(&lines, name),
    }
}

/// The checksum that a list of several files has for `name`, in lower case.
pub fn listed(text: &str, algorithm: Algorithm, name: &str) -> Result<String, Unusable> {
    let lines = lines(text, algorithm)?;
    match &lines[..] {
        [Line { digits, name: None }] => Ok(digits.to_ascii_lowercase()),
        _ => of_name(&lines, name),
    }
}

fn of_name(lines: &[Line<'_>], name: &str) -> Result<String, Unusable> {
    let mut found = lines.iter().filter(|line| line.name.is_some_and(|path| file_name(path) == name));
    let digits = found.next().ok_or(Unusable::NoLine)?.digits.to_ascii_lowercase();
    if found.any(|line| !line.digits.eq_ignore_ascii_case(&digits)) {
        return Err(Unusable::Contradiction);
    }
    Ok(digits)
}

/// Lists name files with a path (`./name`, `images/name`), or a backslash for it.
fn file_name(path: &str) -> &str {
    path.rsplit(['/', '\\']).next().unwrap_or(path)
}

fn lines(text: &str, algorithm: Algorithm) -> Result<Vec<Line<'_>>, Unusable> {
    let text = text.trim_start_matches('\u{feff}').trim();
    if text.is_empty() {
        return Err(Unusable::Empty);
    }
    // Whatever else stands in the file, such as a signature around the list, is no line of the list.
    let lines: Vec<_> = text.lines().filter_map(|line| read(line.trim(), algorithm)).collect();
    if !lines.is_empty() {
        return Ok(lines);
    }
    Err(if text.starts_with('<') { Unusable::Html } else { Unusable::NoDigits(algorithm) })
}

fn read(line: &str, algorithm: Algorithm) -> Option<Line<'_>> {
    let is_digits =
        |word: &str| word.len() == algorithm.digits() && word.bytes().all(|byte| byte.is_ascii_hexdigit());
    // BSD: `MD5 (name) = digits`.
    if let Some((head, digits)) = line.rsplit_once(") = ").or_else(|| line.rsplit_once(")= "))
        && let Some((_, name)) = head.split_once('(')
    {
        let digits = digits.trim();
        return is_digits(digits).then_some(Line { digits, name: Some(name) });
    }
    // GNU: `digits  name`, `digits *name`; a backslash in front says that the name is escaped.
    let line = line.strip_prefix('\\').unwrap_or(line);
    let (digits, rest) = line.split_once(char::is_whitespace).unwrap_or((line, ""));
    let name = rest.trim_start();
    let name = name.strip_prefix('*').unwrap_or(name);
    is_digits(digits).then_some(Line { digits, name: (!name.is_empty()).then_some(name) })
}

#[cfg(test)]
mod tests {
    use super::*;

    const A: &str = "0123456789abcdef0123456789abcdef";
    const B: &str = "fedcba9876543210fedcba9876543210";

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
        ] {
            assert_eq!(beside(&text, Algorithm::Md5, "x.img"), Ok(A.to_owned()), "{text:?}");
        }
    }

    #[test]
    fn what_is_no_checksum() {
        for (text, reason) in [
            (String::new(), Unusable::Empty),
            (" \n\u{feff}\n".to_owned(), Unusable::NoDigits(Algorithm::Md5)),
            ("<!DOCTYPE html>\n<h1>404 Not Found</h1>".to_owned(), Unusable::Html),
            ("<html><body>no</body></html>".to_owned(), Unusable::Html),
            ("not found".to_owned(), Unusable::NoDigits(Algorithm::Md5)),
            (A[1..].to_owned(), Unusable::NoDigits(Algorithm::Md5)),
            (format!("{A}0"), Unusable::NoDigits(Algorithm::Md5)),
            (A.replace('a', "g"), Unusable::NoDigits(Algorithm::Md5)),
            (format!("{A}{B}  x.img"), Unusable::NoDigits(Algorithm::Md5)),
            (format!("{A}  y.img\n{B}  z.img"), Unusable::NoLine),
            (format!("{A}  y.img\n{B}  prefix-x.img"), Unusable::NoLine),
            (format!("{A}  x.img\n{B}  x.img"), Unusable::Contradiction),
        ] {
            assert_eq!(beside(&text, Algorithm::Md5, "x.img"), Err(reason), "{text:?}");
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
        ] {
            assert_eq!(listed(&text, Algorithm::Sha256, "x.img"), Ok(sum.clone()), "{text:?}");
        }
        // A list is made for many files: one line for another file says nothing of this one.
        assert_eq!(listed(&format!("{sum}  y.img\n"), Algorithm::Sha256, "x.img"), Err(Unusable::NoLine));
    }
}
