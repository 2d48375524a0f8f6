//! Whose signature proves a new image's source.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use ays_engine::{Stop, SurveyedImage, look_at_key, survey_keys, survey_signatures};
use ays_model::{KeyFile, SignatureFault, Signer};
use ays_recipes::{Environment, NewImage, Place, SigningKeyFile, read_key, write_key};

use crate::error::Error;
use crate::off_runtime::blocking;

/// A signature beside a new image's source.
#[derive(Debug, Clone)]
pub struct ImageProof {
    /// Its file.
    pub file: String,
    /// The list that it signs; none: the image itself.
    pub list: Option<String>,
    /// Who has signed; or why that proves nothing, by the keys that are there.
    pub signer: Result<Signer, SignatureFault>,
    /// The key, where the environment does not have it yet: it counts when somebody has said so.
    pub new_key: Option<KeyFile>,
}

/// The key in a file, or at an address.
///
/// # Errors
///
/// It is none, or cannot be read.
pub async fn key_of(
    key: String,
    environment: Arc<Environment>,
    temporary: PathBuf,
) -> Result<KeyFile, Error> {
    if key.contains("://") {
        let url = {
            let environment = Arc::clone(&environment);
            blocking(move || Ok(NewImage::address(&environment, &key)?)).await?
        };
        let found = look_at_key(&url, &environment.settings, &temporary).await;
        return Ok(found.map_err(ays_engine::SurveyError::from)?.map_err(ays_engine::SurveyError::from)?);
    }
    blocking(move || Ok(read_key(Path::new(&key))?)).await
}

/// Looks for a signature of what was found: by the keys of the environment, by `key`, and by keys that lie beside it.
///
/// # Errors
///
/// The helper that asks does not work.
pub async fn prove_image(
    found: &SurveyedImage,
    key: Option<KeyFile>,
    environment: Arc<Environment>,
    temporary: PathBuf,
    stop: Stop,
) -> Result<Option<ImageProof>, Error> {
    let settings = &environment.settings;
    let own = environment.signing_keys().files().iter();
    let own = own.filter_map(|SigningKeyFile { path, keys }| Some(keys.as_ref().ok()?.to_file(path)));
    let mut sets: Vec<Vec<KeyFile>> = vec![own.collect()];
    let proof = async {
        let beside = survey_keys(&found.url, &found.listed, settings, &temporary).await?;
        sets.extend(key.into_iter().chain(beside).map(|key| vec![key]));
        survey_signatures(&found.url, &found.checks, &found.listed, &sets, settings, &temporary).await
    };
    let proof = tokio::select! {
        proof = proof => proof.map_err(ays_engine::SurveyError::from)?,
        () = stop.after_steps() => return Err(Error::interrupted()),
    };
    Ok(proof.map(|proof| {
        let number = proof.signer.as_ref().map_or(0, |(_, number)| *number);
        let new_key = if number == 0 { None } else { sets.get(number).and_then(|set| set.first()).cloned() };
        let signer = proof.signer.map(|(signer, _)| signer);
        ImageProof { file: proof.file, list: proof.list, signer, new_key }
    }))
}

/// Puts a key into the environment: that of this signer, whatever else its file holds. Its file is named as errors name it.
///
/// # Errors
///
/// The disk says no.
pub async fn trust_key(environment: Arc<Environment>, key: KeyFile, signer: Signer) -> Result<Place, Error> {
    blocking(move || Ok(write_key(&environment, &key, &signer)?)).await
}
