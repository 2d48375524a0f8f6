//! The bytes of a file on the node.

use std::fs::File;
use std::io::Read;

use ays_protocol::Phase;

use super::fault::Fault;
use crate::disk::on_thread;

/// The bytes of a file on the node.
#[derive(Debug)]
pub(crate) struct LocalBody {
    file: Option<File>,
}

impl LocalBody {
    pub(crate) fn new(file: File) -> Self {
        Self { file: Some(file) }
    }

    pub(crate) async fn fill(&mut self, buffer: &mut Vec<u8>, most: usize) -> Result<bool, Fault> {
        let Some(mut file) = self.file.take() else { return Ok(false) };
        let mut bytes = std::mem::take(buffer);
        let (file, bytes, result) = on_thread(move || {
            let result = (&mut file).take(most as u64).read_to_end(&mut bytes);
            (file, bytes, result)
        })
        .await;
        *buffer = bytes;
        self.file = Some(file);
        result.map(|count| count > 0).map_err(|error| Fault::again(Phase::Transfer, error))
    }
}
