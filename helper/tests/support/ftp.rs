//! A small FTP server with the faults that a test gives it.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};

#[derive(Debug, Clone)]
pub struct Faults {
    /// EPSV is known.
    pub extended: bool,
    /// Only so many bytes of a transfer come; the first number is for the first one, and so on.
    pub cuts: Vec<usize>,
    /// The end of a complete transfer is confirmed.
    pub confirms: bool,
    /// SIZE and MDTM are known.
    pub tells: bool,
    /// What is answered to some commands instead.
    pub instead: Vec<(&'static str, &'static str)>,
    /// What it says first.
    pub greeting: &'static str,
    /// Files are found by their path; otherwise by their name within the directory that was gone into.
    pub paths: bool,
    /// The size is told when a transfer begins.
    pub announces: bool,
    /// How many may be connected at once; more are told to come later.
    pub most: usize,
}

pub const GOOD: Faults = Faults {
    extended: true,
    cuts: Vec::new(),
    confirms: true,
    tells: true,
    instead: Vec::new(),
    greeting: "220 ready",
    paths: true,
    announces: false,
    most: usize::MAX,
};

/// The one file that is there, and the only login that gets it.
pub const PATH: &str = "dir/x y.img";
const NAME: &str = "x y.img";
/// A directory, and what is in it.
pub const DIRECTORY: &str = "dir/";
const LISTING: &str = "type=cdir;modify=20261120101112; .\r\ntype=dir;modify=20151001000000; 20151001\r\n\
                       Type=file;Size=17; x y.img\r\ntype=OS.unix=slink:20151001; current\r\ntype=file; a/b\r\n";
const PLAIN_LISTING: &str = "dir/20151001\r\ndir/x y.img\r\n";
pub const LOGIN: (&str, &str) = ("us:er", "p@ss");

pub struct Ftp {
    pub address: SocketAddr,
    commands: Arc<Mutex<Vec<String>>>,
}

impl Ftp {
    pub async fn start(content: Vec<u8>, faults: Faults) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let commands = Arc::new(Mutex::new(Vec::new()));
        let session =
            Session { content: content.into(), faults: faults.into(), commands: Arc::clone(&commands) };
        tokio::spawn(async move {
            let guests = Arc::new(());
            while let Ok((mut stream, _)) = listener.accept().await {
                if Arc::strong_count(&guests) > session.faults.most {
                    let _ = stream.write_all(b"421 too many connections\r\n").await;
                    continue;
                }
                let (session, guest) = (session.clone(), Arc::clone(&guests));
                tokio::spawn(async move {
                    session.serve(stream).await;
                    drop(guest);
                });
            }
        });
        Self { address, commands }
    }

    /// The commands that came, without those that are always the same.
    pub fn commands(&self) -> Vec<String> {
        let dull = ["USER", "PASS", "TYPE", "SIZE", "MDTM"];
        let commands = self.commands.lock().unwrap();
        commands.iter().filter(|command| !dull.contains(&&command[..4])).cloned().collect()
    }
}

#[derive(Clone)]
struct Session {
    content: Arc<Vec<u8>>,
    faults: Arc<Faults>,
    commands: Arc<Mutex<Vec<String>>>,
}

impl Session {
    /// Until the connection fails or is to fail.
    async fn serve(&self, stream: TcpStream) -> Option<()> {
        let mut control = BufReader::new(stream);
        control.write_all(format!("{}\r\n", self.faults.greeting).as_bytes()).await.ok()?;
        let (mut user, mut start, mut data, mut directory) = (String::new(), 0, None, String::new());
        loop {
            let mut line = String::new();
            control.read_line(&mut line).await.ok().filter(|count| *count > 0)?;
            let line = line.trim_end();
            self.commands.lock().unwrap().push(line.to_owned());
            let (command, argument) = line.split_once(' ').unwrap_or((line, ""));
            let is_there = argument == if self.faults.paths { PATH } else { NAME }
                && (self.faults.paths || directory == DIRECTORY);
            let instead = self.faults.instead.iter().find(|(known, _)| *known == command);
            let reply = match command {
                _ if instead.is_some() => instead.unwrap().1.to_owned(),
                "CWD" if !self.faults.paths => {
                    directory = format!("{argument}/");
                    "250 there".to_owned()
                }
                "USER" => {
                    user = argument.to_owned();
                    "331 password?".to_owned()
                }
                "PASS" if (user.as_str(), argument) == LOGIN => "230 welcome".to_owned(),
                "PASS" => format!("530 no {user} with {argument} here"),
                "TYPE" if argument == "I" => "200 binary".to_owned(),
                "SIZE" if self.faults.tells && is_there => format!("213 {}", self.content.len()),
                "MDTM" if self.faults.tells && is_there => "213 20261120101112".to_owned(),
                "EPSV" if self.faults.extended => {
                    let (listener, port) = listen().await;
                    data = Some(listener);
                    format!("229 extended (|||{port}|)")
                }
                "PASV" => {
                    let (listener, port) = listen().await;
                    data = Some(listener);
                    // The address is a wrong one, as behind a router.
                    format!("227 passive (10,0,0,1,{},{})", port / 256, port % 256)
                }
                "REST" => {
                    start = argument.parse().ok()?;
                    "350 from there".to_owned()
                }
                "RETR" if is_there => {
                    let size = if self.faults.announces {
                        format!(" ({} bytes)", self.content.len() - start)
                    } else {
                        String::new()
                    };
                    control.write_all(format!("150 it comes{size}\r\n").as_bytes()).await.ok()?;
                    let (mut stream, _) = data.take()?.accept().await.ok()?;
                    let rest = &self.content[std::mem::take(&mut start)..];
                    let number = self.transfers() - 1;
                    let cut = self.faults.cuts.get(number).copied();
                    stream.write_all(&rest[..cut.unwrap_or(rest.len())]).await.ok()?;
                    drop(stream);
                    if cut.is_some() || !self.faults.confirms {
                        return None;
                    }
                    "226 done".to_owned()
                }
                "MLSD" | "NLST" if argument == DIRECTORY => {
                    control.write_all(b"150 it comes\r\n").await.ok()?;
                    let (mut stream, _) = data.take()?.accept().await.ok()?;
                    let listing = if command == "MLSD" { LISTING } else { PLAIN_LISTING };
                    stream.write_all(listing.as_bytes()).await.ok()?;
                    "226 done".to_owned()
                }
                "SIZE" | "MDTM" | "RETR" | "MLSD" | "NLST" => format!("550 {argument}: no such file"),
                _ => "502 not known".to_owned(),
            };
            control.write_all(format!("{reply}\r\n").as_bytes()).await.ok()?;
        }
    }

    fn transfers(&self) -> usize {
        self.commands.lock().unwrap().iter().filter(|command| command.starts_with("RETR")).count()
    }
}

async fn listen() -> (TcpListener, u16) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    (listener, port)
}
