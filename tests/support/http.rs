//! Requests of the tests' own, by curl.

use std::{path::Path, process::Command};

use serde_json::Value;

/// What a server answered.
#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    /// The lines of its head, without the first.
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
}

impl Answer {
    /// The value of a header, whose name is in lower case.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|header| header.0 == name).map(|header| header.1.as_str())
    }

    /// The body, which is JSON.
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|error| panic!("{error}: {}", self.text()))
    }

    /// The body, which is text.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// The same, when the request succeeded.
    pub fn expect_success(self) -> Self {
        assert!((200..300).contains(&self.status), "{}: {}", self.status, self.text());
        self
    }
}

/// One request; `more` is for curl, and what the request has beside its address.
pub fn request(method: &str, url: &str, more: &[&str]) -> Answer {
    let mut curl = Command::new("curl");
    curl.args(["-sS", "-m", "30", "-X", method, "-i"]).args(more).arg(url);
    let output = curl.output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{curl:?}: {said}");
    answer(&output.stdout)
}

/// One request with a body of JSON.
pub fn send_json(method: &str, url: &str, body: &Value, more: &[&str]) -> Answer {
    let body = body.to_string();
    let json = ["-H", "Content-Type: application/json", "--data-binary", &body];
    request(method, url, &[&json[..], more].concat())
}

/// Gets a file, which may be large; gives the status.
pub fn download(url: &str, more: &[&str], to: &Path) -> u16 {
    let mut curl = Command::new("curl");
    curl.args(["-sS", "-m", "120", "-w", "%{http_code}", "-o"]).arg(to).args(more).arg(url);
    super::lab::output(&mut curl).parse().unwrap()
}

fn answer(mut bytes: &[u8]) -> Answer {
    loop {
        let end = bytes.windows(4).position(|four| four == b"\r\n\r\n").expect("a head");
        let head = String::from_utf8_lossy(&bytes[..end]).into_owned();
        bytes = &bytes[end + 4..];
        let mut lines = head.lines();
        let first = lines.next().unwrap();
        let status = first.split(' ').nth(1).unwrap().parse().unwrap();
        // An interim answer: `100 Continue`.
        if status < 200 {
            continue;
        }
        let headers = lines
            .filter_map(|line| line.split_once(':'))
            .map(|(name, value)| (name.to_ascii_lowercase(), value.trim().to_owned()));
        return Answer { status, headers: headers.collect(), body: bytes.to_vec() };
    }
}
