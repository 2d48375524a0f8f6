//! Which state of an image or a stack may follow which, and why another one may not.

use serde::{Deserialize, Serialize};

use crate::{ImageStatus, StackStatus};

/// What an operator does to an image as a whole.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum ImageMove {
    /// It is usable again.
    Enable,
    /// It is taken away for now.
    Disable,
    /// It goes to the recycle bin: nothing offers it, its files stay.
    Delete,
    /// It comes back from the recycle bin.
    Restore,
    /// Its files are gone.
    Destroy,
}

/// What comes of asking for another state.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Next<S> {
    /// It becomes this.
    Becomes(S),
    /// It is so already.
    Already,
    /// It cannot: in the words that follow the name of what was asked for. `NAME` in them stands for that name.
    Wrong(&'static str),
}

/// The states of an image, and what leads from one to another. Registering an image that was deleted or destroyed makes it
/// CREATED too; of a disabled one it changes nothing.
pub fn next_image_status(is: ImageStatus, step: ImageMove) -> Next<ImageStatus> {
    use ImageMove::{Delete, Destroy, Disable, Enable, Restore};
    use ImageStatus::{Created, Creating, Deleted, Destroyed, Disabled};
    const IN_THE_BIN: &str = "is in the recycle bin: `ays image restore NAME` brings it back";
    const GONE: &str =
        "is destroyed, and its files are gone: an install of its recipe, or `ays image add`, brings it again";
    match (is, step) {
        (Creating, Enable | Disable) => Next::Wrong("is still being made: wait for that"),
        (Created, Disable) => Next::Becomes(Disabled),
        (Disabled, Enable) | (Deleted, Restore) => Next::Becomes(Created),
        (Creating | Created | Disabled, Delete) => Next::Becomes(Deleted),
        (Deleted, Destroy) => Next::Becomes(Destroyed),

        (Created, Enable | Restore) | (Disabled, Disable) | (Deleted, Delete) | (Destroyed, Destroy) => {
            Next::Already
        }

        (Creating, Restore) => Next::Wrong("was not deleted: there is nothing to restore"),
        (Disabled, Restore) => {
            Next::Wrong("is disabled, and was not deleted: `ays image enable NAME` makes it usable")
        }
        (Deleted, Enable | Disable) => Next::Wrong(IN_THE_BIN),
        (Destroyed, Enable | Disable | Delete | Restore) => Next::Wrong(GONE),
        (Creating | Created | Disabled, Destroy) => {
            Next::Wrong("is not in the recycle bin: only what was deleted can be destroyed")
        }
    }
}

/// The states of a stack that an operator may give it. Each may follow each; but a stack that the environment has no more
/// offers nothing, and cannot be told to.
pub fn next_stack_status(is: StackStatus, in_environment: bool, to: StackStatus) -> Next<StackStatus> {
    match to {
        StackStatus::Enabled if !in_environment => Next::Wrong(
            "is not in the environment any more: it comes back with its node's file in `services/`, and the next install",
        ),
        to if to == is => Next::Already,
        to => Next::Becomes(to),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const STATES: [ImageStatus; 5] = [
        ImageStatus::Creating,
        ImageStatus::Created,
        ImageStatus::Disabled,
        ImageStatus::Deleted,
        ImageStatus::Destroyed,
    ];
    const MOVES: [ImageMove; 5] =
        [ImageMove::Enable, ImageMove::Disable, ImageMove::Delete, ImageMove::Restore, ImageMove::Destroy];

    #[test]
    fn a_move_that_was_made_can_be_asked_for_again() {
        for (is, step) in STATES.into_iter().flat_map(|is| MOVES.map(|step| (is, step))) {
            if let Next::Becomes(to) = next_image_status(is, step) {
                assert_eq!(next_image_status(to, step), Next::Already, "{is:?} {step:?}");
            }
        }
    }

    #[test]
    fn files_go_only_by_the_recycle_bin_and_never_come_back_from_being_gone() {
        let before_destroyed: Vec<_> = STATES
            .into_iter()
            .filter(|is| next_image_status(*is, ImageMove::Destroy) == Next::Becomes(ImageStatus::Destroyed))
            .collect();
        assert_eq!(before_destroyed, [ImageStatus::Deleted]);
        for step in MOVES {
            assert!(!matches!(next_image_status(ImageStatus::Destroyed, step), Next::Becomes(_)), "{step:?}");
        }
    }

    #[test]
    fn a_stack_that_is_not_in_the_environment_cannot_be_enabled() {
        use StackStatus::{Disabled, Enabled, Maintenance};
        assert!(matches!(next_stack_status(Enabled, false, Enabled), Next::Wrong(_)));
        assert_eq!(next_stack_status(Enabled, false, Maintenance), Next::Becomes(Maintenance));
        assert_eq!(next_stack_status(Disabled, true, Enabled), Next::Becomes(Enabled));
        assert_eq!(next_stack_status(Maintenance, true, Maintenance), Next::Already);
    }
}
