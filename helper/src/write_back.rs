use std::fs::File;
use std::io;
use std::sync::mpsc::{SyncSender, sync_channel};
use std::thread::{self, JoinHandle};

/// The disk is told to begin with what it has after so many bytes, so that the sync at the end is short.
const EVERY: u64 = 64 << 20;

/// A thread that makes the disk begin with what it has. It holds the file, and so the lock on it, until this is dropped.
#[derive(Debug)]
pub(crate) struct WriteBack {
    begin: Option<SyncSender<()>>,
    thread: Option<JoinHandle<()>>,
    /// Bytes since it was told the last time.
    written: u64,
}

impl WriteBack {
    pub(crate) fn new(file: &File) -> io::Result<Self> {
        let file = file.try_clone()?;
        let (begin, told) = sync_channel(1);
        let thread = thread::spawn(move || {
            for () in told {
                // The sync at the end says when the disk fails.
                let _ = rustix::fs::fdatasync(&file);
            }
        });
        Ok(Self { begin: Some(begin), thread: Some(thread), written: 0 })
    }

    /// So many bytes more are in the file.
    pub(crate) fn written(&mut self, count: u64) {
        self.written += count;
        if self.written >= EVERY
            && let Some(begin) = &self.begin
        {
            self.written = 0;
            // When it is still busy with the last time, it takes these bytes the next time.
            let _ = begin.try_send(());
        }
    }
}

impl Drop for WriteBack {
    fn drop(&mut self) {
        drop(self.begin.take());
        if let Some(thread) = self.thread.take() {
            // It does not panic, so there is nothing to learn from it.
            let _ = thread.join();
        }
    }
}
