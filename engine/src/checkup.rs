//! A check of nodes: whether each can be reached, and has what installs need. Nothing stays on them but the helper.

use std::collections::HashMap;
use std::num::NonZeroUsize;
use std::path::Path;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use ays_model::{Event, NodeName, PoolKey, StepName, Target};
use ays_protocol::{CheckCopy, CopyState, Examine, Examined, Facts, Outcome, Step};
use ays_transport::{Connection, Helper, HelperError, OpenError, Session, Transport};
use futures_util::future::join_all;
use futures_util::{StreamExt, stream};
use tokio::time::timeout;

use crate::node_problem::{MOST_SESSIONS, NodeProblem};
use crate::run_log::{Tell, now};

/// A check of nodes.
pub struct Checkup<'a> {
    /// How nodes are reached.
    pub transport: &'a Transport,
    /// The directory on nodes that downloads go to.
    pub downloads: &'a Path,
    /// The most nodes that are examined at once.
    pub parallel: NonZeroUsize,
    /// Who is told of it while it goes on.
    pub tell: Tell<'a>,
}

/// What a node was found to be.
#[derive(Debug)]
pub struct Checked {
    /// Its name.
    pub node: NodeName,
    /// What it says of itself; none where no helper runs.
    pub facts: Option<Facts>,
    /// What it has; none where no helper runs.
    pub examined: Option<Examined>,
    /// What is not as it should be.
    pub problems: Vec<NodeProblem>,
}

/// A node that can be asked more.
struct Open<'t> {
    target: &'t Target,
    helper: Helper,
    /// The file in its pool that others look for.
    mark: Option<String>,
    /// Ends after the helper.
    _connection: Connection,
}

impl Checkup<'_> {
    /// Checks all of them; what was found, in their order.
    pub async fn run(&self, targets: &[Target]) -> Vec<Checked> {
        let checking: Vec<_> = targets.iter().map(|target| self.one(target)).collect();
        let checking = stream::iter(checking).buffered(self.parallel.get());
        let (mut checked, mut open): (Vec<_>, Vec<_>) = checking.unzip::<_, _, Vec<_>, Vec<_>>().await;
        compare_pools(&mut checked, &mut open).await;
        let closing: Vec<_> = open.into_iter().flatten().map(Open::close).collect();
        join_all(closing).await;
        checked
    }

    /// What one is by itself.
    async fn one<'t>(&self, target: &'t Target) -> (Checked, Option<Open<'t>>) {
        let mut checked =
            Checked { node: target.name().clone(), facts: None, examined: None, problems: Vec::new() };
        let tell = |event| (self.tell)(now(target.name(), event));
        tell(Event::StepStarted { step: StepName::Examine, what: target.name().to_string() });
        let open = match self.examine(target, &mut checked).await {
            Ok(open) => Some(open),
            Err(problem) => {
                checked.problems.push(problem);
                None
            }
        };
        let result = match checked.problems.len() {
            0 => "all is well".to_owned(),
            1 => "1 finding".to_owned(),
            many => format!("{many} findings"),
        };
        tell(Event::StepDone { step: StepName::Examine, result });
        (checked, open)
    }

    async fn examine<'t>(&self, target: &'t Target, checked: &mut Checked) -> Result<Open<'t>, NodeProblem> {
        let Session { mut helper, connection } =
            Session::open(target, self.transport).await.map_err(|error| match error {
                OpenError::Connect(error) => NodeProblem::from(error),
                OpenError::Helper(error) => error.into(),
            })?;
        let facts = checked.facts.insert(helper.facts.clone());
        let pool = target.pool();
        // Named as what is not complete, so that the next install removes it if this is killed.
        let mark = pool.shared.then(|| format!(".ays-mark-{}.ays-part", uuid::Uuid::new_v4()));
        let (path, downloads) = (pool.path.clone(), self.downloads.to_owned());
        let asked = now_ms();
        let user = pool.user.clone();
        let step = Step::Examine(Examine { pool: path, user, downloads, mark: mark.clone() });
        let examined = match in_time(helper.run(step, |_| {})).await? {
            Outcome::Examined(examined) => *examined,
            _ => return Err(HelperError::Answer.into()),
        };
        checked.problems = NodeProblem::all(&examined, &facts.os, pool, (asked, now_ms()));
        let mark = mark.filter(|_| examined.pool.as_ref().is_ok_and(|pool| pool.exists));
        checked.examined = Some(examined);
        // The helper has one.
        let at_once = 1 + connection.sessions(MOST_SESSIONS - 1).await;
        if at_once < MOST_SESSIONS {
            checked.problems.push(NodeProblem::Sessions { at_once });
        }
        Ok(Open { target, helper, mark, _connection: connection })
    }
}

/// Whether what is said to be shared is: every node must see the mark of the first one.
async fn compare_pools(checked: &mut [Checked], open: &mut [Option<Open<'_>>]) {
    let mut pools: HashMap<PoolKey, Vec<usize>> = HashMap::new();
    for (number, node) in open.iter().enumerate() {
        if let Some(node) = node.as_ref().filter(|node| node.target.pool().shared) {
            pools.entry(node.target.pool_key()).or_default().push(number);
        }
    }
    for (key, nodes) in pools {
        let mark = |number: &usize| Some((*number, open[*number].as_ref()?.mark.clone()?));
        let marked = nodes.iter().find_map(mark);
        let Some((first, mark)) = marked else { continue };
        let path = Path::new(&key.path).join(mark);
        for number in nodes.into_iter().filter(|number| *number != first) {
            // One that somebody removed meanwhile tells nothing.
            let missed = async {
                Ok::<_, HelperError>(!sees(open, number, &path).await? && sees(open, first, &path).await?)
            };
            match missed.await {
                Ok(false) => {}
                Ok(true) => checked[number].problems.push(NodeProblem::NotShared {
                    pool: key.name.clone(),
                    path: key.path.clone().into(),
                    other: checked[first].node.clone(),
                }),
                Err(error) => checked[number].problems.push(error.into()),
            }
        }
    }
}

async fn sees(open: &mut [Option<Open<'_>>], number: usize, path: &Path) -> Result<bool, HelperError> {
    let Some(node) = &mut open[number] else { return Ok(false) };
    let look = CheckCopy { path: path.to_owned(), size: 0, read: None, rate: None };
    match in_time(node.helper.run(Step::CheckCopy(look), |_| {})).await? {
        Outcome::Checked(checked) => Ok(checked.state == CopyState::Good),
        _ => Err(HelperError::Answer),
    }
}

impl Open<'_> {
    async fn close(mut self) {
        if let Some(mark) = &self.mark {
            let path = self.target.pool().path.join(mark);
            // What stays is removed by the next install.
            let _ = self.helper.run(Step::Remove(path), |_| {}).await;
        }
        self.helper.close().await;
    }
}

/// A directory of a dead file server never answers, while the helper beats on.
async fn in_time(answer: impl Future<Output = Result<Outcome, HelperError>>) -> Result<Outcome, HelperError> {
    timeout(LIMIT, answer).await.unwrap_or(Err(HelperError::Silent(LIMIT)))
}

/// How long a node may take to look at its directories.
const LIMIT: Duration = Duration::from_secs(30);

fn now_ms() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or(Duration::ZERO);
    i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use ays_model::{DiskFormat, Pool, Severity};
    use ays_protocol::Directory;

    use super::*;
    use ays_transport::Scripted;

    #[tokio::test]
    async fn a_clock_that_makes_certificates_invalid_is_an_error() {
        let an_hour = 3_600_000;
        let nodes = Scripted::new(move |_, _| {
            let directory = Directory { exists: true, free: u64::MAX, leftovers: Vec::new() };
            Ok(Outcome::Examined(Box::new(Examined {
                clock_ms: now_ms() - an_hour,
                qemu_img: Ok("7.2.9".to_owned()),
                pool: Ok(directory.clone()),
                downloads: Ok(directory),
                obstacles: Vec::new(),
            })))
        });
        let checkup = Checkup {
            tell: &|_| (),
            transport: &Transport::Scripted(nodes),
            downloads: Path::new("/tmp"),
            parallel: NonZeroUsize::MIN,
        };
        let pool = Pool {
            name: "local".into(),
            path: "/pool".into(),
            format: DiskFormat::Raw,
            shared: false,
            user: None,
            users: Vec::new(),
        };
        let checked = checkup.run(&[Target::Local(pool)]).await;
        let found: Vec<_> = checked.iter().flat_map(|node| &node.problems).collect();
        assert!(
            matches!(found[..], [NodeProblem::Clock { ahead_ms: ..=-3_599_000 }])
                && found[0].severity() == Severity::Error,
            "{found:?}"
        );
    }
}
