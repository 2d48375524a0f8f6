//! Functions of the node: each becomes one action, or a few.

use std::time::Duration;

use ays_grammar::Span;

use ays_model::{
    Command, Execute, Fact, FileAction, FileKind, Found, NodeAction, PackageVerb, Processes, UnitVerb,
};

use crate::action::{Action, Outcome};
use crate::table::{Answer, Node};

use super::functions::Bound;
use super::heap::{Fault, File, Object, Val};
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
                let text = self.text(bound, &["process"], span)?;
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

    fn number(&mut self, bound: &Bound, names: &[&str], span: Span) -> Result<u32, Stop> {
        let number = bound.int(&self.heap, names);
        let number = self.at(number, span)?.and_then(|number| u32::try_from(number).ok());
        number.ok_or_else(|| self.raise("ValueError", "a number is expected", span))
    }

    fn signal(&mut self, bound: &Bound, span: Span) -> Result<u8, Stop> {
        let signal = bound.int(&self.heap, &["sig"]);
        let signal = self.at(signal, span)?.unwrap_or(9);
        match u8::try_from(signal).ok().filter(|signal| (1..=64).contains(signal)) {
            Some(signal) => Ok(signal),
            None => Err(self.raise("ValueError", &format!("{signal} is no signal"), span)),
        }
    }

    /// A port. One that only a node can tell is 0 in a plan.
    fn port(&mut self, bound: &Bound, span: Span) -> Result<u16, Stop> {
        if matches!(bound.get(&["port"]), Val::Unknown(_)) {
            return Ok(0);
        }
        let port = bound.int(&self.heap, &["port"]);
        let port = self.at(port, span)?.unwrap_or(0);
        match u16::try_from(port) {
            Ok(port) => Ok(port),
            Err(_) => Err(self.raise("ValueError", &format!("{port} is no port"), span)),
        }
    }

    /// Names in a list, or in a text with blanks between them.
    fn names(&mut self, value: &Val) -> Result<Vec<String>, Fault> {
        let values = match value {
            Val::None => Vec::new(),
            _ if bytes_of(value).is_some() || matches!(value, Val::Unknown(_)) => vec![value.clone()],
            _ => self.heap.items(value)?,
        };
        let mut names = Vec::new();
        for value in values {
            let text = String::from_utf8_lossy(&self.heap.display(&value)?).into_owned();
            names.extend(text.split_whitespace().map(str::to_owned));
        }
        Ok(names)
    }

    fn command(&mut self, bound: &Bound) -> Result<Execute, Fault> {
        let names = ["command", "commandline", "cmd", "cmdstr", "content", "args"];
        let value = bound.get(&names);
        let command = match &value {
            Val::Ref(_) => {
                let items = self.heap.items(&value)?;
                let words = items.iter().map(|item| self.heap.display(item));
                let words = words.map(|word| word.map(|word| String::from_utf8_lossy(&word).into_owned()));
                Command::Arguments(words.collect::<Result<_, _>>()?)
            }
            _ => match bound
                .text_or_none(&self.heap, &["path"])?
                .filter(|_| bound.function == "j.do.executeBashScript")
            {
                Some(path) => Command::Arguments(vec!["bash".to_owned(), path]),
                None => Command::Shell(bound.text(&self.heap, &names)?),
            },
        };
        let mut env = Vec::new();
        if !matches!(bound.get(&["env"]), Val::None) {
            for (name, value) in self.heap.pairs_of(&bound.get(&["env"]))? {
                let text = |value: &Val| {
                    self.heap.display(value).map(|text| String::from_utf8_lossy(&text).into_owned())
                };
                env.push((text(&name)?, text(&value)?));
            }
        }
        let seconds =
            super::compare::as_float(&bound.get(&["timeout", "maxSeconds"])).filter(|seconds| *seconds > 0.0);
        Ok(Execute {
            command,
            cwd: bound.text_or_none(&self.heap, &["cwd"])?,
            env,
            user: bound.text_or_none(&self.heap, &["user"])?,
            timeout: seconds.and_then(|seconds| Duration::try_from_secs_f64(seconds).ok()),
            background: false,
        })
    }

    async fn execute(
        &mut self,
        execute: Execute,
        answer: Answer,
        bound: &Bound,
        span: Span,
    ) -> Result<Val, Stop> {
        let shown = execute.command.to_string();
        let what = shown.lines().next().unwrap_or_default().to_owned();
        let (code, stdout, stderr) = match self.perform(NodeAction::Execute(execute), span).await? {
            Outcome::Ran { code, stdout, stderr } => {
                let charged = self.heap.charge(stdout.len() + stderr.len());
                self.at(charged, span)?;
                let (stdout, stderr) = (self.heap.bytes(&stdout), self.heap.bytes(&stderr));
                (Val::Int(i64::from(code)), self.at(stdout, span)?, self.at(stderr, span)?)
            }
            // A plan shows what goes well: a command that must not fail does not.
            _ => {
                let may_fail = self.may_fail(answer, bound);
                let code = if may_fail { self.unknown(format!("exit code of {what}")) } else { Val::Int(0) };
                (code, self.unknown(format!("output of {what}")), self.unknown(format!("errors of {what}")))
            }
        };
        if let Val::Int(code) = code
            && code != 0
            && !self.may_fail(answer, bound)
        {
            let text =
                |value: &Val| String::from_utf8_lossy(bytes_of(value).unwrap_or_default()).into_owned();
            let errors = text(&stderr);
            let said = if errors.trim().is_empty() { text(&stdout) } else { errors };
            let last = said.trim().lines().last().map(|line| format!(": {line}")).unwrap_or_default();
            let message = format!("`{what}` ended with exit code {code}{last}");
            return Err(self.raise("RuntimeError", &message, span));
        }
        let values = match answer {
            Answer::Code => return Ok(code),
            Answer::Output => return Ok(stdout),
            Answer::CodeAndOutput => vec![code, stdout],
            Answer::CodeOutputErrors => vec![code, stdout, stderr],
        };
        let tuple = self.heap.tuple(values);
        self.at(tuple, span)
    }

    /// Whether a command's exit code may be another than 0.
    fn may_fail(&self, answer: Answer, bound: &Bound) -> bool {
        if bound.is_false(&self.heap, &["dieOnNonZeroExitCode", "die", "stopOnError", "dieOnError"]) {
            return true;
        }
        let only_code = ["j.do.executeInteractive", "subprocess.call"].contains(&bound.function);
        answer == Answer::Code && only_code
    }

    /// Runs a program; its exit code and output, none in a plan.
    async fn run_program(&mut self, arguments: &[&str], span: Span) -> Result<Option<(i32, String)>, Stop> {
        let execute = Execute {
            command: Command::Arguments(arguments.iter().map(|word| (*word).to_owned()).collect()),
            cwd: None,
            env: Vec::new(),
            user: None,
            timeout: None,
            background: false,
        };
        Ok(match self.perform(NodeAction::Execute(execute), span).await? {
            Outcome::Ran { code, stdout, .. } => Some((code, String::from_utf8_lossy(&stdout).into_owned())),
            _ => None,
        })
    }

    async fn look(
        &mut self,
        bound: &Bound,
        span: Span,
        value: impl Fn(Option<Found>) -> Val + Send,
    ) -> Result<Val, Stop> {
        let path = self.text(bound, &["path", "filename"], span)?;
        let is_link = bound.function == "j.do.isLink";
        let follow = !is_link && !bound.is_false(&self.heap, &["followlinks", "followSoftlink"]);
        let look = NodeAction::File(FileAction::Look { path: path.clone(), follow });
        Ok(match self.perform(look, span).await? {
            Outcome::Found(found) => value(found),
            _ => self.unknown(format!("what is at {path}")),
        })
    }

    async fn list(
        &mut self,
        list: FileAction,
        span: Span,
        value: impl FnOnce(Vec<String>, &mut Self) -> Result<Val, Fault> + Send,
    ) -> Result<Val, Stop> {
        let what = list.to_string();
        match self.perform(NodeAction::File(list), span).await? {
            Outcome::Paths(paths) => {
                let value = value(paths, self);
                self.at(value, span)
            }
            _ => Ok(self.unknown(what)),
        }
    }

    fn texts(paths: Vec<String>, this: &mut Self) -> Result<Val, Fault> {
        let texts = paths.iter().map(|path| this.heap.str(path)).collect::<Result<_, _>>()?;
        this.heap.list(texts)
    }

    async fn list_of(
        &mut self,
        files: bool,
        directories: bool,
        bound: &Bound,
        span: Span,
    ) -> Result<Val, Stop> {
        let path = self.text(bound, &["path", "root"], span)?;
        let recursive = bound.is_true(&self.heap, &["recursive", "recurse"]);
        let filter = self.text_or_none(bound, &["filter", "pattern"], span)?;
        let directories = directories || bound.is_true(&self.heap, &["return_folders"]);
        let kinds = self.text_or_none(bound, &["type"], span)?;
        let has = |kind: char, or: bool| kinds.as_ref().map_or(or, |kinds| kinds.contains(kind));
        let (files, directories) = (files && has('f', true), directories && has('d', true));
        let list = FileAction::List { path, recursive, files, directories, filter };
        if bound.is_true(&self.heap, &["dirNameOnly"]) {
            let names = |paths: Vec<String>, this: &mut Self| {
                let names = paths.iter().map(|path| this.heap.str(path.rsplit('/').next().unwrap_or(path)));
                let names = names.collect::<Result<_, _>>()?;
                this.heap.list(names)
            };
            return self.list(list, span, names).await;
        }
        self.list(list, span, Self::texts).await
    }

    async fn copy(&mut self, bound: &Bound, span: Span) -> Result<Val, Stop> {
        let from = self.text(bound, &["source", "fileFrom", "src"], span)?;
        let to = self.text(bound, &["dest", "to", "dst"], span)?;
        if bound.is_true(&self.heap, &["deletefirst"]) {
            self.file_done(FileAction::Remove { path: to.clone(), only_empty: false }, span).await?;
        }
        if bound.is_true(&self.heap, &["createDirIfNeeded"])
            && let Some((parent, _)) = to.rsplit_once('/').filter(|(parent, _)| !parent.is_empty())
        {
            self.file_done(FileAction::CreateDir { path: parent.to_owned() }, span).await?;
        }
        let skip =
            bound.is_true(&self.heap, &["skipIfExists"]) || bound.is_false(&self.heap, &["overwriteFile"]);
        let copy = FileAction::Copy { from, to: to.clone(), overwrite: !skip, keep_links: false };
        self.file_done(copy, span).await?;
        if bound.is_true(&self.heap, &["makeExecutable"]) {
            self.file_done(FileAction::Chmod { path: to, mode: 0o770, recursive: false }, span).await?;
        }
        Ok(Val::None)
    }

    async fn symlink_all(&mut self, bound: &Bound, span: Span) -> Result<Val, Stop> {
        let from = self.text(bound, &["source"], span)?;
        let to = self.text(bound, &["dest"], span)?;
        let replace = bound.is_true(&self.heap, &["delete"]);
        let list = all_in(from.clone(), true, false, None);
        let (paths, unsure) = match self.perform(NodeAction::File(list), span).await? {
            Outcome::Paths(paths) => (paths, false),
            _ => (vec![format!("{from}/*")], true),
        };
        if unsure {
            self.unsure.push(format!("<files in {from}>").into());
        }
        for target in paths {
            let name = target.rsplit('/').next().unwrap_or_default();
            let path = format!("{}/{name}", to.trim_end_matches('/'));
            self.file_done(FileAction::Link { target, path, replace }, span).await?;
        }
        if unsure {
            self.unsure.pop();
        }
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

    async fn unpack(&mut self, archive: String, to: String, bound: &Bound, span: Span) -> Result<Val, Stop> {
        let clean = bound.is_true(&self.heap, &["deleteDestFirst", "removeDestinationdir"]);
        self.file_done(FileAction::Unpack { archive: archive.clone(), to, clean }, span).await?;
        if bound.function == "j.do.expandTarGz" && bound.is_true(&self.heap, &["deleteSourceAfter"]) {
            self.file_done(FileAction::Remove { path: archive, only_empty: false }, span).await?;
        }
        Ok(Val::None)
    }

    async fn pids(
        &mut self,
        processes: Processes,
        span: Span,
        value: impl FnOnce(Vec<u32>, &mut Self) -> Result<Val, Fault> + Send,
    ) -> Result<Val, Stop> {
        let what = processes.to_string();
        match self.perform(NodeAction::Pids(processes), span).await? {
            Outcome::Pids(pids) => {
                let value = value(pids, self);
                self.at(value, span)
            }
            _ => Ok(self.unknown(what)),
        }
    }

    fn numbers(pids: Vec<u32>, this: &mut Self) -> Result<Val, Fault> {
        this.heap.list(pids.into_iter().map(|pid| Val::Int(i64::from(pid))).collect())
    }

    async fn install_deb(&mut self, path: String, span: Span) -> Result<Val, Stop> {
        // The package manager installs a path as it installs a name, with what it needs.
        self.done(NodeAction::Packages { verb: PackageVerb::Install, names: vec![path] }, span).await
    }

    async fn package_files(&mut self, bound: &Bound, span: Span) -> Result<Val, Stop> {
        let name = self.text(bound, &["pkgname"], span)?;
        let Some((_, output)) = self.run_program(&["dpkg-query", "-L", &name], span).await? else {
            return Ok(self.unknown(format!("files of package {name}")));
        };
        let pattern = self.text_or_none(bound, &["regex"], span)?;
        let fits = match pattern.map(|pattern| super::regular::compile(&pattern, "").map(|(regex, _)| regex))
        {
            Some(regex) => Some(self.at(regex, span)?),
            None => None,
        };
        let fitting = output.lines().filter(|line| match &fits {
            Some(regex) => regex.find(line).is_some_and(|found| found.start() == 0),
            None => true,
        });
        let paths = Self::texts(fitting.map(str::to_owned).collect(), self);
        self.at(paths, span)
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

    async fn replace_in_files(&mut self, bound: &Bound, span: Span) -> Result<Val, Stop> {
        let path = self.text(bound, &["path"], span)?;
        let filter = self.text_or_none(bound, &["filter"], span)?;
        let list =
            FileAction::List { path: path.clone(), recursive: true, files: true, directories: false, filter };
        let Outcome::Paths(paths) = self.perform(NodeAction::File(list), span).await? else {
            return Ok(Val::None);
        };
        for path in paths {
            let read = self.perform(NodeAction::File(FileAction::Read { path: path.clone() }), span).await?;
            let Outcome::Bytes(content) = read else { continue };
            let Ok(text) = String::from_utf8(content) else { continue };
            let replaced = self.replace_directories(&text, bound);
            let replaced = self.at(replaced, span)?;
            if replaced != text {
                let write = FileAction::Write { path, content: replaced.into_bytes(), append: false };
                self.file_done(write, span).await?;
            }
        }
        Ok(Val::None)
    }

    async fn key_pair(&mut self, bound: &Bound, span: Span) -> Result<Val, Stop> {
        let path = self.text(bound, &["path"], span)?;
        let (kind, phrase) = (self.text(bound, &["type"], span)?, self.text(bound, &["passphrase"], span)?);
        let look = NodeAction::File(FileAction::Look { path: path.clone(), follow: true });
        let is_there = matches!(self.perform(look, span).await?, Outcome::Found(Some(_)));
        if is_there && !bound.is_true(&self.heap, &["overwrite"]) {
            return Ok(Val::None);
        }
        if is_there {
            self.file_done(FileAction::Remove { path: path.clone(), only_empty: false }, span).await?;
        }
        let arguments = ["ssh-keygen", "-q", "-t", &kind, "-N", &phrase, "-f", &path];
        match self.run_program(&arguments, span).await? {
            Some((0, _)) | None => Ok(Val::None),
            Some((code, _)) => {
                Err(self.raise("RuntimeError", &format!("ssh-keygen ended with exit code {code}"), span))
            }
        }
    }

    async fn git_clone(&mut self, bound: &Bound, span: Span) -> Result<Val, Stop> {
        let url = self.text(bound, &["url"], span)?;
        let name =
            url.trim_end_matches('/').trim_end_matches(".git").rsplit(['/', ':']).next().unwrap_or_default();
        let dest =
            self.text_or_none(bound, &["dest"], span)?.unwrap_or_else(|| format!("/opt/code/git/{name}"));
        let branch = self.text_or_none(bound, &["branch"], span)?;
        let look = NodeAction::File(FileAction::Look { path: format!("{dest}/.git"), follow: true });
        let is_there = matches!(self.perform(look, span).await?, Outcome::Found(Some(_)));
        let mut arguments = if is_there {
            vec!["git", "-C", &dest, "pull", "--ff-only"]
        } else {
            vec!["git", "clone", "--depth", "1"]
        };
        if let (Some(branch), false) = (&branch, is_there) {
            arguments.extend(["--branch", branch]);
        }
        if !is_there {
            arguments.extend(["--", &url, &dest]);
        }
        match self.run_program(&arguments, span).await? {
            Some((0, _)) | None => {
                let text = self.heap.str(&dest);
                self.at(text, span)
            }
            Some((code, _)) => {
                let message = format!("git ended with exit code {code} for {url}");
                Err(self.raise("RuntimeError", &message, span))
            }
        }
    }
}

fn all_in(path: String, files: bool, directories: bool, filter: Option<String>) -> FileAction {
    FileAction::List { path, recursive: false, files, directories, filter }
}

fn is_kind(found: Option<Found>, kind: FileKind) -> Val {
    Val::Bool(found.is_some_and(|found| found.kind == kind))
}

/// A text of several lines without the blanks that all its lines begin with.
fn stripped(content: &[u8]) -> Vec<u8> {
    let Ok(text) = std::str::from_utf8(content) else { return content.to_vec() };
    let blanks = |line: &&str| line.len() - line.trim_start_matches(' ').len();
    let filled = || text.split('\n').filter(|line| !line.trim().is_empty());
    let margin = filled().map(|line| blanks(&line)).min().unwrap_or(0);
    let lines = text.split('\n').map(|line| line.get(margin.min(blanks(&line))..).unwrap_or_default());
    lines.collect::<Vec<_>>().join("\n").into_bytes()
}
