use std::fmt;

/// A way of packing, told by a file's first bytes alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Packing {
    /// `.xz`
    Xz,
    /// `.gz`
    Gzip,
    /// `.bz2`
    Bzip2,
    /// `.zst`
    Zstd,
    /// `.lz4`, in frames.
    Lz4,
    /// `.tar`, `.ova`
    Tar,
    /// `.zip`
    Zip,
}

/// How many bytes tell a packing: the sign of a tar archive is the last.
pub(crate) const SIGNS: usize = 512;

impl Packing {
    /// The packing of a file that begins so.
    pub fn of(head: &[u8]) -> Option<Self> {
        Some(match head {
            [0xfd, b'7', b'z', b'X', b'Z', 0, ..] => Self::Xz,
            [0x1f, 0x8b, 8, ..] => Self::Gzip,
            [b'B', b'Z', b'h', b'1'..=b'9', 0x31, 0x41, 0x59, 0x26, 0x53, 0x59, ..] => Self::Bzip2,
            // The second is a frame that is skipped: some programs write one first.
            [0x28, 0xb5, 0x2f, 0xfd, ..] | [0x50..=0x5f, 0x2a, 0x4d, 0x18, ..] => Self::Zstd,
            [0x04, 0x22, 0x4d, 0x18, ..] => Self::Lz4,
            [b'P', b'K', 3, 4, ..] => Self::Zip,
            _ if head.get(257..262) == Some(b"ustar") => Self::Tar,
            _ => return None,
        })
    }

    /// Whether it is an archive, which holds files.
    pub fn is_archive(self) -> bool {
        matches!(self, Self::Tar | Self::Zip)
    }

    /// Its name, in small letters.
    pub fn name(self) -> &'static str {
        match self {
            Self::Xz => "xz",
            Self::Gzip => "gzip",
            Self::Bzip2 => "bzip2",
            Self::Zstd => "zstd",
            Self::Lz4 => "lz4",
            Self::Tar => "tar",
            Self::Zip => "zip",
        }
    }
}

impl fmt::Display for Packing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}
