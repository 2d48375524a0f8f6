//! `prepareLocal` and `configureLocal`: the methods that run on this machine. They see nothing of it but a directory of their
//! service's on the node, which is `/` to them: no path and no link leads out of it, no command is run.

use std::io;
use std::path::{Component, Path, PathBuf};

use ays_actions::Action;
use ays_model::{FileAction, FileKind, Found, NodeAction, NodeAnswer};
use cap_std::ambient_authority;
use cap_std::fs::{Dir, FileType, Metadata, PermissionsExt as _};

/// What such a method may not do.
pub(crate) const NOT_HERE: &str =
    "it runs on the controller, where it can use files of the service's own directory alone";

/// The directory of all of their directories, beside that of the runs' logs.
pub(crate) const LOCAL: &str = "local";

/// Whether a method runs on this machine.
pub(crate) fn is_local(method: &str) -> bool {
    matches!(method, "prepareLocal" | "configureLocal")
}

/// Whether such a method may ask for this.
pub(crate) fn may(action: &Action) -> bool {
    match action {
        Action::Download { .. } => false,
        Action::Node(NodeAction::File(action)) => !matches!(
            action,
            FileAction::Link { .. }
                | FileAction::ReadLink { .. }
                | FileAction::Chown { .. }
                | FileAction::Unpack { .. }
                | FileAction::Pack { .. }
        ),
        Action::Node(_) => false,
        _ => true,
    }
}

/// The directory of a service on a node below that of all of them.
pub(crate) fn directory(all: &Path, service: &str, node: &str) -> PathBuf {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    let plain: String = node.chars().map(|c| if is_plain(c) { c } else { '-' }).collect();
    all.join(service).join(format!("on-{plain}"))
}

/// Does an action in such a directory, which is made where it is not there.
pub(crate) fn act(directory: &Path, action: &NodeAction) -> NodeAnswer {
    let NodeAction::File(action) = action else { return NodeAnswer::Failed(NOT_HERE.to_owned()) };
    let done = std::fs::create_dir_all(directory)
        .and_then(|()| Dir::open_ambient_dir(directory, ambient_authority()))
        .map_err(|error| error.to_string())
        .and_then(|dir| file_action(&dir, action));
    done.unwrap_or_else(NodeAnswer::Failed)
}

fn file_action(dir: &Dir, action: &FileAction) -> Result<NodeAnswer, String> {
    let at = |path: &str| {
        let path = path.to_owned();
        move |error: io::Error| format!("{path}: {error}")
    };
    match action {
        FileAction::Look { path, follow } => {
            let below = below(path)?;
            let found = if *follow { dir.metadata(&below) } else { dir.symlink_metadata(&below) };
            match found {
                Ok(found) => Ok(NodeAnswer::Found(Some(found_of(&found)))),
                Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(NodeAnswer::Found(None)),
                Err(error) => Err(at(path)(error)),
            }
        }
        FileAction::Read { path } => dir.read(below(path)?).map(NodeAnswer::Bytes).map_err(at(path)),
        FileAction::Write { path, content, append } => {
            let file = below(path)?;
            let mut all =
                if *append && dir.exists(&file) { dir.read(&file).map_err(at(path))? } else { Vec::new() };
            all.extend_from_slice(content);
            // It has all of its bytes before it has its name.
            let name = file.file_name().ok_or_else(|| format!("{path}: it is a directory"))?;
            let part = file.with_file_name(format!(".{}.ays-part", name.display()));
            dir.write(&part, all).and_then(|()| dir.rename(&part, dir, &file)).map_err(at(path))?;
            Ok(NodeAnswer::Done)
        }
        FileAction::CreateDir { path } => {
            dir.create_dir_all(below(path)?).map_err(at(path))?;
            Ok(NodeAnswer::Done)
        }
        FileAction::List { path, recursive, files, directories, filter } => {
            let pattern = filter.as_deref().map(glob::Pattern::new).transpose();
            let pattern = pattern.map_err(|error| format!("{path}: {error}"))?;
            let mut found = Vec::new();
            list(dir, &below(path)?, *recursive, &mut found).map_err(at(path))?;
            found.retain(|(path, kind)| {
                let name = path.file_name().map(|name| name.display().to_string()).unwrap_or_default();
                (if kind.is_dir() { *directories } else { *files })
                    && pattern.as_ref().is_none_or(|pattern| pattern.matches(&name))
            });
            let mut paths: Vec<_> = found.iter().map(|(path, _)| format!("/{}", path.display())).collect();
            paths.sort();
            Ok(NodeAnswer::Paths(paths))
        }
        FileAction::Copy { from, to, overwrite, .. } => {
            let (from_below, mut to_below) = (below(from)?, below(to)?);
            let is_tree = dir.metadata(&from_below).map_err(at(from))?.is_dir();
            if let (false, Some(name)) = (is_tree, from_below.file_name())
                && dir.is_dir(&to_below)
            {
                to_below = to_below.join(name);
            }
            copy(dir, &from_below, &to_below, *overwrite).map_err(at(from))?;
            Ok(NodeAnswer::Done)
        }
        FileAction::Move { from, to } => {
            dir.rename(below(from)?, dir, below(to)?).map_err(at(from))?;
            Ok(NodeAnswer::Done)
        }
        FileAction::Remove { path, only_empty } => {
            let below = below(path)?;
            let removed = match dir.symlink_metadata(&below) {
                Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
                Err(error) => Err(error),
                Ok(found) if !found.is_dir() => dir.remove_file(&below),
                Ok(_) if *only_empty => dir.remove_dir(&below),
                Ok(_) => dir.remove_dir_all(&below),
            };
            removed.map_err(at(path))?;
            Ok(NodeAnswer::Done)
        }
        FileAction::Chmod { path, mode, .. } => {
            let mode = cap_std::fs::Permissions::from_mode(mode & 0o777);
            dir.set_permissions(below(path)?, mode).map_err(at(path))?;
            Ok(NodeAnswer::Done)
        }
        FileAction::Link { .. }
        | FileAction::ReadLink { .. }
        | FileAction::Chown { .. }
        | FileAction::Unpack { .. }
        | FileAction::Pack { .. } => Err(NOT_HERE.to_owned()),
    }
}

/// A path of the method, below the directory.
fn below(path: &str) -> Result<PathBuf, String> {
    let path = Path::new(path);
    if !path.is_absolute() {
        return Err(format!("{}: the path is not absolute", path.display()));
    }
    let mut below = PathBuf::new();
    for part in path.components() {
        match part {
            Component::Normal(part) => below.push(part),
            Component::ParentDir => return Err(format!("{}: the path goes up with `..`", path.display())),
            Component::RootDir | Component::CurDir | Component::Prefix(_) => {}
        }
    }
    Ok(if below.as_os_str().is_empty() { PathBuf::from(".") } else { below })
}

fn found_of(found: &Metadata) -> Found {
    let kind = match found.file_type() {
        kind if kind.is_file() => FileKind::File,
        kind if kind.is_dir() => FileKind::Directory,
        kind if kind.is_symlink() => FileKind::Link,
        _ => FileKind::Other,
    };
    Found { kind, size: found.len(), mode: found.permissions().mode() & 0o7777 }
}

fn list(dir: &Dir, path: &Path, recursive: bool, found: &mut Vec<(PathBuf, FileType)>) -> io::Result<()> {
    for entry in dir.read_dir(path)? {
        let entry = entry?;
        let (kind, path) = (entry.file_type()?, path.join(entry.file_name()));
        let path = path.strip_prefix(".").map(Path::to_owned).unwrap_or(path);
        if recursive && kind.is_dir() {
            list(dir, &path, recursive, found)?;
        }
        found.push((path, kind));
    }
    Ok(())
}

fn copy(dir: &Dir, from: &Path, to: &Path, overwrite: bool) -> io::Result<()> {
    if from == to {
        return Ok(());
    }
    if !dir.metadata(from)?.is_dir() {
        if overwrite || !dir.exists(to) {
            dir.copy(from, dir, to)?;
        }
        return Ok(());
    }
    if to.starts_with(from) || from == Path::new(".") {
        return Err(io::Error::other("it would be copied into itself"));
    }
    dir.create_dir_all(to)?;
    for entry in dir.read_dir(from)? {
        let name = entry?.file_name();
        copy(dir, &from.join(&name), &to.join(&name), overwrite)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(action: FileAction) -> NodeAction {
        NodeAction::File(action)
    }

    #[test]
    fn nothing_outside_of_the_directory_is_reached() {
        let outside = tempfile::tempdir().unwrap();
        std::fs::write(outside.path().join("secret"), "hunter2").unwrap();
        let inside = outside.path().join("inside");
        std::fs::create_dir(&inside).unwrap();
        // However it has come there.
        std::os::unix::fs::symlink(outside.path(), inside.join("up")).unwrap();
        std::os::unix::fs::symlink("../secret", inside.join("file")).unwrap();
        let read = |path: &str| act(&inside, &file(FileAction::Read { path: path.to_owned() }));
        for path in ["/../secret", "secret", "/up/secret", "/file", "/etc/hosts"] {
            assert!(matches!(read(path), NodeAnswer::Failed(_)), "{path}: {:?}", read(path));
        }
        let write = |path: &str| {
            let write = FileAction::Write { path: path.to_owned(), content: b"x".to_vec(), append: false };
            act(&inside, &file(write))
        };
        assert!(matches!(write("/up/new"), NodeAnswer::Failed(_)));
        // The link itself is replaced.
        assert_eq!(write("/file"), NodeAnswer::Done);
        assert_eq!(std::fs::read(outside.path().join("secret")).unwrap(), b"hunter2");
        let remove = FileAction::Remove { path: "/up".to_owned(), only_empty: false };
        assert_eq!(act(&inside, &file(remove)), NodeAnswer::Done);
        assert!(outside.path().join("secret").exists());
        let run = NodeAction::Fact(ays_model::Fact::Hostname);
        assert_eq!(act(&inside, &run), NodeAnswer::Failed(NOT_HERE.to_owned()));
    }

    #[test]
    fn files_are_written_listed_copied_and_removed() {
        let directory = tempfile::tempdir().unwrap();
        let done = |action: FileAction| assert_eq!(act(directory.path(), &file(action)), NodeAnswer::Done);
        let text = |path: &str| path.to_owned();
        done(FileAction::CreateDir { path: text("/a/b") });
        for append in [false, true] {
            done(FileAction::Write { path: text("/a/b/x.conf"), content: b"1".to_vec(), append });
        }
        done(FileAction::Copy { from: text("/a"), to: text("/c"), overwrite: true, keep_links: true });
        done(FileAction::Copy {
            from: text("/c/b/x.conf"),
            to: text("/a"),
            overwrite: true,
            keep_links: true,
        });
        done(FileAction::Move { from: text("/c"), to: text("/d") });
        done(FileAction::Chmod { path: text("/a/x.conf"), mode: 0o600, recursive: false });
        done(FileAction::Remove { path: text("/nothing"), only_empty: false });
        let list = |recursive, files, directories, filter: Option<&str>| {
            let filter = filter.map(str::to_owned);
            let list = FileAction::List { path: text("/"), recursive, files, directories, filter };
            match act(directory.path(), &file(list)) {
                NodeAnswer::Paths(paths) => paths.join(" "),
                other => format!("{other:?}"),
            }
        };
        assert_eq!(list(false, true, true, None), "/a /d");
        assert_eq!(list(true, true, false, Some("*.conf")), "/a/b/x.conf /a/x.conf /d/b/x.conf");
        let read = act(directory.path(), &file(FileAction::Read { path: text("/d/b/x.conf") }));
        assert_eq!(read, NodeAnswer::Bytes(b"11".to_vec()));
        let look = FileAction::Look { path: text("/a/x.conf"), follow: true };
        let NodeAnswer::Found(Some(found)) = act(directory.path(), &file(look)) else { panic!() };
        assert_eq!((found.kind, found.size, found.mode), (FileKind::File, 2, 0o600));
        let itself =
            FileAction::Copy { from: text("/a"), to: text("/a/b/c"), overwrite: true, keep_links: true };
        assert!(matches!(act(directory.path(), &file(itself)), NodeAnswer::Failed(_)));
    }
}
