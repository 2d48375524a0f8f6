//! Packed files: whatever bytes they have, unpacking ends, gives no more than its receiver takes, and says why it ends.
//!
//! The first byte of the input says how the rest is packed once more, so that damage is met in every layer.

use std::io::{self, Cursor, Write};

use ays_unpack::{Receiver, Unpacked, peek, unpack};

/// The most that the receiver takes, in bytes.
const MOST: usize = 1 << 20;

struct Bounded(usize);

impl Receiver for Bounded {
    fn check(&self, head: &[u8]) -> Result<(), String> {
        if head.first() == Some(&b'D') { Ok(()) } else { Err("it does not begin as a disk".to_owned()) }
    }

    fn begin(&mut self, _: &Unpacked, _: &[u8]) -> io::Result<()> {
        self.0 = 0;
        Ok(())
    }

    fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        assert!(self.0 <= MOST, "it goes on after it was told to stop");
        self.0 += bytes.len();
        if self.0 > MOST { Err(io::Error::other("that is too much")) } else { Ok(()) }
    }
}

/// See the module.
pub fn check(data: &[u8]) {
    let Some((around, bytes)) = data.split_first() else { return };
    let packed = if around % 2 == 0 { bytes.to_vec() } else { gzip(bytes) };
    let member = (around & 2 != 0).then_some("disk");
    if let Err(error) = unpack(Cursor::new(&packed), member, &mut Bounded(0)) {
        assert!(!error.to_string().is_empty());
    }
    let _ = peek(&packed, member, &|head| Bounded(0).check(head));
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    // A vector takes all.
    let _ = encoder.write_all(bytes);
    encoder.finish().unwrap_or_default()
}
