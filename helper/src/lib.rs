//! What the binary `ays-node` does: the steps themselves, and the loop that takes them from the controller.
//!
//! One thread runs the loop, the network and the children; hashing and writing have threads of their own, so that
//! no step is ever in the way of a beat. A step ends early only when the whole helper ends: its future is dropped,
//! which kills its child and removes its temporary files. What serves other nodes goes on after its step, and ends
//! with the helper.

mod access;
mod act;
mod check_copy;
mod checksum_list;
mod child;
mod complaint;
mod confined;
mod content;
mod digest;
mod disk;
mod examine;
mod facts;
mod fetch;
mod file_name;
mod hashing;
mod image_file;
mod image_kind;
mod index;
mod inspect;
mod inspector;
mod labels;
mod lanes;
mod leftovers;
mod libvirt;
mod limits;
mod list_pool;
mod locked;
mod manifest;
mod owner;
mod pace;
mod packages;
mod pool_files;
mod processes;
mod program;
mod qemu_img;
mod read_disk;
mod read_pieces;
mod remove;
mod remove_copies;
mod remove_service;
mod report;
mod requirements;
mod serve;
mod service;
mod share;
mod simplestreams;
mod stamp;
mod step;
mod store;
mod temporary;
mod tree;
mod unpack;
mod virsh;
mod way;
mod write_back;

pub use checksum_list::{Unusable, listed, md5_beside};
pub use child::{CHILD_MODE, become_child};
pub use facts::facts;
pub use inspector::{INSPECT_MODE, become_inspector};
pub use limits::Limits;
pub use manifest::{Image, Index, Layer, Manifest, ManifestFault};
pub use processes::{SUPERVISE_MODE, become_supervisor};
pub use read_disk::become_reader;
pub use serve::{Ended, Timing, serve, serve_stdio};
pub use share::{DIAL_MODE, dial};
pub use simplestreams::{Newest, StreamFault, newest, product_files};
