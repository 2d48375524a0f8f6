//! Accounts at clouds and registries: what is known of each beside its secrets, which no catalogue holds.

use std::collections::BTreeMap;
use std::fmt;

use async_trait::async_trait;
use serde::{Deserialize, Serialize};

use crate::{CatalogueError, Timestamp};

/// An account at a cloud.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct CloudAccount {
    /// Its name.
    pub name: String,
    /// The type of target that it is an account of: `docker`, `openstack`, ..
    pub target: String,
    /// Its fields that are no secrets, by their keys.
    pub fields: BTreeMap<String, String>,
    /// The keys of its secrets.
    pub secrets: Vec<String>,
    /// Since when it is known.
    pub created_at: Timestamp,
    /// Who made it.
    pub created_by: String,
    /// When it was tested last.
    pub tested_at: Option<Timestamp>,
    /// Why that test did not go well; none: it did, or there was none.
    pub problem: Option<String>,
}

/// An account that is to be known.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewCloudAccount {
    /// See [`CloudAccount::name`].
    pub name: String,
    /// See [`CloudAccount::target`].
    pub target: String,
    /// See [`CloudAccount::fields`].
    pub fields: BTreeMap<String, String>,
    /// See [`CloudAccount::secrets`].
    pub secrets: Vec<String>,
}

/// The accounts at clouds.
#[async_trait]
pub trait CloudAccounts: fmt::Debug + Send + Sync {
    /// Makes an account; false: one of this name is there.
    async fn add_cloud_account(
        &self,
        new: &NewCloudAccount,
        by: &str,
        now: &Timestamp,
    ) -> Result<bool, CatalogueError>;

    /// All accounts, by name.
    async fn cloud_accounts(&self) -> Result<Vec<CloudAccount>, CatalogueError>;

    /// Notes how a test of an account went: why not well, or none.
    async fn cloud_account_tested(
        &self,
        name: &str,
        problem: Option<&str>,
        now: &Timestamp,
    ) -> Result<(), CatalogueError>;

    /// Forgets an account; false: there is none of this name.
    async fn remove_cloud_account(
        &self,
        name: &str,
        by: &str,
        now: &Timestamp,
    ) -> Result<bool, CatalogueError>;
}
