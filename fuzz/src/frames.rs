//! Frames between controller and helper: whatever comes is a message or an error, and what is written is read again.

use std::fmt::Debug;
use std::pin::pin;
use std::task::{Context, Poll, Waker};

use ays_protocol::{FrameError, FromNode, MAX_FRAME, ToNode, read_frame, write_frame};
use serde::Serialize;
use serde::de::DeserializeOwned;

/// See the module.
pub fn check(data: &[u8]) {
    stream::<ToNode>(data);
    stream::<FromNode>(data);
    // The same with the length that it has, so that what is looked for is a message and not its length too.
    let mut framed = u32::try_from(data.len()).unwrap_or(u32::MAX).to_be_bytes().to_vec();
    framed.extend_from_slice(data);
    stream::<ToNode>(&framed);
    stream::<FromNode>(&framed);
}

/// Reads messages up to the first error.
fn stream<T: Serialize + DeserializeOwned + Debug>(mut data: &[u8]) {
    loop {
        let left = data.len();
        match read::<T>(&mut data) {
            Ok(Some(message)) => {
                assert!(data.len() + 4 <= left, "a message out of nothing");
                is_read_again(&message);
            }
            Ok(None) => return assert_eq!(left, 0, "an end where there was more"),
            Err(FrameError::TooLarge(length)) => return assert!(length > MAX_FRAME),
            Err(FrameError::Io(_) | FrameError::Malformed(_)) => return,
        }
    }
}

fn is_read_again<T: Serialize + DeserializeOwned + Debug>(message: &T) {
    let written = write(message);
    let mut rest = written.as_slice();
    let again = read::<T>(&mut rest);
    assert!(rest.is_empty(), "{message:?} was not read to its end");
    let Ok(Some(again)) = again else {
        return assert!(again.is_ok_and(|read| read.is_some()), "{message:?}");
    };
    // As text: not all messages can be compared, and what prints as `***` must be the same too.
    let (one, other) = (String::from_utf8_lossy(&written), write(&again));
    assert_eq!(one, String::from_utf8_lossy(&other));
}

fn write<T: Serialize + Debug>(message: &T) -> Vec<u8> {
    let mut written = Vec::new();
    let result = at_once(write_frame(&mut written, message));
    assert!(result.is_ok(), "{message:?} cannot be written: {result:?}");
    written
}

fn read<T: DeserializeOwned>(from: &mut &[u8]) -> Result<Option<T>, FrameError> {
    at_once(read_frame(from))
}

/// Memory never lets anybody wait.
fn at_once<T>(future: impl Future<Output = T>) -> T {
    let mut future = pin!(future);
    loop {
        if let Poll::Ready(output) = future.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
            return output;
        }
    }
}
