use std::time::Duration;

use ays_protocol::{FromNode, MOST_HASHES, Pieces, Said};
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio::time::{Instant, timeout_at};

/// Pieces are told of at most this often.
const EVERY: Duration = Duration::from_millis(50);

/// Says things in their order, many pieces at once.
#[derive(Debug)]
pub(crate) struct Teller {
    queue: mpsc::UnboundedSender<Option<Said>>,
    task: JoinHandle<()>,
}

/// Says things, from any thread.
#[derive(Debug, Clone)]
pub(crate) struct Voice(mpsc::UnboundedSender<Option<Said>>);

impl Voice {
    pub(crate) fn say(&self, said: Said) {
        // A closed queue means that the step has ended.
        let _ = self.0.send(Some(said));
    }
}

impl Teller {
    pub(crate) fn start(id: u64, answers: mpsc::UnboundedSender<FromNode>) -> Self {
        let (sender, queue) = mpsc::unbounded_channel();
        Self { queue: sender, task: tokio::spawn(tell(id, answers, queue)) }
    }

    pub(crate) fn say(&self, said: Said) {
        self.voice().say(said);
    }

    pub(crate) fn voice(&self) -> Voice {
        Voice(self.queue.clone())
    }

    /// All has been said before this returns, so that the step's end comes after it.
    pub(crate) async fn finish(self) {
        let _ = self.queue.send(None);
        // It does not panic, so there is nothing to learn from it.
        let _ = self.task.await;
    }
}

async fn tell(
    id: u64,
    answers: mpsc::UnboundedSender<FromNode>,
    mut queue: mpsc::UnboundedReceiver<Option<Said>>,
) {
    // A closed queue means that the writer failed; it says so itself.
    let send = |said| {
        let _ = answers.send(FromNode::Said { id, said });
    };
    let mut held: Option<Pieces> = None;
    let mut due = Instant::now();
    loop {
        let word = if held.is_some() { timeout_at(due, queue.recv()).await } else { Ok(queue.recv().await) };
        match (word, &mut held) {
            (Ok(Some(Some(Said::Pieces(more)))), Some(pieces))
                if pieces.sha256.len() + more.sha256.len() <= MOST_HASHES && follows(pieces, &more) =>
            {
                pieces.sha256.extend(more.sha256);
            }
            (word, _) => {
                if let Some(pieces) = held.take() {
                    send(Said::Pieces(pieces));
                    due = Instant::now() + EVERY;
                }
                match word {
                    Ok(Some(Some(Said::Pieces(pieces)))) => held = Some(pieces),
                    Ok(Some(Some(said))) => send(said),
                    Ok(Some(None) | None) => return,
                    Err(_) => {}
                }
            }
        }
    }
}

/// Whether these come right behind.
fn follows(pieces: &Pieces, more: &Pieces) -> bool {
    pieces.epoch == more.epoch && pieces.first + pieces.sha256.len() as u64 == more.first
}

#[cfg(test)]
mod tests {
    use ays_model::Sha256;

    use super::*;

    fn pieces(first: u64, count: usize) -> Said {
        Said::Pieces(Pieces { epoch: 1, first, sha256: vec![Sha256([0xaa; 32]); count] })
    }

    #[tokio::test(start_paused = true)]
    async fn the_first_piece_is_told_at_once_and_the_others_together() {
        let (answers, mut told) = mpsc::unbounded_channel();
        let teller = Teller::start(7, answers);
        let begun = Instant::now();
        let mut heard = Vec::new();
        teller.say(pieces(0, 1));
        heard.push(told.recv().await.unwrap());
        assert_eq!(begun.elapsed(), Duration::ZERO);
        for first in 1..4 {
            teller.say(pieces(first, 1));
        }
        heard.push(told.recv().await.unwrap());
        assert_eq!(begun.elapsed(), EVERY);
        teller.say(pieces(4, 1));
        teller.say(pieces(5, MOST_HASHES));
        // Those that do not follow are told by themselves.
        teller.say(pieces(9000, 1));
        teller.say(pieces(9002, 1));
        teller.say(Said::Inbox { port: 1 });
        teller.finish().await;
        while let Some(said) = told.recv().await {
            heard.push(said);
        }
        let heard: Vec<_> = heard
            .into_iter()
            .map(|answer| match answer {
                FromNode::Said { id: 7, said } => said,
                other => panic!("{other:?}"),
            })
            .collect();
        assert_eq!(
            heard,
            [
                pieces(0, 1),
                pieces(1, 3),
                pieces(4, 1),
                pieces(5, MOST_HASHES),
                pieces(9000, 1),
                pieces(9002, 1),
                Said::Inbox { port: 1 }
            ]
        );
    }
}
