//! A web server that remembers what it was told.

use std::{
    io::{BufRead, BufReader, Write},
    net::{SocketAddr, TcpListener},
    sync::{Arc, Mutex},
    thread,
};

/// It gives everybody the same answer, and closes; a proxy is one that is asked for whole addresses.
pub struct Listener {
    address: SocketAddr,
    heads: Arc<Mutex<Vec<String>>>,
}

impl Listener {
    /// At an address and port of the lab; 0: any port.
    pub fn start(address: &str, port: u16, answer: String) -> Self {
        let listener = TcpListener::bind((address, port)).unwrap();
        let address = listener.local_addr().unwrap();
        let heads = Arc::new(Mutex::new(Vec::new()));
        let told = Arc::clone(&heads);
        thread::spawn(move || {
            for client in listener.incoming().map_while(Result::ok) {
                let mut head = String::new();
                let mut lines = BufReader::new(&client);
                while lines.read_line(&mut head).is_ok_and(|length| length > 2) {}
                told.lock().unwrap().push(head);
                // Who asked may have gone.
                let _ = (&client).write_all(answer.as_bytes());
            }
        });
        Self { address, heads }
    }

    /// One that gives this file.
    pub fn serving(address: &str, port: u16, body: &str) -> Self {
        let answer =
            format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{body}", body.len());
        Self::start(address, port, answer)
    }

    /// `http://address:port`, without the port where it is the usual one.
    pub fn url(&self) -> String {
        match self.address.port() {
            80 => format!("http://{}", self.address.ip()),
            _ => format!("http://{}", self.address),
        }
    }

    /// The heads of all requests.
    pub fn heads(&self) -> Vec<String> {
        self.heads.lock().unwrap().clone()
    }

    /// How many requests came, and how many of them had a login.
    pub fn counts(&self) -> (usize, usize) {
        let heads = self.heads();
        let logins = heads.iter().filter(|head| head.to_lowercase().contains("\nauthorization: "));
        (heads.len(), logins.count())
    }
}
