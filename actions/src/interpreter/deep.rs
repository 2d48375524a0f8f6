//! A future that may hold one like itself, and that one another: the stack grows where it is polled.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

use super::Stop;

/// How much of the stack must be left.
const LEFT: usize = 256 * 1024;
/// How much more is taken.
const MORE: usize = 2 * 1024 * 1024;

/// See the module.
pub(super) struct Deep<'a, T>(Pin<Box<dyn Future<Output = Result<T, Stop>> + Send + 'a>>);

impl<'a, T> Deep<'a, T> {
    pub(super) fn new(future: impl Future<Output = Result<T, Stop>> + Send + 'a) -> Self {
        Self(Box::pin(future))
    }
}

impl<T> Future for Deep<'_, T> {
    type Output = Result<T, Stop>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        stacker::maybe_grow(LEFT, MORE, || self.0.as_mut().poll(context))
    }
}
