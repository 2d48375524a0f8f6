//! `ftp`, with a login or without.

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use ays_model::SecretUrl;
use ays_protocol::{Failure, Phase};
use percent_encoding::percent_decode_str;
use secrecy::{ExposeSecret, SecretString};
use suppaftp::tokio::{AsyncFtpStream, AsyncNoTlsStream, TransferStream};
use suppaftp::types::{FileType, Response};
use suppaftp::{FtpError, Mode, Status};
use tokio::net::TcpStream;
use tokio::time::error::Elapsed;
use tokio::time::{Instant, sleep, timeout};
use url::Host;

use super::body::Body;
use super::fault::{Fault, innermost};
use super::ftp_body::FtpBody;
use super::identity::Identity;
use super::listing::MOST_NAMES;
use super::names::{NameError, Names};
use super::opened::{Opened, Resume, refused};
use crate::Limits;

const PORT: u16 = 21;

/// How long to wait at least before a server that has too many guests is asked again.
const WHILE_BUSY: Duration = Duration::from_millis(300);

/// A file on an FTP server.
#[derive(Debug)]
pub(crate) struct Ftp {
    address: SecretUrl,
    host: Host,
    port: u16,
    user: SecretString,
    password: SecretString,
    path: String,
    /// How data connections are opened; another way after one failed.
    mode: Mode,
    names: Names,
    connect: Duration,
    answer: Duration,
}

impl Ftp {
    pub(crate) fn new(address: &SecretUrl, limits: &Limits) -> Result<Self, Failure> {
        let url = address.expose();
        let host =
            url.host().map(|host| host.to_owned()).ok_or_else(|| refused(address, "it has no host"))?;
        let user = match url.username() {
            "" => "anonymous".to_owned(),
            user => decode(address, user)?,
        };
        let password = decode(address, url.password().unwrap_or("anonymous@"))?;
        // As in RFC 1738: relative to where the login leads, absolute with `%2F` or a second slash in front.
        let path = url.path().strip_prefix('/').unwrap_or(url.path());
        let path = path.split(";type=").next().unwrap_or(path);
        Ok(Self {
            address: address.clone(),
            host,
            port: url.port().unwrap_or(PORT),
            user: user.into(),
            password: password.into(),
            path: decode(address, path)?,
            mode: Mode::ExtendedPassive,
            names: Names::new(),
            connect: limits.connect,
            answer: limits.answer,
        })
    }

    pub(crate) fn address(&self) -> &SecretUrl {
        &self.address
    }

    pub(crate) async fn open(&mut self, resume: Option<&Resume>) -> Result<Opened, Fault> {
        let mut control = self.log_in().await?;
        let identity = self.identity(&mut control).await?;
        let start = match resume {
            Some(resume) if identity.may_be(&resume.identity) => resume.at,
            _ => 0,
        };
        let stream = self.retrieve(&mut control, start).await?;
        let body = FtpBody::new(stream, control, left(identity.size, start));
        Ok(Opened { identity, start, body: Body::Ftp(body) })
    }

    /// A server that knows neither SIZE nor MDTM may still have the file.
    pub(crate) async fn state(&self) -> Result<Identity, Fault> {
        let mut control = self.log_in().await?;
        match self.ask(Phase::Answer, control.size(&self.path)).await? {
            Err(reply) if reply.status == Status::FileUnavailable => Err(self.refused(&reply)),
            _ => self.identity(&mut control).await,
        }
    }

    /// What is in the directory. Only those that have a machine's listing (MLSD) tell directories from files.
    pub(crate) async fn names(mut self) -> Result<Vec<String>, Fault> {
        let mut control = self.log_in().await?;
        loop {
            control.set_mode(self.mode);
            let reply = match timeout(self.answer, control.mlsd(Some(&self.path))).await {
                // The server has the port that it names closed.
                Ok(Err(FtpError::ConnectionError(_))) if self.mode == Mode::ExtendedPassive => {
                    self.mode = Mode::Passive;
                    continue;
                }
                heard => match self.heard(Phase::Answer, heard)? {
                    Ok(lines) => {
                        return Ok(lines.iter().filter_map(|line| listed(line)).take(MOST_NAMES).collect());
                    }
                    Err(reply) => reply,
                },
            };
            if self.mode == Mode::Passive || reply.status == Status::FileUnavailable {
                return Err(self.refused(&reply));
            }
            self.mode = Mode::Passive;
        }
    }

    /// Logs in; a server that has too many guests is asked again until it has had time to answer.
    async fn log_in(&self) -> Result<AsyncFtpStream, Fault> {
        let deadline = Instant::now() + self.answer;
        loop {
            let stream = self.connect().await?;
            let busy = match self.ask(Phase::Login, AsyncFtpStream::connect_with_stream(stream)).await? {
                Ok(control) => match self.greeted(control).await? {
                    Ok(control) => return Ok(control),
                    Err(busy) => busy,
                },
                Err(reply) => reply,
            };
            let pause = WHILE_BUSY + WHILE_BUSY.mul_f64(fastrand::f64());
            if busy.status != Status::NotAvailable || Instant::now() + pause > deadline {
                return Err(Fault::again(Phase::Login, self.words(&busy)));
            }
            sleep(pause).await;
        }
    }

    /// Logs in on a connection; the inner error is that of a server that has too many guests.
    async fn greeted(&self, mut control: AsyncFtpStream) -> Result<Result<AsyncFtpStream, Response>, Fault> {
        // The data connection goes to the same server, whatever address it gives: it may not know its own.
        control.set_passive_nat_workaround(true);
        let login = control.login(self.user.expose_secret(), self.password.expose_secret());
        if let Err(reply) = self.ask(Phase::Login, login).await? {
            if reply.status == Status::NotAvailable {
                return Ok(Err(reply));
            }
            return Err(if is_passing(&reply) {
                Fault::again(Phase::Login, self.words(&reply))
            } else {
                Fault::Final(refused(&self.address, format!("the login was refused: {}", self.words(&reply))))
            });
        }
        if let Err(reply) = self.ask(Phase::Answer, control.transfer_type(FileType::Binary)).await? {
            return Err(Fault::again(Phase::Answer, self.words(&reply)));
        }
        Ok(Ok(control))
    }

    async fn connect(&self) -> Result<TcpStream, Fault> {
        let deadline = Instant::now() + self.connect;
        let addresses = match &self.host {
            Host::Ipv4(address) => vec![IpAddr::V4(*address)],
            Host::Ipv6(address) => vec![IpAddr::V6(*address)],
            Host::Domain(name) => match timeout(self.connect, self.names.addresses(name)).await {
                Ok(found) => found.map_err(|error| self.lookup_fault(&error))?,
                Err(_) => {
                    return Err(Fault::again(Phase::Lookup, format!("no answer within {:?}", self.connect)));
                }
            },
        };
        let mut reason = "the host name has no address".to_owned();
        let count = u32::try_from(addresses.len()).unwrap_or(u32::MAX);
        for (tried, address) in (0..).zip(addresses) {
            // Each address has an equal share of the time that is left.
            let share =
                deadline.saturating_duration_since(Instant::now()) / count.saturating_sub(tried).max(1);
            match timeout(share, TcpStream::connect(SocketAddr::new(address, self.port))).await {
                Ok(Ok(stream)) => return Ok(stream),
                Ok(Err(error)) => reason = error.to_string(),
                Err(_) => reason = format!("no connection within {:?}", self.connect),
            }
        }
        Err(Fault::again(Phase::Connect, reason))
    }

    /// A server that knows neither SIZE nor MDTM can still send the file.
    async fn identity(&self, control: &mut AsyncFtpStream) -> Result<Identity, Fault> {
        let size = self.ask(Phase::Answer, control.size(&self.path)).await?.ok().map(|size| size as u64);
        let modified = self.ask(Phase::Answer, control.mdtm(&self.path)).await?.ok();
        Ok(Identity {
            size,
            etag: None,
            last_modified: modified.map(|time| time.format("%Y%m%d%H%M%S").to_string()),
        })
    }

    async fn retrieve(
        &mut self,
        control: &mut AsyncFtpStream,
        start: u64,
    ) -> Result<TransferStream<AsyncNoTlsStream>, Fault> {
        let offset = usize::try_from(start).unwrap_or(usize::MAX);
        loop {
            control.set_mode(self.mode);
            // Only remembers the offset; it is sent just before the transfer's own command.
            if self.ask(Phase::Answer, control.resume_transfer(offset)).await?.is_err() {
                return Err(Fault::again(Phase::Answer, "the transfer could not be resumed"));
            }
            let reply = match timeout(self.answer, control.retr_as_stream(&self.path)).await {
                // The server has the port that it names closed.
                Ok(Err(FtpError::ConnectionError(_))) if self.mode == Mode::ExtendedPassive => {
                    self.mode = Mode::Passive;
                    continue;
                }
                heard => match self.heard(Phase::Answer, heard) {
                    Ok(Ok(stream)) => return Ok(stream),
                    Ok(Err(reply)) => reply,
                    Err(fault) => {
                        // A firewall may know only one of the two ways.
                        self.mode = other(self.mode);
                        return Err(fault);
                    }
                },
            };
            let unknown = matches!(
                reply.status,
                Status::BadCommand
                    | Status::BadArguments
                    | Status::NotImplemented
                    | Status::NotImplementedParameter
                    | Status::Unknown
            );
            // Whatever a server says to EPSV that is no refusal of the file, it may know PASV.
            if self.mode == Mode::ExtendedPassive && reply.status != Status::FileUnavailable {
                self.mode = Mode::Passive;
            } else if unknown && start > 0 {
                return Err(Fault::StartOver { phase: Phase::Answer, reason: self.words(&reply) });
            } else if is_passing(&reply) {
                return Err(Fault::again(Phase::Answer, self.words(&reply)));
            } else {
                return Err(self.refused(&reply));
            }
        }
    }

    /// Waits for an answer: the server's refusal is the inner error, everything else is a fault of the phase.
    async fn ask<T>(
        &self,
        phase: Phase,
        answer: impl Future<Output = Result<T, FtpError>>,
    ) -> Result<Result<T, Response>, Fault> {
        self.heard(phase, timeout(self.answer, answer).await)
    }

    fn heard<T>(
        &self,
        phase: Phase,
        heard: Result<Result<T, FtpError>, Elapsed>,
    ) -> Result<Result<T, Response>, Fault> {
        match heard {
            Ok(Ok(answer)) => Ok(Ok(answer)),
            Ok(Err(FtpError::UnexpectedResponse(reply))) => Ok(Err(reply)),
            // The answer to SIZE or MDTM that cannot be read is as none.
            Ok(Err(FtpError::BadResponse)) => {
                Ok(Err(Response::new(Status::Unknown, b"an answer that cannot be read".to_vec())))
            }
            Ok(Err(error)) => Err(Fault::again(phase, innermost(&error))),
            Err(_) => Err(Fault::again(phase, format!("no answer within {:?}", self.answer))),
        }
    }

    fn lookup_fault(&self, error: &NameError) -> Fault {
        match error {
            NameError::Unknown => Fault::unreachable(&self.address, Phase::Lookup, error),
            NameError::Unanswered(_) => Fault::again(Phase::Lookup, error),
        }
    }

    fn refused(&self, reply: &Response) -> Fault {
        Fault::Final(refused(&self.address, self.words(reply)))
    }

    /// The server's words without the login, which some servers repeat.
    fn words(&self, reply: &Response) -> String {
        let mut words = String::from_utf8_lossy(&reply.body).trim().replace(['\r', '\n'], " ");
        for secret in [&self.password, &self.user] {
            if !secret.expose_secret().is_empty() {
                words = words.replace(secret.expose_secret(), "***");
            }
        }
        words
    }
}

/// Percent-decoded. A line break in it would become a command of its own.
fn decode(address: &SecretUrl, text: &str) -> Result<String, Failure> {
    let text = percent_decode_str(text)
        .decode_utf8()
        .map_err(|_| refused(address, "its login or path is not UTF-8"))?;
    if text.contains(char::is_control) {
        return Err(refused(address, "its login or path holds a control character"));
    }
    Ok(text.into_owned())
}

/// The name in a line such as `type=dir;modify=20151001120000; current` (RFC 3659), with a `/` behind a directory's.
fn listed(line: &str) -> Option<String> {
    let (facts, name) = line.trim_end().split_once("; ")?;
    let kind = facts
        .split(';')
        .find_map(|fact| fact.to_ascii_lowercase().strip_prefix("type=").map(str::to_owned))?;
    let is_plain = !name.contains(['/', '\\']) && !name.contains(char::is_control);
    match kind.as_str() {
        _ if !is_plain => None,
        "file" => Some(name.to_owned()),
        "dir" => Some(format!("{name}/")),
        // A link, which may lead to either.
        kind if kind.starts_with("os.unix") => Some(format!("{name}/")),
        _ => None,
    }
}

fn left(size: Option<u64>, start: u64) -> Option<u64> {
    size.map(|size| size.saturating_sub(start))
}

fn other(mode: Mode) -> Mode {
    match mode {
        Mode::ExtendedPassive => Mode::Passive,
        Mode::Passive | Mode::Active => Mode::ExtendedPassive,
    }
}

/// Codes from 400 to 499 are for what may pass (RFC 959).
fn is_passing(reply: &Response) -> bool {
    (400..500).contains(&reply.status.code()) && reply.status != Status::InvalidCredentials
}
