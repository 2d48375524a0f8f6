//! Words for states. Each has a tone, which a colour and an icon show beside the word.

use ays_catalogue::{CopyState, ImageStatus, JobStatus, RunStatus, StackStatus};

/// How a state is meant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Tone {
    /// As it should be.
    Good,
    /// Something is under way.
    Busy,
    /// Somebody should look.
    Warn,
    /// It is not as it should be.
    Bad,
    /// It is out of use, as somebody wants it.
    Off,
}

impl Tone {
    pub fn class(self) -> &'static str {
        match self {
            Self::Good => "good",
            Self::Busy => "busy",
            Self::Warn => "warn",
            Self::Bad => "bad",
            Self::Off => "off",
        }
    }

    pub fn icon(self) -> &'static str {
        match self {
            Self::Good => "circle-check",
            Self::Busy => "loader-2",
            Self::Warn => "alert-triangle",
            Self::Bad => "circle-x",
            Self::Off => "circle-minus",
        }
    }
}

/// A state in a word.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct State {
    pub word: String,
    pub tone: Tone,
}

impl State {
    pub fn new(tone: Tone, word: impl Into<String>) -> Self {
        Self { word: word.into(), tone }
    }
}

impl From<ImageStatus> for State {
    fn from(status: ImageStatus) -> Self {
        match status {
            ImageStatus::Creating => Self::new(Tone::Busy, "CREATING"),
            ImageStatus::Created => Self::new(Tone::Good, "CREATED"),
            ImageStatus::Disabled => Self::new(Tone::Off, "DISABLED"),
            ImageStatus::Deleted => Self::new(Tone::Off, "DELETED"),
            ImageStatus::Destroyed => Self::new(Tone::Off, "DESTROYED"),
        }
    }
}

impl From<StackStatus> for State {
    fn from(status: StackStatus) -> Self {
        match status {
            StackStatus::Enabled => Self::new(Tone::Good, "ENABLED"),
            StackStatus::Maintenance => Self::new(Tone::Warn, "MAINTENANCE"),
            StackStatus::Disabled => Self::new(Tone::Off, "DISABLED"),
        }
    }
}

impl From<JobStatus> for State {
    fn from(status: JobStatus) -> Self {
        match status {
            JobStatus::Queued => Self::new(Tone::Busy, "queued"),
            JobStatus::Running => Self::new(Tone::Busy, "running"),
            JobStatus::Succeeded => Self::new(Tone::Good, "succeeded"),
            JobStatus::Failed => Self::new(Tone::Bad, "failed"),
            JobStatus::Cancelled => Self::new(Tone::Off, "cancelled"),
        }
    }
}

impl From<RunStatus> for State {
    fn from(status: RunStatus) -> Self {
        match status {
            RunStatus::Running => Self::new(Tone::Busy, "running"),
            RunStatus::Succeeded => Self::new(Tone::Good, "succeeded"),
            RunStatus::Failed => Self::new(Tone::Bad, "failed"),
            RunStatus::Interrupted => Self::new(Tone::Off, "interrupted"),
        }
    }
}

impl From<CopyState> for State {
    fn from(state: CopyState) -> Self {
        match state {
            CopyState::Arriving => Self::new(Tone::Busy, "arriving"),
            CopyState::Verified => Self::new(Tone::Good, "verified"),
            CopyState::Damaged => Self::new(Tone::Bad, "damaged"),
            CopyState::Removing => Self::new(Tone::Off, "removing"),
        }
    }
}
