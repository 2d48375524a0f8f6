//! The stacks of an environment, and where an image that is installed on a node is wanted.

use ays_catalogue::{Catalogue, CatalogueError, PoolKey, StackFacts};
use ays_model::{Node, Target};
use ays_recipes::Environment;

/// The pool of a target, as the catalogue names it.
pub(crate) fn pool_key(target: &Target) -> PoolKey {
    let pool = target.pool();
    PoolKey {
        gid: target.gid(),
        name: pool.name.clone(),
        node: (!pool.shared).then(|| target.name().to_owned()),
        path: pool.path.display().to_string(),
    }
}

/// The stacks of an environment, as its repository describes them now.
#[derive(Debug)]
pub struct Stacks {
    stacks: Vec<StackFacts>,
    /// The names of nodes whose files are wrong.
    pub unreadable: Vec<String>,
}

impl Stacks {
    /// Reads all nodes.
    pub fn of(environment: &Environment) -> Self {
        let (mut stacks, mut unreadable) = (Vec::new(), Vec::new());
        for (name, node) in environment.nodes() {
            match node {
                Ok(node) if node.stack => stacks.push(stack(&Target::Node(Box::new(node)))),
                Ok(_) => {}
                Err(_) => unreadable.push(name),
            }
        }
        Self { stacks, unreadable }
    }

    /// The stacks that an install on `target` wants its image on: all that share the target's pool.
    pub fn wanted_on(&self, target: &Target) -> Vec<String> {
        if let Target::Local(_) = target {
            return vec![target.name().to_owned()];
        }
        let pool = pool_key(target);
        let wanted = self.stacks.iter().filter(|stack| stack.pool == pool);
        wanted.map(|stack| stack.name.clone()).collect()
    }

    /// The catalogue's stacks become these, and this machine where an image was ever installed on it.
    pub(crate) async fn write(
        &self,
        catalogue: &Catalogue,
        targets: &[Target],
    ) -> Result<(), CatalogueError> {
        let (mut stacks, mut leave) = (self.stacks.clone(), self.unreadable.clone());
        match targets.iter().find(|target| matches!(target, Target::Local(_))) {
            Some(local) => stacks.push(stack(local)),
            None => leave.push(Node::LOCAL.to_owned()),
        }
        catalogue.set_stacks(&stacks, &leave).await
    }
}

fn stack(target: &Target) -> StackFacts {
    StackFacts { name: target.name().to_owned(), pool: pool_key(target) }
}
