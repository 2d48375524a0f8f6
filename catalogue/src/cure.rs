//! What a database's error means for an operator, and what to do about it.

use std::io::ErrorKind;

use crate::{CatalogueError, Place};

impl CatalogueError {
    /// What to do when the database itself is damaged.
    pub(crate) fn restore_cure(place: &Place) -> String {
        match place {
            Place::File(file) => format!(
                "move {} away, with the files of the same name that end in -wal and -shm; then `ays catalogue restore \
                 FILE` takes over what `ays catalogue backup` wrote. docs/recovery.md says what helps without a backup",
                file.display()
            ),
            Place::Postgres(_) => {
                "restore the database by the server's own means, or make an empty one; then `ays catalogue restore FILE` \
                 takes over what `ays catalogue backup` wrote"
                    .to_owned()
            }
        }
    }
}

/// What an error means and what to do, as the end of a message: `: its disk is full. ..`; empty where only the database's
/// own words say something.
pub(crate) fn explained(place: &Place, error: &sqlx::Error) -> String {
    let said = match place {
        Place::File(file) => of_file(place, &file.display().to_string(), error),
        Place::Postgres(_) => of_server(place, error),
    };
    said.map(|said| format!(": {said}")).unwrap_or_default()
}

fn of_file(place: &Place, file: &str, error: &sqlx::Error) -> Option<String> {
    let code = error.as_database_error()?.code()?.parse::<u32>().ok()?;
    // The kinds of an error differ in the higher bytes.
    Some(match code & 0xff {
        5 | 6 => format!(
            "another program has its file locked. `fuser {file}` names it: when it has ended, do the same again"
        ),
        8 => format!(
            "this user may not write it. Let {file} and its directory be writable, then do the same again"
        ),
        10 => format!(
            "the disk below it fails, or is full. Look at `df` and the system's log for {file}, then do the same again"
        ),
        11 | 26 => format!("its file is damaged. To go on, {}", CatalogueError::restore_cure(place)),
        13 => format!("its disk is full. Free some space where {file} is, then do the same again"),
        14 => {
            format!("{file} is no file that can be opened. Look whether its directory is there and writable")
        }
        _ => return None,
    })
}

fn of_server(place: &Place, error: &sqlx::Error) -> Option<String> {
    const AGAIN: &str = "When it is back, do the same again: it goes on from what is there";
    let code = match error {
        sqlx::Error::Io(error) => {
            return Some(match error.kind() {
                ErrorKind::ConnectionRefused | ErrorKind::NotFound => {
                    "no server answers there. Start it, or correct the address in the setting `database`"
                        .to_owned()
                }
                _ => format!("the server went away. {AGAIN}"),
            });
        }
        sqlx::Error::PoolTimedOut => return Some(format!("the server does not answer. {AGAIN}")),
        error => error.as_database_error()?.code()?.into_owned(),
    };
    Some(match code.as_str() {
        "57P01" | "57P02" | "57P03" => format!("the server stops or starts just now. {AGAIN}"),
        "53100" => "the server's disk is full. Free some space there, then do the same again".to_owned(),
        "53300" => {
            "the server lets no further connection in (max_connections). Do the same again later".to_owned()
        }
        "25006" => {
            "the database takes no writes: it is a standby, or is set to default_transaction_read_only. Name \
                    the one that is written to in the setting `database`, or let this one be written"
                .to_owned()
        }
        "3D000" => {
            "the server has no such database. `createdb` makes it; its tables come by themselves".to_owned()
        }
        "42501" => {
            "this user may not do that there. Let it own the database, or its schema public".to_owned()
        }
        "XX001" | "XX002" => {
            format!(
                "the server says that its files are damaged. To go on, {}",
                CatalogueError::restore_cure(place)
            )
        }
        _ => return None,
    })
}
