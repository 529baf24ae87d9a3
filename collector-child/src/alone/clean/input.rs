//! Nodes and edges from a file: an export as `collect` writes it, or the answer of a search in fixcore.

use std::collections::{HashMap, HashSet, VecDeque};
use std::io::{BufRead, Read as _};

use collector::node::{NodeError, StoredNode};
use decisions::cleanup::Kinds;
use ipc_proto::clean::{CleanResource, Related};
use ipc_proto::graph::EdgeType;
use ipc_proto::limits::MAX_NODE_JSON;
use serde::Deserialize;
use serde_json::{Map, Value, json};
use thiserror::Error;

/// Why the lines are no graph.
#[derive(Debug, Error)]
pub(in crate::alone) enum InputError {
    /// It cannot be read.
    #[error("{0}")]
    Io(#[from] std::io::Error),
    /// A line that is no node and no edge.
    #[error("line {line}: {reason}")]
    Line {
        /// Counts from 1.
        line: usize,
        /// What is wrong.
        reason: String,
    },
}

/// What is known of a node without reading its line again.
#[derive(Debug)]
pub(super) struct Head {
    pub(super) id: String,
    pub(super) kind: String,
    pub(super) cloud_id: String,
    pub(super) title: String,
    pub(super) marked: bool,
    pub(super) cleaned: bool,
    pub(super) protected: bool,
    line: String,
}

/// A graph that was read.
#[derive(Debug, Default)]
pub(super) struct Graph {
    pub(super) heads: Vec<Head>,
    /// From, to, type; iam edges and those without their nodes are left out.
    pub(super) edges: Vec<(usize, usize, EdgeType)>,
    index: HashMap<String, usize>,
    /// Incoming default edges by node.
    parents: HashMap<usize, Vec<usize>>,
}

/// What the kinds of a collector say about the hierarchy, and about what holds what.
#[derive(Debug, Default)]
pub(super) struct Levels {
    pub(super) kinds: Kinds,
    /// For each kind those that its delete edges may lead to.
    holders: HashMap<String, Vec<String>>,
}

#[derive(Deserialize)]
struct Line {
    id: Option<String>,
    from: Option<String>,
    to: Option<String>,
    edge_type: Option<String>,
    from_selector: Option<serde::de::IgnoredAny>,
}

impl Graph {
    /// Reads lines of JSON.
    pub(super) fn read(mut lines: impl BufRead) -> Result<Self, InputError> {
        let mut graph = Self::default();
        let mut edges = Vec::new();
        for number in 1.. {
            let mut line = String::new();
            let most = MAX_NODE_JSON as u64 + 2;
            if lines.by_ref().take(most).read_line(&mut line)? == 0 {
                break;
            }
            let text = line.trim();
            if text.len() > MAX_NODE_JSON {
                let reason = format!("longer than the {MAX_NODE_JSON} bytes that a node may have");
                return Err(InputError::Line { line: number, reason });
            }
            if !text.is_empty() {
                let taken = graph.take(text, &mut edges);
                taken.map_err(|reason| InputError::Line { line: number, reason })?;
            }
        }
        graph.join(edges);
        Ok(graph)
    }

    fn take(&mut self, text: &str, edges: &mut Vec<(String, String, EdgeType)>) -> Result<(), String> {
        let broken = |error: serde_json::Error| format!("no JSON object: {error}");
        let line: Line = serde_json::from_str(text).map_err(broken)?;
        match line {
            Line { from: Some(from), to: Some(to), edge_type, .. } => {
                let name = edge_type.unwrap_or_else(|| EdgeType::Default.name().to_owned());
                let edge = EdgeType::from_name(&name).ok_or_else(|| format!("no edge type: {name:?}"))?;
                edges.push((from, to, edge));
                Ok(())
            }
            // fixcore resolves these by search; they are never delete edges.
            Line { from_selector: Some(_), .. } => Ok(()),
            Line { id: Some(_), .. } => self.add(text).map_err(|error| error.to_string()),
            Line { .. } => Err("neither a node nor an edge".to_owned()),
        }
    }

    fn add(&mut self, text: &str) -> Result<(), NodeError> {
        let node = StoredNode::parse(text)?;
        if self.index.contains_key(&node.id) {
            return Ok(());
        }
        self.index.insert(node.id.clone(), self.heads.len());
        self.heads.push(Head {
            title: node.title(),
            cloud_id: node.cloud_id().to_owned(),
            marked: node.marked,
            cleaned: node.is_cleaned(),
            protected: node.is_protected(),
            id: node.id,
            kind: node.kind,
            line: text.to_owned(),
        });
        Ok(())
    }

    fn join(&mut self, edges: Vec<(String, String, EdgeType)>) {
        let mut seen = HashSet::new();
        for (from, to, edge) in edges {
            let (Some(from), Some(to)) = (self.index.get(&from), self.index.get(&to)) else { continue };
            if edge == EdgeType::Iam || !seen.insert((*from, *to, edge)) {
                continue;
            }
            if edge == EdgeType::Default {
                self.parents.entry(*to).or_default().push(*from);
            }
            self.edges.push((*from, *to, edge));
        }
    }

    /// The nodes that `name` may mean: a node id, or the id in the cloud.
    pub(super) fn named(&self, name: &str) -> Vec<usize> {
        if let Some(one) = self.index.get(name) {
            return vec![*one];
        }
        let heads = self.heads.iter().enumerate();
        heads.filter(|(_, head)| head.cloud_id == name).map(|(one, _)| one).collect()
    }

    /// The node as a job carries it: marked, with ancestors, with all its neighbours, of which those in `chosen`
    /// are marked.
    pub(super) fn resource(
        &self,
        one: usize,
        chosen: &[usize],
        levels: &Levels,
    ) -> Result<CleanResource, serde_json::Error> {
        let mut node: Map<String, Value> = serde_json::from_str(&self.heads[one].line)?;
        node.insert("desired".to_owned(), json!({"clean": true}));
        if !node.get("ancestors").is_some_and(Value::is_object) {
            node.insert("ancestors".to_owned(), self.ancestors(one, levels)?);
        }
        let related = self.edges.iter().filter_map(|(from, to, edge)| match (*from == one, *to == one) {
            (true, false) => Some((*to, *edge, true)),
            (false, true) => Some((*from, *edge, false)),
            _ => None,
        });
        let related_json = related
            .map(|(other, edge, outgoing)| {
                let mut node: Map<String, Value> = serde_json::from_str(&self.heads[other].line)?;
                node.insert("desired".to_owned(), json!({"clean": chosen.contains(&other)}));
                Ok(Related { edge, outgoing, node_json: Value::Object(node).to_string() })
            })
            .collect::<Result<_, serde_json::Error>>()?;
        Ok(CleanResource { node_json: Value::Object(node).to_string(), related_json, related_cut: false })
    }

    /// Whether the graph has anything that might have to go before `node`: an edge to it, or a node of such a kind.
    pub(super) fn knows_what_holds(&self, node: usize, kinds: &[String]) -> bool {
        let has_edge = self.edges.iter().any(|(from, _, edge)| *from == node && *edge == EdgeType::Delete);
        has_edge || kinds.is_empty() || self.heads.iter().any(|head| kinds.contains(&head.kind))
    }

    /// The lines of all nodes that others are below: clouds, accounts, regions, zones.
    pub(super) fn upper(&self, levels: &Levels) -> Vec<String> {
        let heads = self.heads.iter().filter(|head| levels.kinds.is_place(&head.kind));
        heads.map(|head| head.line.clone()).collect()
    }

    /// The nearest node of each level above, along default edges.
    fn ancestors(&self, one: usize, levels: &Levels) -> Result<Value, serde_json::Error> {
        let mut found = Map::new();
        let mut seen = HashSet::from([one]);
        let mut queue = VecDeque::from([one]);
        while let Some(at) = queue.pop_front() {
            if let Some(level) = levels.kinds.level(&self.heads[at].kind)
                && !found.contains_key(level)
            {
                found.insert(level.to_owned(), serde_json::from_str(&self.heads[at].line)?);
            }
            let parents = self.parents.get(&at).into_iter().flatten();
            queue.extend(parents.copied().filter(|parent| seen.insert(*parent)));
        }
        Ok(Value::Object(found))
    }
}

impl Levels {
    /// Reads the kinds of a collector.
    pub(super) fn of_kinds(kinds_json: &str) -> Result<Self, serde_json::Error> {
        #[derive(Deserialize)]
        struct Kind {
            fqn: String,
            #[serde(default)]
            bases: Option<Vec<String>>,
            #[serde(default)]
            successor_kinds: Option<HashMap<String, Vec<String>>>,
        }
        let kinds: Vec<Kind> = serde_json::from_str(kinds_json)?;
        let (mut all, mut holders) = (Vec::new(), HashMap::new());
        for Kind { fqn, bases, successor_kinds } in kinds {
            if let Some(of_it) = successor_kinds.and_then(|mut all| all.remove(EdgeType::Delete.name())) {
                holders.insert(fqn.clone(), of_it);
            }
            all.push((fqn, bases.unwrap_or_default()));
        }
        Ok(Self { kinds: Kinds::new(all), holders })
    }

    /// The kinds of what may have to go before a resource of this kind.
    pub(super) fn holders(&self, kind: &str) -> &[String] {
        self.holders.get(kind).map_or(&[], Vec::as_slice)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const KINDS: &str = r#"[{"fqn": "resource"}, {"fqn": "base_cloud", "bases": ["resource"]},
        {"fqn": "cloud", "bases": ["base_cloud"]}, {"fqn": "account", "bases": ["resource"]},
        {"fqn": "x_account", "bases": ["account"]}, {"fqn": "region", "bases": null},
        {"fqn": "x_region", "bases": ["region"]}, {"fqn": "x_disk", "bases": ["resource"]}]"#;

    fn node(id: &str, kind: &str, more: &str) -> String {
        format!(r#"{{"id": "{id}", "reported": {{"id": "c-{id}", "kind": "{kind}"}}{more}}}"#)
    }

    fn graph(lines: &[String]) -> Graph {
        Graph::read(lines.join("\n").as_bytes()).unwrap()
    }

    fn sample() -> Graph {
        graph(&[
            r#"{"from": "d", "to": "e", "edge_type": "delete", "type": "edge"}"#.to_owned(),
            node("k", "cloud", ""),
            node("a", "x_account", ""),
            node("r", "x_region", ""),
            String::new(),
            node("d", "x_disk", r#", "desired": {"clean": true}"#),
            node("d", "x_disk", ""),
            node("e", "x_disk", r#", "metadata": {"cleaned": true}, "ancestors": {"account": null}"#),
            r#"{"from": "k", "to": "a"}"#.to_owned(),
            r#"{"from": "a", "to": "r"}"#.to_owned(),
            r#"{"from": "r", "to": "d"}"#.to_owned(),
            r#"{"from": "a", "to": "d", "edge_type": "iam"}"#.to_owned(),
            r#"{"from": "a", "to": "nowhere"}"#.to_owned(),
            r#"{"from_selector": {"node_id": "d"}, "to_selector": {"node_id": "e"}, "edge_type": "delete"}"#
                .to_owned(),
        ])
    }

    #[test]
    fn a_resource_gets_its_mark_its_ancestors_and_its_neighbours() {
        let graph = sample();
        let levels = Levels::of_kinds(KINDS).unwrap();
        let [disk] = graph.named("c-d")[..] else { panic!() };
        assert_eq!(graph.named("d"), [disk]);
        let [other] = graph.named("e")[..] else { panic!() };
        let resource = graph.resource(disk, &[disk, other], &levels).unwrap();
        let node = StoredNode::parse(&resource.node_json).unwrap();
        assert!(node.marked);
        let above = node.ancestors;
        let ids = [above.cloud, above.account, above.region, above.zone]
            .map(|one| one.map(|one| one.id().to_owned()));
        assert_eq!(ids, [Some("c-k".into()), Some("c-a".into()), Some("c-r".into()), None]);
        let related: Vec<_> = resource.related_json.iter().map(|one| (one.edge, one.outgoing)).collect();
        assert_eq!(related, [(EdgeType::Delete, true), (EdgeType::Default, false)]);
        let marks = resource.related_json.iter().map(|one| StoredNode::parse(&one.node_json).unwrap().marked);
        assert_eq!(marks.collect::<Vec<_>>(), [true, false], "what goes in the same run, and what stays");
        assert!(resource.related_json[0].node_json.contains("c-e"));
    }

    #[test]
    fn marks_are_read_and_ancestors_of_a_search_are_kept() {
        let graph = sample();
        let marks: Vec<_> = graph.heads.iter().map(|head| (head.marked, head.cleaned)).collect();
        assert_eq!(marks, [(false, false), (false, false), (false, false), (true, false), (false, true)]);
        let resource = graph.resource(4, &[4], &Levels::default()).unwrap();
        assert!(resource.node_json.contains(r#""ancestors":{"account":null}"#), "{}", resource.node_json);
    }

    #[test]
    fn wrong_lines_are_named() {
        for (text, expected) in [
            ("{}", "line 1: neither a node nor an edge"),
            ("\n{\"id\": \"x\"}", "line 2: the node has no kind"),
            (r#"{"from": "a", "to": "b", "edge_type": "e"}"#, "line 1: no edge type: \"e\""),
        ] {
            assert_eq!(Graph::read(text.as_bytes()).unwrap_err().to_string(), expected);
        }
        let error = Graph::read("[1]".as_bytes()).unwrap_err().to_string();
        assert!(error.starts_with("line 1: no JSON object"), "{error}");
        let long = format!("{{\"id\": \"{}\"}}", "x".repeat(MAX_NODE_JSON));
        let error = Graph::read(long.as_bytes()).unwrap_err().to_string();
        assert!(error.starts_with("line 1: longer than"), "{error}");
    }
}
