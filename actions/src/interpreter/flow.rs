//! How the walk goes on after a statement.

use super::heap::Val;

/// Where a statement leaves the walk.
#[derive(Debug)]
pub(super) enum Flow {
    /// At the next statement.
    Next,
    /// Behind the loop.
    Break,
    /// At the loop's next round.
    Continue,
    /// At the end of the function.
    Return(Val),
}
