use ays_model::{Activity, Progress};
use tokio::sync::watch;

/// Where a step says how far it has come. Only the newest state is kept: the loop sends it on when it is time.
#[derive(Debug, Clone)]
pub(crate) struct Report(watch::Sender<Option<Progress>>);

impl Report {
    pub(crate) fn new() -> (Self, watch::Receiver<Option<Progress>>) {
        let (sender, receiver) = watch::channel(None);
        (Self(sender), receiver)
    }

    pub(crate) fn at(&self, activity: Activity, done: u64, total: Option<u64>) {
        self.0.send_replace(Some(Progress { activity, done, total }));
    }
}
