//! libvirt lists what was in a directory when it last looked. Where one of its storage pools is a pool's directory, it is
//! told to look again.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use ays_protocol::NotRefreshed;
use tokio::sync::Mutex;
use tokio::time::timeout;

use crate::disk::on_thread;
use crate::program;
use crate::virsh::{self, Fault};

/// Where it is asked; the first that answers counts. The second is there without a hypervisor.
const URIS: [&str; 2] = ["qemu:///system", "storage:///system"];

/// What is known of the node's libvirt. It is asked once, by the first index that changes.
#[derive(Debug, Clone, Default)]
pub(crate) struct Libvirt(Arc<Mutex<Option<StoragePools>>>);

/// Its storage pools that are active: it looks at any other one when that is started.
#[derive(Debug, Default)]
struct StoragePools {
    program: PathBuf,
    uri: &'static str,
    pools: Vec<StoragePool>,
}

#[derive(Debug)]
struct StoragePool {
    name: String,
    /// Without symbolic links.
    path: PathBuf,
}

impl Libvirt {
    /// Tells it that what is in `directory` has changed; why that did not work. A node without libvirt, or whose libvirt
    /// has no such storage pool, has nothing to be told.
    pub(crate) async fn refresh(&self, directory: &Path, limit: Duration) -> Option<NotRefreshed> {
        let mut known = self.0.lock().await;
        let storage = match known.as_mut() {
            Some(storage) => storage,
            None => match timeout(limit, StoragePools::find(limit)).await {
                Ok(Some(found)) => known.insert(found),
                Ok(None) | Err(_) => {
                    // It is not waited for again.
                    *known = Some(StoragePools::default());
                    return Some(NotRefreshed::Unknown { path: directory.to_owned(), waited: limit });
                }
            },
        };
        if storage.pools.is_empty() {
            return None;
        }
        let directory = directory.to_owned();
        let path = on_thread(move || directory.canonicalize()).await.ok()?;
        let StoragePools { program, uri, pools } = storage;
        let name = pools.iter().find(|pool| pool.path == path)?.name.clone();
        let reason = match virsh::ask(program, uri, &["pool-refresh", &pool(&name)], limit).await {
            Ok(_) => return None,
            Err(Fault::Failed(reason)) => reason,
            Err(Fault::Silent) => {
                pools.clear();
                format!("libvirt did not answer within {limit:?}")
            }
        };
        Some(NotRefreshed::Failed { pool: name, uri: (*uri).to_owned(), reason })
    }
}

impl StoragePools {
    /// Those of this node; none when libvirt does not answer in time.
    async fn find(limit: Duration) -> Option<Self> {
        let Some(program) = program::find(virsh::NAME) else { return Some(Self::default()) };
        for uri in URIS {
            let list = match virsh::ask(&program, uri, &["pool-list", "--name"], limit).await {
                Ok(list) => list,
                // Not running, or without what answers here.
                Err(Fault::Failed(_)) => continue,
                Err(Fault::Silent) => return None,
            };
            let mut pools = Vec::new();
            // The names are in a column of a fixed width.
            for name in list.lines().map(str::trim_end).filter(|name| !name.is_empty()) {
                let xml = match virsh::ask(&program, uri, &["pool-dumpxml", &pool(name)], limit).await {
                    Ok(xml) => xml,
                    // It is gone by now.
                    Err(Fault::Failed(_)) => continue,
                    Err(Fault::Silent) => return None,
                };
                let Some(path) = target(&xml) else { continue };
                if let Ok(path) = on_thread(move || path.canonicalize()).await {
                    pools.push(StoragePool { name: name.to_owned(), path });
                }
            }
            return Some(Self { program, uri, pools });
        }
        Some(Self::default())
    }
}

/// The argument that names a storage pool, which may begin with `-`.
fn pool(name: &str) -> String {
    format!("--pool={name}")
}

/// The directory of a storage pool, by its description.
fn target(xml: &str) -> Option<PathBuf> {
    // No entity is defined by whoever wrote it: a document type is refused.
    let document = roxmltree::Document::parse(xml).ok()?;
    let child = |of: roxmltree::Node<'_, '_>, name| {
        of.children().find(|child| child.has_tag_name(name)).map(|c| c.id())
    };
    let root = document.root_element();
    let target = document.get_node(child(root, "target")?)?;
    let path = document.get_node(child(target, "path")?)?;
    let path = Path::new(path.text()?);
    (root.has_tag_name("pool") && path.is_absolute()).then(|| path.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_directory_of_a_storage_pool() {
        let pool = |inside: &str| format!("<pool type='dir'>\n  <name>x</name>\n  {inside}\n</pool>\n");
        for (xml, path) in [
            (pool("<target>\n<path>/images</path><permissions/></target>"), Some("/images")),
            (
                pool("<source><path>/no</path></source><target><path>/a &amp; b</path></target>"),
                Some("/a & b"),
            ),
            (pool("<target><path>images</path></target>"), None),
            (pool("<target><path/></target>"), None),
            (pool("<target/>"), None),
            (pool("<target><path>/images</path>"), None),
            ("<network><target><path>/images</path></target></network>".to_owned(), None),
            (
                "<!DOCTYPE pool [<!ENTITY a '/etc'>]><pool><target><path>&a;</path></target></pool>"
                    .to_owned(),
                None,
            ),
            ("<pool>".repeat(50_000), None),
            (String::new(), None),
            ("error: no pool\n".to_owned(), None),
        ] {
            assert_eq!(target(&xml).as_deref(), path.map(Path::new), "{:.200}", xml);
        }
    }
}
