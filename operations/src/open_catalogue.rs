//! The catalogue of an environment: its database where the settings name one, else a file of this machine.

use std::path::Path;

use ays_catalogue::{Catalogue, EnvironmentKey, Place, PostgresUrl};
use ays_recipes::Environment;
use secrecy::ExposeSecret;

use crate::error::Error;

/// Where an environment's catalogue is, and what it is called there. `file` is where it is on this machine, unless the
/// settings name a database.
///
/// # Errors
///
/// Those of the secret that lets it into the database.
pub fn catalogue_place(environment: &Environment, file: &Path) -> Result<(Place, EnvironmentKey), Error> {
    let mut key = EnvironmentKey::from(environment.name());
    let Some(url) = environment.database()? else { return Ok((Place::from(file), key)) };
    // A repository of the same name from elsewhere finds nothing. The file of this machine lies in a directory that says
    // whose it is.
    key.repository = environment.secrets.home().and_then(|home| home.repository.place.clone());
    Ok((Place::Postgres(url.expose_secret().parse::<PostgresUrl>()?), key))
}

/// Opens the catalogue of an environment; see [`catalogue_place`]. A file is made when it is not there.
///
/// # Errors
///
/// Those of [`catalogue_place`], and a catalogue that cannot be opened.
pub async fn open_catalogue(environment: &Environment, file: &Path) -> Result<Catalogue, Error> {
    let (place, key) = catalogue_place(environment, file)?;
    Ok(Catalogue::open(&place, &key).await?)
}
