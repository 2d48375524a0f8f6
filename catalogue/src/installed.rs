//! What is installed where.

use std::fmt;

use async_trait::async_trait;
use ays_model::{ImageName, InstanceName, Md5, NodeName, PoolKey, Sha256, TemplateName};

use crate::{CatalogueError, GenerationId, ImageId, ImageStatus, KnownCopy, Timestamp};

/// A service instance on a node: what is installed, and what runs are for.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct ServiceOnNode {
    /// The template's name.
    pub service: TemplateName,
    /// The instance's name.
    pub instance: InstanceName,
    /// The node's name.
    pub node: NodeName,
}

/// What an install ended with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewInstalled {
    /// The template's checksum.
    pub template_checksum: Md5,
    /// What tells one set of answers from another without holding them.
    pub answers_digest: Sha256,
    /// The registered images' generations, in the order in which they were registered.
    pub images: Vec<InstalledImage>,
}

/// A registered generation and the pool that holds it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InstalledImage {
    /// What [`crate::Store::register`] made or found.
    pub generation: GenerationId,
    /// Where.
    pub pool: PoolKey,
}

/// An image that an install brought to a node.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ImageOnNode {
    /// What was installed, and where.
    pub service: ServiceOnNode,
    /// The image that it registered.
    pub image: ImageId,
    /// The number of the generation that it ended with.
    pub generation: u32,
}

/// What the last install that worked ended with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Installed {
    /// The template's checksum then.
    pub template_checksum: Md5,
    /// What tells that set of answers from another.
    pub answers_digest: Sha256,
    /// What it consists of: the images that it registered, in that order.
    pub parts: Vec<InstalledPart>,
    /// When.
    pub installed_at: Timestamp,
}

/// One of the images that a service consists of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InstalledPart {
    /// The image's name.
    pub image: ImageName,
    /// Where that image is in its life.
    pub status: ImageStatus,
    /// Its copy; none when it is no longer verified, or was pruned.
    pub copy: Option<KnownCopy>,
}

/// What the methods of a service leave for later runs on its node.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ServiceState {
    /// A digest of all that the methods of the install that has come to no end build on; empty: there is none.
    pub inputs: String,
    /// The methods that it has done.
    pub methods: Vec<String>,
    /// The keys that methods have set, each with its value as JSON, or removed.
    pub values: Vec<(String, Option<String>)>,
}

/// What is installed where.
#[async_trait]
pub trait Installs: fmt::Debug + Send + Sync {
    /// What is installed; none when nothing is, or it was forgotten.
    async fn installed(&self, of: &ServiceOnNode) -> Result<Option<Installed>, CatalogueError>;

    /// All services that are installed, by node and in the order of their installs.
    async fn installed_services(&self) -> Result<Vec<ServiceOnNode>, CatalogueError>;

    /// All images that installs brought to nodes, by node.
    async fn installed_images(&self) -> Result<Vec<ImageOnNode>, CatalogueError>;

    /// Says what is installed now, in the place of what was said before. Only for an install whose every step worked.
    ///
    /// # Errors
    ///
    /// [`CatalogueError::UnknownCopy`] when the pool has never had the generation.
    async fn set_installed(
        &self,
        of: &ServiceOnNode,
        installed: &NewInstalled,
        now: &Timestamp,
    ) -> Result<(), CatalogueError>;

    /// Nothing is said to be installed any more.
    async fn forget_installed(&self, of: &ServiceOnNode) -> Result<(), CatalogueError>;

    /// What its methods have left; nothing: the default.
    async fn service_state(&self, of: &ServiceOnNode) -> Result<ServiceState, CatalogueError>;

    /// Says what its methods have left now; the default: nothing.
    async fn set_service_state(&self, of: &ServiceOnNode, state: &ServiceState)
    -> Result<(), CatalogueError>;
}
