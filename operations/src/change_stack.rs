//! Whether machines may be started on a stack.

use ays_catalogue::{Change, Changed, StackStatus};
use ays_engine::{Direction, NotPublished, Published, Stop};
use ays_model::NodeName;
use ays_transport::SshSettings;

use crate::change_image::not_changed;
use crate::controller::{Controller, Tell};
use crate::error::Error;
use crate::pools::Pools;
use crate::queries::find_stack;

/// A change of a stack's state.
#[derive(Debug)]
pub struct ChangeStack {
    /// Its name.
    pub stack: NodeName,
    /// What it becomes.
    pub to: StackStatus,
    /// Why, for the records.
    pub reason: Option<String>,
}

/// A stack that was changed.
#[derive(Debug)]
pub struct ChangedStack {
    /// From what to what.
    pub changed: Changed,
    /// Its pool, where its index does not say so yet.
    pub failed: Vec<NotPublished>,
}

impl ChangeStack {
    /// Changes it in the catalogue and in its pool's index.
    ///
    /// # Errors
    ///
    /// There is no such stack, or it cannot become so. A pool that is not reached is told in the result.
    pub async fn run(
        self,
        controller: Controller,
        ssh: SshSettings,
        stop: Stop,
        tell: Tell,
    ) -> Result<ChangedStack, Error> {
        let Self { stack, to, reason } = self;
        let stack = find_stack(&controller, &stack).await?;
        let direction = if to == StackStatus::Enabled { Direction::More } else { Direction::Less };
        let pools = Pools::of(&controller, ssh, &stop).await?;
        let by = controller.changes(reason);
        let change = Change::Stack(stack.id, to);
        let published = pools.publish(&controller, &tell).change(change, &by, direction, &stop).await;
        let Published { changed, failed } = published.map_err(not_changed)?;
        Ok(ChangedStack { changed, failed: pools.that_matter(failed) })
    }
}
