//! A server of tokens: a stand-in of ours, since Distribution has none. The real Distribution judges what it gives.

use std::{
    fs,
    io::{BufRead, BufReader, Write},
    net::{TcpListener, TcpStream},
    path::PathBuf,
    sync::{Arc, Mutex},
    thread,
    time::{SystemTime, UNIX_EPOCH},
};

use base64::{
    Engine,
    engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD},
};
use serde_json::{Value, json};
use url::Url;

use super::{
    lab::{Lab, run},
    origin::Certificate,
};

/// At port 5800 of [`Lab::SOURCE`], by http: gives user `pub` with password `pub1234` a token for all that is asked for, and
/// everybody else one that is good for nothing.
pub struct TokenServer {
    seen: Arc<Mutex<Vec<String>>>,
}

struct Signer {
    work: PathBuf,
    key: PathBuf,
    certificate: String,
}

impl TokenServer {
    /// Starts it; the certificate's key signs the tokens.
    pub fn start(lab: &Lab, certificate: &Certificate) -> Self {
        let listener = TcpListener::bind((Lab::SOURCE, 5800)).unwrap();
        let pem = fs::read_to_string(certificate.certificate_file()).unwrap();
        let signer = Signer {
            work: lab.dir().to_owned(),
            key: certificate.key_file().into(),
            certificate: pem.lines().filter(|line| !line.starts_with("-----")).collect(),
        };
        let seen = Arc::new(Mutex::new(Vec::new()));
        let noted = Arc::clone(&seen);
        thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                // Who breaks off wants no answer.
                let _ = answer(stream, &signer, &noted);
            }
        });
        Self { seen }
    }

    /// Where tokens are had.
    pub fn realm(&self) -> String {
        format!("http://{}:5800/token", Lab::SOURCE)
    }

    /// The path and the login of each request.
    pub fn requests(&self) -> Vec<String> {
        self.seen.lock().unwrap().clone()
    }
}

fn answer(stream: TcpStream, signer: &Signer, seen: &Mutex<Vec<String>>) -> std::io::Result<()> {
    let mut reader = BufReader::new(stream);
    let mut head = Vec::new();
    loop {
        let mut line = String::new();
        if reader.read_line(&mut line)? == 0 || line.trim().is_empty() {
            break;
        }
        head.push(line.trim().to_owned());
    }
    let path = head[0].split(' ').nth(1).unwrap_or_default().to_owned();
    let login = head.iter().find_map(|line| {
        line.to_ascii_lowercase().starts_with("authorization: ").then(|| line[15..].to_owned())
    });
    seen.lock().unwrap().push(format!("{path} {}", login.clone().unwrap_or_default()));
    let is_known = login.is_some_and(|login| login == format!("Basic {}", STANDARD.encode("pub:pub1234")));
    let access = if is_known { asked_for(&path) } else { json!([]) };
    let body = json!({"token": signer.token(access), "expires_in": 300}).to_string();
    let mut stream = reader.into_inner();
    write!(stream, "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: {}\r\n\r\n{body}", body.len())
}

/// `scope=repository:disks/x:pull,push`, as tokens say it; there may be several.
fn asked_for(path: &str) -> Value {
    let url = Url::parse("http://tokens").unwrap().join(path).unwrap();
    let scopes = url.query_pairs().filter(|(name, _)| name == "scope");
    let access = scopes.filter_map(|(_, scope)| {
        // The name may have a colon of its own.
        let (resource, actions) = scope.rsplit_once(':')?;
        let (kind, name) = resource.split_once(':')?;
        let actions: Vec<_> = actions.split(',').collect();
        Some(json!({"type": kind, "name": name, "actions": actions}))
    });
    access.collect()
}

impl Signer {
    fn token(&self, access: Value) -> String {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs();
        let head = json!({"typ": "JWT", "alg": "RS256", "x5c": [self.certificate]});
        let says = json!({
            "iss": "tokens", "sub": "pub", "aud": "registry", "exp": now + 300, "nbf": now - 10, "iat": now,
            "jti": "1", "access": access,
        });
        let part = |value: String| URL_SAFE_NO_PAD.encode(value);
        let text = format!("{}.{}", part(head.to_string()), part(says.to_string()));
        let (unsigned, signature) = (self.work.join("token"), self.work.join("token.sig"));
        fs::write(&unsigned, &text).unwrap();
        let [key, unsigned, place] = [&self.key, &unsigned, &signature].map(|path| path.to_str().unwrap());
        run("openssl", &["dgst", "-sha256", "-sign", key, "-out", place, unsigned]);
        format!("{text}.{}", URL_SAFE_NO_PAD.encode(fs::read(&signature).unwrap()))
    }
}
