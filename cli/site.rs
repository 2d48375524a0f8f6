//! Where an operation is done: here, or by the workers of a server. Commands ask for it, and do not know where it is.

use std::path::Path;
use std::sync::Arc;

use ays_catalogue::{
    Account, AuditOf, AuditRecord, CloudAccount, CloudObject, Found, Image, ImageDetail, ImageId, Job,
    JobFilter, JobId, Page, Publication, PublicationFilter, PublicationId, Run, Schedule, ScheduleId, Stack,
};
use ays_engine::Stop;
use ays_model::{NodeName, TemplateName};
use ays_operations::{
    self as operations, CheckNodes, CheckedNode, Controller, Error, Every, Kind, Operation, PublicationPlan,
    PublishImage, Tell,
};
use ays_recipes::Environment;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::client::{Client, only_here};
use crate::context;
use crate::failure::Failure;

/// Where an operation is done.
pub enum Site {
    /// By this process, with the environment that `--repo`, or the current directory, lies in.
    Here(Arc<Environment>),
    /// By a server's workers.
    Server(Box<Client>),
}

/// A publication, and all that it made.
#[derive(Serialize, Deserialize)]
pub struct PublicationShown {
    pub publication: Publication,
    pub ledger: Vec<CloudObject>,
}

/// How many images a server is asked for at once.
const IMAGES: usize = 1000;

impl Site {
    /// Where operations are done for whoever runs this.
    pub fn find(repo: Option<&Path>) -> Result<Self, Failure> {
        Ok(match Client::of_variables()? {
            Some(client) => Self::Server(Box::new(client)),
            None => Self::Here(Arc::new(context::environment(repo)?)),
        })
    }

    /// The environment, for what is only done here.
    pub fn environment(&self) -> Result<&Arc<Environment>, Failure> {
        match self {
            Self::Here(environment) => Ok(environment),
            Self::Server(_) => Err(only_here()),
        }
    }

    /// What an operation has at hand, for what is only done here.
    pub async fn controller(&self) -> Result<Controller, Failure> {
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
        let operation = operation.into();
        let report = match self {
            Self::Here(environment) => {
                let ssh = context::ssh(environment, accept_new_host_key)?;
                operation.run(self.controller().await?, ssh, stop, tell).await?.report
            }
            // The server's operators say which host keys are right.
            Self::Server(_) if accept_new_host_key => return Err(only_here()),
            Self::Server(client) => client.perform(&operation, &stop, &tell).await?,
        };
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
        let Self::Here(environment) = self else {
            return self.perform(check, accept_new_host_key, stop, tell).await;
        };
        let ssh = context::ssh(environment, accept_new_host_key)?;
        Ok(check.check(Arc::clone(environment), ssh, stop, tell).await?)
    }

    /// All images.
    pub async fn images(&self) -> Result<Vec<Image>, Failure> {
        let Self::Server(client) = self else {
            return Ok(operations::images(self.controller().await?).await?);
        };
        let mut images = Vec::new();
        loop {
            let query = [
                ("all", true.to_string()),
                ("skip", images.len().to_string()),
                ("limit", IMAGES.to_string()),
            ];
            let Page { items, .. } = client.get::<Page<Image>>(&["images"], &query).await?;
            let is_last = items.len() < IMAGES;
            images.extend(items);
            if is_last {
                return Ok(images);
            }
        }
    }

    /// An image by its name or id.
    pub async fn image(&self, asked: &str) -> Result<ImageDetail, Failure> {
        match self {
            Self::Here(_) => Ok(operations::image(self.controller().await?, asked.to_owned()).await?),
            Self::Server(client) => client.get(&["images", asked], &[]).await,
        }
    }

    /// What a name or a checksum leads to.
    pub async fn find_generations(&self, asked: &str) -> Result<Vec<Found>, Failure> {
        match self {
            Self::Here(_) => Ok(operations::find(self.controller().await?, asked.to_owned()).await?),
            Self::Server(client) => client.get(&["where", asked], &[]).await,
        }
    }

    /// All stacks.
    pub async fn stacks(&self) -> Result<Vec<Stack>, Failure> {
        match self {
            Self::Here(_) => Ok(operations::stacks(self.controller().await?).await?),
            Self::Server(client) => client.get(&["stacks"], &[]).await,
        }
    }

    /// A stack by its name.
    pub async fn stack(&self, name: &NodeName) -> Result<Stack, Failure> {
        match self {
            Self::Here(_) => Ok(operations::stack(self.controller().await?, name.clone()).await?),
            Self::Server(client) => client.get(&["stacks", name.as_str()], &[]).await,
        }
    }

    /// The accounts at clouds.
    pub async fn accounts(&self) -> Result<Vec<CloudAccount>, Failure> {
        match self {
            Self::Here(_) => Ok(operations::accounts(self.controller().await?).await?),
            Self::Server(client) => client.get(&["accounts"], &[]).await,
        }
    }

    /// What was published.
    pub async fn publications(
        &self,
        image: Option<ImageId>,
        account: Option<String>,
    ) -> Result<Vec<Publication>, Failure> {
        match self {
            Self::Here(_) => {
                let filter = PublicationFilter { image, account, ..PublicationFilter::default() };
                Ok(operations::publications(self.controller().await?, filter).await?)
            }
            Self::Server(client) => {
                let mut query: Vec<_> =
                    image.map(|image| ("image", image.0.to_string())).into_iter().collect();
                query.extend(account.map(|account| ("account", account)));
                client.get(&["publications"], &query).await
            }
        }
    }

    /// What publishing an image would do.
    pub async fn plan_publication(
        &self,
        publish: PublishImage,
        accept_new_host_key: bool,
        stop: &Stop,
    ) -> Result<Vec<PublicationPlan>, Failure> {
        match self {
            Self::Here(environment) => {
                let ssh = context::ssh(environment, accept_new_host_key)?;
                Ok(publish.plan(&self.controller().await?, ssh, stop).await?)
            }
            Self::Server(_) if accept_new_host_key => Err(only_here()),
            Self::Server(client) => client.post(&["publications", "plan"], &Operation::from(publish)).await,
        }
    }

    /// A publication, and its ledger.
    pub async fn publication(&self, id: PublicationId) -> Result<PublicationShown, Failure> {
        match self {
            Self::Here(_) => {
                let controller = self.controller().await?;
                let publication = operations::publication(&controller, id).await?;
                Ok(PublicationShown { publication, ledger: operations::ledger(&controller, id).await? })
            }
            Self::Server(client) => client.get(&["publications", &id.to_string()], &[]).await,
        }
    }

    /// Who changed what.
    pub async fn audit(&self, image: Option<String>, limit: u32) -> Result<Vec<AuditRecord>, Failure> {
        match self {
            Self::Here(_) => {
                let of = image.map_or(AuditOf::All, AuditOf::Image);
                Ok(operations::audit(self.controller().await?, of, limit).await?)
            }
            Self::Server(client) => {
                let mut query = vec![("limit", limit.to_string())];
                query.extend(image.map(|image| ("image", image)));
                client.get(&["audit"], &query).await
            }
        }
    }

    /// What was run.
    pub async fn runs(
        &self,
        template: Option<TemplateName>,
        node: Option<NodeName>,
        limit: u32,
    ) -> Result<Vec<Run>, Failure> {
        match self {
            Self::Here(_) => Ok(operations::runs(self.controller().await?, template, node, limit).await?),
            Self::Server(client) => {
                let mut query = vec![("limit", limit.to_string())];
                query.extend(template.map(|name| ("template", name.into())));
                query.extend(node.map(|name| ("node", name.into())));
                client.get(&["runs"], &query).await
            }
        }
    }

    /// Lets a worker do an operation.
    pub async fn add_job(&self, operation: impl Into<Operation>) -> Result<JobId, Failure> {
        match self {
            Self::Here(_) => Ok(operations::add_job(self.controller().await?, operation.into()).await?),
            Self::Server(client) => client.queue(&operation.into()).await,
        }
    }

    /// The newest jobs.
    pub async fn jobs(&self, limit: u32) -> Result<Vec<Job>, Failure> {
        match self {
            Self::Here(_) => {
                let filter = JobFilter { limit: Some(limit), ..JobFilter::default() };
                Ok(operations::jobs(self.controller().await?, filter).await?)
            }
            Self::Server(client) => client.get(&["jobs"], &[("limit", limit.to_string())]).await,
        }
    }

    /// A job by its number.
    pub async fn job(&self, id: JobId) -> Result<Job, Failure> {
        match self {
            Self::Here(_) => Ok(operations::job(self.controller().await?, id).await?),
            Self::Server(client) => client.get(&["jobs", &id.to_string()], &[]).await,
        }
    }

    /// Tells what happens in a job until it is over; the job as it is then.
    pub async fn follow(&self, id: JobId, tell: &Tell) -> Result<Job, Failure> {
        match self {
            Self::Here(_) => {
                Ok(operations::follow_job(self.controller().await?, id, Arc::clone(tell)).await?)
            }
            Self::Server(client) => client.follow(id, None, tell).await,
        }
    }

    /// Wants a job to end.
    pub async fn cancel_job(&self, id: JobId) -> Result<Job, Failure> {
        match self {
            Self::Here(_) => Ok(operations::cancel_job(self.controller().await?, id).await?),
            Self::Server(client) => client.post(&["jobs", &id.to_string(), "cancel"], &()).await,
        }
    }

    /// Asks for a job once more.
    pub async fn retry_job(&self, id: JobId) -> Result<JobId, Failure> {
        match self {
            Self::Here(_) => Ok(operations::retry_job(self.controller().await?, id).await?),
            Self::Server(client) => client.retry(id).await,
        }
    }

    /// Asks for an operation again and again.
    pub async fn add_schedule(&self, every: Every, operation: Operation) -> Result<Schedule, Failure> {
        match self {
            Self::Here(_) => Ok(operations::add_schedule(self.controller().await?, every, operation).await?),
            Self::Server(client) => {
                let asked = json!({"every": every.to_string(), "operation": operation});
                client.post(&["schedules"], &asked).await
            }
        }
    }

    /// All schedules.
    pub async fn schedules(&self) -> Result<Vec<Schedule>, Failure> {
        match self {
            Self::Here(_) => Ok(operations::schedules(self.controller().await?).await?),
            Self::Server(client) => client.get(&["schedules"], &[]).await,
        }
    }

    /// Forgets a schedule.
    pub async fn remove_schedule(&self, id: ScheduleId) -> Result<(), Failure> {
        match self {
            Self::Here(_) => Ok(operations::remove_schedule(self.controller().await?, id).await?),
            Self::Server(client) => client.delete(&["schedules", &id.to_string()]).await,
        }
    }

    /// All users.
    pub async fn users(&self) -> Result<Vec<Account>, Failure> {
        match self {
            Self::Here(_) => Ok(operations::users(self.controller().await?).await?),
            Self::Server(client) => client.get(&["users"], &[]).await,
        }
    }
}
