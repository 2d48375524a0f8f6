//! `ays-node`: the helper that `ays` puts on a node and speaks frames with.

use std::process::ExitCode;

fn main() -> ExitCode {
    let mut arguments = std::env::args_os().skip(1);
    match arguments.next() {
        Some(mode) if mode == "serve" && arguments.len() == 0 => ays_helper::serve_stdio(),
        Some(mode) if mode == ays_helper::CHILD_MODE => ays_helper::become_child(arguments),
        Some(mode) if mode == ays_helper::INSPECT_MODE => ays_helper::become_inspector(arguments),
        Some(mode) if mode == ays_helper::SUPERVISE_MODE => ays_helper::become_supervisor(arguments),
        Some(mode) if mode == ays_helper::DIAL_MODE => ays_helper::dial(arguments),
        Some(mode) if mode == ays_protocol::READ_MODE => ays_helper::become_reader(),
        _ => {
            explain();
            ExitCode::from(2)
        }
    }
}

#[expect(clippy::print_stderr, reason = "this is the edge: a person started it by hand")]
fn explain() {
    eprintln!("ays-node {}: `ays` starts it on a node as `ays-node serve`", env!("CARGO_PKG_VERSION"));
}
