use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

/// How far a file has come that another thread reads meanwhile.
#[derive(Debug, Default)]
pub(crate) struct Arrival {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct State {
    /// Raised when bytes that were there count no more.
    epoch: u64,
    /// Bytes.
    length: u64,
    is_complete: bool,
    /// Nobody wants what is made of it any more.
    is_closed: bool,
    /// The bytes that the reader has taken.
    read: u64,
}

/// The bytes that were read count no more, or nobody wants them.
#[derive(Debug, thiserror::Error)]
#[error("its bytes were withdrawn")]
pub(crate) struct Withdrawn;

impl Arrival {
    /// So many bytes are there.
    pub(crate) fn reached(&self, length: u64) {
        self.change(|state| state.length = state.length.max(length));
    }

    /// Only so many bytes are left, and what comes after them may be others.
    pub(crate) fn withdraw(&self, length: u64) {
        self.change(|state| {
            *state = State { epoch: state.epoch + 1, length, is_closed: state.is_closed, ..State::default() };
        });
    }

    /// All bytes are there.
    pub(crate) fn complete(&self) {
        self.change(|state| state.is_complete = true);
    }

    /// Nobody wants what is made of it any more.
    pub(crate) fn close(&self) {
        self.change(|state| state.is_closed = true);
    }

    pub(crate) fn epoch(&self) -> u64 {
        self.state().epoch
    }

    /// How many of how many bytes the reader has taken.
    pub(crate) fn read(&self) -> (u64, u64) {
        let state = self.state();
        (state.read.min(state.length), state.length)
    }

    /// Waits for the first bytes of another epoch than `last`; none when nobody wants them.
    pub(super) fn begins(&self, last: Option<u64>) -> Option<u64> {
        let state = self.wait(|state| {
            state.is_closed || (Some(state.epoch) != last && (state.length > 0 || state.is_complete))
        });
        (!state.is_closed).then_some(state.epoch)
    }

    /// Waits until the byte at `position` is there: how many bytes there are then, or that there is none.
    pub(super) fn wait_past(&self, epoch: u64, position: u64) -> Result<Option<u64>, Withdrawn> {
        let is_ended = |state: &State| state.is_closed || state.epoch != epoch;
        let mut state = self.wait(|state| is_ended(state) || state.is_complete || state.length > position);
        if is_ended(&state) {
            return Err(Withdrawn);
        }
        state.read = position;
        Ok(Some(state.length).filter(|length| *length > position))
    }

    /// Waits until all bytes are there: how many they are.
    pub(super) fn wait_complete(&self, epoch: u64) -> Result<u64, Withdrawn> {
        let is_ended = |state: &State| state.is_closed || state.epoch != epoch;
        let state = self.wait(|state| is_ended(state) || state.is_complete);
        if is_ended(&state) { Err(Withdrawn) } else { Ok(state.length) }
    }

    pub(super) fn is_current(&self, epoch: u64) -> bool {
        let state = self.state();
        !state.is_closed && state.epoch == epoch
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn change(&self, change: impl FnOnce(&mut State)) {
        change(&mut self.state());
        self.changed.notify_all();
    }

    fn wait(&self, is_time: impl Fn(&State) -> bool) -> MutexGuard<'_, State> {
        let mut state = self.state();
        while !is_time(&state) {
            state = self.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
        state
    }
}
