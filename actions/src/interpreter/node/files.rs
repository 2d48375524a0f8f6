//! Files and directories of the node.

use ays_grammar::Span;
use ays_model::{FileAction, FileKind, Found, NodeAction};

use crate::action::Outcome;
use crate::interpreter::functions::Bound;
use crate::interpreter::heap::{Fault, Val};
use crate::interpreter::{Interpreter, Stop};

impl Interpreter {
    pub(super) async fn look(
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

    pub(super) async fn list(
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

    pub(super) fn texts(paths: Vec<String>, this: &mut Self) -> Result<Val, Fault> {
        let texts = paths.iter().map(|path| this.heap.str(path)).collect::<Result<_, _>>()?;
        this.heap.list(texts)
    }

    pub(super) async fn list_of(
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

    pub(super) async fn copy(&mut self, bound: &Bound, span: Span) -> Result<Val, Stop> {
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

    pub(super) async fn symlink_all(&mut self, bound: &Bound, span: Span) -> Result<Val, Stop> {
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

    pub(super) async fn unpack(
        &mut self,
        archive: String,
        to: String,
        bound: &Bound,
        span: Span,
    ) -> Result<Val, Stop> {
        let clean = bound.is_true(&self.heap, &["deleteDestFirst", "removeDestinationdir"]);
        self.file_done(FileAction::Unpack { archive: archive.clone(), to, clean }, span).await?;
        if bound.function == "j.do.expandTarGz" && bound.is_true(&self.heap, &["deleteSourceAfter"]) {
            self.file_done(FileAction::Remove { path: archive, only_empty: false }, span).await?;
        }
        Ok(Val::None)
    }

    pub(super) async fn replace_in_files(&mut self, bound: &Bound, span: Span) -> Result<Val, Stop> {
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
}

pub(super) fn all_in(path: String, files: bool, directories: bool, filter: Option<String>) -> FileAction {
    FileAction::List { path, recursive: false, files, directories, filter }
}

pub(super) fn is_kind(found: Option<Found>, kind: FileKind) -> Val {
    Val::Bool(found.is_some_and(|found| found.kind == kind))
}

/// A text of several lines without the blanks that all its lines begin with.
pub(super) fn stripped(content: &[u8]) -> Vec<u8> {
    let Ok(text) = std::str::from_utf8(content) else { return content.to_vec() };
    let blanks = |line: &&str| line.len() - line.trim_start_matches(' ').len();
    let filled = || text.split('\n').filter(|line| !line.trim().is_empty());
    let margin = filled().map(|line| blanks(&line)).min().unwrap_or(0);
    let lines = text.split('\n').map(|line| line.get(margin.min(blanks(&line))..).unwrap_or_default());
    lines.collect::<Vec<_>>().join("\n").into_bytes()
}
