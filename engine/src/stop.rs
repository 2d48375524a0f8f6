//! How an operator ends what is under way.

use tokio::sync::watch;

/// How soon the work is to end.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Wanted {
    Nothing,
    AfterSteps,
    Now,
}

/// Tells the work to end.
#[derive(Debug)]
pub struct Stopper(watch::Sender<Wanted>);

/// Hears of it. Clones hear the same.
#[derive(Debug, Clone)]
pub struct Stop(watch::Receiver<Wanted>);

impl Stopper {
    /// Both ends.
    pub fn new() -> (Self, Stop) {
        let (sender, receiver) = watch::channel(Wanted::Nothing);
        (Self(sender), Stop(receiver))
    }

    /// Steps that are under way end, and no other one begins.
    pub fn after_steps(&self) {
        self.0.send_modify(|wanted| *wanted = (*wanted).max(Wanted::AfterSteps));
    }

    /// What is under way is ended, on the nodes as well.
    pub fn now(&self) {
        self.0.send_replace(Wanted::Now);
    }
}

impl Stop {
    /// Whether no other step is to begin.
    pub fn is_wanted(&self) -> bool {
        *self.0.borrow() > Wanted::Nothing
    }

    /// Completes when no other step is to begin.
    pub async fn after_steps(&self) {
        self.reached(Wanted::AfterSteps).await;
    }

    /// Completes when all is to end.
    pub async fn now(&self) {
        self.reached(Wanted::Now).await;
    }

    async fn reached(&self, level: Wanted) {
        let mut receiver = self.0.clone();
        if receiver.wait_for(|wanted| *wanted >= level).await.is_err() {
            // Nobody is left who could say so.
            std::future::pending().await
        }
    }
}
