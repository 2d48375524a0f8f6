//! Several helpers that bring one file together, and what a controller does for them.

use std::path::{Path, PathBuf};

use ays_helper::{Limits, Timing};
use ays_model::Check;
use ays_protocol::{
    Failure, FromNode, News, Outcome, Said, Secret, Share, Step, Supplier, ToNode, read_frame, write_frame,
};
use tokio::io::{AsyncWriteExt, DuplexStream, WriteHalf};
use tokio::sync::mpsc;

use super::{PATIENCE, fetch, inside};

/// The step of every node.
pub const STEP: u64 = 1;

/// The certificate, key and token of a run.
pub fn share() -> Share {
    let made = rcgen::generate_simple_self_signed(["ays-run".to_owned()]).unwrap();
    Share {
        certificate: made.cert.pem(),
        key: Secret::new(made.signing_key.serialize_pem()),
        token: Secret::new("the token".to_owned()),
    }
}

pub struct Grid {
    pub share: Share,
    members: Vec<Member>,
    events: mpsc::UnboundedReceiver<(usize, Option<FromNode>)>,
    sender: mpsc::UnboundedSender<(usize, Option<FromNode>)>,
    /// What leaders said, for those that come later.
    told: Vec<News>,
}

struct Member {
    /// None: it has been ended.
    to: Option<WriteHalf<DuplexStream>>,
    port: u16,
    done: u64,
    result: Option<Result<Outcome, Failure>>,
}

impl Grid {
    pub fn new() -> Self {
        let (sender, events) = mpsc::unbounded_channel();
        Self { share: share(), members: Vec::new(), events, sender, told: Vec::new() }
    }

    /// One more helper, which is to bring the file; returns its number once it listens, and knows what was told.
    pub async fn join(&mut self, url: &str, dest: &Path, check: Check) -> usize {
        self.join_with(url, dest, check, self.share.clone()).await
    }

    pub async fn join_with(&mut self, url: &str, dest: &Path, check: Check, share: Share) -> usize {
        let Step::Fetch(mut order) = fetch(url, dest, check) else { unreachable!() };
        order.share = Some(share);
        self.join_to(Step::Fetch(order)).await
    }

    /// One more helper, which gives a stored file or takes it; returns its number once it listens.
    pub async fn join_to(&mut self, step: Step) -> usize {
        let (node, _) = inside(Timing::default(), Limits::default()).await;
        let (mut to, mut from) = (node.to, node.from);
        write_frame(&mut to, &ToNode::Run { id: STEP, step }).await.unwrap();
        let number = self.members.len();
        let sender = self.sender.clone();
        tokio::spawn(async move {
            while let Ok(Some(frame)) = read_frame(&mut from).await {
                let _ = sender.send((number, Some(frame)));
            }
            let _ = sender.send((number, None));
        });
        self.members.push(Member { to: Some(to), port: 0, done: 0, result: None });
        let said = self.said_by(number).await;
        let Said::Listening { port } = said else { panic!("{said:?}") };
        self.members[number].port = port;
        for news in self.told.clone() {
            self.tell(number, news).await;
        }
        number
    }

    /// Where a node's pieces are.
    pub fn peer(&self, number: usize) -> Supplier {
        Supplier::Peer(([127, 0, 0, 1], self.members[number].port).into())
    }

    pub fn port(&self, number: usize) -> u16 {
        self.members[number].port
    }

    pub async fn tell(&mut self, number: usize, news: News) {
        self.send(number, ToNode::News { id: STEP, news }).await;
    }

    pub async fn send(&mut self, number: usize, message: ToNode) {
        if let Some(to) = &mut self.members[number].to {
            write_frame(to, &message).await.unwrap();
        }
    }

    pub async fn source(&mut self, number: usize) {
        self.tell(number, News::From(Supplier::Source)).await;
    }

    pub async fn from(&mut self, number: usize, supplier: usize) {
        let supplier = self.peer(supplier);
        self.tell(number, News::From(supplier)).await;
    }

    /// Ends a helper, as a lost connection does; returns when it has ended.
    pub async fn end(&mut self, number: usize) {
        let mut to = self.members[number].to.take().unwrap();
        to.shutdown().await.unwrap();
        while self.next().await != (number, None) {}
    }

    /// What a node says next that is not for the others.
    pub async fn said_by(&mut self, number: usize) -> Said {
        match self.next().await {
            (from, Some(said)) if from == number => said,
            (from, other) => panic!("{from}: {other:?}"),
        }
    }

    /// Until a node has so many bytes.
    pub async fn has(&mut self, number: usize, bytes: u64) {
        while self.members[number].done < bytes {
            self.step().await;
        }
        assert_eq!(self.members[number].done, bytes);
    }

    /// How the steps end, of all nodes that have not been ended.
    pub async fn results(&mut self) -> Vec<Result<Outcome, Failure>> {
        while self.members.iter().any(|member| member.to.is_some() && member.result.is_none()) {
            if let Some((from, said)) = self.step().await {
                panic!("{from}: {said:?}");
            }
        }
        self.members.iter_mut().filter_map(|member| member.result.take()).collect()
    }

    pub async fn result(&mut self, number: usize) -> Result<Outcome, Failure> {
        while self.members[number].result.is_none() {
            match self.step().await {
                // By who takes pieces from one whose step has just failed.
                None | Some((_, Some(Said::Lost { .. }))) => {}
                Some((from, said)) => panic!("{from}: {said:?}"),
            }
        }
        self.members[number].result.take().unwrap()
    }

    /// The leaders' words.
    pub fn told(&self) -> &[News] {
        &self.told
    }

    async fn next(&mut self) -> (usize, Option<Said>) {
        loop {
            if let Some(said) = self.step().await {
                return said;
            }
        }
    }

    /// Takes one message; passes on what a leader says. Something else that is said is returned, or that it has ended.
    async fn step(&mut self) -> Option<(usize, Option<Said>)> {
        let (from, frame) =
            tokio::time::timeout(PATIENCE, self.events.recv()).await.expect("something happens").unwrap();
        let news = match frame {
            None => return self.members[from].to.is_none().then_some((from, None)),
            Some(FromNode::Done { id, result }) => {
                assert_eq!(id, STEP);
                self.members[from].result = Some(result);
                return None;
            }
            Some(FromNode::Progress { progress, .. }) => {
                self.members[from].done = progress.done;
                return None;
            }
            Some(FromNode::Hello(_) | FromNode::Beat) => return None,
            Some(FromNode::Said { id, said }) => {
                assert_eq!(id, STEP);
                match said {
                    Said::Opened(opened) => News::Opened(opened),
                    Said::Pieces(pieces) => News::Pieces(pieces),
                    Said::Whole(whole) => News::Whole(whole),
                    said => return Some((from, Some(said))),
                }
            }
        };
        self.told.push(news.clone());
        for number in (0..self.members.len()).filter(|number| *number != from) {
            self.tell(number, news.clone()).await;
        }
        None
    }
}

/// Where the nodes of a test put the file.
pub fn dests(directory: &Path, count: usize) -> Vec<PathBuf> {
    (0..count).map(|number| directory.join(number.to_string()).join("x")).collect()
}
