//! How many there are of what: for whoever watches.

use std::fmt;

use async_trait::async_trait;

use crate::CatalogueError;

/// How many there are of what, each by its name or state.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Numbers {
    /// The images that a stack offers.
    pub offers: Vec<(String, u64)>,
    /// How often an image is wanted on a stack: images in the recycle bin and destroyed ones are left out, and stacks that the
    /// environment has no more.
    pub wanted: u64,
    /// Copies in pools, by state.
    pub copies: Vec<(String, u64)>,
    /// Images, by status.
    pub images: Vec<(String, u64)>,
    /// Jobs, by status.
    pub jobs: Vec<(String, u64)>,
    /// How many seconds ago the verified copy was read whole that was read longest ago; none: there is none.
    pub oldest_scrub_seconds: Option<f64>,
    /// How many images were outdated when a job asked their sources last; none: no job did.
    pub outdated: Option<u64>,
}

/// Counting.
#[async_trait]
pub trait Counting: fmt::Debug + Send + Sync {
    /// How many there are now.
    async fn numbers(&self) -> Result<Numbers, CatalogueError>;
}
