//! The loop of a helper: frames in, one step after another, progress and beats out.

use std::collections::VecDeque;
use std::future::Future;
use std::pin::Pin;
use std::process::ExitCode;
use std::time::Duration;

use ays_model::Progress;
use ays_protocol::{
    BEAT_EVERY, Failure, FrameError, FromNode, GREETING, News, Outcome, SILENCE_LIMIT, Step, ToNode,
    read_frame, write_frame,
};
use rustix::fs::Mode;
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt};
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::{mpsc, watch};
use tokio::time::{Instant, MissedTickBehavior, interval, sleep_until};

use crate::libvirt::Libvirt;
use crate::report::Report;
use crate::share::{Listeners, Talk};
use crate::step::run;
use crate::unpack::Unpackings;
use crate::{Limits, facts};

/// The times that both sides keep.
#[derive(Debug, Clone, Copy)]
pub struct Timing {
    /// How often the helper says that it is there.
    pub beat_every: Duration,
    /// How long the controller may be silent.
    pub silence_limit: Duration,
    /// How often progress is sent at most.
    pub progress_every: Duration,
}

impl Default for Timing {
    fn default() -> Self {
        Self {
            beat_every: BEAT_EVERY,
            silence_limit: SILENCE_LIMIT,
            progress_every: Duration::from_millis(200),
        }
    }
}

/// Why the loop ended.
#[derive(Debug)]
pub enum Ended {
    /// The controller closed the input.
    Input,
    /// The controller said nothing for too long.
    Silence,
    /// What came was no frame, or nobody reads the output.
    Broken(FrameError),
    /// A signal asked for it.
    Signal,
}

/// Serves the controller on stdin and stdout.
pub fn serve_stdio() -> ExitCode {
    // What is made here is for machines, whose processes run as somebody else: the login's or sudo's umask is for people.
    rustix::process::umask(Mode::from_bits_truncate(0o022));
    let Ok(runtime) = tokio::runtime::Builder::new_current_thread().enable_all().build() else {
        return ExitCode::FAILURE;
    };
    let ended = runtime.block_on(serve(
        tokio::io::stdin(),
        tokio::io::stdout(),
        Timing::default(),
        Limits::default(),
    ));
    // A thread may still wait for input or hash bytes that nobody wants any more.
    runtime.shutdown_background();
    match ended {
        Ended::Input => ExitCode::SUCCESS,
        Ended::Silence | Ended::Broken(_) | Ended::Signal => ExitCode::FAILURE,
    }
}

/// Greets, then obeys until the input ends, breaks or falls silent. A step that is under way is dropped then, with
/// its child and its temporary files.
pub async fn serve(
    input: impl AsyncRead + Unpin + Send + 'static,
    output: impl AsyncWrite + Unpin + Send + 'static,
    timing: Timing,
    limits: Limits,
) -> Ended {
    let mut signals = match Signals::listen() {
        Ok(signals) => signals,
        Err(error) => return Ended::Broken(error.into()),
    };
    let mut orders = read_orders(input);
    let (answers, mut written) = write_answers(output);
    let mut work = Work::new(limits, answers.clone());
    let mut beat = interval(timing.beat_every);
    let mut tell = interval(timing.progress_every);
    tell.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut heard = Instant::now();
    loop {
        let answer = tokio::select! {
            order = orders.recv() => {
                heard = Instant::now();
                match order {
                    None => return Ended::Input,
                    Some(Err(error)) => return Ended::Broken(error),
                    Some(Ok(ToNode::Beat)) => continue,
                    Some(Ok(ToNode::News { id, news })) => {
                        work.hear(id, news);
                        continue;
                    }
                    Some(Ok(ToNode::Run { id, step })) => {
                        work.add(id, step);
                        continue;
                    }
                }
            }
            () = sleep_until(heard + timing.silence_limit) => return Ended::Silence,
            () = signals.any() => return Ended::Signal,
            Some(error) = written.recv() => return Ended::Broken(error),
            _ = beat.tick() => FromNode::Beat,
            _ = tell.tick() => match work.progress() {
                Some((id, progress)) => FromNode::Progress { id, progress },
                None => continue,
            },
            (id, result) = work.done() => FromNode::Done { id, result },
        };
        // A closed queue means that the writer failed; it says so itself.
        let _ = answers.send(answer);
    }
}

/// The steps that are asked for, the first of them being worked on.
struct Work {
    limits: Limits,
    answers: mpsc::UnboundedSender<FromNode>,
    listeners: Listeners,
    unpackings: Unpackings,
    libvirt: Libvirt,
    waiting: VecDeque<(u64, Step)>,
    current: Option<Current>,
}

struct Current {
    id: u64,
    step: Pin<Box<dyn Future<Output = Result<Outcome, Failure>> + Send>>,
    progress: watch::Receiver<Option<Progress>>,
    news: mpsc::UnboundedSender<News>,
}

impl Work {
    fn new(limits: Limits, answers: mpsc::UnboundedSender<FromNode>) -> Self {
        Self {
            limits,
            answers,
            listeners: Listeners::default(),
            unpackings: Unpackings::default(),
            libvirt: Libvirt::default(),
            waiting: VecDeque::new(),
            current: None,
        }
    }

    fn add(&mut self, id: u64, step: Step) {
        self.waiting.push_back((id, step));
        self.start_next();
    }

    fn start_next(&mut self) {
        if self.current.is_none()
            && let Some((id, step)) = self.waiting.pop_front()
        {
            let (report, progress) = Report::new();
            let (sender, news) = mpsc::unbounded_channel();
            let talk = Talk { id, answers: self.answers.clone(), news };
            let (limits, listeners) = (self.limits.clone(), self.listeners.clone());
            let (unpackings, libvirt) = (self.unpackings.clone(), self.libvirt.clone());
            let step = Box::pin(run(step, limits, report, talk, listeners, unpackings, libvirt));
            self.current = Some(Current { id, step, progress, news: sender });
        }
    }

    /// News of a step that has ended concerns nobody.
    fn hear(&self, id: u64, news: News) {
        if let Some(current) = self.current.as_ref().filter(|current| current.id == id) {
            let _ = current.news.send(news);
        }
    }

    /// What has not been told yet.
    fn progress(&mut self) -> Option<(u64, Progress)> {
        let current = self.current.as_mut()?;
        let progress =
            current.progress.has_changed().ok()?.then(|| *current.progress.borrow_and_update())??;
        Some((current.id, progress))
    }

    /// Waits for the end of the step that is under way; for ever when there is none.
    async fn done(&mut self) -> (u64, Result<Outcome, Failure>) {
        let Some(current) = self.current.as_mut() else { return std::future::pending().await };
        let result = current.step.as_mut().await;
        let id = current.id;
        self.current = None;
        self.start_next();
        (id, result)
    }
}

/// Frames that came; a task of its own, because half a frame must not be lost to `select!`.
fn read_orders(
    mut input: impl AsyncRead + Unpin + Send + 'static,
) -> mpsc::UnboundedReceiver<Result<ToNode, FrameError>> {
    let (sender, receiver) = mpsc::unbounded_channel();
    tokio::spawn(async move {
        while let Some(order) = read_frame(&mut input).await.transpose() {
            let broken = order.is_err();
            if sender.send(order).is_err() || broken {
                return;
            }
        }
    });
    receiver
}

/// Writes the greeting and then every answer that is put in the queue; says when that fails.
fn write_answers(
    mut output: impl AsyncWrite + Unpin + Send + 'static,
) -> (mpsc::UnboundedSender<FromNode>, mpsc::UnboundedReceiver<FrameError>) {
    let (answers, mut queue) = mpsc::unbounded_channel();
    let (failed, failure) = mpsc::unbounded_channel();
    tokio::spawn(async move {
        let outcome: Result<(), FrameError> = async {
            output.write_all(format!("\n{GREETING}\n").as_bytes()).await?;
            write_frame(&mut output, &FromNode::Hello(facts())).await?;
            while let Some(answer) = queue.recv().await {
                write_frame(&mut output, &answer).await?;
            }
            Ok(())
        }
        .await;
        if let Err(error) = outcome {
            let _ = failed.send(error);
        }
    });
    (answers, failure)
}

struct Signals {
    terminate: Signal,
    hang_up: Signal,
    interrupt: Signal,
}

impl Signals {
    fn listen() -> std::io::Result<Self> {
        Ok(Self {
            terminate: signal(SignalKind::terminate())?,
            hang_up: signal(SignalKind::hangup())?,
            interrupt: signal(SignalKind::interrupt())?,
        })
    }

    async fn any(&mut self) {
        tokio::select! {
            _ = self.terminate.recv() => {}
            _ = self.hang_up.recv() => {}
            _ = self.interrupt.recv() => {}
        }
    }
}
