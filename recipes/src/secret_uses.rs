//! Where all recipes of an environment send its secrets.

use std::collections::BTreeSet;

use ays_model::{InstanceName, Node, NodeName};
use ays_secrets::{Carrier, SecretName, Use};

use crate::environment::Environment;
use crate::recipe::Recipe;
use crate::request::Request;
use crate::template::Template;

/// Where sshd listens when a node does not say.
const SSH: u16 = 22;

impl Environment {
    /// Where its recipes send secrets now, as far as that can be told without new answers.
    pub fn secret_uses(&self) -> Vec<Use> {
        let mut uses = BTreeSet::new();
        for template in self.templates() {
            for request in self.requests(template) {
                // One that cannot be installed sends nothing.
                uses.extend(Recipe::uses(self, template, &request).unwrap_or_default());
            }
        }
        uses.into_iter().collect()
    }

    /// The nodes that are told where to fetch, login and all. The repository says at which addresses they are.
    pub(crate) fn carrying_nodes(&self, names: &[NodeName]) -> Vec<Carrier> {
        // Nothing goes to one whose file cannot be read.
        let nodes = names.iter().filter_map(|name| self.node(None, name).ok());
        let carrier = |node: Node| {
            let address = format!("{}:{}", node.host.to_lowercase(), node.port.unwrap_or(SSH));
            Carrier::node(&node.name, &address, self.file_of_node(&node.name))
        };
        nodes.map(carrier).collect()
    }

    /// The secrets that a request's nodes get, but those that are there for these nodes.
    pub(crate) fn uses_on_nodes(
        &self,
        secrets: &[SecretName],
        template: &Template,
        request: &Request,
    ) -> Vec<Use> {
        // What was answered for a service of a node has that node's name before its own.
        let is_own = |name: &&SecretName| {
            request.nodes.iter().any(|node| name.to_string().starts_with(&format!("{node}.")))
        };
        let secrets: Vec<_> = secrets.iter().filter(|name| !is_own(name)).cloned().collect();
        let nodes = request.nodes.iter().filter_map(|name| self.node(None, name).ok());
        let used = |node: Node| {
            let port = node.port.unwrap_or(SSH);
            let host = if node.host.contains(':') { format!("[{}]", node.host) } else { node.host.clone() };
            let address = format!("ssh://{host}:{port}");
            let receiver = address.parse().ok()?;
            let (secrets, by) = (secrets.clone(), template.name.to_string());
            Some(Use { secrets, receiver, address, carriers: Vec::new(), by })
        };
        if secrets.is_empty() { Vec::new() } else { nodes.filter_map(used).collect() }
    }

    fn file_of_node(&self, name: &str) -> String {
        let instances = self.node_instances_of(name);
        instances.first().map_or_else(|| name.to_owned(), |node| self.place(&node.path()).to_string())
    }

    /// What was installed of a template, each node with answers of its own, and what may be without answers.
    fn requests(&self, template: &Template) -> Vec<Request> {
        let of =
            |name: InstanceName, nodes: Vec<NodeName>| Request { nodes, ..Request::without_answers(name) };
        let mut requests = vec![of("main".into(), Vec::new())];
        for instance in self.instances().iter().filter(|instance| instance.template == template.name) {
            let node = self
                .node_instances()
                .flat_map(|(_, nodes)| nodes)
                .find(|node| instance.dir.parent() == Some(node.dir.as_path()));
            let nodes = node.map(|node| node.name.as_str().into()).into_iter().collect();
            requests.push(of(instance.name.clone(), nodes));
        }
        requests
    }
}
