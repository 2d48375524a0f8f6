//! The header of a tar's member, as POSIX has it (`pax`, "ustar Interchange Format"), with a record for what that has no room
//! for.

/// All of a tar comes in multiples of so many bytes.
pub(super) const BLOCK: u64 = 512;

/// What a member is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Type<'a> {
    /// Its bytes follow, filled up to whole blocks.
    File {
        size: u64,
    },
    Directory,
    /// What it leads to.
    Link(&'a [u8]),
    /// The path of a member before it that is the same file.
    HardLink(&'a [u8]),
    Fifo,
    /// Its major and its minor number.
    CharacterDevice(u32, u32),
    BlockDevice(u32, u32),
}

pub(super) struct Member<'a> {
    /// From the root on, without a slash at its beginning; that of a directory has one at its end.
    pub path: &'a [u8],
    pub is: Type<'a>,
    pub permissions: u32,
    pub uid: u32,
    pub gid: u32,
    /// In seconds since 1970.
    pub modified: i64,
    /// Names and values of extended attributes; a name must have neither `=` nor zeros.
    pub attributes: &'a [(&'a [u8], &'a [u8])],
}

impl Member<'_> {
    /// Its headers: what stands before its content.
    pub fn headers(&self) -> Vec<u8> {
        let mut records = Vec::new();
        let target = match self.is {
            Type::Link(target) | Type::HardLink(target) => target,
            _ => &[],
        };
        let size = match self.is {
            Type::File { size } => size,
            _ => 0,
        };
        let path = text(self.path, 100, b"path", &mut records);
        let target = text(target, 100, b"linkpath", &mut records);
        let size = number::<12>(size.into(), b"size", &mut records);
        let uid = number::<8>(self.uid.into(), b"uid", &mut records);
        let gid = number::<8>(self.gid.into(), b"gid", &mut records);
        let modified = number::<12>(self.modified.into(), b"mtime", &mut records);
        for (name, value) in self.attributes {
            record(&[b"SCHILY.xattr.", *name].concat(), value, &mut records);
        }
        let (kind, major, minor) = match self.is {
            Type::File { .. } => (b'0', 0, 0),
            Type::HardLink(_) => (b'1', 0, 0),
            Type::Link(_) => (b'2', 0, 0),
            Type::CharacterDevice(major, minor) => (b'3', major, minor),
            Type::BlockDevice(major, minor) => (b'4', major, minor),
            Type::Directory => (b'5', 0, 0),
            Type::Fifo => (b'6', 0, 0),
        };
        let fields =
            Fields { path, target, kind, mode: self.permissions, uid, gid, size, modified, major, minor };
        let mut headers = Vec::new();
        if !records.is_empty() {
            headers.extend(Fields::of_records(records.len()).header());
            headers.extend(&records);
            headers.resize(headers.len().next_multiple_of(BLOCK as usize), 0);
        }
        headers.extend(fields.header());
        headers
    }
}

/// What a header says.
struct Fields<'a> {
    path: &'a [u8],
    target: &'a [u8],
    kind: u8,
    mode: u32,
    uid: [u8; 8],
    gid: [u8; 8],
    size: [u8; 12],
    modified: [u8; 12],
    /// Linux has numbers of at most 12 and 20 bits, for which there is room.
    major: u32,
    minor: u32,
}

impl Fields<'_> {
    /// Of the header of records for the member behind them; readers do not look at its name.
    fn of_records(length: usize) -> Self {
        Self {
            path: b"PaxHeaders/member",
            target: &[],
            kind: b'x',
            mode: 0o644,
            uid: octal(0),
            gid: octal(0),
            size: octal(length as u64),
            modified: octal(0),
            major: 0,
            minor: 0,
        }
    }

    fn header(&self) -> [u8; BLOCK as usize] {
        let mut header = [0; BLOCK as usize];
        let mut put = |at: usize, bytes: &[u8]| header[at..at + bytes.len()].copy_from_slice(bytes);
        put(0, self.path);
        put(100, &octal::<8>(self.mode.into()));
        put(108, &self.uid);
        put(116, &self.gid);
        put(124, &self.size);
        put(136, &self.modified);
        // The sum is taken as if it were spaces.
        put(148, b"        ");
        put(156, &[self.kind]);
        put(157, self.target);
        put(257, b"ustar\x0000");
        put(329, &octal::<8>(self.major.into()));
        put(337, &octal::<8>(self.minor.into()));
        let sum = header.iter().map(|byte| u64::from(*byte)).sum();
        header[148..155].copy_from_slice(&octal::<7>(sum));
        header
    }
}

/// What a field says of a text, which has a record too when the field has no room for it or it is not plain.
fn text<'a>(text: &'a [u8], room: usize, key: &[u8], records: &mut Vec<u8>) -> &'a [u8] {
    if text.len() > room || !text.is_ascii() {
        record(key, text, records);
    }
    &text[..text.len().min(room)]
}

/// What a field says of a number, which has a record instead when it has more digits than the field, or is negative.
fn number<const N: usize>(number: i128, key: &[u8], records: &mut Vec<u8>) -> [u8; N] {
    match u64::try_from(number) {
        Ok(number) if number < 1 << (3 * (N - 1)) => octal(number),
        _ => {
            record(key, number.to_string().as_bytes(), records);
            octal(0)
        }
    }
}

/// Digits, and a zero byte.
fn octal<const N: usize>(mut number: u64) -> [u8; N] {
    let mut digits = [b'0'; N];
    digits[N - 1] = 0;
    for digit in digits[..N - 1].iter_mut().rev() {
        *digit = b'0' + (number % 8) as u8;
        number /= 8;
    }
    digits
}

/// `LENGTH KEY=VALUE`, whose length counts its own digits.
fn record(key: &[u8], value: &[u8], records: &mut Vec<u8>) {
    let rest = key.len() + value.len() + 3;
    let mut length = rest + 1;
    while rest + length.to_string().len() != length {
        length = rest + length.to_string().len();
    }
    records.extend(length.to_string().as_bytes());
    records.push(b' ');
    records.extend(key);
    records.push(b'=');
    records.extend(value);
    records.push(b'\n');
}

#[cfg(test)]
mod tests {
    use super::{Member, Type, number, record};

    #[test]
    fn a_record_counts_its_own_digits() {
        for (value, expected) in
            [(0, "8 path=\n"), (1, "9 path=x\n"), (2, "11 path=xx\n"), (3, "12 path=xxx\n")]
        {
            let mut records = Vec::new();
            record(b"path", &b"xxx"[..value], &mut records);
            assert_eq!(String::from_utf8(records).unwrap(), expected);
        }
        for length in [80..100, 980..1000].into_iter().flatten() {
            let mut records = Vec::new();
            record(b"path", &vec![b'x'; length], &mut records);
            assert!(records.starts_with(format!("{} path=x", records.len()).as_bytes()), "{length}");
        }
    }

    #[test]
    fn numbers_that_need_a_record() {
        let cases = [
            (0o7777777, b"7777777\0", ""),
            (0o10000000, b"0000000\0", "15 uid=2097152\n"),
            (-5, b"0000000\0", "9 uid=-5\n"),
        ];
        for (value, field, expected) in cases {
            let mut records = Vec::new();
            assert_eq!(number::<8>(value, b"uid", &mut records), *field);
            assert_eq!(String::from_utf8(records).unwrap(), expected);
        }
    }

    #[test]
    fn a_plain_member_needs_one_block() {
        let member = Member {
            path: &[b'x'; 100],
            is: Type::File { size: (8 << 30) - 1 },
            permissions: 0o644,
            uid: 2_097_151,
            gid: 0,
            modified: 0o77777777777,
            attributes: &[],
        };
        assert_eq!(member.headers().len(), 512);
        assert_eq!(Member { is: Type::File { size: 8 << 30 }, ..member }.headers().len(), 1536);
    }
}
