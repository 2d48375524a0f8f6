//! `ftp`, `ftps` and `ftpes`, with a login or without.

pub(crate) mod control;
mod listed;
mod reply;
mod server;
pub(crate) mod stream;

use std::net::SocketAddr;
use std::time::Duration;

use ays_model::SecretUrl;
use ays_protocol::{Failure, Phase};
use tokio::net::TcpStream;
use tokio::time::timeout;

use self::control::Control;
use self::listed::{machine_listed, plainly_listed};
use self::reply::Reply;
use self::server::{Server, decode};
use self::stream::Stream;
use super::access::Access;
use super::body::Body;
use super::fault::Fault;
use super::ftp_body::FtpBody;
use super::identity::Identity;
use super::listing::MOST_NAMES;
use super::opened::{Opened, Resume};

/// How much of a listing is read, in bytes.
const MOST_LISTING: usize = 8 << 20;

/// How long a server may take to say why it does not encrypt a connection for data.
const EXPLANATION: Duration = Duration::from_secs(2);

/// How connections for data are opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Mode {
    /// EPSV: the server names a port. Where that does not work, PASV.
    Extended,
    /// PASV, which is older: the server names an address and a port.
    Passive,
}

/// A file on an FTP server.
#[derive(Debug)]
pub(crate) struct Ftp {
    server: Server,
    path: String,
    mode: Mode,
}

/// A file whose bytes are about to come.
struct Begun {
    identity: Identity,
    start: u64,
    data: Stream,
}

/// What a data connection brings, from where, and what was said of it.
struct Data {
    stream: Stream,
    start: u64,
    reply: Reply,
}

impl Ftp {
    pub(crate) fn new(address: &SecretUrl, access: Access<'_>) -> Result<Self, Failure> {
        let path = address.expose().path();
        // As in RFC 1738: relative to where the login leads, absolute with `%2F` or a second slash in front.
        let path = path.strip_prefix('/').unwrap_or(path);
        let path = path.split(";type=").next().unwrap_or(path);
        Ok(Self { path: decode(address, path)?, server: Server::new(address, access)?, mode: Mode::Extended })
    }

    pub(crate) fn address(&self) -> &SecretUrl {
        &self.server.address
    }

    pub(crate) async fn open(&mut self, resume: Option<&Resume>) -> Result<Opened, Fault> {
        let mut control = self.server.log_in().await?;
        let begun = self.retrieve(&mut control, resume).await?;
        let left = begun.identity.size.map(|size| size.saturating_sub(begun.start));
        let body = Body::Ftp(FtpBody::new(begun.data, control, left));
        Ok(Opened { identity: begun.identity, start: begun.start, body, answered_by: None })
    }

    /// A server that tells neither size nor time, or refuses to, may still have the file: whether it would send it
    /// is seen.
    pub(crate) async fn state(&mut self) -> Result<Identity, Fault> {
        let mut control = self.server.log_in().await?;
        let path = self.path.clone();
        let identity = self.identity(&mut control, &path).await?;
        if identity != Identity::default() {
            return Ok(identity);
        }
        Ok(self.retrieve(&mut control, None).await?.identity)
    }

    /// What is in the directory. Only servers that have a machine's listing (MLSD) tell directories from files.
    pub(crate) async fn names(mut self) -> Result<Vec<String>, Fault> {
        let mut control = self.server.log_in().await?;
        let path = self.path.clone();
        let (data, read): (_, fn(&str) -> Option<String>) =
            match self.transfer(&mut control, "MLSD", &path, 0).await? {
                Ok(data) => (data, machine_listed),
                Err(reply) if !reply.is_unknown() => return Err(self.server.refusal(&reply)),
                Err(_) => match self.transfer(&mut control, "NLST", &path, 0).await? {
                    Ok(data) => (data, plainly_listed),
                    Err(reply) => return Err(self.server.refusal(&reply)),
                },
            };
        let answer = self.server.answer;
        let mut body = FtpBody::new(data.stream, control, None);
        let mut text = Vec::new();
        let mut more = true;
        while more && text.len() < MOST_LISTING {
            let mut piece = Vec::new();
            let filled = body.fill(&mut piece, MOST_LISTING, answer).await;
            text.append(&mut piece);
            // A listing is no proof of anything: what came of it serves, though nobody confirms its end.
            more = match filled {
                Ok(more) => more,
                Err(_) if !text.is_empty() => false,
                Err(fault) => return Err(fault),
            };
        }
        let text = String::from_utf8_lossy(&text);
        Ok(text.lines().filter_map(read).take(MOST_NAMES).collect())
    }

    /// Asks for the file by its path; and where that is refused, within its directory: some servers know no paths.
    async fn retrieve(&mut self, control: &mut Control, resume: Option<&Resume>) -> Result<Begun, Fault> {
        let path = self.path.clone();
        let refused = match self.retrieve_as(control, &path, resume).await? {
            Ok(begun) => return Ok(begun),
            Err(reply) => reply,
        };
        if !refused.is_passing()
            && let Some((directory, name)) = path.rsplit_once('/')
            && self.enter(control, directory).await?
            && let Ok(begun) = self.retrieve_as(control, name, resume).await?
        {
            return Ok(begun);
        }
        Err(self.server.refusal(&refused))
    }

    /// Goes into a directory, one part of its path after the other; false where it is not let in.
    async fn enter(&self, control: &mut Control, directory: &str) -> Result<bool, Fault> {
        let root = directory.starts_with('/') || directory.is_empty();
        let parts =
            root.then_some("/").into_iter().chain(directory.split('/').filter(|part| !part.is_empty()));
        for part in parts {
            if !self.server.ask(Phase::Answer, control, "CWD", part).await?.is_done() {
                return Ok(false);
            }
        }
        Ok(true)
    }

    async fn retrieve_as(
        &mut self,
        control: &mut Control,
        path: &str,
        resume: Option<&Resume>,
    ) -> Result<Result<Begun, Reply>, Fault> {
        let mut identity = self.identity(control, path).await?;
        let start = match resume {
            Some(resume) => {
                // The size may be told with the transfer alone, as it was when the first bytes came.
                identity.size = identity.size.or(resume.identity.size);
                if resume.may_be(&identity) { resume.at } else { 0 }
            }
            None => 0,
        };
        let data = match self.transfer(control, "RETR", path, start).await? {
            Ok(data) => data,
            Err(reply) => return Ok(Err(reply)),
        };
        if data.start == 0 {
            identity.size = identity.size.or_else(|| data.reply.size_of_transfer());
        }
        Ok(Ok(Begun { identity, start: data.start, data: data.stream }))
    }

    /// A server that knows neither SIZE nor MDTM can still send the file.
    async fn identity(&self, control: &mut Control, path: &str) -> Result<Identity, Fault> {
        let size = self.server.ask(Phase::Answer, control, "SIZE", path).await?.size();
        let last_modified = self.server.ask(Phase::Answer, control, "MDTM", path).await?.time();
        Ok(Identity { size, etag: None, last_modified })
    }

    /// Has the server send something from `start` on, or from the beginning where it cannot do that. The inner error
    /// is the answer that refuses it.
    async fn transfer(
        &mut self,
        control: &mut Control,
        command: &str,
        argument: &str,
        start: u64,
    ) -> Result<Result<Data, Reply>, Fault> {
        loop {
            let stream = match self.data_connection(control).await? {
                Ok(stream) => stream,
                Err(reply) => return Ok(Err(reply)),
            };
            // Just before the transfer: some servers forget it over other commands.
            let start = match start {
                0 => 0,
                start => {
                    match self.server.ask(Phase::Answer, control, "REST", &start.to_string()).await?.code {
                        350 => start,
                        _ => 0,
                    }
                }
            };
            let reply = match self.server.ask(Phase::Answer, control, command, argument).await {
                Ok(reply) => reply,
                Err(fault) => {
                    // A firewall may know only one of the two ways.
                    self.mode = other(self.mode);
                    return Err(fault);
                }
            };
            // It never saw the connection, or one from somewhere else.
            if matches!(reply.code, 425 | 426) && self.mode == Mode::Extended {
                self.mode = Mode::Passive;
                continue;
            }
            if !reply.is_begun() {
                return Ok(Err(reply));
            }
            let stream = match timeout(self.server.connect, self.server.protect(stream, control)).await {
                Ok(Ok(stream)) => stream,
                Ok(Err(error)) => {
                    return match timeout(EXPLANATION, control.reply()).await {
                        Ok(Ok(why)) if !why.is_done() => Ok(Err(why)),
                        _ => Err(self.server.tls_fault(&error)),
                    };
                }
                Err(_) => {
                    return Err(Fault::again(
                        Phase::Tls,
                        format!("not done within {:?}", self.server.connect),
                    ));
                }
            };
            return Ok(Ok(Data { stream, start, reply }));
        }
    }

    /// A connection for data goes to the host that was connected to, whatever address the server names: it may not
    /// know its own. Whatever is wrong with EPSV, the server may know PASV.
    async fn data_connection(&mut self, control: &mut Control) -> Result<Result<TcpStream, Reply>, Fault> {
        let connect = self.server.connect;
        if self.mode == Mode::Extended {
            let reply = self.server.ask(Phase::Answer, control, "EPSV", "").await?;
            if let Some(port) = reply.extended_port() {
                let address = SocketAddr::new(control.peer().ip(), port);
                // A port that a firewall keeps closed says nothing: there must be time left for the other way.
                if let Ok(Ok(stream)) = timeout(connect / 3, TcpStream::connect(address)).await {
                    return Ok(Ok(stream));
                }
            }
            self.mode = Mode::Passive;
        }
        let reply = self.server.ask(Phase::Answer, control, "PASV", "").await?;
        let Some(port) = reply.passive_port() else { return Ok(Err(reply)) };
        let address = SocketAddr::new(control.peer().ip(), port);
        let reason = match timeout(connect, TcpStream::connect(address)).await {
            Ok(Ok(stream)) => return Ok(Ok(stream)),
            Ok(Err(error)) => error.to_string(),
            Err(_) => format!("no connection within {connect:?}"),
        };
        self.mode = Mode::Extended;
        Err(Fault::again(Phase::Connect, format!("port {port}, which it named for the data: {reason}")))
    }
}

fn other(mode: Mode) -> Mode {
    match mode {
        Mode::Extended => Mode::Passive,
        Mode::Passive => Mode::Extended,
    }
}
