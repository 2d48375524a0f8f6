//! Which processor a program is made for, by its header.

use std::io;

/// The processor of the first of these programs that says it; `head` gives a file's first bytes.
pub(crate) fn processor(
    paths: &[&str],
    head: impl Fn(&str, usize) -> io::Result<Option<Vec<u8>>>,
) -> io::Result<Option<String>> {
    for path in paths {
        if let Some(found) = head(path, HEAD)?.as_deref().and_then(architecture) {
            return Ok(Some(found.to_owned()));
        }
    }
    Ok(None)
}

/// How much of a program's start is needed, in bytes.
const HEAD: usize = 4096;

/// As `uname -m` has it; none when it is neither an ELF nor a PE file, or one of a processor that is not known here.
fn architecture(head: &[u8]) -> Option<&'static str> {
    elf(head).or_else(|| pe(head))
}

fn elf(head: &[u8]) -> Option<&'static str> {
    let little = match head.get(..6)? {
        [0x7f, b'E', b'L', b'F', _, 1] => true,
        [0x7f, b'E', b'L', b'F', _, 2] => false,
        _ => return None,
    };
    let machine: [u8; 2] = head.get(18..20)?.try_into().ok()?;
    let machine = if little { u16::from_le_bytes(machine) } else { u16::from_be_bytes(machine) };
    Some(match (machine, little) {
        (3, true) => "i686",
        (21, true) => "ppc64le",
        (22, false) => "s390x",
        (40, true) => "armv7l",
        (62, true) => "x86_64",
        (183, true) => "aarch64",
        (243, true) => "riscv64",
        _ => return None,
    })
}

fn pe(head: &[u8]) -> Option<&'static str> {
    if head.get(..2)? != b"MZ" {
        return None;
    }
    let at = u32::from_le_bytes(head.get(0x3c..0x40)?.try_into().ok()?) as usize;
    match head.get(at..at.checked_add(6)?)? {
        [b'P', b'E', 0, 0, 0x64, 0x86] => Some("x86_64"),
        [b'P', b'E', 0, 0, 0x64, 0xaa] => Some("aarch64"),
        [b'P', b'E', 0, 0, 0x4c, 0x01] => Some("i686"),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::architecture;

    #[test]
    fn programs() {
        let elf = |order: u8, machine: [u8; 2]| {
            let mut head = vec![0; 64];
            head[..6].copy_from_slice(&[0x7f, b'E', b'L', b'F', 2, order]);
            head[18..20].copy_from_slice(&machine);
            architecture(&head)
        };
        assert_eq!(elf(1, [62, 0]), Some("x86_64"));
        assert_eq!(elf(1, [183, 0]), Some("aarch64"));
        assert_eq!(elf(2, [0, 22]), Some("s390x"));
        assert_eq!(elf(2, [62, 0]), None);
        assert_eq!(architecture(b"#!/bin/sh\n"), None);
        assert_eq!(architecture(b"MZ"), None);
        let mut head = vec![0; 256];
        head[..2].copy_from_slice(b"MZ");
        head[0x3c] = 0x80;
        head[0x80..0x86].copy_from_slice(b"PE\0\0\x64\x86");
        assert_eq!(architecture(&head), Some("x86_64"));
        head[0x3f] = 0xff;
        assert_eq!(architecture(&head), None);
    }
}
