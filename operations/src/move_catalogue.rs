//! A catalogue as a whole: into a file, out of one, and to another database.

use std::path::{Path, PathBuf};

use ays_catalogue::{Catalogue, CatalogueError, EnvironmentKey, Place};

use crate::error::{Error, Kind};
use crate::off_runtime::blocking;

/// An environment's catalogue, and where it is.
#[derive(Debug, Clone)]
pub struct CatalogueAt {
    /// Where.
    pub place: Place,
    /// What the environment is called there.
    pub environment: EnvironmentKey,
}

/// Why a file with a catalogue is not written or taken.
#[derive(Debug, thiserror::Error)]
enum FileError {
    #[error("{path} is there already", path = .0.display())]
    Exists(PathBuf),
    #[error("{path} cannot be written", path = .path.display())]
    Unwritable { path: PathBuf, source: std::io::Error },
    #[error("{path} cannot be read", path = .path.display())]
    Unreadable { path: PathBuf, source: std::io::Error },
    #[error("{path} holds no catalogue of `{name}`", path = .path.display())]
    OfAnother { path: PathBuf, name: String },
    #[error("{0} is where the catalogue is already")]
    There(Place),
}

impl CatalogueAt {
    /// Writes all of the catalogue, as one moment has it, to a new file; how many rows. The file appears when it is whole.
    ///
    /// # Errors
    ///
    /// A file that is there already, one that cannot be written, and those of the catalogue.
    pub async fn back_up(self, file: PathBuf) -> Result<usize, Error> {
        if file.exists() {
            return Err(Error::new(Kind::Usage, FileError::Exists(file)));
        }
        let export = Catalogue::open(&self.place, &self.environment).await?.export().await?;
        let part = part_of(&file);
        remove_database(&part);
        let environment = EnvironmentKey { repository: None, ..self.environment };
        let written = async {
            let copy = Catalogue::open(&Place::File(part.clone()), &environment).await?;
            let imported = copy.import(&export, None).await;
            copy.close().await;
            imported
        };
        if let Err(error) = written.await {
            remove_database(&part);
            return Err(error.into());
        }
        let rows = export.rows();
        let named = blocking(move || {
            let named = name(&part, &file);
            remove_database(&part);
            named.map_err(|source| Error::new(Kind::Failed, FileError::Unwritable { path: file, source }))
        });
        named.await.map(|()| rows)
    }

    /// Takes over what [`CatalogueAt::back_up`] wrote; how many rows. Nothing may be there yet, unless it has moved away.
    /// `temporary` is where directories may be made that go away.
    ///
    /// # Errors
    ///
    /// A file that is none, or is another environment's, and those of the catalogue.
    pub async fn restore(self, file: PathBuf, temporary: PathBuf) -> Result<usize, Error> {
        // Read from a copy: a file of an older version is brought to this one's tables, and the backup stays as it is.
        let directory = tempfile::tempdir_in(&temporary)
            .map_err(|source| Error::new(Kind::Failed, FileError::Unwritable { path: temporary, source }))?;
        let copy = directory.path().join("catalogue.db");
        let (from, to) = (file.clone(), copy.clone());
        blocking(move || match std::fs::copy(&from, to) {
            Ok(_) => Ok(()),
            Err(source) => Err(Error::new(Kind::Usage, FileError::Unreadable { path: from, source })),
        })
        .await?;
        let environment = EnvironmentKey { repository: None, ..self.environment.clone() };
        let kept = Catalogue::open_moved(&Place::File(copy), &environment).await?;
        let export = kept.export().await;
        kept.close().await;
        let export = export?;
        if export.rows() == 0 {
            let name = self.environment.name.to_string();
            return Err(Error::new(Kind::Usage, FileError::OfAnother { path: file, name }));
        }
        Catalogue::open_moved(&self.place, &self.environment).await?.import(&export, None).await?;
        Ok(export.rows())
    }

    /// Moves the catalogue; how many rows. Each is compared when it has arrived, and the old place opens no more then. Stopped
    /// anywhere, at most one of the two places opens, and the same again goes on.
    ///
    /// # Errors
    ///
    /// [`CatalogueError::InUse`] while somebody works with it, and others of the two databases.
    pub async fn move_to(self, to: Self) -> Result<usize, Error> {
        let there = to.place.to_string();
        if self.place.to_string() == there {
            return Err(Error::new(Kind::Usage, FileError::There(to.place)));
        }
        let from = Catalogue::open_moved(&self.place, &self.environment).await?;
        let export = from.export().await?;
        let arrived = Catalogue::open_moved(&to.place, &to.environment).await?;
        match from.moved_to().await? {
            None => {
                arrived.import(&export, Some(&self.place)).await?;
                from.leave(&to.place, &export).await?;
            }
            // A move before this one was stopped here.
            Some(left_for) if left_for == there => {}
            Some(to) => return Err(CatalogueError::Moved { place: self.place, to }.into()),
        }
        arrived.stay().await?;
        Ok(export.rows())
    }
}

/// The name that a file has until it is whole.
fn part_of(file: &Path) -> PathBuf {
    let name = file.file_name().unwrap_or_default().to_string_lossy();
    file.with_file_name(format!(".{name}.ays-part"))
}

/// Gives a whole file its name, unless another one has it.
fn name(part: &Path, file: &Path) -> std::io::Result<()> {
    std::fs::File::open(part)?.sync_all()?;
    tempfile::TempPath::try_from_path(part)?.persist_noclobber(file).map_err(|error| error.error)?;
    let directory = file.parent().filter(|parent| !parent.as_os_str().is_empty());
    std::fs::File::open(directory.unwrap_or(Path::new(".")))?.sync_all()
}

/// Removes an SQLite file with its two companions, as far as they are there.
fn remove_database(file: &Path) {
    for end in ["", "-wal", "-shm"] {
        let mut path = file.as_os_str().to_owned();
        path.push(end);
        let _ = std::fs::remove_file(path);
    }
}
