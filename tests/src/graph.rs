//! Graphs as a child writes them and as fixcore stores them, made comparable.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use jiff::{SignedDuration, Timestamp};
use serde_json::{Map, Value};

/// From, to, type.
pub type Edge = (String, String, String);

/// The id fixcore gives to the root, whatever id it came with.
const STORED_ROOT: &str = "root";

/// An NDJSON export: what fixcore would be sent.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Export {
    /// Nodes by id.
    pub nodes: BTreeMap<String, Value>,
    /// Edges.
    pub edges: BTreeSet<Edge>,
    /// Deferred edges.
    pub deferred: Vec<Value>,
}

impl Export {
    /// Reads an export file.
    #[track_caller]
    pub fn read(path: &Path) -> Self {
        let text = fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        Self::parse(&text)
    }

    /// Parses the lines of an export.
    #[track_caller]
    pub fn parse(text: &str) -> Self {
        Self::of(text.lines().map(|line| serde_json::from_str(line).expect("a line of an export is JSON")))
    }

    /// Takes parsed lines. Nodes come before edges, edges before deferred edges; an id comes once.
    #[track_caller]
    pub fn of(lines: impl IntoIterator<Item = Value>) -> Self {
        let mut export = Self::default();
        for line in lines {
            if line.get("from_selector").is_some() {
                export.deferred.push(line);
            } else if line.get("from").is_some() {
                assert!(export.deferred.is_empty(), "an edge after a deferred edge: {line}");
                let new = export.edges.insert(edge_of(&line));
                assert!(new, "an edge came twice: {line}");
            } else {
                assert!(export.edges.is_empty(), "a node after an edge: {line}");
                let id = text(&line["id"]);
                assert!(export.nodes.insert(id, line).is_none(), "a node came twice");
            }
        }
        export
    }

    /// The node of this kind with this id.
    #[track_caller]
    pub fn node(&self, kind: &str, id: &str) -> &Value {
        let is = |node: &&Value| node["reported"]["kind"] == kind && node["reported"]["id"] == id;
        self.nodes.values().find(is).unwrap_or_else(|| panic!("no {kind} {id}"))
    }

    /// The ids of the nodes of a kind, sorted.
    pub fn ids(&self, kind: &str) -> Vec<String> {
        let id = |node: &&Value| node["reported"]["id"].as_str().unwrap_or_default().to_owned();
        let mut ids: Vec<String> = self.of_kind(kind).iter().map(|node| id(&&**node)).collect();
        ids.sort_unstable();
        ids
    }

    /// The ids of nodes of this kind.
    pub fn of_kind(&self, kind: &str) -> Vec<&Value> {
        self.nodes.values().filter(|node| node["reported"]["kind"] == kind).collect()
    }

    /// The id of the root node.
    #[track_caller]
    pub fn root(&self) -> &str {
        let roots = self.of_kind("graph_root");
        assert_eq!(roots.len(), 1, "an export has one root");
        roots[0]["id"].as_str().expect("ids are text")
    }

    /// Both in one: what a run with both accounts has to store.
    #[must_use]
    pub fn and(mut self, other: Self) -> Self {
        self.nodes.extend(other.nodes);
        self.edges.extend(other.edges);
        self.deferred.extend(other.deferred);
        self
    }

    /// Without what differs from run to run or is added by the supervisor: `exported_at`, `replace`, and times
    /// about the moment of the run, which the demo collectors derive from it.
    #[must_use]
    pub fn steady(self) -> Self {
        let runs = Runs::of(self.nodes.values());
        self.steady_but(&runs)
    }

    /// The same, where times may also be about the moment of the other run: a file that was exported earlier keeps
    /// the times that were new then.
    #[must_use]
    pub fn steady_beside(self, other: &Self) -> Self {
        let runs = Runs::of(self.nodes.values().chain(other.nodes.values()));
        self.steady_but(&runs)
    }

    fn steady_but(mut self, runs: &Runs) -> Self {
        for node in self.nodes.values_mut() {
            if let Some(metadata) = node["metadata"].as_object_mut() {
                metadata.remove("exported_at");
                metadata.remove("replace");
                sort_texts(metadata, "categories");
            }
            runs.forget_times(node);
        }
        self
    }
}

/// What fixcore has stored.
#[derive(Debug, Clone, Default)]
pub struct StoredGraph {
    /// Nodes by id, as stored.
    pub nodes: BTreeMap<String, Value>,
    /// Edges.
    pub edges: BTreeSet<Edge>,
}

impl StoredGraph {
    /// From the harness' JSON.
    #[track_caller]
    pub fn parse(value: &Value) -> Self {
        let list = |name: &str| value[name].as_array().cloned().unwrap_or_default();
        let nodes = list("nodes").into_iter().map(|node| (text(&node["id"]), node)).collect();
        Self { nodes, edges: list("edges").iter().map(edge_of).collect() }
    }

    /// The nodes whose kinds include `kind`.
    pub fn of_kind(&self, kind: &str) -> Vec<&Value> {
        let is =
            |node: &&Value| node["kinds"].as_array().is_some_and(|kinds| kinds.iter().any(|k| k == kind));
        self.nodes.values().filter(is).collect()
    }

    /// The `reported.id` of all accounts, sorted.
    pub fn accounts(&self) -> Vec<String> {
        let mut ids: Vec<_> =
            self.of_kind("account").iter().map(|node| text(&node["reported"]["id"])).collect();
        ids.sort();
        ids
    }

    /// What is not of the cloud of this id, and what is.
    pub fn split(self, cloud: &str) -> (Self, Self) {
        let is_of = |_: &String, node: &mut Value| {
            let is_cloud =
                node["kinds"].as_array().is_some_and(|kinds| kinds.iter().any(|kind| kind == "cloud"));
            node["ancestors"]["cloud"]["reported"]["id"] == cloud
                || is_cloud && node["reported"]["id"] == cloud
        };
        let mut rest = self.nodes;
        let nodes: BTreeMap<_, _> = rest.extract_if(.., is_of).collect();
        let (edges, others) = self
            .edges
            .into_iter()
            .partition(|(from, to, _)| nodes.contains_key(from) || nodes.contains_key(to));
        (Self { nodes: rest, edges: others }, Self { nodes, edges })
    }

    /// The ids of the nodes below the account whose `reported.id` is `account`.
    pub fn below(&self, account: &str) -> BTreeSet<String> {
        let is_below = |node: &&Value| node["ancestors"]["account"]["reported"]["id"] == account;
        self.nodes.values().filter(is_below).map(|node| text(&node["id"])).collect()
    }

    /// Panics unless exactly the nodes and edges of `sent` are stored, with the values that were sent.
    #[track_caller]
    pub fn assert_is(&self, sent: &Export) {
        self.assert_has(sent);
        let root = sent.root();
        let expected: BTreeSet<_> = sent.nodes.keys().map(|id| stored_id(id, root)).collect();
        let surplus: Vec<_> = self.nodes.keys().filter(|id| !expected.contains(*id)).collect();
        assert!(surplus.is_empty(), "nodes that nobody sent are stored: {surplus:?}");
        let expected = stored_edges(sent);
        let surplus: Vec<_> = self.edges.difference(&expected).collect();
        assert!(surplus.is_empty(), "edges that nobody sent are stored: {surplus:?}");
    }

    /// Panics unless all nodes and edges of `sent` are stored, with the values that were sent.
    #[track_caller]
    pub fn assert_has(&self, sent: &Export) {
        let root = sent.root();
        let (runs, stored_runs) = (Runs::of(sent.nodes.values()), Runs::of(self.nodes.values()));
        for (id, node) in &sent.nodes {
            let id = stored_id(id, root);
            let stored = self.nodes.get(&id).unwrap_or_else(|| panic!("node {id} is not stored: {node}"));
            if id != STORED_ROOT {
                assert_same_values((node, &runs), (stored, &stored_runs));
            }
        }
        let expected = stored_edges(sent);
        let missing: Vec<_> = expected.difference(&self.edges).collect();
        assert!(missing.is_empty(), "edges are not stored: {missing:?}");
    }
}

/// fixcore adds `ctime` and `mtime` where they are missing; everything else is as it was sent.
#[track_caller]
fn assert_same_values((sent, runs): (&Value, &Runs), (stored, stored_runs): (&Value, &Runs)) {
    let sent_values = runs.reported(sent);
    let mut stored_values = stored_runs.reported(stored);
    stored_values
        .retain(|name, _| sent_values.contains_key(name) || !["ctime", "mtime"].contains(&name.as_str()));
    assert_eq!(sent_values, stored_values, "reported of {} differs", sent["id"]);
    for name in ["python_type", "categories"] {
        let sorted = |node: &Value| {
            let mut metadata = node["metadata"].as_object().cloned().unwrap_or_default();
            sort_texts(&mut metadata, "categories");
            metadata.get(name).cloned()
        };
        assert_eq!(sorted(sent), sorted(stored), "metadata.{name} of {} differs", sent["id"]);
    }
}

fn stored_id(id: &str, root: &str) -> String {
    if id == root { STORED_ROOT.into() } else { id.into() }
}

fn stored_edges(sent: &Export) -> BTreeSet<Edge> {
    let root = sent.root();
    let edges = sent.edges.iter().cloned();
    edges.map(|(from, to, edge_type)| (stored_id(&from, root), stored_id(&to, root), edge_type)).collect()
}

fn edge_of(line: &Value) -> Edge {
    let edge_type = line.get("edge_type").map_or_else(|| "default".to_owned(), text);
    (text(&line["from"]), text(&line["to"]), edge_type)
}

/// When the graphs were made that a file or a store holds: at each `exported_at`. What the clock says now is of no
/// interest: a recorded graph is as good on any other day.
#[derive(Debug)]
struct Runs(BTreeSet<Timestamp>);

impl Runs {
    fn of<'a>(nodes: impl Iterator<Item = &'a Value>) -> Self {
        Self(nodes.filter_map(|node| moment(&node["metadata"]["exported_at"])).collect())
    }

    /// What a node reports, but for the times that are those of a run.
    fn reported(&self, node: &Value) -> Map<String, Value> {
        let mut node = node.clone();
        self.forget_times(&mut node);
        node["reported"].as_object().cloned().unwrap_or_default()
    }

    /// Times of a run become the word `now`; fixed ones stay.
    fn forget_times(&self, node: &mut Value) {
        for name in ["ctime", "mtime", "atime"] {
            if let Some(value) = node["reported"].get_mut(name)
                && moment(value).is_some_and(|time| self.near(time))
            {
                *value = Value::from("now");
            }
        }
    }

    /// A run takes less than a day; its nodes are made before it is exported.
    fn near(&self, time: Timestamp) -> bool {
        self.0.iter().any(|run| run.duration_since(time).abs() <= SignedDuration::from_hours(24))
    }
}

fn moment(value: &Value) -> Option<Timestamp> {
    value.as_str()?.parse().ok()
}

fn sort_texts(object: &mut Map<String, Value>, name: &str) {
    if let Some(Value::Array(list)) = object.get_mut(name) {
        list.sort_by_key(ToString::to_string);
    }
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn export(ctime: &str, exported_at: &str) -> Export {
        let reported = serde_json::json!({"kind": "graph_root", "ctime": ctime});
        let metadata = serde_json::json!({"exported_at": exported_at});
        Export::of([serde_json::json!({"id": "a", "reported": reported, "metadata": metadata})])
    }

    #[test]
    fn the_moment_of_a_run_is_not_compared_and_every_other_time_is() {
        let recorded = export("2026-11-22T11:30:17Z", "2026-11-22T11:30:18Z").steady();
        for (ctime, exported_at, same) in [
            ("2031-02-28T23:59:59Z", "2031-03-01T00:00:01Z", true),
            ("2028-02-29T00:00:00Z", "2028-02-29T00:00:00Z", true),
            ("2026-11-22T11:30:17Z", "2031-03-01T00:00:01Z", false),
            ("2019-09-05T10:40:11Z", "2026-11-22T11:30:18Z", false),
        ] {
            assert_eq!(export(ctime, exported_at).steady() == recorded, same, "{ctime} {exported_at}");
        }
        let fixed = |ctime| export(ctime, "2026-11-22T11:30:18Z").steady();
        assert_ne!(fixed("2019-09-05T10:40:11Z"), fixed("2018-09-05T10:40:11Z"));
    }
}
