//! A pool with which something did not end well.

use ays_engine::NotPublished;
use ays_model::{PoolKey, causes};
use serde::{Deserialize, Serialize};

/// A pool with which something did not end well.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PoolProblem {
    /// Which.
    pub pool: PoolKey,
    /// Why.
    pub why: String,
}

impl PoolProblem {
    pub(crate) fn new(pool: PoolKey, why: &dyn std::error::Error) -> Self {
        Self { pool, why: causes(why) }
    }
}

impl From<NotPublished> for PoolProblem {
    fn from(NotPublished { pool, why }: NotPublished) -> Self {
        Self::new(pool, &why)
    }
}

/// A pool that a change concerns.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ChangedPool {
    /// Which.
    pub pool: PoolKey,
    /// Why its index does not say so yet; none: it does.
    pub why: Option<String>,
}

impl ChangedPool {
    /// The pools of a change, with those whose indexes were not written.
    pub(crate) fn all(pools: Vec<PoolKey>, failed: &[NotPublished]) -> Vec<Self> {
        let why = |pool: &PoolKey| failed.iter().find(|not| not.pool == *pool).map(|not| causes(&not.why));
        pools.into_iter().map(|pool| Self { why: why(&pool), pool }).collect()
    }

    /// Those whose indexes do not say so yet.
    pub fn not_written(pools: &[Self]) -> Vec<PoolProblem> {
        let failed = pools.iter().filter_map(|changed| Some((changed, changed.why.clone()?)));
        failed.map(|(changed, why)| PoolProblem { pool: changed.pool.clone(), why }).collect()
    }
}
