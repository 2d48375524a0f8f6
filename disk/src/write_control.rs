//! What a caller sees and says while a disk, or what is in it, is written.

/// Each may be left out.
#[derive(Default)]
pub struct WriteControl<'a> {
    /// Hears how many bytes of data are done, after every piece of at most 256 KiB. Zeros that are known to be such, such as
    /// holes, are not counted.
    pub progress: Option<&'a mut dyn FnMut(u64)>,
    /// Whether to end with an error; asked before every piece.
    pub cancelled: Option<&'a dyn Fn() -> bool>,
}

impl WriteControl<'_> {
    pub(crate) fn is_cancelled(&self) -> bool {
        self.cancelled.is_some_and(|cancelled| cancelled())
    }

    pub(crate) fn tell(&mut self, data: u64) {
        if let Some(progress) = &mut self.progress {
            progress(data);
        }
    }
}
