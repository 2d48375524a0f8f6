//! The portal in a real browser, with real nodes.

mod add_image;
mod menu;
mod pages;
mod pictures;
mod publish;
mod safety;
mod services;
mod story;
mod tables;

use std::thread;
use std::time::{Duration, Instant};

use nix::sys::signal::Signal;

use crate::support::{Ays, Browser, Lab, Running};

/// What lets the users of these stories in.
const PASSWORD: &str = "correct horse battery";

/// A server of an environment, and a browser.
struct Portal {
    browser: Browser,
    server: Running,
    url: String,
}

/// Starts a server that listens at the address, and waits until it does.
fn serve(ays: &Ays, listen: &str) -> (Running, String) {
    let server = ays.spawn(&["serve", "--listen", listen]);
    let begun = Instant::now();
    loop {
        if let Some(url) = server.printed().lines().find_map(|line| line.strip_prefix("listening on ")) {
            return (server, url.to_owned());
        }
        assert!(begun.elapsed() < Duration::from_secs(30), "{}", server.said());
        thread::sleep(Duration::from_millis(20));
    }
}

/// Users of each role, named by it.
fn add_users(ays: &Ays) {
    for role in ["viewer", "operator", "admin"] {
        let added = ays.feed(&["user", "add", role, "--role", role, "--password"], PASSWORD);
        assert_eq!(added.code, Some(0), "{added:?}");
    }
}

impl Portal {
    /// With somebody of this role signed in.
    fn start(lab: &Lab, ays: &Ays, role: &str) -> Self {
        add_users(ays);
        let (server, url) = serve(ays, "127.0.0.1:0");
        let portal = Self { browser: Browser::start(lab), server, url };
        portal.sign_in(role);
        portal
    }

    fn sign_in(&self, user: &str) {
        self.go("/sign-in");
        self.browser.write("input[name=user]", user);
        self.browser.write("input[name=password]", PASSWORD);
        self.browser.click("button[type=submit]");
        self.browser.wait("document.querySelector('h1')?.textContent === 'Overview'");
    }

    fn sign_out(&self) {
        self.browser.click(".sign-out button");
        self.browser.wait("location.pathname === '/sign-in'");
    }

    fn go(&self, path: &str) {
        self.browser.go(&format!("{}{path}", self.url));
    }

    /// Ends the server, as whoever restarts it does.
    fn stop(&mut self) {
        self.server.signal(Signal::SIGTERM);
        assert!(self.server.wait_for_end(Duration::from_secs(30)), "{}", self.server.said());
    }

    /// Waits on the page of a job until it is over, well.
    fn wait_for_success(&self) {
        self.browser
            .wait("document.querySelector('#status')?.textContent.match(/succeeded|failed|cancelled/)");
        self.browser.wait("!document.querySelector('[data-live]')");
        let status = self.browser.text("#status");
        assert!(status.contains("succeeded"), "{}", self.browser.text("main"));
    }
}
