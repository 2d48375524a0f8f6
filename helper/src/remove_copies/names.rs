//! What an image's words for another file mean: a path, as QEMU reads it.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::PathBuf;

use serde_json::Value;

/// How deep the objects of a `json:` name are followed.
const DEEPEST: usize = 16;

/// The paths that a name may mean, as they are written; none: it is not one of a file, or not understood.
pub(super) fn paths(name: &[u8]) -> Vec<PathBuf> {
    if let Some(json) = name.strip_prefix(b"json:") {
        let value: Value = serde_json::from_slice(json).unwrap_or(Value::Null);
        let mut found = Vec::new();
        collect(&value, DEEPEST, &mut found);
        return found.iter().flat_map(|name| plain(name.as_bytes())).collect();
    }
    plain(name).into_iter().collect()
}

fn plain(name: &[u8]) -> Option<PathBuf> {
    let path = |bytes| Some(PathBuf::from(OsStr::from_bytes(bytes)));
    if let Some(rest) = name.strip_prefix(b"file:") {
        return path(rest);
    }
    // As QEMU has it: what stands before a colon, and before any slash, is a protocol.
    let sign = name.iter().find(|byte| matches!(byte, b':' | b'/'));
    if sign == Some(&b':') { None } else { path(name) }
}

/// The texts of all keys `filename`, also of those that are written as `file.filename`.
fn collect<'a>(value: &'a Value, deeper: usize, found: &mut Vec<&'a str>) {
    let Value::Object(members) = value else { return };
    for (key, member) in members {
        let is_name = key == "filename" || key.ends_with(".filename");
        match member {
            Value::String(name) if is_name => found.push(name),
            _ if deeper > 0 => collect(member, deeper - 1, found),
            _ => {}
        }
    }
}

/// Whether `name` stands in these bytes: as it is, or in UTF-16 of either order.
pub(super) fn holds(bytes: &[u8], name: &str) -> bool {
    let wide: Vec<u16> = name.encode_utf16().collect();
    let forms = [
        name.as_bytes().to_vec(),
        wide.iter().flat_map(|unit| unit.to_le_bytes()).collect(),
        wide.iter().flat_map(|unit| unit.to_be_bytes()).collect(),
    ];
    forms.iter().any(|form| bytes.windows(form.len()).any(|part| part == form))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_as_qemu_reads_them() {
        for (name, expected) in [
            ("base.raw", &["base.raw"][..]),
            ("/pool/a:b.raw", &["/pool/a:b.raw"]),
            ("./a:b.raw", &["./a:b.raw"]),
            ("file:/pool/base.raw", &["/pool/base.raw"]),
            ("nbd://h/base.raw", &[]),
            ("nbd:unix:/run/x", &[]),
            (
                r#"json:{"driver":"qcow2","file":{"driver":"file","filename":"/pool/b.raw"}}"#,
                &["/pool/b.raw"],
            ),
            (
                r#"json:{"file.filename":"/pool/b.raw","backing":{"file":{"filename":"c"}}}"#,
                &["/pool/b.raw", "c"],
            ),
            (r#"json:{"file":{"driver":"nbd","path":"/run/x"}}"#, &[]),
            ("json:{", &[]),
        ] {
            let expected: Vec<PathBuf> = expected.iter().map(PathBuf::from).collect();
            // Members of an object come in the order of their names, or of the text.
            let mut found = paths(name.as_bytes());
            found.sort();
            assert_eq!(found, expected, "{name}");
        }
    }

    #[test]
    fn a_name_is_found_in_either_order_of_its_letters() {
        assert!(holds(b"x\0b\0.\0r\0", "b.r"));
        assert!(holds(b"x\0b\0.\0r", "b.r"));
        assert!(holds(b"xb.ry", "b.r"));
        assert!(!holds(b"b\0r", "b.r"));
        assert!(!holds(b"", "b.r"));
    }
}
