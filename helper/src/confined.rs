//! What a process gives up before it reads what may be made to take it over. System calls that need no descriptor are left to
//! it, such as removing what nobody, or who runs it without root, may remove.

use std::io;

use rustix::process::{Resource, Rlimit, geteuid, setrlimit};
use rustix::thread::{set_no_new_privs, set_thread_groups, set_thread_res_gid, set_thread_res_uid};

/// Nobody, on every Linux.
const NOBODY: u32 = 65534;

/// From now on this process, which has one thread, can open nothing, has no child, writes to no file, and has no more memory
/// than this, in bytes, and no more time to compute than this, in seconds.
pub(crate) fn confine(memory: u64, seconds: Option<u64>) -> io::Result<()> {
    if geteuid().is_root() {
        use rustix::fs::{Gid, Uid};
        let (gid, uid) = (Gid::from_raw(NOBODY), Uid::from_raw(NOBODY));
        set_thread_groups(&[])?;
        set_thread_res_gid(gid, gid, gid)?;
        set_thread_res_uid(uid, uid, uid)?;
    }
    set_no_new_privs(true)?;
    for (resource, most) in [
        (Resource::As, Some(memory)),
        (Resource::Cpu, seconds),
        (Resource::Core, Some(0)),
        (Resource::Fsize, Some(0)),
        // What is open stays so; nothing else can be opened.
        (Resource::Nofile, Some(0)),
        (Resource::Nproc, Some(0)),
    ] {
        if most.is_some() {
            setrlimit(resource, Rlimit { current: most, maximum: most })?;
        }
    }
    Ok(())
}
