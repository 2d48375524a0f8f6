//! Environment repositories: `fixtures/environment`, cloned by git, with the test's nodes and recipes.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use super::{
    lab::{Lab, checkout, output},
    node::Node,
};

/// A clone of an environment's repository.
pub struct Environment {
    repo: PathBuf,
}

impl Environment {
    /// Commits the fixture to a bare repository `jumpscale.git`, and clones that.
    pub fn new(lab: &Lab) -> Self {
        let (bare, repo) = (lab.dir().join("jumpscale.git"), lab.dir().join("environment"));
        git(lab.dir(), &["init", "-q", "--bare", "-b", "main", bare.to_str().unwrap()]);
        git(lab.dir(), &["clone", "-q", bare.to_str().unwrap(), repo.to_str().unwrap()]);
        let fixture = checkout().join("fixtures/environment");
        output(Command::new("cp").arg("-r").arg(fixture.join(".")).arg(&repo));
        let environment = Self { repo };
        environment.commit();
        git(&environment.repo, &["push", "-q", "origin", "HEAD:main"]);
        environment
    }

    /// The clone's directory.
    pub fn repo(&self) -> &Path {
        &self.repo
    }

    /// Writes a file of the clone, and its directories.
    pub fn write(&self, path: &str, content: &str) {
        let path = self.repo.join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, content).unwrap();
    }

    /// Describes a node, with more lines for its HRD.
    pub fn add_node(&self, node: &Node, more: &str) {
        let path = format!("services/jumpscale__node.ssh__{}/service.hrd", node.name);
        self.write(&path, &format!("service.category = 'node'\ninstance.ip = '{}'\n{more}", node.address));
    }

    /// Writes the recipe `image_NAME`: fetches `url` + `/` + `source` with the given further keys of `web.export`
    /// to `/var/tmp/NAME.qcow2`, and registers it as `NAME`, of 10 GB.
    pub fn add_image(&self, name: &str, url: &str, source: &str, keys: &str) {
        self.add_image_of(name, url, source, keys, "Linux", 10);
    }

    /// The same with a category and a size in GB.
    pub fn add_image_of(&self, name: &str, url: &str, source: &str, keys: &str, category: &str, size: u32) {
        let directory = format!("servicetemplates/image_{name}");
        let export = format!(
            "web.export.1 =\n    url:'{url}',\n    source:'{source}',\n    dest:'/var/tmp/{name}.qcow2',\n    {keys},\n"
        );
        self.write(&format!("{directory}/service.hrd"), &export);
        let actions = format!(
            "from JumpScale import j\n\nActionsBase=j.atyourservice.getActionsBaseClass()\n\n\
             class Actions(ActionsBase):\n    def configure(self, serviceObj):\n        \
             from CloudscalerLibcloud.imageutil import registerImage\n        \
             registerImage(serviceObj, '{name}', '{name}.qcow2', '{category}', {size})\n"
        );
        self.write(&format!("{directory}/actions.py"), &actions);
    }

    /// Commits all that is in the clone.
    pub fn commit(&self) {
        git(&self.repo, &["add", "-A"]);
        git(&self.repo, &["commit", "-q", "--allow-empty", "-m", "environment"]);
    }

    /// What `git status --short` says.
    pub fn status(&self) -> String {
        git(&self.repo, &["status", "--short"])
    }
}

fn git(directory: &Path, arguments: &[&str]) -> String {
    let mut command = Command::new("git");
    command.current_dir(directory).args(arguments);
    // Nobody's configuration has a say.
    for name in ["GIT_CONFIG_GLOBAL", "GIT_CONFIG_SYSTEM"] {
        command.env(name, "/dev/null");
    }
    for name in ["GIT_AUTHOR_NAME", "GIT_AUTHOR_EMAIL", "GIT_COMMITTER_NAME", "GIT_COMMITTER_EMAIL"] {
        command.env(name, "operator@example.org");
    }
    output(&mut command)
}
