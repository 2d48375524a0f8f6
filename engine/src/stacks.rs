//! The stacks of an environment, and where an image that is installed on a node is wanted.

use ays_catalogue::{Catalogue, CatalogueError, ChangedBy, CommitFacts, StackFacts, Timestamp};
use ays_model::{Node, NodeName, Target};
use ays_recipes::Environment;

/// The stacks of an environment, as its repository describes them at its commit.
#[derive(Debug, Clone)]
pub struct Stacks {
    stacks: Vec<StackFacts>,
    /// The names of nodes whose files are wrong.
    pub unreadable: Vec<NodeName>,
    /// None: there is no commit yet.
    from: Option<CommitFacts>,
}

impl Stacks {
    /// Reads all nodes.
    pub fn of(environment: &Environment) -> Self {
        let (mut stacks, mut unreadable) = (Vec::new(), Vec::new());
        for (name, node) in environment.nodes() {
            match node {
                Ok(node) if node.stack => stacks.push(stack(&Target::Node(Box::new(node.clone())))),
                Ok(_) => {}
                Err(_) => unreadable.push(name.clone()),
            }
        }
        Self { stacks, unreadable, from: commit(environment) }
    }

    /// The stacks that an install on `target` wants its image on: all that share the target's pool.
    pub fn wanted_on(&self, target: &Target) -> Vec<NodeName> {
        if let Target::Local(_) = target {
            return vec![target.name().clone()];
        }
        let pool = target.pool_key();
        let wanted = self.stacks.iter().filter(|stack| stack.pool == pool);
        wanted.map(|stack| stack.name.clone()).collect()
    }

    /// The catalogue's stacks become these, and this machine where an image was ever installed on it. What to tell an
    /// operator whose clone is older than another one that the catalogue has seen.
    ///
    /// # Errors
    ///
    /// Those of the catalogue.
    pub async fn write(
        &self,
        catalogue: &Catalogue,
        targets: &[Target],
        by: &str,
    ) -> Result<Option<String>, CatalogueError> {
        let (mut stacks, mut leave) = (self.stacks.clone(), self.unreadable.clone());
        match targets.iter().find(|target| matches!(target, Target::Local(_))) {
            Some(local) => stacks.push(stack(local)),
            None => leave.push(Node::LOCAL.into()),
        }
        let by = ChangedBy { actor: by.to_owned(), reason: None, at: Timestamp::now() };
        let newer = catalogue.set_stacks(&stacks, &leave, self.from.as_ref(), &by).await?;
        Ok(newer.map(|newer| {
            format!(
                "this clone is older than commit {} of {} UTC, which the catalogue knows: its stacks stay as they are; \
                 `ays env pull` brings what is newer",
                newer.commit_id.get(..7).unwrap_or(&newer.commit_id),
                newer.committed_at.to_the_second()
            )
        }))
    }
}

/// The commit that was checked out. A committer whose clock is ahead holds nobody up for longer than that.
fn commit(environment: &Environment) -> Option<CommitFacts> {
    let (id, seconds) = environment.checkout.commit()?;
    let now = jiff::Timestamp::now();
    let at = jiff::Timestamp::from_second(seconds).map_or(now, |at| at.min(now));
    Some(CommitFacts { commit_id: id.to_owned(), committed_at: Timestamp::from(at) })
}

fn stack(target: &Target) -> StackFacts {
    StackFacts { name: target.name().clone(), pool: target.pool_key() }
}
