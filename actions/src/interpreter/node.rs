//! Functions of the node: each becomes one action, or a few.

mod commands;
mod files;
mod packages;
mod processes;

use std::time::Duration;

use ays_grammar::Span;

use ays_model::{Fact, FileAction, FileKind, Found, NodeAction, Processes, UnitVerb};

use crate::action::{Action, Outcome};
use crate::table::Node;

use files::{all_in, is_kind, stripped};

use super::functions::Bound;
use super::heap::{File, Object, Val};
use super::text::bytes_of;
use super::{Interpreter, Stop};

impl Interpreter {
    #[expect(clippy::too_many_lines, reason = "one line or two for each function of the node")]
    pub(super) async fn node(&mut self, does: Node, bound: Bound, span: Span) -> Result<Val, Stop> {
        let bound = &bound;
        match does {
            Node::Execute(answer) => {
                let execute = self.command(bound);
                let execute = self.at(execute, span)?;
                self.execute(execute, answer, bound, span).await
            }
            Node::ExecuteAs(answer) => {
                let execute = self.command(bound);
                let mut execute = self.at(execute, span)?;
                execute.user = Some(self.text(bound, &["username"], span)?);
                self.execute(execute, answer, bound, span).await
            }
            Node::Popen => {
                let execute = self.command(bound);
                let execute = self.at(execute, span)?;
                let what = execute.command.to_string();
                let Outcome::Ran { stdout, .. } = self.perform(NodeAction::Execute(execute), span).await?
                else {
                    return Ok(self.unknown(format!("output of {what}")));
                };
                let file = File {
                    path: what,
                    content: Some(stdout.into()),
                    at: 0,
                    written: Vec::new(),
                    append: false,
                    dirty: false,
                    closed: false,
                };
                let file = self.heap.add(Object::File(file));
                self.at(file, span)
            }
            Node::Background => {
                let execute = self.command(bound);
                let mut execute = self.at(execute, span)?;
                execute.background = true;
                execute.timeout = None;
                self.done(NodeAction::Execute(execute), span).await
            }
            Node::Sleep => {
                let seconds = super::compare::as_float(&bound.get(&["seconds"])).unwrap_or(0.0);
                let time = Duration::try_from_secs_f64(seconds).unwrap_or_default();
                self.done(Action::Sleep(time), span).await
            }
            Node::Print => {
                let text = self.text(bound, &["msg", "message"], span)?;
                self.print(format!("{text}\n").as_bytes(), span).await?;
                Ok(Val::None)
            }
            Node::Write => {
                let text = self.text(bound, &["text"], span)?;
                self.print(text.as_bytes(), span).await?;
                Ok(Val::None)
            }
            Node::WriteFile => {
                let path = self.text(bound, &["path", "filename"], span)?;
                let content = bound.get(&["content", "contents"]);
                let content = self.heap.display(&content);
                let mut content = self.at(content, span)?;
                // `j.do.writeFile` takes the blanks before the lines of a text away.
                if bound.function == "j.do.writeFile" && !bound.is_false(&self.heap, &["strip"]) {
                    content = stripped(&content);
                }
                let append = bound.is_true(&self.heap, &["append"]);
                self.file_done(FileAction::Write { path, content, append }, span).await
            }
            Node::CreateEmptyFile => {
                let path = self.text(bound, &["filename", "paths"], span)?;
                self.file_done(FileAction::Write { path, content: Vec::new(), append: false }, span).await
            }
            Node::ReadFile => {
                let path = self.text(bound, &["filename"], span)?;
                match self.perform(NodeAction::File(FileAction::Read { path: path.clone() }), span).await? {
                    Outcome::Bytes(bytes) => {
                        let text = self.heap.bytes(&bytes);
                        self.at(text, span)
                    }
                    _ => Ok(self.unknown(format!("content of {path}"))),
                }
            }
            Node::CreateDir => {
                let path = self.text(bound, &["path", "newdir", "name"], span)?;
                self.file_done(FileAction::CreateDir { path }, span).await
            }
            Node::Exists => self.look(bound, span, |found| Val::Bool(found.is_some())).await,
            Node::IsDir => self.look(bound, span, |found| is_kind(found, FileKind::Directory)).await,
            Node::IsFile => self.look(bound, span, |found| is_kind(found, FileKind::File)).await,
            Node::IsLink => self.look(bound, span, |found| is_kind(found, FileKind::Link)).await,
            Node::Size => {
                let size = |found: Option<Found>| {
                    found.map_or(Val::Int(0), |found| Val::Int(i64::try_from(found.size).unwrap_or(i64::MAX)))
                };
                self.look(bound, span, size).await
            }
            Node::IsEmptyDir => {
                let path = self.text(bound, &["path"], span)?;
                let list = all_in(path, true, true, None);
                self.list(list, span, |paths, _| Ok(Val::Bool(paths.is_empty()))).await
            }
            Node::List { files, directories } => self.list_of(files, directories, bound, span).await,
            Node::ListNames => {
                let path = self.text(bound, &["path"], span)?;
                let names = |paths: Vec<String>, this: &mut Self| {
                    let names =
                        paths.iter().map(|path| this.heap.str(path.rsplit('/').next().unwrap_or(path)));
                    let names = names.collect::<Result<_, _>>()?;
                    this.heap.list(names)
                };
                self.list(all_in(path, true, true, None), span, names).await
            }
            Node::Glob => {
                let pattern = self.text(bound, &["pathname"], span)?;
                let (path, filter) = pattern.rsplit_once('/').unwrap_or((".", &pattern));
                let list = all_in(path.to_owned(), true, true, Some(filter.to_owned()));
                self.list(list, span, Self::texts).await
            }
            Node::Copy => self.copy(bound, span).await,
            Node::CopyTree => {
                let from = self.text(bound, &["source", "src"], span)?;
                let to = self.text(bound, &["dest", "dst"], span)?;
                if bound.is_true(&self.heap, &["deletefirst", "eraseDestination"]) {
                    self.file_done(FileAction::Remove { path: to.clone(), only_empty: false }, span).await?;
                }
                let overwrite = !bound.is_false(&self.heap, &["overwriteFiles"]);
                let keep_links = bound.is_true(&self.heap, &["keepsymlinks", "symlinks"]);
                self.file_done(FileAction::Copy { from, to, overwrite, keep_links }, span).await
            }
            Node::Move => {
                let from = self.text(bound, &["source", "src", "filePath", "dirname"], span)?;
                let to = self.text(bound, &["destin", "dst", "new_name", "newname"], span)?;
                self.file_done(FileAction::Move { from, to }, span).await
            }
            Node::Remove | Node::RemoveEmptyDir => {
                let path = self.text(bound, &["path", "filename"], span)?;
                let only_empty = does == Node::RemoveEmptyDir;
                self.file_done(FileAction::Remove { path, only_empty }, span).await
            }
            Node::Chmod { recursive } => {
                let path = self.text(bound, &["path", "root"], span)?;
                let mode = bound.int(&self.heap, &["mode", "permissions"]);
                let mode = self
                    .at(mode, span)?
                    .and_then(|mode| u32::try_from(mode).ok())
                    .filter(|mode| *mode <= 0o7777);
                let Some(mode) = mode else {
                    return Err(self.raise("ValueError", "permissions are a number such as 0644", span));
                };
                let recursive = recursive || bound.is_true(&self.heap, &["recurse"]);
                self.file_done(FileAction::Chmod { path, mode, recursive }, span).await
            }
            Node::Chown => {
                let path = self.text(bound, &["path"], span)?;
                let user = self.text(bound, &["user"], span)?;
                let group = self.text_or_none(bound, &["group"], span)?;
                let recursive = bound.is_true(&self.heap, &["recursive"]);
                self.file_done(FileAction::Chown { path, user, group, recursive }, span).await
            }
            Node::Symlink => {
                // `j.system.fs.symlink(path, target)` makes `target`, a link to `path`.
                let target = self.text(bound, &["source", "path"], span)?;
                let path = self.text(bound, &["dest", "target", "link_name"], span)?;
                let replace = bound.is_true(&self.heap, &["delete", "overwriteTarget"]);
                self.file_done(FileAction::Link { target, path, replace }, span).await
            }
            Node::SymlinkAll => self.symlink_all(bound, span).await,
            Node::ReadLink => {
                let path = self.text(bound, &["path"], span)?;
                self.text_of(NodeAction::File(FileAction::ReadLink { path }), span).await
            }
            Node::Unpack => {
                let archive = self.text(bound, &["path", "sourceFile"], span)?;
                let to = self.text(bound, &["destdir", "destinationdir"], span)?;
                self.unpack(archive, to, bound, span).await
            }
            Node::Pack => {
                let from = self.text(bound, &["sourcepath"], span)?;
                let archive = self.text(bound, &["destinationpath"], span)?;
                self.file_done(FileAction::Pack { from, archive }, span).await
            }
            Node::Download => {
                let url = self.text(bound, &["url"], span)?;
                let names = ["to", "localpath", "destination_file_path", "filename"];
                let path = self.text_or_none(bound, &names, span)?.unwrap_or_else(|| "/tmp/".to_owned());
                // Into a directory, under the name that the address has.
                let name = url.rsplit('/').next().unwrap_or_default();
                let path = if path.ends_with('/') { format!("{path}{name}") } else { path };
                let md5 = self.text_or_none(bound, &["md5_checksum"], span)?;
                let only_missing = bound.function == "j.system.net.downloadIfNonExistent";
                let overwrite = !only_missing && !bound.is_false(&self.heap, &["overwrite"]);
                let text = self.heap.str(&path);
                self.done(Action::Download { url, path, md5, overwrite }, span).await?;
                self.at(text, span)
            }
            Node::DownloadUnpack => {
                let url = self.text(bound, &["url"], span)?;
                let to = self.text(bound, &["destdir"], span)?;
                let archive = format!("/tmp/{}", url.rsplit('/').next().unwrap_or_default());
                let download = Action::Download { url, path: archive.clone(), md5: None, overwrite: true };
                self.done(download, span).await?;
                self.unpack(archive.clone(), to, bound, span).await?;
                self.file_done(FileAction::Remove { path: archive, only_empty: false }, span).await
            }
            Node::Md5 => {
                let path = self.text(bound, &["filename"], span)?;
                let output = self.run_program(&["md5sum", &path], span).await?;
                Ok(match output {
                    Some((0, output)) => {
                        let first = output.split_whitespace().next().unwrap_or_default();
                        let text = self.heap.str(first);
                        self.at(text, span)?
                    }
                    Some(_) => {
                        return Err(self.raise("RuntimeError", &format!("{path} cannot be read"), span));
                    }
                    None => self.unknown(format!("MD5 of {path}")),
                })
            }
            Node::TemporaryPath => {
                let name = self.text_or_none(bound, &["filename"], span)?;
                let path = name.unwrap_or_else(|| format!("ays-{}", self.actions));
                let text = self.heap.str(&format!("/tmp/{path}"));
                self.at(text, span)
            }
            Node::Kill => {
                let pid = self.number(bound, &["pid"], span)?;
                let signal = self.signal(bound, span)?;
                self.done(NodeAction::Kill { processes: Processes::Pid(pid), signal }, span).await
            }
            Node::KillOnPort => {
                let port = self.port(bound, span)?;
                self.done(NodeAction::Kill { processes: Processes::OnPort(port), signal: 9 }, span).await
            }
            Node::KillNamed => {
                let name = self.text(bound, &["name"], span)?;
                let signal = self.signal(bound, span)?;
                self.done(NodeAction::Kill { processes: Processes::Named(name), signal }, span).await
            }
            Node::PidsOnPort => {
                let port = self.port(bound, span)?;
                self.pids(Processes::OnPort(port), span, Self::numbers).await
            }
            Node::PidsMatching => {
                let text = self.text(bound, &["process", "filterstr"], span)?;
                self.pids(Processes::Matching(text), span, Self::numbers).await
            }
            Node::IsRunning => {
                let text = self.text(bound, &["process"], span)?;
                let least = bound.int(&self.heap, &["min"]);
                let least = self.at(least, span)?.and_then(|least| usize::try_from(least).ok()).unwrap_or(1);
                self.pids(Processes::Matching(text), span, move |pids, _| Ok(Val::Bool(pids.len() >= least)))
                    .await
            }
            Node::IsAlive => {
                let pid = self.number(bound, &["pid"], span)?;
                self.pids(Processes::Pid(pid), span, |pids, _| Ok(Val::Bool(!pids.is_empty()))).await
            }
            Node::Packages(verb) => {
                let names = self.names(&bound.get(&["packagenames", "packagename"]));
                let names = self.at(names, span)?;
                self.done(NodeAction::Packages { verb, names }, span).await
            }
            Node::InstallDeb => {
                let path = self.text(bound, &["path"], span)?;
                self.install_deb(path, span).await
            }
            Node::DownloadInstallDeb => {
                let url = self.text(bound, &["url"], span)?;
                let path = format!("/tmp/{}", url.rsplit('/').next().unwrap_or_default());
                let download = Action::Download { url, path: path.clone(), md5: None, overwrite: true };
                self.done(download, span).await?;
                self.install_deb(path.clone(), span).await?;
                if bound.is_true(&self.heap, &["removeDownloaded"]) {
                    self.file_done(FileAction::Remove { path, only_empty: false }, span).await?;
                }
                Ok(Val::None)
            }
            Node::PackageFiles => self.package_files(bound, span).await,
            Node::IsPackageInstalled => {
                let name = self.text(bound, &["pkgname"], span)?;
                let status = "-f=${db:Status-Status}";
                let output = self.run_program(&["dpkg-query", "-W", status, &name], span).await?;
                Ok(match output {
                    Some((code, output)) => Val::Bool(code == 0 && output == "installed"),
                    None => self.unknown(format!("whether {name} is installed")),
                })
            }
            Node::AddSource => {
                let line = format!("{}\n", self.text(bound, &["url"], span)?.trim());
                let path = "/etc/apt/sources.list.d/ays-recipes.list".to_owned();
                let write = FileAction::Write { path, content: line.into_bytes(), append: true };
                self.file_done(write, span).await
            }
            Node::Unit(UnitVerb::IsActive) => {
                let name = self.text(bound, &["servicename"], span)?;
                self.yes_or_no(NodeAction::Unit { verb: UnitVerb::IsActive, name }, span).await
            }
            Node::Unit(verb) => {
                let name = self.text(bound, &["servicename"], span)?;
                self.done(NodeAction::Unit { verb, name }, span).await
            }
            Node::User => {
                let name = self.text(bound, &["name", "username"], span)?;
                let mut group = self.text_or_none(bound, &["groupname"], span)?;
                if bound.is_true(&self.heap, &["creategroup"]) {
                    self.done(NodeAction::Group { name: name.clone() }, span).await?;
                    group = Some(name.clone());
                }
                let home = self.text_or_none(bound, &["home", "homedir"], span)?;
                let shell = self.text_or_none(bound, &["shell"], span)?;
                let password = self.text_or_none(bound, &["passwd"], span)?;
                self.done(NodeAction::User { name, group, home, shell, password }, span).await
            }
            Node::Group => {
                let name = self.text(bound, &["groupname"], span)?;
                self.done(NodeAction::Group { name }, span).await
            }
            Node::UserExists | Node::GroupExists => {
                let name = self.text(bound, &["username", "groupname"], span)?;
                let database = if does == Node::UserExists { "passwd" } else { "group" };
                Ok(match self.run_program(&["getent", database, &name], span).await? {
                    Some((code, _)) => Val::Bool(code == 0),
                    None => self.unknown(format!("whether {name} is in {database}")),
                })
            }
            Node::SetPassword => {
                let name = self.text(bound, &["username"], span)?;
                let password = self.text_or_none(bound, &["password"], span)?;
                let (group, home, shell) = (None, None, None);
                self.done(NodeAction::User { name, group, home, shell, password }, span).await
            }
            Node::RemoveUser => {
                let name = self.text(bound, &["username"], span)?;
                let with_home = bound.is_true(&self.heap, &["removehome"]);
                let arguments: &[&str] =
                    if with_home { &["userdel", "-r", &name] } else { &["userdel", &name] };
                self.run_program(arguments, span).await.map(|_| Val::None)
            }
            Node::PortOpen | Node::PortClosed => {
                let host = self.text(bound, &["ipaddr"], span)?;
                let port = self.port(bound, span)?;
                let seconds = super::compare::as_float(&bound.get(&["timeout"])).unwrap_or(0.0);
                let timeout = Duration::try_from_secs_f64(seconds).unwrap_or_default();
                self.yes_or_no(NodeAction::Port { host, port, open: does == Node::PortOpen, timeout }, span)
                    .await
            }
            Node::Listens => {
                let port = self.port(bound, span)?;
                self.pids(Processes::OnPort(port), span, |pids, _| Ok(Val::Bool(!pids.is_empty()))).await
            }
            Node::Fact(fact) => self.fact(fact, span).await,
            Node::Ping => {
                let host = self.text(bound, &["ip"], span)?;
                Ok(match self.run_program(&["ping", "-c", "1", "-w", "10", "--", &host], span).await? {
                    Some((code, _)) => Val::Bool(code == 0),
                    None => self.unknown(format!("whether {host} answers")),
                })
            }
            Node::Reachable => {
                let url = self.text(bound, &["url"], span)?;
                let arguments = ["curl", "-fsS", "-o", "/dev/null", "--max-time", "30", "--", &url];
                match self.run_program(&arguments, span).await? {
                    Some((0, _)) | None => Ok(Val::Bool(true)),
                    Some(_) => Err(self.raise("RuntimeError", &format!("Url {url} is unreachable"), span)),
                }
            }
            Node::ReplaceInFiles => self.replace_in_files(bound, span).await,
            Node::KeyPair => self.key_pair(bound, span).await,
            Node::GitClone => self.git_clone(bound, span).await,
        }
    }

    pub(super) fn text(&mut self, bound: &Bound, names: &[&str], span: Span) -> Result<String, Stop> {
        let text = bound.text(&self.heap, names);
        self.at(text, span)
    }

    pub(super) fn text_or_none(
        &mut self,
        bound: &Bound,
        names: &[&str],
        span: Span,
    ) -> Result<Option<String>, Stop> {
        let text = bound.text_or_none(&self.heap, names);
        self.at(text, span)
    }

    async fn file_done(&mut self, action: FileAction, span: Span) -> Result<Val, Stop> {
        self.done(NodeAction::File(action), span).await?;
        Ok(Val::None)
    }

    async fn text_of(&mut self, action: impl Into<Action>, span: Span) -> Result<Val, Stop> {
        let action = action.into();
        let what = action.to_string();
        match self.perform(action, span).await? {
            Outcome::Text(text) => {
                let text = self.heap.str(&text);
                self.at(text, span)
            }
            _ => Ok(self.unknown(what)),
        }
    }

    pub(super) async fn fact(&mut self, fact: Fact, span: Span) -> Result<Val, Stop> {
        let value = self.text_of(NodeAction::Fact(fact), span).await?;
        let Some(text) = bytes_of(&value).map(|text| String::from_utf8_lossy(text).into_owned()) else {
            return Ok(value);
        };
        let value = match fact {
            Fact::Platform => self.heap.str(&text.to_uppercase()),
            Fact::Hostname => self.heap.str(text.trim()),
            Fact::Addresses | Fact::Interfaces => {
                Self::texts(text.lines().map(str::to_owned).collect(), self)
            }
        };
        self.at(value, span)
    }
}
