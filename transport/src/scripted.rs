//! Nodes that are not there: a test says what their helpers answer. No process is started, no byte leaves this one.

use std::fmt;
use std::sync::Arc;

use ays_model::{Checksum, Md5, Sha256};
use ays_protocol::{
    Expected, Facts, Failure, Fetched, FromNode, GREETING, News, Opened, Outcome, PROTOCOL, Pieces, Said,
    Stamp, Step, Sums, Supplier, ToNode, Whole, read_frame, write_frame,
};
use tokio::io::{AsyncWriteExt, DuplexStream, duplex, empty};

use crate::remote::Remote;

/// What a helper answers to a step, but for shared fetches, which it plays along with.
type Answer = dyn Fn(&str, &Step) -> Result<Outcome, Failure> + Send + Sync;

/// How the nodes of a test answer.
#[derive(Clone)]
pub struct Scripted(Arc<Answer>);

impl fmt::Debug for Scripted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Scripted")
    }
}

/// How much of what one side says waits for the other.
const BUFFER: usize = 16 << 10;

impl Scripted {
    /// Every step on a node, which has this name, is answered by `answer`.
    pub fn new(answer: impl Fn(&str, &Step) -> Result<Outcome, Failure> + Send + Sync + 'static) -> Self {
        Self(Arc::new(answer))
    }

    /// A helper on the node `name`.
    pub(crate) fn start(&self, name: &str) -> Remote {
        // One for each direction: the two halves of one would end only together.
        let ((stdin, input), (output, stdout)) = (duplex(BUFFER), duplex(BUFFER));
        let (answer, name) = (Arc::clone(&self.0), name.to_owned());
        let helper = tokio::spawn(async move {
            // An error: the controller is gone.
            let _ = serve(&*answer, &name, input, output).await;
        });
        Remote {
            stdin: Box::new(stdin),
            stdout: Box::new(stdout),
            stderr: Box::new(empty()),
            process: Box::new(helper),
            id: None,
        }
    }
}

async fn serve(
    answer: &Answer,
    name: &str,
    mut input: DuplexStream,
    mut output: DuplexStream,
) -> Result<(), ays_protocol::FrameError> {
    output.write_all(format!("{GREETING}\n").as_bytes()).await?;
    let hello = FromNode::Hello(Facts {
        machine: None,
        protocol: PROTOCOL,
        os: "debian".to_owned(),
        arch: "x86_64".to_owned(),
        hostname: name.to_owned(),
        address: None,
    });
    write_frame(&mut output, &hello).await?;
    // A stored file that the step under way gives or takes: what it says at its end.
    let mut copy: Option<(u64, Result<Outcome, Failure>)> = None;
    let mut given = None;
    while let Some(order) = read_frame(&mut input).await? {
        match order {
            ToNode::Run { id, step: step @ (Step::GiveCopy(_) | Step::TakeCopy(_)) } => {
                let result = answer(name, &step);
                let is_given = matches!(step, Step::GiveCopy(_));
                if is_given && result.is_err() {
                    write_frame(&mut output, &FromNode::Done { id, result }).await?;
                    continue;
                }
                write_frame(&mut output, &FromNode::Said { id, said: Said::Listening { port: 1 } }).await?;
                if is_given {
                    given = Some(id);
                    for said in all() {
                        write_frame(&mut output, &FromNode::Said { id, said }).await?;
                    }
                    write_frame(&mut output, &FromNode::Done { id, result }).await?;
                } else {
                    copy = Some((id, result));
                }
            }
            // It has said all of it.
            ToNode::News { id, .. } if given == Some(id) => {}
            ToNode::News { id, news: News::Whole(_) } if copy.as_ref().is_some_and(|copy| copy.0 == id) => {
                if let Some((id, result)) = copy.take() {
                    write_frame(&mut output, &FromNode::Done { id, result }).await?;
                }
            }
            ToNode::Run { id, step: Step::Fetch(fetch) } if fetch.share.is_some() => {
                write_frame(&mut output, &FromNode::Said { id, said: Said::Listening { port: 1 } }).await?;
            }
            ToNode::Run { id, step } => {
                let result = answer(name, &step);
                write_frame(&mut output, &FromNode::Done { id, result }).await?;
            }
            ToNode::News { id, news: News::From(Supplier::Source) } => {
                for said in all() {
                    write_frame(&mut output, &FromNode::Said { id, said }).await?;
                }
                write_frame(&mut output, &fetched(id)).await?;
            }
            ToNode::News { id, news: News::Whole(_) } => write_frame(&mut output, &fetched(id)).await?,
            ToNode::News { id, news: News::Failed(failure) } => {
                write_frame(&mut output, &FromNode::Done { id, result: Err(failure) }).await?;
            }
            ToNode::News { .. } | ToNode::Beat => {}
        }
    }
    Ok(())
}

/// All that a leader says.
fn all() -> [Said; 3] {
    let sha256 = vec![Sha256([0; 32])];
    [Said::Opened(opened()), Said::Pieces(Pieces { epoch: 1, first: 0, sha256 }), Said::Whole(whole())]
}

const SIZE: u64 = 1 << 20;

fn opened() -> Opened {
    Opened {
        epoch: 1,
        size: Some(SIZE),
        data: None,
        etag: None,
        last_modified: None,
        expected: None,
        signed_by: None,
        version: None,
    }
}

fn whole() -> Whole {
    Whole {
        epoch: 1,
        size: SIZE,
        sums: Some(Sums { md5: Md5([0; 16]), sha256: Sha256([0; 32]) }),
        verified_by: Some(Expected::Checksum(Checksum::Md5(Md5([0; 16])))),
        signed_by: None,
        version: None,
        etag: None,
        last_modified: None,
    }
}

fn fetched(id: u64) -> FromNode {
    let Whole { size, verified_by, signed_by, version, etag, last_modified, .. } = whole();
    let (md5, sha256) = (Md5([0; 16]), Sha256([0; 32]));
    let stamp = Stamp { device: 0, inode: 0, size, modified_ns: 0 };
    let (kept, is_source, resumed_at) = (false, false, 0);
    let fetched = Fetched {
        size,
        md5,
        sha256,
        verified_by,
        signed_by,
        version,
        kept,
        is_source,
        resumed_at,
        etag,
        last_modified,
        stamp,
    };
    FromNode::Done { id, result: Ok(Outcome::Fetched(fetched)) }
}
