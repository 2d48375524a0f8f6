//! Whether the user of the machines' processes may read a pool. The kernel is asked, as that user: it alone knows what
//! lists of rights and file servers say beside the modes.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use ays_model::UserName;
use ays_protocol::Obstacle;
use rustix::fs::{Access, Gid, Uid, access};
use rustix::process::geteuid;
use rustix::thread::{set_thread_groups, set_thread_res_gid, set_thread_res_uid};
use tokio::time::timeout;

use crate::child::bound;
use crate::disk::on_thread;

/// How long a directory service may take to know a user.
const LIMIT: Duration = Duration::from_secs(10);

/// A user as the kernel knows it.
struct Person {
    uid: u32,
    /// Its own group first.
    gids: Vec<u32>,
}

/// Why a user cannot be asked for.
enum NoPerson {
    Unknown,
    NotTold(String),
}

/// What keeps a user from reading a pool, whose directory may not be there yet.
pub(crate) async fn obstacles(pool: &Path, user: &UserName) -> Vec<Obstacle> {
    let not_told = |reason| vec![Obstacle::NotTold { user: user.clone(), reason }];
    let person = match person(user).await {
        Ok(person) => person,
        Err(NoPerson::Unknown) => return vec![Obstacle::NoUser(user.clone())],
        Err(NoPerson::NotTold(reason)) => return not_told(reason),
    };
    let (path, name) = (pool.to_owned(), user.clone());
    match on_thread(move || look_as(person, path, name)).await {
        Ok(found) => found,
        Err(error) => not_told(error.to_string()),
    }
}

/// Who a user is: `id` asks the system's own way (files, a directory service), which a static program cannot load.
async fn person(user: &UserName) -> Result<Person, NoPerson> {
    let ids = async |what: &str| {
        let mut command = bound("id");
        // Its words are in English, and no option is made of the name: it does not begin with `-`.
        command.args([what, user.as_str()]).env("LC_ALL", "C").stdin(Stdio::null());
        let output = timeout(LIMIT, command.output()).await;
        let output = output.map_err(|_| NoPerson::NotTold("`id` does not answer".to_owned()))?;
        let output = output.map_err(|error| NoPerson::NotTold(format!("`id`: {error}")))?;
        let said = String::from_utf8_lossy(&output.stderr);
        if !output.status.success() {
            // coreutils: no such user; busybox: unknown user.
            let is_unknown = said.contains("no such user") || said.contains("unknown user");
            return Err(if is_unknown {
                NoPerson::Unknown
            } else {
                NoPerson::NotTold(said.trim().to_owned())
            });
        }
        let numbers = String::from_utf8_lossy(&output.stdout).into_owned();
        let numbers = numbers.split_whitespace().map(str::parse).collect::<Result<Vec<u32>, _>>();
        numbers.map_err(|_| NoPerson::NotTold("`id` does not answer with numbers".to_owned()))
    };
    let no_answer = || NoPerson::NotTold("`id` answers with nothing".to_owned());
    let uid = *ids("-u").await?.first().ok_or_else(no_answer)?;
    let own = *ids("-g").await?.first().ok_or_else(no_answer)?;
    let mut gids = vec![own];
    gids.extend(ids("-G").await?.into_iter().filter(|gid| *gid != own));
    Ok(Person { uid, gids })
}

/// A thread becomes that user, looks, and ends.
fn look_as(person: Person, pool: PathBuf, user: UserName) -> io::Result<Vec<Obstacle>> {
    let files = files(&pool)?;
    let looking = std::thread::spawn(move || {
        become_person(&person)?;
        Ok(look(&pool, &files, &user))
    });
    looking.join().unwrap_or_else(|_| Err(io::Error::other("the look at it ended early")))
}

fn become_person(Person { uid, gids }: &Person) -> io::Result<()> {
    if geteuid().as_raw() == *uid {
        return Ok(());
    }
    if !geteuid().is_root() {
        return Err(io::Error::other("only root can look at it as another user"));
    }
    let groups: Vec<Gid> = gids.iter().map(|gid| Gid::from_raw(*gid)).collect();
    let own = groups.first().copied().unwrap_or(Gid::from_raw(u32::MAX - 1));
    let uid = Uid::from_raw(*uid);
    // The kernel keeps these for each thread; the other ones go on as root.
    set_thread_groups(&groups)?;
    set_thread_res_gid(own, own, own)?;
    Ok(set_thread_res_uid(uid, uid, uid)?)
}

fn look(pool: &Path, files: &[String], user: &UserName) -> Vec<Obstacle> {
    let may = |path: &Path, what| !is_refused(access(path, what));
    let mut way: Vec<_> = pool.ancestors().collect();
    way.reverse();
    if let Some(path) = way.into_iter().find(|directory| !may(directory, Access::EXEC_OK)) {
        return vec![Obstacle::Directory { user: user.clone(), path: path.to_owned() }];
    }
    let refused = files.iter().filter(|file| !may(&pool.join(file), Access::READ_OK));
    let files: Vec<_> = refused.cloned().collect();
    if files.is_empty() { Vec::new() } else { vec![Obstacle::Files { user: user.clone(), files }] }
}

/// What is not there is made by installs, for everybody.
fn is_refused(answer: rustix::io::Result<()>) -> bool {
    matches!(answer, Err(rustix::io::Errno::ACCESS | rustix::io::Errno::PERM))
}

/// The names of what machines read of a pool; root lists them, for machines need no list.
fn files(pool: &Path) -> io::Result<Vec<String>> {
    let entries = match fs::read_dir(pool) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        entries => entries?,
    };
    let mut names = Vec::new();
    for entry in entries {
        let entry = entry?;
        let name = entry.file_name().to_string_lossy().into_owned();
        if !name.starts_with('.') && entry.file_type()?.is_file() {
            names.push(name);
        }
    }
    names.sort();
    Ok(names)
}
