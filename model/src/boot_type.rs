//! How a machine starts from a disk.

use crate::words::words;

/// How a machine starts from a disk.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BootType {
    /// A BIOS runs the code of the first sector.
    Bios,
    /// UEFI runs a program from the EFI system partition.
    Uefi,
}

words!(BootType { Bios => "bios", Uefi => "uefi" });
