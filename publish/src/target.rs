//! A target, whatever its type: what is asked of each of them.

use ays_catalogue::CloudObject;
use ays_protocol::Told;

use crate::account::Account;
use crate::aws::Aws;
use crate::docker::Docker;
use crate::error::TargetError;
use crate::fields::{FieldFault, TargetType, check, publication_fields};
use crate::job::{Fields, ImageFacts, Job, Published, Seen};
use crate::openstack::Openstack;
use crate::problem::Problem;

/// A target, as an account reaches it.
#[derive(Debug)]
pub struct Target {
    kind: TargetType,
    client: Client,
}

#[derive(Debug)]
enum Client {
    Aws(Aws),
    Docker(Docker),
    Openstack(Openstack),
}

impl Target {
    /// The target of an account; nothing is asked yet.
    ///
    /// # Errors
    ///
    /// The account's proxy or authority is not one.
    pub fn of(account: &Account) -> Result<Self, TargetError> {
        let client = match account.target {
            TargetType::Aws => Client::Aws(Aws::new(account)?),
            TargetType::Docker => Client::Docker(Docker::new(account)),
            TargetType::Openstack => Client::Openstack(Openstack::new(account)?),
        };
        Ok(Self { kind: account.target, client })
    }

    /// Signs in, and reads what the account can see.
    ///
    /// # Errors
    ///
    /// It is not let in, or that is no such service.
    pub async fn test(&self) -> Result<Seen, TargetError> {
        match &self.client {
            Client::Aws(aws) => aws.test().await,
            Client::Docker(docker) => docker.test().await,
            Client::Openstack(openstack) => openstack.test().await,
        }
    }

    /// All that is wrong with fields as such.
    pub fn check_fields(&self, fields: &Fields) -> Vec<FieldFault> {
        let said = fields.iter().map(|(key, value)| (key.as_str(), value.as_str()));
        check(publication_fields(self.kind).iter(), &format!("a {} publication", self.kind), said)
    }

    /// What is said of an image where its fields are not said.
    pub fn defaults(of: TargetType, image: &ImageFacts) -> Fields {
        let (key, value) = match of {
            TargetType::Aws => ("displayName", format!("{}-{}", image.name, image.generation)),
            TargetType::Docker => ("tagName", image.generation.to_string()),
            TargetType::Openstack => ("displayName", image.name.clone()),
        };
        Fields::from([(key.to_owned(), value)])
    }

    /// What stands in the way by what is known here.
    pub fn check(&self, image: &ImageFacts, fields: &Fields) -> Vec<Problem> {
        match &self.client {
            Client::Aws(_) => Aws::check(image, fields),
            Client::Docker(_) => Docker::check(image, fields),
            Client::Openstack(openstack) => openstack.check(image, fields),
        }
    }

    /// What stands in the way by what the service says. Nothing is made. What an earlier try has made, `own`, stands in nobody's way.
    ///
    /// # Errors
    ///
    /// It does not answer, or lets nobody in.
    pub async fn ask(
        &self,
        fields: &Fields,
        overwrite: bool,
        own: &[CloudObject],
    ) -> Result<Vec<Problem>, TargetError> {
        match &self.client {
            Client::Aws(aws) => aws.ask(fields, overwrite, own).await,
            Client::Docker(docker) => docker.ask(fields, overwrite, own).await,
            Client::Openstack(openstack) => openstack.ask(fields, overwrite, own).await,
        }
    }

    /// As what the disk is read for it.
    pub fn told(&self, fields: &Fields) -> Told {
        let form = match &self.client {
            Client::Aws(_) => return Aws::told(),
            Client::Docker(_) => Docker::form(fields),
            Client::Openstack(_) => Openstack::form(fields),
        };
        Told::File { form, skip: 0 }
    }

    /// Publishes an image, or goes on with what an earlier try has left.
    ///
    /// # Errors
    ///
    /// It came to nothing; what was made is in the ledger.
    pub async fn publish(&self, job: &Job<'_>) -> Result<Published, TargetError> {
        match &self.client {
            Client::Aws(aws) => aws.publish(job).await,
            Client::Docker(docker) => docker.publish(job).await,
            Client::Openstack(openstack) => openstack.publish(job).await,
        }
    }

    /// Whether [`Job::ending`] ends what it is doing: for others, to drop it is the way.
    pub fn ends_in_order(&self) -> bool {
        matches!(self.client, Client::Docker(_))
    }

    /// What the place of a publication is called at its account: what comes there takes the place of what was there.
    pub fn place(&self, fields: &Fields) -> String {
        let keys: &[&str] = match self.kind {
            TargetType::Aws => &["region", "displayName"],
            TargetType::Docker => &["namespace", "repositoryName", "tagName"],
            TargetType::Openstack => &["tenantName", "keystoneDomain", "keystoneProject", "displayName"],
        };
        let said = keys.iter().map(|key| fields.get(*key).map_or("", String::as_str));
        said.collect::<Vec<_>>().join("/")
    }

    /// Removes an object of a ledger; one that is not there is no error.
    ///
    /// # Errors
    ///
    /// It may be there still.
    pub async fn undo(&self, fields: &Fields, object: &CloudObject) -> Result<(), TargetError> {
        match &self.client {
            Client::Aws(aws) => aws.undo(fields, object).await,
            Client::Docker(docker) => docker.undo(fields, object).await,
            Client::Openstack(openstack) => openstack.undo(fields, object).await,
        }
    }

    /// Objects that carry a mark that begins so: what each is called, and its whole mark. Of targets that list none, none.
    ///
    /// # Errors
    ///
    /// It does not answer.
    pub async fn marked(&self, fields: &Fields, begin: &str) -> Result<Vec<(String, String)>, TargetError> {
        match &self.client {
            Client::Aws(aws) => aws.marked(fields, begin).await,
            Client::Docker(_) => Ok(Vec::new()),
            Client::Openstack(openstack) => openstack.marked(fields, begin).await,
        }
    }
}
