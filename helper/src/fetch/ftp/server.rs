//! A server of FTP: how it is reached, and who is let in.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use ays_model::{Scheme, SecretUrl};
use ays_protocol::{Failure, Phase};
use percent_encoding::percent_decode_str;
use rustls::pki_types::ServerName;
use secrecy::{ExposeSecret, SecretString};
use tokio::net::TcpStream;
use tokio::time::{Instant, sleep, timeout};
use url::Host;

use super::control::Control;
use super::reply::Reply;
use super::stream::{Stream, Tls};
use crate::fetch::access::Access;
use crate::fetch::fault::{Fault, causes, innermost};
use crate::fetch::names::{NameError, Names};
use crate::fetch::opened::refused;
use crate::fetch::tls;

const PORT: u16 = 21;

/// Where TLS is spoken from the first byte on.
const SECURE_PORT: u16 = 990;

/// How long to wait at least before a server that has too many guests is asked again.
const WHILE_BUSY: Duration = Duration::from_millis(300);

/// When TLS begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Security {
    /// Not, unless the server lets nobody in without it.
    WhereAsked,
    /// Before the login, by AUTH (RFC 4217).
    Explicit,
    /// With the connection.
    Implicit,
}

/// A server of FTP: how it is reached, and who is let in.
#[derive(Debug)]
pub(crate) struct Server {
    pub(crate) address: SecretUrl,
    host: Host,
    port: u16,
    security: Security,
    tls: Tls,
    user: SecretString,
    password: SecretString,
    names: Names,
    pub(crate) connect: Duration,
    pub(crate) answer: Duration,
}

/// How a login ended.
enum Login {
    In(Control),
    /// More guests are let in later.
    Busy(Reply),
    /// Nobody is let in without TLS.
    WantsTls,
}

impl Server {
    pub(crate) fn new(address: &SecretUrl, access: Access<'_>) -> Result<Self, Failure> {
        let url = address.expose();
        // Of an address with `ftps` the host is not parsed yet.
        let host = url
            .host_str()
            .and_then(|host| Host::parse(host).ok())
            .ok_or_else(|| refused(address, "it has no host, or one that cannot be read"))?;
        let user = match url.username() {
            "" => "anonymous".to_owned(),
            user => decode(address, user)?,
        };
        let password = decode(address, url.password().unwrap_or("anonymous@"))?;
        let security = match address.scheme() {
            Scheme::Ftps => Security::Implicit,
            Scheme::Ftpes => Security::Explicit,
            _ => Security::WhereAsked,
        };
        let usual = if security == Security::Implicit { SECURE_PORT } else { PORT };
        let config =
            tls::config(&access.network.authorities).map_err(|error| refused(address, error.to_string()))?;
        let name = match &host {
            Host::Domain(name) => {
                ServerName::try_from(name.clone()).map_err(|error| refused(address, error.to_string()))?
            }
            Host::Ipv4(address) => ServerName::from(IpAddr::V4(*address)),
            Host::Ipv6(address) => ServerName::from(IpAddr::V6(*address)),
        };
        Ok(Self {
            address: address.clone(),
            host,
            port: url.port().unwrap_or(usual),
            security,
            tls: Tls { config: Arc::new(config), name },
            user: user.into(),
            password: password.into(),
            names: Names::new(),
            connect: access.limits.connect,
            answer: access.limits.answer,
        })
    }

    /// Logs in; a server that has too many guests is asked again until it has had time to answer.
    pub(crate) async fn log_in(&mut self) -> Result<Control, Fault> {
        let deadline = Instant::now() + self.answer;
        loop {
            let busy = match self.log_in_once().await? {
                Login::In(control) => return Ok(control),
                Login::Busy(reply) => reply,
                Login::WantsTls => {
                    // It is verified as any other, so that nothing is weaker than without.
                    self.security = Security::Explicit;
                    continue;
                }
            };
            let pause = WHILE_BUSY + WHILE_BUSY.mul_f64(fastrand::f64());
            if Instant::now() + pause > deadline {
                return Err(Fault::again(Phase::Login, self.words(&busy)));
            }
            sleep(pause).await;
        }
    }

    async fn log_in_once(&self) -> Result<Login, Fault> {
        let stream = self.reach().await?;
        let mut control = Control::new(stream).map_err(|error| Fault::again(Phase::Connect, error))?;
        if self.security == Security::Implicit {
            control = self.secure(control).await?;
        }
        let mut greeting = self.hear(Phase::Login, control.reply()).await?;
        while greeting.is_begun() {
            // 120: it is ready soon.
            greeting = self.hear(Phase::Login, control.reply()).await?;
        }
        if greeting.is_busy() {
            return Ok(Login::Busy(greeting));
        }
        if !greeting.is_done() {
            return Err(Fault::again(Phase::Login, self.words(&greeting)));
        }
        if self.security == Security::Explicit {
            control = self.begin_tls(control).await?;
        }
        let mut reply = self.ask(Phase::Login, &mut control, "USER", self.user.expose_secret()).await?;
        if matches!(reply.code, 331 | 332) {
            reply = self.ask(Phase::Login, &mut control, "PASS", self.password.expose_secret()).await?;
        }
        if !reply.is_done() {
            return self.not_in(&reply);
        }
        if control.is_secure() {
            self.protect_data(&mut control).await?;
        }
        let reply = self.ask(Phase::Answer, &mut control, "TYPE", "I").await?;
        if !reply.is_done() {
            return Err(Fault::again(Phase::Answer, self.words(&reply)));
        }
        Ok(Login::In(control))
    }

    /// What is made of an answer that is no welcome.
    fn not_in(&self, reply: &Reply) -> Result<Login, Fault> {
        if reply.is_busy() {
            Ok(Login::Busy(reply.clone()))
        } else if self.security == Security::WhereAsked && reply.wants_tls() {
            Ok(Login::WantsTls)
        } else if reply.is_passing() {
            Err(Fault::again(Phase::Login, self.words(reply)))
        } else {
            Err(self.refused(format!("the login was refused: {}", self.words(reply))))
        }
    }

    /// Asks for TLS, as the standard has it, and as servers did before it.
    async fn begin_tls(&self, mut control: Control) -> Result<Control, Fault> {
        let mut reply = self.ask(Phase::Tls, &mut control, "AUTH", "TLS").await?;
        if !accepts_tls(&reply) && !reply.is_busy() {
            reply = self.ask(Phase::Tls, &mut control, "AUTH", "SSL").await?;
        }
        if accepts_tls(&reply) {
            self.secure(control).await
        } else {
            Err(self.refused(format!("it does not begin TLS when it is asked to: {}", self.words(&reply))))
        }
    }

    /// What is sent on other connections is to be encrypted too.
    async fn protect_data(&self, control: &mut Control) -> Result<(), Fault> {
        // Without a meaning over TLS; the standard wants it first.
        self.ask(Phase::Tls, control, "PBSZ", "0").await?;
        let reply = self.ask(Phase::Tls, control, "PROT", "P").await?;
        if reply.is_done() {
            return Ok(());
        }
        Err(self.refused(format!("it does not encrypt the files that it sends: {}", self.words(&reply))))
    }

    async fn secure(&self, control: Control) -> Result<Control, Fault> {
        match timeout(self.connect, control.secure(&self.tls)).await {
            Ok(Ok(control)) => Ok(control),
            Ok(Err(error)) => Err(self.tls_fault(&error)),
            Err(_) => Err(Fault::again(Phase::Tls, format!("not done within {:?}", self.connect))),
        }
    }

    /// Encrypts a connection for data as that of the commands is.
    pub(crate) async fn protect(&self, stream: TcpStream, control: &Control) -> io::Result<Stream> {
        let stream = Stream::Plain(stream);
        if control.is_secure() { stream.secure(&self.tls).await } else { Ok(stream) }
    }

    pub(crate) fn tls_fault(&self, error: &io::Error) -> Fault {
        let cause = causes(error).find_map(|cause| cause.downcast_ref::<rustls::Error>());
        match cause {
            Some(error @ rustls::Error::InvalidCertificate(_)) => {
                Fault::unreachable(&self.address, Phase::Tls, error)
            }
            Some(rustls::Error::InvalidMessage(_)) if self.security == Security::Implicit => self.refused(
                "it does not speak TLS from the start; where TLS begins with AUTH, the address begins with ftpes:",
            ),
            _ => Fault::again(Phase::Tls, innermost(error)),
        }
    }

    /// Connects to one of the host's addresses.
    async fn reach(&self) -> Result<TcpStream, Fault> {
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

    /// Sends a command, and waits for the answer, whatever it is.
    pub(crate) async fn ask(
        &self,
        phase: Phase,
        control: &mut Control,
        command: &str,
        argument: &str,
    ) -> Result<Reply, Fault> {
        self.hear(phase, control.command(command, argument)).await
    }

    pub(crate) async fn hear(
        &self,
        phase: Phase,
        answer: impl Future<Output = io::Result<Reply>>,
    ) -> Result<Reply, Fault> {
        match timeout(self.answer, answer).await {
            Ok(Ok(reply)) => Ok(reply),
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

    /// The fault of an answer that refuses a file.
    pub(crate) fn refusal(&self, reply: &Reply) -> Fault {
        if reply.is_passing() {
            Fault::again(Phase::Answer, self.words(reply))
        } else {
            self.refused(self.words(reply))
        }
    }

    fn refused(&self, reason: impl Into<String>) -> Fault {
        Fault::Final(refused(&self.address, reason))
    }

    /// The server's words without the login, which some servers repeat.
    fn words(&self, reply: &Reply) -> String {
        let mut words = reply.text.clone();
        for secret in [&self.password, &self.user] {
            if !secret.expose_secret().is_empty() {
                words = words.replace(secret.expose_secret(), "***");
            }
        }
        words
    }
}

/// 334 is what a server says that wants more than TLS needs.
fn accepts_tls(reply: &Reply) -> bool {
    matches!(reply.code, 234 | 334)
}

/// Percent-decoded. A line break in it would become a command of its own.
pub(crate) fn decode(address: &SecretUrl, text: &str) -> Result<String, Failure> {
    let text = percent_decode_str(text)
        .decode_utf8()
        .map_err(|_| refused(address, "its login or path is not UTF-8"))?;
    if text.contains(char::is_control) {
        return Err(refused(address, "its login or path holds a control character"));
    }
    Ok(text.into_owned())
}
