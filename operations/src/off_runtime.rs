//! Work that blocks, on a thread of its own.

use ays_engine::Stop;

use crate::error::Error;

/// Does work that blocks. When it is to stop, nobody waits for the work any more.
pub(crate) async fn off_runtime<T: Send + 'static>(
    stop: &Stop,
    work: impl FnOnce() -> Result<T, Error> + Send + 'static,
) -> Result<T, Error> {
    tokio::select! {
        done = blocking(work) => done,
        () = stop.after_steps() => Err(Error::interrupted()),
    }
}

/// Does work that blocks, to its end.
pub(crate) async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, Error> + Send + 'static,
) -> Result<T, Error> {
    to_its_end(work).await.unwrap_or_else(|| Err(Error::interrupted()))
}

/// Does work that blocks, whatever its errors are; none: the runtime is ending.
pub(crate) async fn to_its_end<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Option<T> {
    match tokio::task::spawn_blocking(work).await {
        Ok(done) => Some(done),
        Err(error) if error.is_panic() => std::panic::resume_unwind(error.into_panic()),
        Err(_) => None,
    }
}
