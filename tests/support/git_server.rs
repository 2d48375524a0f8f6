//! git over https: nginx before git's own server side.

use std::{
    fs,
    io::{self, BufRead, BufReader, Write},
    net::{Shutdown, SocketAddr, TcpListener, TcpStream},
    path::{Path, PathBuf},
    process::{Child, Stdio},
    sync::mpsc,
    thread,
};

use super::lab::{Lab, mortal, run};

/// At https://[`Lab::SOURCE`]`/git/` it serves the bare repositories of the lab to the users `pub` and `git` with the
/// password `pub1234`; `/moved/` leads to the same at [`Lab::CONTROLLER`].
pub struct GitServer {
    work: PathBuf,
    children: [Child; 2],
}

impl GitServer {
    /// Starts it.
    pub fn start(lab: &Lab) -> Self {
        let work = lab.dir().join("git-server");
        fs::create_dir(&work).unwrap();
        let hash = run("openssl", &["passwd", "-apr1", "-salt", "ays", "pub1234"]);
        fs::write(work.join("users"), format!("pub:{hash}git:{hash}")).unwrap();
        let file = |name: &str| work.join(name).to_str().unwrap().to_owned();
        let (key, certificate, socket) = (file("key"), file("certificate"), file("socket"));
        let names = format!("subjectAltName=IP:{},IP:{}", Lab::SOURCE, Lab::CONTROLLER);
        let make =
            ["req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=git", "-addext"];
        run("openssl", &[&make[..], &[&names, "-keyout", &key, "-out", &certificate]].concat());
        // More than one process would be children of it, which the kernel does not kill with it.
        let backend = mortal("/usr/sbin/fcgiwrap")
            .args(["-c", "1", "-s", &format!("unix:{socket}")])
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("fcgiwrap");
        let git = format!(
            "location ~ ^/git(/.*)$ {{ auth_basic git; auth_basic_user_file {users}; client_max_body_size 0;\n\
             fastcgi_param SCRIPT_FILENAME /usr/lib/git-core/git-http-backend; fastcgi_param PATH_INFO $1;\n\
             fastcgi_param GIT_PROJECT_ROOT {root}; fastcgi_param GIT_HTTP_EXPORT_ALL 1;\n\
             fastcgi_param REMOTE_USER $remote_user; fastcgi_param QUERY_STRING $query_string;\n\
             fastcgi_param REQUEST_METHOD $request_method; fastcgi_param CONTENT_TYPE $content_type;\n\
             fastcgi_param CONTENT_LENGTH $content_length; fastcgi_pass unix:{socket}; }}\n",
            users = file("users"),
            root = lab.dir().display(),
        );
        let source = Lab::SOURCE;
        let controller = Lab::CONTROLLER;
        let configuration = format!(
            "daemon off; master_process off; user root; pid {work}/pid; error_log stderr notice;\n\
             events {{ worker_connections 64; }}\n\
             http {{ log_format login '$server_addr:$server_port $uri $http_authorization';\n\
             access_log {work}/requests login;\n\
             client_body_temp_path {work}/a; proxy_temp_path {work}/b; fastcgi_temp_path {work}/c;\n\
             uwsgi_temp_path {work}/d; scgi_temp_path {work}/e;\n\
             ssl_certificate {certificate}; ssl_certificate_key {key};\n\
             server {{ listen {source}:443 ssl; {git}\n\
             location ~ ^/moved(/.*)$ {{ return 301 https://{controller}/git$1$is_args$args; }} }}\n\
             server {{ listen {controller}:443 ssl; {git} }} }}\n",
            work = work.display(),
        );
        let path = file("nginx.conf");
        fs::write(&path, configuration).unwrap();
        let mut nginx = mortal("/usr/sbin/nginx")
            .args(["-e", "stderr", "-c", &path])
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .expect("nginx");
        let mut lines = BufReader::new(nginx.stderr.take().unwrap()).lines().map_while(Result::ok);
        let mut said = Vec::new();
        // It logs the event method after its sockets listen.
        while !said.last().is_some_and(|line: &String| line.contains("event method")) {
            said.push(lines.next().unwrap_or_else(|| panic!("nginx did not start: {said:?}")));
        }
        thread::spawn(move || lines.for_each(drop));
        Self { work, children: [nginx, backend] }
    }

    /// The certificate to be trusted.
    pub fn certificate(&self) -> PathBuf {
        self.work.join("certificate")
    }

    /// What was asked of this place (`address:port`): the path and the login of each request.
    pub fn requests(&self, place: &str) -> Vec<String> {
        let log = fs::read_to_string(self.work.join("requests")).unwrap_or_default();
        let of_place = log.lines().filter_map(|line| line.strip_prefix(place));
        of_place.map(|rest| rest.trim().to_owned()).collect()
    }

    /// Lets pushes to a bare repository in.
    pub fn accept_pushes(repository: &Path) {
        run("git", &["-C", repository.to_str().unwrap(), "config", "http.receivepack", "true"]);
    }
}

impl Drop for GitServer {
    fn drop(&mut self) {
        for child in &mut self.children {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

/// A proxy at [`Lab::CONTROLLER`], which gives on what was asked of it: `CONNECT 10.199.0.2:443 HTTP/1.1`.
pub fn proxy() -> (SocketAddr, mpsc::Receiver<String>) {
    let listener = TcpListener::bind((Lab::CONTROLLER, 0)).unwrap();
    let address = listener.local_addr().unwrap();
    let (sender, asked) = mpsc::channel();
    thread::spawn(move || {
        for client in listener.incoming().map_while(Result::ok) {
            let mut reader = BufReader::new(client.try_clone().unwrap());
            let mut first = String::new();
            reader.read_line(&mut first).unwrap();
            let mut line = String::new();
            while reader.read_line(&mut line).unwrap() > 2 {
                line.clear();
            }
            let mut server = TcpStream::connect(first.split(' ').nth(1).unwrap()).unwrap();
            // The test may have ended.
            let _ = sender.send(first.trim().to_owned());
            let (mut back, mut answers) = (client.try_clone().unwrap(), server.try_clone().unwrap());
            back.write_all(b"HTTP/1.1 200 OK\r\n\r\n").unwrap();
            thread::spawn(move || {
                let _ = io::copy(&mut answers, &mut back);
                let _ = back.shutdown(Shutdown::Both);
            });
            thread::spawn(move || {
                let _ = io::copy(&mut reader, &mut server);
                let _ = server.shutdown(Shutdown::Write);
            });
        }
    });
    (address, asked)
}
