//! What SELinux and AppArmor say of a pool. The files that tell are below a root, which is `/` but in tests.

use std::fs;
use std::path::{Path, PathBuf};

use ays_protocol::Obstacle;

/// The types of SELinux that machines may read, whatever the policy's version.
const READABLE: [&str; 6] =
    ["virt_image_t", "virt_content_t", "virt_var_lib_t", "svirt_image_t", "svirt_home_t", "qemu_var_run_t"];

/// The types of whole file systems, which have no labels of their own, and the boolean that lets machines read them.
const MOUNTED: [(&str, &str); 3] =
    [("nfs_t", "virt_use_nfs"), ("cifs_t", "virt_use_samba"), ("fusefs_t", "virt_use_fusefs")];

/// The profiles of AppArmor that confine libvirt and its machines.
const PROFILES: [&str; 4] = ["libvirtd", "virtqemud", "virt-aa-helper", "libvirt-qemu"];

/// The directories that libvirt's profiles let machines read from as they are shipped.
const ALLOWED: [&str; 8] = [
    "/var/lib/libvirt/images",
    "/var/lib/nova",
    "/var/lib/uvtool/libvirt/images",
    "/home",
    "/media",
    "/mnt",
    "/opt",
    "/srv",
];

/// Where a node's administrator adds rules for machines.
const RULES: [&str; 2] =
    ["etc/apparmor.d/local/abstractions/libvirt-qemu", "etc/apparmor.d/abstractions/libvirt-qemu"];

/// What stands in the way of machines that read from a pool.
pub(crate) fn obstacles(root: &Path, pool: &Path) -> Vec<Obstacle> {
    label(root, pool).into_iter().chain(profile(root, pool)).collect()
}

fn label(root: &Path, pool: &Path) -> Option<Obstacle> {
    let enforced = fs::read_to_string(root.join("sys/fs/selinux/enforce")).ok()?;
    if enforced.trim() != "1" {
        return None;
    }
    let label = type_of(&below(root, pool))?;
    if READABLE.contains(&label.as_str()) {
        return None;
    }
    let boolean = MOUNTED.iter().find(|(mounted, _)| *mounted == label).map(|(_, boolean)| *boolean);
    if boolean.is_some_and(|boolean| is_on(root, boolean)) {
        return None;
    }
    Some(Obstacle::Label { path: pool.to_owned(), label, boolean: boolean.map(str::to_owned) })
}

/// The type of a directory's label, which is `user:role:type:level`. None: it has no label, or is not there.
fn type_of(directory: &Path) -> Option<String> {
    let mut value = [0; 1024];
    let length = rustix::fs::getxattr(directory, "security.selinux", &mut value[..]).ok()?;
    let label = std::str::from_utf8(&value[..length]).ok()?;
    label.trim_end_matches('\0').split(':').nth(2).map(str::to_owned)
}

/// The first of the two numbers in the file is what holds now.
fn is_on(root: &Path, boolean: &str) -> bool {
    let state = fs::read_to_string(root.join("sys/fs/selinux/booleans").join(boolean));
    state.is_ok_and(|state| state.trim_start().starts_with('1'))
}

fn profile(root: &Path, pool: &Path) -> Option<Obstacle> {
    let loaded = fs::read_to_string(root.join("sys/kernel/security/apparmor/profiles")).ok()?;
    let enforced = loaded.lines().filter_map(|line| line.trim().strip_suffix(" (enforce)"));
    let profile = enforced.into_iter().find(|name| PROFILES.iter().any(|known| is_of(name, known)))?;
    if ALLOWED.iter().any(|allowed| pool.starts_with(allowed)) {
        return None;
    }
    let names_pool = |rules: &str| fs::read_to_string(root.join(rules)).is_ok_and(|text| names(&text, pool));
    if RULES.iter().any(|rules| names_pool(rules)) {
        return None;
    }
    Some(Obstacle::Profile { path: pool.to_owned(), profile: profile.to_owned() })
}

/// `libvirtd`, or `libvirtd//qemu_bridge_helper`, or `/usr/sbin/libvirtd` of older ones.
fn is_of(profile: &str, known: &str) -> bool {
    let name = profile.split("//").next().unwrap_or(profile);
    name.rsplit('/').next() == Some(known)
}

/// Whether a rule names the pool, or a directory above it with all that is below.
fn names(rules: &str, pool: &Path) -> bool {
    let rules =
        rules.lines().map(str::trim).filter(|line| !line.starts_with('#') && !line.starts_with("deny"));
    let mut paths = rules.filter_map(|line| line.split_whitespace().find(|word| word.contains('/')));
    paths.any(|path| {
        let path = path.trim_matches('"');
        let Some((directory, rest)) = path.find("/*").map(|at| path.split_at(at)) else { return false };
        // `/dir/**` is all that is below, `/dir/*` the files in it.
        match rest.trim_end_matches('*') {
            "/" if rest.len() > 2 => pool.starts_with(if directory.is_empty() { "/" } else { directory }),
            "/" => pool == Path::new(directory),
            _ => false,
        }
    })
}

fn below(root: &Path, path: &Path) -> PathBuf {
    root.join(path.strip_prefix("/").unwrap_or(path))
}

#[cfg(test)]
mod tests {
    use super::*;

    const POOL: &str = "/var/lib/ays/templates";

    /// Stand-ins: no kernel with SELinux or AppArmor is at hand, so these are files of the test's own.
    struct Node(tempfile::TempDir);

    impl Node {
        fn new(files: &[(&str, &str)]) -> Self {
            let node = Self(tempfile::tempdir().unwrap());
            fs::create_dir_all(below(node.0.path(), Path::new(POOL))).unwrap();
            for (path, text) in files {
                let path = node.0.path().join(path);
                fs::create_dir_all(path.parent().unwrap()).unwrap();
                fs::write(path, text).unwrap();
            }
            node
        }

        /// False where this user, or this file system, has no such labels.
        fn label(&self, text: &str) -> bool {
            let path = below(self.0.path(), Path::new(POOL));
            rustix::fs::setxattr(path, "security.selinux", text.as_bytes(), rustix::fs::XattrFlags::empty())
                .is_ok()
        }

        fn obstacles(&self, pool: &str) -> Vec<Obstacle> {
            obstacles(self.0.path(), Path::new(pool))
        }
    }

    fn labelled(label: &str, boolean: Option<&str>) -> Vec<Obstacle> {
        let boolean = boolean.map(str::to_owned);
        vec![Obstacle::Label { path: POOL.into(), label: label.to_owned(), boolean }]
    }

    #[test]
    fn stand_in_a_label_that_machines_cannot_read() {
        let node = |enforce, booleans| {
            Node::new(&[
                ("sys/fs/selinux/enforce", enforce),
                ("sys/fs/selinux/booleans/virt_use_nfs", booleans),
            ])
        };
        let label = |kind: &str| format!("system_u:object_r:{kind}:s0\0");
        if !node("1", "").label(&label("var_lib_t")) {
            return;
        }
        for (enforce, booleans, kind, expected) in [
            ("1", "0 0", "var_lib_t", labelled("var_lib_t", None)),
            ("0", "0 0", "var_lib_t", Vec::new()),
            ("1\n", "0 0", "virt_image_t", Vec::new()),
            ("1", "0 0", "virt_content_t", Vec::new()),
            ("1", "0 0", "svirt_image_t", Vec::new()),
            ("1", "0 1", "nfs_t", labelled("nfs_t", Some("virt_use_nfs"))),
            ("1", "1 0", "nfs_t", Vec::new()),
            ("1", "1 1", "cifs_t", labelled("cifs_t", Some("virt_use_samba"))),
        ] {
            let node = node(enforce, booleans);
            assert!(node.label(&label(kind)));
            assert_eq!(node.obstacles(POOL), expected, "{enforce} {booleans} {kind}");
        }
        // Without SELinux there is no such file, and a directory may have no label.
        assert_eq!(node("1", "").obstacles(POOL), []);
        let without = Node::new(&[]);
        without.label(&label("var_lib_t"));
        assert_eq!(without.obstacles(POOL), []);
    }

    #[test]
    fn stand_in_a_pool_that_no_rule_names() {
        const PROFILES: &str = "sys/kernel/security/apparmor/profiles";
        const LOCAL: &str = "etc/apparmor.d/local/abstractions/libvirt-qemu";
        let found =
            |profile: &str| vec![Obstacle::Profile { path: POOL.into(), profile: profile.to_owned() }];
        for (loaded, rules, pool, expected) in [
            ("libvirtd (enforce)\nman (enforce)\n", "", POOL, found("libvirtd")),
            ("/usr/sbin/libvirtd (enforce)\n", "", POOL, found("/usr/sbin/libvirtd")),
            ("libvirtd (complain)\nman (enforce)\n", "", POOL, Vec::new()),
            ("", "", POOL, Vec::new()),
            ("libvirtd (enforce)\n", "", "/srv/ays", Vec::new()),
            (
                "libvirtd (enforce)\n",
                "",
                "/srvays",
                vec![Obstacle::Profile { path: "/srvays".into(), profile: "libvirtd".to_owned() }],
            ),
            ("libvirtd (enforce)\n", "  \"/var/lib/ays/templates/**\" rk,\n", POOL, Vec::new()),
            ("libvirtd (enforce)\n", "owner /var/lib/ays/** rwk,\n", POOL, Vec::new()),
            (
                "libvirtd (enforce)\n",
                "# /var/lib/ays/** rwk,\n/var/lib/other/** r,\n",
                POOL,
                found("libvirtd"),
            ),
            ("libvirtd (enforce)\n", "/var/lib/ays/templates/* r,\n", POOL, Vec::new()),
            ("libvirtd (enforce)\n", "/var/lib/ays/* r,\n/var/lib/** r\n", "/var/lib/ays/x", Vec::new()),
            ("libvirtd (enforce)\n", "/var/lib/ays/* r,\n/var/lib/ r\n", POOL, found("libvirtd")),
            ("libvirtd (enforce)\n", "deny /var/lib/** r,\n/{usr/,}bin/** r\n", POOL, found("libvirtd")),
        ] {
            let node = Node::new(&[(PROFILES, loaded), (LOCAL, rules)]);
            assert_eq!(node.obstacles(pool), expected, "{loaded} {rules} {pool}");
        }
    }
}
