//! What may hold one like itself, and that one another: the stack grows where it is gone through.
//!
//! A run goes on on whatever thread asks it to, and that one may have little stack left.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

use super::Stop;
use super::heap::{DEPTH, Fault, too_deep};

/// How much of the stack must be left.
const LEFT: usize = 256 * 1024;
/// How much more is taken.
const MORE: usize = 2 * 1024 * 1024;

/// Does something with as much of the stack left as one level of anything needs.
pub(super) fn deeper<T>(what: impl FnOnce() -> T) -> T {
    stacker::maybe_grow(LEFT, MORE, what)
}

/// Does something of a library that goes deep by itself.
pub(super) fn on_own_stack<T>(what: impl FnOnce() -> T) -> T {
    stacker::grow(MORE, what)
}

/// Looks at a value that lies so deep in others: what lies deeper than functions may call each other is an error.
pub(super) fn at_depth<T>(depth: usize, look: impl FnOnce() -> Result<T, Fault>) -> Result<T, Fault> {
    if depth > DEPTH { Err(too_deep()) } else { deeper(look) }
}

type Boxed<'a, T> = Pin<Box<dyn Future<Output = Result<T, Stop>> + Send + 'a>>;

/// A future that may hold one like itself.
pub(super) struct Deep<'a, T>(Option<Boxed<'a, T>>);

impl<'a, T> Deep<'a, T> {
    pub(super) fn new(future: impl Future<Output = Result<T, Stop>> + Send + 'a) -> Self {
        Self(Some(Box::pin(future)))
    }
}

impl<T> Future for Deep<'_, T> {
    type Output = Result<T, Stop>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        match self.0.as_mut() {
            Some(future) => deeper(|| future.as_mut().poll(context)),
            None => Poll::Pending,
        }
    }
}

impl<T> Drop for Deep<'_, T> {
    /// A run that nobody goes on with is dropped future in future.
    fn drop(&mut self) {
        let future = self.0.take();
        deeper(|| drop(future));
    }
}
