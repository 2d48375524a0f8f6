//! Checksums of headers.

/// The polynomial of a GPT, its bits turned round.
pub(crate) const ETHERNET: u32 = 0xedb8_8320;

/// That of a VHDX.
pub(crate) const CASTAGNOLI: u32 = 0x82f6_3b78;

/// The checksum of these bytes by a polynomial.
pub(crate) fn crc32(polynomial: u32, bytes: &[u8]) -> u32 {
    !bytes.iter().fold(!0, |sum, byte| {
        (0..8).fold(sum ^ u32::from(*byte), |sum, _| (sum >> 1) ^ (polynomial & (sum & 1).wrapping_neg()))
    })
}
