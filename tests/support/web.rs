//! A web server with https, whose certificate an authority of the test's own signed.

use std::{
    fs,
    io::{BufRead, BufReader},
    path::PathBuf,
    process::{Child, Stdio},
    thread,
};

use super::lab::{Lab, mortal, run};

/// nginx at port 443 of [`Lab::SOURCE`]: everything below `/there/` wants a login, all else is not there.
pub struct SafeWeb {
    work: PathBuf,
    child: Child,
}

impl SafeWeb {
    /// Starts it.
    pub fn start(lab: &Lab) -> Self {
        let work = lab.dir().join("safe-web");
        fs::create_dir(&work).unwrap();
        let file = |name: &str| work.join(name).to_str().unwrap().to_owned();
        let (authority, authority_key) = (file("authority.pem"), file("authority.key"));
        let (key, request, certificate) = (file("key"), file("request"), file("certificate.pem"));
        let new = ["req", "-newkey", "rsa:2048", "-nodes", "-subj"];
        let made = ["-x509", "-days", "2", "-keyout", &authority_key, "-out", &authority];
        run("openssl", &[&new[..], &["/CN=authority"], &made].concat());
        run("openssl", &[&new[..], &["/CN=web", "-keyout", &key, "-out", &request]].concat());
        let names = file("names");
        fs::write(&names, format!("subjectAltName=IP:{}\nbasicConstraints=CA:FALSE\n", Lab::SOURCE)).unwrap();
        let sign =
            ["x509", "-req", "-days", "2", "-in", &request, "-CA", &authority, "-CAkey", &authority_key];
        run("openssl", &[&sign[..], &["-CAcreateserial", "-extfile", &names, "-out", &certificate]].concat());
        let configuration = format!(
            "daemon off; master_process off; user root; pid {work}/pid; error_log stderr notice;\n\
             events {{ worker_connections 64; }}\n\
             http {{ log_format login '$uri $http_authorization'; access_log {work}/requests login;\n\
             client_body_temp_path {work}/a; proxy_temp_path {work}/b; fastcgi_temp_path {work}/c;\n\
             uwsgi_temp_path {work}/d; scgi_temp_path {work}/e;\n\
             ssl_certificate {certificate}; ssl_certificate_key {key};\n\
             server {{ listen {source}:443 ssl; location /there/ {{ return 401; }} location / {{ return 404; }} }} }}\n",
            work = work.display(),
            source = Lab::SOURCE,
        );
        let path = file("nginx.conf");
        fs::write(&path, configuration).unwrap();
        let mut child = mortal("/usr/sbin/nginx")
            .args(["-e", "stderr", "-c", &path])
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .expect("nginx");
        let mut lines = BufReader::new(child.stderr.take().unwrap()).lines().map_while(Result::ok);
        // It logs the event method after its sockets listen.
        assert!(lines.any(|line| line.contains("event method")), "nginx did not start");
        thread::spawn(move || lines.for_each(drop));
        Self { work, child }
    }

    /// The authority's certificate.
    pub fn authority(&self) -> PathBuf {
        self.work.join("authority.pem")
    }

    /// The path and the login of each request.
    pub fn requests(&self) -> Vec<String> {
        let log = fs::read_to_string(self.work.join("requests")).unwrap_or_default();
        log.lines().map(str::to_owned).collect()
    }
}

impl Drop for SafeWeb {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
