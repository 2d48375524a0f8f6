//! `open`: a file of the node, read as a whole, or written as a whole when it is closed.

use std::sync::Arc;

use ays_grammar::Span;

use ays_model::{FileAction, NodeAction};

use crate::action::Outcome;

use super::args::Args;
use super::heap::{File, Id, Object, Val};
use super::sequences::index_of;
use super::text::bytes_of;
use super::{Interpreter, Stop};

impl Interpreter {
    pub(super) async fn open(&mut self, args: &Args, span: Span) -> Result<Val, Stop> {
        let (path, mode) = (args.or(0, "name", &Val::None), args.or(1, "mode", &Val::None));
        if let Val::Unknown(text) = path {
            return Ok(Val::Unknown(Arc::clone(text)));
        }
        let text = |value: &Val| bytes_of(value).map(|bytes| String::from_utf8_lossy(bytes).into_owned());
        let (Some(path), mode) = (text(path), text(mode).unwrap_or_else(|| "r".to_owned())) else {
            return Err(self.raise("TypeError", "coercing to Unicode: need string or buffer", span));
        };
        let mut file = File {
            path: path.clone(),
            content: None,
            at: 0,
            written: Vec::new(),
            append: mode.starts_with('a'),
            dirty: false,
            closed: false,
        };
        if mode.contains('+') {
            return Err(self.unsupported(span, "a file that is read and written at once"));
        }
        if mode.starts_with('r') {
            match self.perform(NodeAction::File(FileAction::Read { path: path.clone() }), span).await {
                Ok(Outcome::Bytes(bytes)) => {
                    let charged = self.heap.charge(bytes.len());
                    self.at(charged, span)?;
                    file.content = Some(bytes.into());
                }
                Ok(_) => return Ok(Val::Unknown(format!("<content of {path}>").into())),
                Err(Stop::Raised(exception, span)) => {
                    let why = self.heap.display(&exception).unwrap_or_default();
                    let (why, path) = (self.heap.bytes(&why), self.heap.str(&path));
                    let args = vec![Val::Int(2), self.at(why, span)?, self.at(path, span)?];
                    return Err(self.raise_with("IOError", args, span));
                }
                Err(stop) => return Err(stop),
            }
        } else {
            file.dirty = true;
        }
        let file = self.heap.add(Object::File(file));
        self.at(file, span)
    }

    fn file(&mut self, id: Id) -> Option<&mut File> {
        match self.heap.get_mut(id) {
            Object::File(file) => Some(file),
            _ => None,
        }
    }

    pub(super) fn write_file(&mut self, id: Id, bytes: &[u8], span: Span) -> Result<(), Stop> {
        let charged = self.heap.charge(bytes.len());
        self.at(charged, span)?;
        match self.file(id) {
            Some(file) if file.closed => Err(self.raise("ValueError", "I/O operation on closed file", span)),
            Some(file) if file.content.is_none() => {
                file.written.extend_from_slice(bytes);
                file.dirty = true;
                Ok(())
            }
            _ => Err(self.raise("IOError", "File not open for writing", span)),
        }
    }

    pub(super) async fn close_file(&mut self, id: Id, span: Span) -> Result<(), Stop> {
        self.flush_file(id, span).await?;
        if let Some(file) = self.file(id) {
            file.closed = true;
        }
        Ok(())
    }

    /// Writes what was not written yet, so that what comes next finds it.
    pub(super) async fn flush_files(&mut self, span: Span) -> Result<(), Stop> {
        let dirty = self.heap.dirty_files();
        for id in self.at(dirty, span)? {
            self.flush_file(id, span).await?;
        }
        Ok(())
    }

    async fn flush_file(&mut self, id: Id, span: Span) -> Result<(), Stop> {
        let Some(file) = self.file(id) else { return Ok(()) };
        if !file.dirty {
            return Ok(());
        }
        let (path, content, append) = (file.path.clone(), std::mem::take(&mut file.written), file.append);
        // What is written later goes behind it.
        (file.dirty, file.append) = (false, true);
        self.ask(NodeAction::File(FileAction::Write { path, content, append }), span).await.map(|_| ())
    }

    pub(super) async fn file_method(
        &mut self,
        id: Id,
        name: &str,
        args: &Args,
        span: Span,
    ) -> Result<Val, Stop> {
        match name {
            "close" => {
                self.close_file(id, span).await?;
                return Ok(Val::None);
            }
            "flush" => {
                self.flush_file(id, span).await?;
                return Ok(Val::None);
            }
            "write" => {
                let value = args.needed(0, name).cloned();
                let value = self.at(value, span)?;
                let text = self.heap.display(&value);
                let text = self.at(text, span)?;
                self.write_file(id, &text, span)?;
                return Ok(Val::None);
            }
            "writelines" => {
                let lines = args.needed(0, name).cloned();
                let lines = self.at(lines, span)?;
                for line in self.iterate(&lines, span).await? {
                    let text = bytes_of(&line).unwrap_or_default().to_vec();
                    self.write_file(id, &text, span)?;
                }
                return Ok(Val::None);
            }
            _ => {}
        }
        let most = args.at(0).and_then(index_of).and_then(|count| usize::try_from(count).ok());
        let Some(file) = self.file(id) else { return Ok(Val::None) };
        if file.closed {
            return Err(self.raise("ValueError", "I/O operation on closed file", span));
        }
        let content = file.content.clone().unwrap_or_default();
        let rest = content.get(file.at..).unwrap_or_default();
        let part = match name {
            "read" => &rest[..rest.len().min(most.unwrap_or(usize::MAX))],
            "readline" => rest.split_inclusive(|byte| *byte == b'\n').next().unwrap_or_default(),
            "readlines" | "xreadlines" => {
                let lines = self.heap.items(&Val::Ref(id)).and_then(|lines| self.heap.list(lines));
                return self.at(lines, span);
            }
            _ => {
                let error = self.no_attribute(&Val::Ref(id), name);
                return Err(self.stop(error, span));
            }
        };
        file.at += part.len();
        let part = self.heap.bytes(part);
        self.at(part, span)
    }
}
