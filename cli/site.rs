//! Where an operation is done.

use std::path::Path;
use std::sync::Arc;

use ays_catalogue::{ImageDetail, Job, JobFilter, JobId, Schedule, ScheduleId};
use ays_engine::Stop;
use ays_operations::{
    self as operations, CheckNodes, CheckedNode, Controller, Error, Every, Kind, Operation, Tell,
};
use ays_recipes::Environment;
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::context;
use crate::failure::Failure;

/// Where an operation is done.
pub enum Site {
    /// By this process, with the environment that `--repo`, or the current directory, lies in.
    Here(Arc<Environment>),
}

impl Site {
    /// Where operations are done for whoever runs this.
    pub fn find(repo: Option<&Path>) -> Result<Self, Failure> {
        Ok(Self::Here(Arc::new(context::environment(repo)?)))
    }

    /// The environment, for what is only done here.
    pub fn environment(&self) -> Result<&Arc<Environment>, Failure> {
        let Self::Here(environment) = self;
        Ok(environment)
    }

    async fn controller(&self) -> Result<Controller, Failure> {
        context::controller(Arc::clone(self.environment()?)).await
    }

    /// Does an operation, to its end, and gives what it came to.
    pub async fn perform<T: DeserializeOwned>(
        &self,
        operation: impl Into<Operation>,
        accept_new_host_key: bool,
        stop: Stop,
        tell: Tell,
    ) -> Result<T, Failure> {
        let ssh = context::ssh(self.environment()?, accept_new_host_key)?;
        let report = operation.into().run(self.controller().await?, ssh, stop, tell).await?;
        Ok(serde_json::from_value(report).map_err(|error| Error::new(Kind::Failed, error))?)
    }

    /// Checks nodes. Here, that needs no catalogue.
    pub async fn check_nodes(
        &self,
        check: CheckNodes,
        accept_new_host_key: bool,
        stop: Stop,
        tell: Tell,
    ) -> Result<Vec<CheckedNode>, Failure> {
        let environment = self.environment()?;
        let ssh = context::ssh(environment, accept_new_host_key)?;
        Ok(check.check(Arc::clone(environment), ssh, stop, tell).await?)
    }

    /// An image by its name or id.
    pub async fn image(&self, asked: &str) -> Result<ImageDetail, Failure> {
        Ok(operations::image(self.controller().await?, asked.to_owned()).await?)
    }

    /// Lets a worker do an operation.
    pub async fn add_job(&self, operation: impl Into<Operation>) -> Result<JobId, Failure> {
        Ok(operations::add_job(self.controller().await?, operation.into()).await?)
    }

    /// The jobs that agree with the filter, the newest first.
    pub async fn jobs(&self, filter: JobFilter) -> Result<Vec<Job>, Failure> {
        Ok(operations::jobs(self.controller().await?, filter).await?)
    }

    /// A job by its number.
    pub async fn job(&self, id: JobId) -> Result<Job, Failure> {
        Ok(operations::job(self.controller().await?, id).await?)
    }

    /// Tells what happens in a job until it is over; what it came to.
    pub async fn follow(&self, id: JobId, tell: &Tell) -> Result<Value, Failure> {
        Ok(operations::follow_job(self.controller().await?, id, Arc::clone(tell)).await?)
    }

    /// Wants a job to end.
    pub async fn cancel_job(&self, id: JobId) -> Result<Job, Failure> {
        Ok(operations::cancel_job(self.controller().await?, id).await?)
    }

    /// Asks for a job once more.
    pub async fn retry_job(&self, id: JobId) -> Result<JobId, Failure> {
        Ok(operations::retry_job(self.controller().await?, id).await?)
    }

    /// Asks for an operation again and again.
    pub async fn add_schedule(&self, every: Every, operation: Operation) -> Result<Schedule, Failure> {
        Ok(operations::add_schedule(self.controller().await?, every, operation).await?)
    }

    /// All schedules.
    pub async fn schedules(&self) -> Result<Vec<Schedule>, Failure> {
        Ok(operations::schedules(self.controller().await?).await?)
    }

    /// Forgets a schedule.
    pub async fn remove_schedule(&self, id: ScheduleId) -> Result<(), Failure> {
        Ok(operations::remove_schedule(self.controller().await?, id).await?)
    }
}
