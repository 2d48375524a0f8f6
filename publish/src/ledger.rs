//! The ledger of a publication: nothing is made at a cloud before it is written down here.

use ays_catalogue::{Catalogue, CatalogueError, CloudObject, ObjectState, PublicationId, Timestamp};
use ays_model::CatalogueId;

/// Writes down what is made for a publication.
#[derive(Debug, Clone)]
pub struct Ledger {
    catalogue: Catalogue,
    publication: PublicationId,
    mark: String,
}

impl Ledger {
    /// That of a publication of the catalogue that has this id.
    pub fn of(catalogue: Catalogue, id: &CatalogueId, publication: PublicationId) -> Self {
        let mark = format!("{}{publication}", Self::marks_of(id));
        Self { catalogue, publication, mark }
    }

    /// What the marks of all publications of a catalogue begin with.
    pub fn marks_of(id: &CatalogueId) -> String {
        format!("ays-{id}-")
    }

    /// What objects at a cloud carry, so that they are known as this publication's.
    pub fn mark(&self) -> &str {
        &self.mark
    }

    /// An object is going to be made, or was already, when it was not removed since: see its state.
    pub(crate) async fn intend(&self, kind: &str, key: &str) -> Result<CloudObject, CatalogueError> {
        self.catalogue.intend(self.publication, kind, key, &Timestamp::now()).await
    }

    /// It is there, and is called this.
    pub(crate) async fn made(&self, object: &CloudObject, cloud_id: &str) -> Result<(), CatalogueError> {
        self.note(object, ObjectState::Made, Some(cloud_id)).await
    }

    /// It is not there, or not there any more.
    pub async fn removed(&self, object: &CloudObject) -> Result<(), CatalogueError> {
        self.note(object, ObjectState::Removed, None).await
    }

    /// It stays.
    pub async fn kept(&self, object: &CloudObject) -> Result<(), CatalogueError> {
        self.note(object, ObjectState::Kept, None).await
    }

    /// All that is there, or may be, the last first: as it is to be removed.
    pub async fn open(&self) -> Result<Vec<CloudObject>, CatalogueError> {
        let mut objects = self.catalogue.ledger(self.publication).await?;
        objects.retain(|object| object.state != ObjectState::Removed);
        objects.reverse();
        Ok(objects)
    }

    /// How many objects it has, with those that are not there any more.
    pub(crate) async fn count(&self) -> Result<usize, CatalogueError> {
        Ok(self.catalogue.ledger(self.publication).await?.len())
    }

    async fn note(
        &self,
        object: &CloudObject,
        state: ObjectState,
        cloud_id: Option<&str>,
    ) -> Result<(), CatalogueError> {
        self.catalogue.note_object(self.publication, object.number, state, cloud_id, &Timestamp::now()).await
    }
}
