//! The nodes above the accounts, which the supervisor writes itself: what a child says about them is compared and
//! dropped, or one account could rename or mark what all of them share.

use ipc_proto::graph::Role;

use crate::id::ROOT_NODE_ID;
use crate::line::{Splice, SpliceForm};
use crate::merge::SharedNode;

/// The root of every graph.
pub(crate) fn root() -> SharedNode {
    shared(ROOT_NODE_ID, Role::Root, "root", "graph_root", "GraphRoot")
}

/// The node of `cloud`, which has the node id `node_id`.
pub(crate) fn cloud(node_id: &str, cloud: &str) -> SharedNode {
    shared(node_id, Role::Cloud, cloud, "cloud", "Cloud")
}

fn shared(node_id: &str, role: Role, id: &str, kind: &str, class: &str) -> SharedNode {
    let id = serde_json::Value::from(id).to_string();
    let line = format!(
        r#"{{"id": "{node_id}", "reported": {{"id": {id}, "tags": {{}}, "name": {id}, "kind": "{kind}"}}, "metadata": {{"python_type": "fixlib.baseresources.{class}", "categories": ["management"]}}}}"#
    );
    let splice = Splice { at: line.len() - 2, form: SpliceForm::Append };
    SharedNode { id: node_id.into(), role, line: line.into_bytes().into(), splice }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_lines_are_those_of_the_peer() {
        let capture = include_str!("../tests/data/example-merge.ndjson");
        let id = crate::rule::cloud_node_id("example").unwrap();
        for (node, line) in [root(), cloud(&id, "example")].iter().zip(capture.lines()) {
            assert_eq!(std::str::from_utf8(&node.line).unwrap(), line);
        }
    }
}
