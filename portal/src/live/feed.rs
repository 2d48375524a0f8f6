//! One reader for each job that somebody follows.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, Weak};
use std::time::Duration;

use ays_catalogue::{Catalogue, CatalogueError, Job, JobId};
use tokio::sync::watch;
use tokio::time::sleep;

use super::line::Line;
use super::parts;
use super::work::Work;
use crate::markup;

/// How often it is looked whether something is new.
const LOOK_EVERY: Duration = Duration::from_millis(500);

/// How many events are read at once.
const EVENTS: u32 = 500;

/// So many lines of a log are kept for those who come back.
const LINES: usize = 2_000;

/// What there is to tell of a job.
#[derive(Debug, Clone, Default)]
pub(crate) struct News {
    /// The number of the last event.
    pub last: u32,
    /// Where the job is, as HTML.
    pub status: String,
    /// How far each node is, as HTML.
    pub progress: String,
    /// The last lines of its log, each as HTML with its number.
    pub lines: Vec<(u32, Arc<str>)>,
    /// Whether the job is over, and nothing more comes.
    pub over: bool,
}

/// The jobs that somebody follows.
#[derive(Debug, Default)]
pub(crate) struct Feeds(Mutex<HashMap<JobId, Weak<watch::Sender<Arc<News>>>>>);

/// Somebody who follows a job. When all are gone, nobody reads it any more.
pub(crate) struct Follower {
    pub news: watch::Receiver<Arc<News>>,
    _feed: Arc<watch::Sender<Arc<News>>>,
}

impl Feeds {
    /// Follows a job, whoever else does.
    pub fn follow(&self, catalogue: Catalogue, job: JobId) -> Option<Follower> {
        let mut feeds = self.0.lock().ok()?;
        feeds.retain(|_, feed| feed.strong_count() > 0);
        let feed = match feeds.get(&job).and_then(Weak::upgrade) {
            Some(feed) => feed,
            None => {
                let feed = Arc::new(watch::Sender::new(Arc::new(News::default())));
                feeds.insert(job, Arc::downgrade(&feed));
                tokio::spawn(read(catalogue, job, Arc::downgrade(&feed)));
                feed
            }
        };
        Some(Follower { news: feed.subscribe(), _feed: feed })
    }
}

/// Reads what happens in a job, as long as somebody follows it.
async fn read(catalogue: Catalogue, job: JobId, feed: Weak<watch::Sender<Arc<News>>>) {
    let mut work = Work::default();
    let mut news = News::default();
    while feed.strong_count() > 0 {
        // A catalogue that does not answer now may answer later.
        let more = step(&catalogue, job, &mut work, &mut news).await.unwrap_or(false);
        let Some(feed) = feed.upgrade() else { return };
        let is_new = news.last != feed.borrow().last || news.status != feed.borrow().status || news.over;
        if is_new && !more {
            feed.send_replace(Arc::new(news.clone()));
        }
        drop(feed);
        if news.over {
            return;
        }
        if !more {
            sleep(LOOK_EVERY).await;
        }
    }
}

/// Reads on; whether there is more.
async fn step(
    catalogue: &Catalogue,
    id: JobId,
    work: &mut Work,
    news: &mut News,
) -> Result<bool, CatalogueError> {
    // Before its events: what it told before it was over is there then.
    let job: Option<Job> = catalogue.job(id).await?;
    let events = catalogue.job_events(id, news.last, EVENTS).await?;
    let more = events.len() == EVENTS as usize;
    for (number, record) in &events {
        news.last = *number;
        // What a newer version tells is not for this one.
        let Ok(record) = serde_json::from_value(record.clone()) else { continue };
        work.take(&record);
        if let Some(line) = Line::of(*number, &record) {
            news.lines.push((*number, parts::line(&line).into()));
        }
    }
    let surplus = news.lines.len().saturating_sub(LINES);
    news.lines.drain(..surplus);
    if !more {
        news.over = job.as_ref().is_none_or(|job| job.status.is_over());
        news.status = job.map(|job| markup::state(&job.status.into())).unwrap_or_default();
        news.progress = parts::progress(work, news.over);
    }
    Ok(more)
}
