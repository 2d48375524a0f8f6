//! What Ctrl-C and SIGTERM mean.

use ays_engine::{Stop, Stopper};
use tokio::signal::unix::{SignalKind, signal};

use crate::failure::eprint_line;

/// Listens from now on. The first Ctrl-C lets the steps that are under way end, the second ends them, the third ends
/// the program; SIGTERM ends the steps.
pub fn heed_signals(stopper: Stopper) {
    let listening = signal(SignalKind::interrupt()).and_then(|i| Ok((i, signal(SignalKind::terminate())?)));
    // Where signals cannot be listened to, they end the program.
    let Ok((mut interrupt, mut terminate)) = listening else { return };
    tokio::spawn(async move {
        tokio::select! {
            _ = interrupt.recv() => {
                stopper.after_steps();
                eprint_line("stopping after the steps that are under way; Ctrl-C again ends them too");
                tokio::select! {
                    _ = interrupt.recv() => {}
                    _ = terminate.recv() => {}
                }
            }
            _ = terminate.recv() => {}
        }
        stopper.now();
        eprint_line("stopping: what is under way on the nodes is being ended");
        interrupt.recv().await;
        std::process::exit(130);
    });
}

/// Listens from now on: the first Ctrl-C or SIGTERM ends all, without a word; the second ends the program.
pub fn stop_at_once() -> Stop {
    let (stopper, stop) = Stopper::new();
    let listening = signal(SignalKind::interrupt()).and_then(|i| Ok((i, signal(SignalKind::terminate())?)));
    // Where signals cannot be listened to, they end the program.
    if let Ok((mut interrupt, mut terminate)) = listening {
        tokio::spawn(async move {
            tokio::select! {
                _ = interrupt.recv() => {}
                _ = terminate.recv() => {}
            }
            stopper.now();
            tokio::select! {
                _ = interrupt.recv() => {}
                _ = terminate.recv() => {}
            }
            std::process::exit(130);
        });
    }
    stop
}
