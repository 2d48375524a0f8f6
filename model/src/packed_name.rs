//! What the name of a packed file says of the one that is in it.

/// The name of what is in a packed file of that name: `x.img` of `x.img.xz`, `x` of `x.tar.gz`; none when the name does
/// not say that it is packed.
pub fn unpacked_name(name: &str) -> Option<&str> {
    const ENDS: [&str; 16] = [
        ".tar.xz", ".tar.gz", ".tar.bz2", ".tar.zst", ".tar.lz4", ".txz", ".tgz", ".tbz2", ".tar", ".ova",
        ".zip", ".xz", ".gz", ".bz2", ".zst", ".lz4",
    ];
    ENDS.iter().find_map(|end| {
        let at = name.len().checked_sub(end.len()).filter(|at| *at > 0 && name.is_char_boundary(*at))?;
        let (inner, found) = name.split_at(at);
        found.eq_ignore_ascii_case(end).then_some(inner)
    })
}

/// Whether the name of a file says that it is an archive, which holds files.
pub fn is_archive_name(name: &str) -> bool {
    const COMPRESSED: [&str; 5] = [".xz", ".gz", ".bz2", ".zst", ".lz4"];
    let lower = name.to_ascii_lowercase();
    let is_compressed = COMPRESSED.iter().any(|end| lower.ends_with(end)) && !lower.contains(".tar.");
    unpacked_name(name).is_some() && !is_compressed
}

/// The name of an image's file without what says its format and how it is packed: `x` of `x.img`, of `x.qcow2.xz` and of
/// `x.ova`. A file that is not packed loses whatever end it has.
pub fn image_stem(name: &str) -> &str {
    const FORMATS: [&str; 9] = [".img", ".raw", ".qcow2", ".vmdk", ".vhd", ".vhdx", ".vdi", ".iso", ".disk"];
    let without = |name: &'_ str, end: &str| {
        let at = name.len().checked_sub(end.len()).filter(|at| *at > 0 && name.is_char_boundary(*at))?;
        name[at..].eq_ignore_ascii_case(end).then_some(at)
    };
    match unpacked_name(name) {
        // What is left may have a dot that is no end: `ubuntu-24.04.ova`.
        Some(inner) => FORMATS.iter().find_map(|end| without(inner, end)).map_or(inner, |at| &inner[..at]),
        None => match name.rfind('.') {
            Some(at) if at > 0 => &name[..at],
            _ => name,
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_packed_files() {
        for (name, inner) in [
            ("x.img.xz", Some("x.img")),
            ("x.qcow2.GZ", Some("x.qcow2")),
            ("x.tar.gz", Some("x")),
            ("x.ova", Some("x")),
            ("x.img", None),
            (".xz", None),
            ("é", None),
        ] {
            assert_eq!(unpacked_name(name), inner, "{name}");
        }
    }

    #[test]
    fn names_of_archives() {
        for (name, is_archive) in [
            ("x.tar", true),
            ("x.tar.gz", true),
            ("x.TGZ", true),
            ("x.ova", true),
            ("x.zip", true),
            ("x.img.xz", false),
            ("x.img", false),
        ] {
            assert_eq!(is_archive_name(name), is_archive, "{name}");
        }
    }

    #[test]
    fn stems_of_images() {
        for (name, stem) in [
            ("x.img", "x"),
            ("x-24.04.qcow2", "x-24.04"),
            ("x", "x"),
            (".hidden", ".hidden"),
            ("x.qcow2.xz", "x"),
            ("ubuntu-24.04.ova", "ubuntu-24.04"),
            ("x.tar.gz", "x"),
            ("disk.RAW.gz", "disk"),
            ("x-1.2.gz", "x-1.2"),
        ] {
            assert_eq!(image_stem(name), stem, "{name}");
        }
    }
}
