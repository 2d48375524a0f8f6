//! What a system mounts below its root from other partitions, as its `/etc/fstab` has it.

use std::collections::BTreeSet;

use crate::found::plain;

/// The directories, in order.
pub(super) fn mounted(text: &str) -> Vec<String> {
    let directories: BTreeSet<_> = text.lines().filter_map(directory).collect();
    directories.into_iter().collect()
}

fn directory(line: &str) -> Option<String> {
    const SOURCES: [&str; 7] = ["UUID=", "LABEL=", "PARTUUID=", "PARTLABEL=", "ID=", "/dev/", "ZFS="];
    let mut fields = line.split_ascii_whitespace();
    let (source, directory, kind) = (fields.next()?, fields.next()?, fields.next()?);
    let options = fields.next().unwrap_or_default();
    let is_bind = options.split(',').any(|option| matches!(option, "bind" | "rbind"));
    let is_partition = SOURCES.iter().any(|beginning| source.trim_start_matches('"').starts_with(beginning));
    let directory = unescape(directory);
    let is_below = directory.starts_with('/') && !directory.trim_matches('/').is_empty();
    (is_partition && is_below && !is_bind && kind != "swap").then(|| plain(&directory)).flatten()
}

/// A character that would end a field is three octal digits in it.
fn unescape(field: &str) -> String {
    let mut parts = field.split('\\');
    let mut text = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let digits = part.get(..3).and_then(|digits| u8::from_str_radix(digits, 8).ok());
        match digits.filter(u8::is_ascii) {
            Some(byte) => {
                text.push(byte.into());
                text.push_str(&part[3..]);
            }
            None => {
                text.push('\\');
                text.push_str(part);
            }
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::mounted;

    #[test]
    fn partitions_below_the_root() {
        let text = "# /dev/sda9 /comment ext4\n\
            UUID=1 / ext4 defaults 0 1\n\
            UUID=2\t/boot ext4 defaults 0 2\n\
            LABEL=UEFI /boot/efi vfat umask=0077 0 1\n\
            /dev/sda7 none swap sw 0 0\n\
            /dev/sda8 /swap swap sw\n\
            /dev/vg/home /home xfs\n\
            tmpfs /tmp tmpfs defaults\n\
            proc /proc proc\n\
            /srv/a /srv/b none bind\n\
            /dev/sdb1 /mnt/two\\040words ext4\n\
            /dev/sdb2 relative ext4\n\
            UUID=2 /boot ext4\n\
            short /x\n";
        assert_eq!(mounted(text), ["/boot", "/boot/efi", "/home", "/mnt/two words"]);
    }
}
