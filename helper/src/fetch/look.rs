//! Asking sources: each once, all at the same time.

use std::collections::HashMap;
use std::sync::Arc;

use ays_model::{Check, KeyFile, Network};
use ays_protocol::{Failure, Look, LookAt, Looked, Phase, SourceDisk, SourceState};
use ays_signatures::PublicKeys;
use ays_unpack::{Packing, Peek, peek};
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tokio::time::timeout;

use super::access::Access;
use super::expected::{Wanted, wanted};
use super::fault::Fault;
use super::listing::links;
use super::opened::{Resume, refused};
use super::reading::read_to;
use super::small::read_small;
use super::source::Source;
use crate::Limits;
use crate::image_kind::{HEAD, TAIL, recognise, virtual_size};

/// How many bytes of a packed file's start are looked at: most compressions show their first bytes by then.
const PACKED_HEAD: usize = 1 << 20;

/// How many sources are asked at the same time.
const AT_ONCE: usize = 512;

/// How many sources of one server of FTP: most let only so many connections in from one address.
const PER_FTP_SERVER: usize = 4;

/// The answers, in the order of the questions.
pub(crate) async fn look(looks: Vec<Look>, limits: &Limits) -> Vec<Result<Looked, Failure>> {
    let mut answers: Vec<Option<Result<Looked, Failure>>> = Vec::new();
    answers.resize_with(looks.len(), || None);
    let mut waiting = looks.into_iter().enumerate();
    let mut servers: HashMap<String, Arc<Semaphore>> = HashMap::new();
    let mut asked = JoinSet::new();
    loop {
        while asked.len() < AT_ONCE
            && let Some((number, one)) = waiting.next()
        {
            let limits = limits.clone();
            let host = one.url.expose().host_str().filter(|_| one.url.scheme().is_ftp());
            let turns = host.map(|host| {
                let turns = servers.entry(host.to_owned());
                Arc::clone(turns.or_insert_with(|| Arc::new(Semaphore::new(PER_FTP_SERVER))))
            });
            asked.spawn(async move {
                let _turn = match &turns {
                    // It is never closed.
                    Some(turns) => turns.acquire().await.ok(),
                    None => None,
                };
                (number, look_at(&one, &limits).await)
            });
        }
        match asked.join_next().await {
            Some(Ok((number, answer))) => answers[number] = Some(answer),
            // The set is never aborted, and a panic has ended the program.
            Some(Err(_)) => {}
            None => break,
        }
    }
    answers.into_iter().flatten().collect()
}

async fn look_at(look: &Look, limits: &Limits) -> Result<Looked, Failure> {
    // Each phase has its share, so that the one that takes too long is named.
    let limits = Limits { connect: look.within / 2, answer: look.within / 3, ..limits.clone() };
    let network = Network { tries: 1, ..look.network.clone() };
    let access = Access { network: &network, limits: &limits };
    let asked = async {
        match &look.at {
            LookAt::State(check) => state(look, check, access).await.map(Looked::State),
            LookAt::Disk(check) => disk(look, check, access).await.map(Looked::Disk),
            LookAt::Listing => listing(look, access).await.map(Looked::Listing),
            LookAt::Keys => keys(look, access).await.map(Looked::Keys),
        }
    };
    timeout(look.within, asked).await.unwrap_or_else(|_| {
        Err(unreachable(look, Phase::Answer, format!("no answer within {:?}", look.within)))
    })
}

async fn state(look: &Look, check: &Check, access: Access<'_>) -> Result<SourceState, Failure> {
    // Where the file is has to be known first.
    let (mut source, wanted) = if check.leads_elsewhere() {
        let mut wanted = wanted(&look.url, check, access).await?;
        (wanted.source(&look.url, access)?, Some(wanted))
    } else {
        (Source::new(&look.url, access)?, None)
    };
    let said = async { source.state().await.map_err(|fault| once(look, fault)) };
    let (identity, wanted) = match wanted {
        Some(wanted) => (said.await, Ok(wanted)),
        // One after the other: such a server counts connections.
        None if look.url.scheme().is_ftp() => {
            let wanted = self::wanted(&look.url, check, access).await;
            (said.await, wanted)
        }
        None => tokio::join!(said, self::wanted(&look.url, check, access)),
    };
    // Where both fail, what is said does not depend on which answer came first.
    let Wanted { expected, signer, version, address, file, .. } = wanted?;
    let identity = identity?;
    Ok(SourceState {
        size: identity.size,
        etag: identity.etag,
        last_modified: identity.last_modified,
        // What a registry calls its layers is of no use to people.
        address: address.filter(|_| matches!(check, Check::Stream(_))),
        file,
        expected,
        signed_by: signer,
        version,
    })
}

async fn disk(look: &Look, check: &Check, access: Access<'_>) -> Result<SourceDisk, Failure> {
    let failed = |fault| once(look, fault);
    let mut source = if check.leads_elsewhere() {
        wanted(&look.url, check, access).await?.source(&look.url, access)?
    } else {
        Source::new(&look.url, access)?
    };
    let mut start = source.open_start(PACKED_HEAD as u64).await.map_err(failed)?;
    let mut head = read_to(&mut start.body, HEAD, access).await.map_err(failed)?;
    if let Some(packing) = Packing::of(&head) {
        head.extend(read_to(&mut start.body, PACKED_HEAD - HEAD, access).await.map_err(failed)?);
        return packed_disk(packing, &head)
            .map_err(|reason| Failure::BadImage { path: look.url.to_string(), reason: reason.to_string() });
    }
    let size = start.identity.size;
    // The end of what is no longer than the start is in it.
    let tail = match size.and_then(|size| size.checked_sub(TAIL as u64)) {
        Some(at) if at + TAIL as u64 > HEAD as u64 => {
            let resume = Resume { at, identity: start.identity, is_checked: false };
            // A server may let in only one of us at a time.
            drop(start.body);
            let mut end = source.open(Some(&resume)).await.map_err(failed)?;
            // A source that cannot start there sends all of it: its end is not waited for.
            if end.start == at {
                read_to(&mut end.body, TAIL, access).await.map_err(failed)?
            } else {
                Vec::new()
            }
        }
        _ => head[head.len().saturating_sub(TAIL)..].to_owned(),
    };
    let kind = recognise(&head, &tail)
        .map_err(|reason| Failure::BadImage { path: look.url.to_string(), reason: reason.to_string() })?;
    Ok(SourceDisk {
        format: kind.qemu_name().to_owned(),
        virtual_size: virtual_size(kind, &head, &tail, size),
    })
}

/// What the start of a packed file says of the disk in it.
fn packed_disk(packing: Packing, start: &[u8]) -> Result<SourceDisk, ays_unpack::Error> {
    let check = |head: &[u8]| recognise(head, &[]).map(drop).map_err(|reason| reason.to_string());
    let found = peek(start, None, &check)?;
    let found = found.and_then(|found| Some((recognise(&found.head, &[]).ok()?, found)));
    Ok(match found {
        Some((kind, Peek { packed, head })) => SourceDisk {
            format: packed.describe(kind.qemu_name()),
            virtual_size: virtual_size(kind, &head, &[], None),
        },
        None => SourceDisk { format: format!("unknown in {packing}"), virtual_size: None },
    })
}

async fn listing(look: &Look, access: Access<'_>) -> Result<Vec<String>, Failure> {
    match Source::new(&look.url, access)? {
        Source::Http(_) => Ok(links(&read_small(&look.url, access).await?)),
        Source::Ftp(ftp) => ftp.names().await.map_err(|fault| once(look, fault)),
        Source::Local(_) => Err(refused(&look.url, "the files of a node are not listed")),
        Source::Blob(_) => Err(refused(&look.url, "a registry has no directories")),
    }
}

async fn keys(look: &Look, access: Access<'_>) -> Result<KeyFile, Failure> {
    let bytes = read_small(&look.url, access).await?;
    let keys = PublicKeys::read(&bytes).map_err(|error| refused(&look.url, error.to_string()))?;
    Ok(keys.to_file(&look.url.to_string()))
}

/// The failure of a source that is asked once.
fn once(look: &Look, fault: Fault) -> Failure {
    match fault {
        Fault::Final(failure) => failure,
        Fault::Again { phase, reason, .. } | Fault::StartOver { phase, reason } => {
            unreachable(look, phase, reason)
        }
    }
}

fn unreachable(look: &Look, phase: Phase, reason: String) -> Failure {
    Failure::Unreachable { url: look.url.to_string(), phase, reason, attempts: 1 }
}
