//! Resources of the rogue collector, put into fixcore without anybody collecting them: any delete edges, any marks.

use serde_json::{Value, json};

use crate::core::Fixcore;
use crate::expect::ids;

/// A graph with one or more accounts of the cloud `rogue`.
#[derive(Debug, Clone, Default)]
pub struct Estate {
    cloud: String,
    accounts: Vec<String>,
    nodes: Vec<Value>,
    edges: Vec<Value>,
}

impl Estate {
    /// Nothing but the cloud `rogue`.
    pub fn rogue() -> Self {
        Self::of_cloud("rogue")
    }

    /// Nothing but this cloud.
    pub fn of_cloud(cloud: &str) -> Self {
        Self { cloud: cloud.to_owned(), ..Self::default() }
    }

    /// An account; the resources that follow are in the one named last. Its name has to be that of a mode.
    #[must_use]
    pub fn account(mut self, id: &str) -> Self {
        let metadata = json!({"replace": true, "exported_at": "2026-01-01T00:00:00Z"});
        self.add(&ids::account(id), "example_account", id, &json!({"metadata": metadata}));
        self.edge("cloud", &ids::account(id), "default");
        self.accounts.push(id.to_owned());
        self
    }

    /// A volume that is marked for cleanup.
    #[must_use]
    pub fn marked(self, id: &str) -> Self {
        self.resource(id, "example_volume", &json!({"desired": {"clean": true}}))
    }

    /// A volume that is not.
    #[must_use]
    pub fn unmarked(self, id: &str) -> Self {
        self.resource(id, "example_volume", &json!({}))
    }

    /// Any resource, with further keys of its line.
    #[must_use]
    pub fn resource(mut self, id: &str, kind: &str, extra: &Value) -> Self {
        let account =
            self.accounts.last().map(|account| ids::account(account)).expect("an account comes first");
        self.add(id, kind, id, extra);
        self.edge(&account, id, "default");
        self
    }

    /// `id` can go only after these are gone: they depend on it.
    #[must_use]
    pub fn needs(mut self, id: &str, dependents: &[&str]) -> Self {
        for dependent in dependents {
            self.edge(id, dependent, "delete");
        }
        self
    }

    fn add(&mut self, id: &str, kind: &str, name: &str, extra: &Value) {
        let mut reported = json!({"id": name, "tags": {}, "name": name, "kind": kind});
        if kind == "example_volume" {
            reported["volume_size"] = json!(10);
        }
        let mut line = json!({"id": id, "reported": reported, "metadata": {}});
        line.as_object_mut().expect("an object").extend(extra.as_object().cloned().unwrap_or_default());
        self.nodes.push(line);
    }

    fn edge(&mut self, from: &str, to: &str, edge_type: &str) {
        self.edges.push(json!({"from": from, "to": to, "edge_type": edge_type}));
    }

    /// Puts it into fixcore, with the model of the example collector.
    #[track_caller]
    pub fn put(mut self, core: &Fixcore) {
        let (root, cloud) = (ids::ROOT, self.cloud.clone());
        let cloud_id = format!("cloud-{cloud}");
        self.nodes
            .insert(0, json!({"id": root, "reported": {"id": "root", "name": "root", "kind": "graph_root"}}));
        self.nodes
            .insert(1, json!({"id": cloud_id, "reported": {"id": cloud, "name": cloud, "kind": "cloud"}}));
        self.edges.insert(0, json!({"from": root, "to": cloud_id}));
        for edge in &mut self.edges {
            if edge["from"] == "cloud" {
                edge["from"] = json!(cloud_id);
            }
        }
        core.post("/graph/fix", &json!({}));
        core.put_peer_model();
        let lines: Vec<String> = self.nodes.iter().chain(&self.edges).map(Value::to_string).collect();
        let body = Some(("application/x-ndjson", lines.join("\n")));
        core.call("POST", "/graph/fix/merge?wait_for_result=true", body).expect_success();
    }
}
