//! Whether machines may be started on a stack.

use ays_catalogue::{Change, Changed, Stack, StackStatus};
use ays_engine::{Direction, Published, Stop};
use ays_model::NodeName;
use ays_transport::SshSettings;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::change_image::not_changed;
use crate::controller::{Controller, Tell};
use crate::error::Error;
use crate::pool_problem::ChangedPool;
use crate::pools::Pools;
use crate::queries::find_stack;

/// A change of a stack's state.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ChangeStack {
    /// Its name.
    pub stack: NodeName,
    /// What it becomes.
    pub to: StackStatus,
    /// Why, for the records.
    #[serde(default)]
    pub reason: Option<String>,
}

/// A stack that was changed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ChangedStack {
    /// Its name.
    pub stack: NodeName,
    /// The state that it had.
    pub before: Value,
    /// The one that it has.
    pub after: Value,
    /// Its pool.
    pub pools: Vec<ChangedPool>,
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
        let Stack { id, name: stack, .. } = find_stack(&controller, &stack).await?;
        let direction = if to == StackStatus::Enabled { Direction::More } else { Direction::Less };
        let pools = Pools::of(&controller, ssh, &stop).await?;
        let by = controller.changes(reason);
        let change = Change::Stack(id, to);
        let published = pools.publish(&controller, &tell).change(change, &by, direction, &stop).await;
        let Published { changed, failed } = published.map_err(not_changed)?;
        let Changed { before, after, pools: concerned } = changed;
        Ok(ChangedStack {
            stack,
            before,
            after,
            pools: ChangedPool::all(concerned, &pools.that_matter(failed)),
        })
    }
}
