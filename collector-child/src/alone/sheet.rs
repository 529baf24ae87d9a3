//! The NDJSON lines of one account, as fixcore gets them from the supervisor: all nodes, then the edges, then
//! the deferred edges.
//!
//! Nodes go straight to the output; edges wait in files, because they may come before their nodes. In memory
//! are the ids only.

use std::collections::{BTreeMap, HashSet};
use std::io::{self, BufRead, BufReader, Write};

use ipc_proto::graph::{Chunk, DeferredEdge, Edge, EdgeType, Node, Role, Selector};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use serde_json::{Map, Value};
use thiserror::Error;

use super::spool::Spill;

/// Why there is no sheet.
#[derive(Debug, Error)]
pub(super) enum SheetError {
    /// The disk is full, or the like.
    #[error("cannot write the graph: {0}")]
    Io(#[from] io::Error),
    /// The collector made something that is no JSON.
    #[error("the collector made a line that is no JSON object: {0}")]
    Json(#[from] serde_json::Error),
    /// Not exactly one account, and that the one asked for.
    #[error("the collector sent the account node {found}, but {expected} is collected")]
    OtherAccount {
        /// The node id of the job.
        expected: String,
        /// The node id that came.
        found: String,
    },
    /// The same.
    #[error("the collector sent no account node")]
    NoAccount,
}

/// What the finished sheet holds, and what did not fit.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Counts {
    /// Nodes by kind.
    pub(super) kinds: BTreeMap<String, u64>,
    /// Edges by type.
    pub(super) edges: BTreeMap<EdgeType, u64>,
    /// Deferred edges.
    pub(super) deferred: u64,
    /// Nodes left out because their id was there already.
    pub(super) duplicates: u64,
    /// Edges left out because an end is not in the graph.
    pub(super) dangling: u64,
}

impl Counts {
    /// All nodes.
    pub(super) fn nodes(&self) -> u64 {
        self.kinds.values().sum()
    }

    /// All edges that are not deferred.
    pub(super) fn all_edges(&self) -> u64 {
        self.edges.values().sum()
    }
}

/// A sheet under construction; `W` takes the lines.
pub(super) struct Sheet<W> {
    lines: W,
    edges: Spill,
    deferred: Spill,
    ids: HashSet<Box<str>>,
    account: String,
    account_seen: bool,
    exported_at: String,
    edges_added: u64,
    counts: Counts,
}

#[derive(Serialize, Deserialize)]
struct EdgeLine<'a> {
    #[serde(borrow)]
    from: std::borrow::Cow<'a, str>,
    #[serde(borrow)]
    to: std::borrow::Cow<'a, str>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    edge_type: Option<&'a str>,
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    reported: Option<&'a RawValue>,
}

#[derive(Serialize)]
struct DeferredLine<'a> {
    from_selector: SelectorLine<'a>,
    to_selector: SelectorLine<'a>,
    edge_type: &'a str,
}

#[derive(Serialize)]
#[serde(rename_all = "snake_case")]
enum SelectorLine<'a> {
    NodeId(&'a str),
    SearchCriteria(&'a str),
}

impl<W: Write> Sheet<W> {
    /// A sheet for the account with the node id `account`; `exported_at` is the time of the export in UTC.
    pub(super) fn new(lines: W, account: String, exported_at: String) -> io::Result<Self> {
        Ok(Self {
            lines,
            edges: Spill::new()?,
            deferred: Spill::new()?,
            ids: HashSet::new(),
            account,
            account_seen: false,
            exported_at,
            edges_added: 0,
            counts: Counts::default(),
        })
    }

    /// What it holds so far.
    pub(super) fn counts(&self) -> &Counts {
        &self.counts
    }

    /// Edges that came so far, also those that will turn out to lead nowhere.
    pub(super) fn edges_added(&self) -> u64 {
        self.edges_added
    }

    /// Adds a part of the graph.
    pub(super) fn add(&mut self, chunk: &Chunk<'_>) -> Result<(), SheetError> {
        chunk.nodes.iter().try_for_each(|node| self.add_node(node))?;
        chunk.edges.iter().try_for_each(|edge| self.add_edge(edge))?;
        chunk.deferred.iter().try_for_each(|edge| self.add_deferred(edge))
    }

    /// Writes the edges behind the nodes and gives the lines back.
    pub(super) fn finish(mut self) -> Result<(W, Counts), SheetError> {
        if !self.account_seen {
            return Err(SheetError::NoAccount);
        }
        let mut edges = BufReader::new(self.edges.read()?);
        let mut line = Vec::new();
        while edges.read_until(b'\n', &mut line)? > 0 {
            let edge: EdgeLine<'_> = serde_json::from_slice(&line)?;
            if self.ids.contains(&*edge.from) && self.ids.contains(&*edge.to) {
                let edge_type = edge.edge_type.and_then(EdgeType::from_name).unwrap_or(EdgeType::Default);
                *self.counts.edges.entry(edge_type).or_default() += 1;
                self.lines.write_all(&line)?;
            } else {
                self.counts.dangling += 1;
            }
            line.clear();
        }
        io::copy(&mut self.deferred.read()?, &mut self.lines)?;
        self.lines.flush()?;
        Ok((self.lines, self.counts))
    }

    fn add_node(&mut self, node: &Node<'_>) -> Result<(), SheetError> {
        if !self.ids.insert(node.id.into()) {
            self.counts.duplicates += 1;
            return Ok(());
        }
        match self.counts.kinds.get_mut(node.kind) {
            Some(count) => *count += 1,
            None => drop(self.counts.kinds.insert(node.kind.to_owned(), 1)),
        }
        match node.role {
            Role::Account => self.add_account(node)?,
            Role::Root | Role::Cloud | Role::Organization | Role::Region | Role::Resource => {
                self.lines.write_all(node.json)?;
            }
        }
        Ok(self.lines.write_all(b"\n")?)
    }

    /// The account is what fixcore replaces: it gets the two marks that only the exporter sets.
    fn add_account(&mut self, node: &Node<'_>) -> Result<(), SheetError> {
        if node.id != self.account {
            return Err(SheetError::OtherAccount {
                expected: self.account.clone(),
                found: node.id.to_owned(),
            });
        }
        self.account_seen = true;
        let mut json: Map<String, Value> = serde_json::from_slice(node.json)?;
        let metadata = json.entry("metadata").or_insert_with(|| Value::Object(Map::new()));
        if let Value::Object(metadata) = metadata {
            metadata.insert("replace".to_owned(), Value::Bool(true));
            metadata.insert("exported_at".to_owned(), Value::String(self.exported_at.clone()));
        }
        Ok(serde_json::to_writer(&mut self.lines, &json)?)
    }

    fn add_edge(&mut self, edge: &Edge<'_>) -> Result<(), SheetError> {
        let line = EdgeLine {
            from: edge.from.into(),
            to: edge.to.into(),
            edge_type: (edge.edge_type != EdgeType::Default).then(|| edge.edge_type.name()),
            reported: edge.reported.map(serde_json::from_slice).transpose()?,
        };
        serde_json::to_writer(&mut self.edges, &line)?;
        self.edges_added += 1;
        Ok(self.edges.write_all(b"\n")?)
    }

    fn add_deferred(&mut self, edge: &DeferredEdge<'_>) -> Result<(), SheetError> {
        let line = DeferredLine {
            from_selector: selector(&edge.from),
            to_selector: selector(&edge.to),
            edge_type: edge.edge_type.name(),
        };
        serde_json::to_writer(&mut self.deferred, &line)?;
        self.counts.deferred += 1;
        Ok(self.deferred.write_all(b"\n")?)
    }
}

fn selector<'a>(selector: &Selector<'a>) -> SelectorLine<'a> {
    match selector {
        Selector::NodeId(id) => SelectorLine::NodeId(id),
        Selector::Search(search) => SelectorLine::SearchCriteria(search),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn node<'a>(id: &'a str, role: Role, json: &'a str) -> Node<'a> {
        Node { id, kind: "k", role, json: json.as_bytes() }
    }

    fn edge<'a>(from: &'a str, to: &'a str, edge_type: EdgeType) -> Edge<'a> {
        Edge { from, to, edge_type, reported: None }
    }

    fn sheet() -> Sheet<Vec<u8>> {
        Sheet::new(Vec::new(), "a".to_owned(), "2026-01-02T03:04:05Z".to_owned()).unwrap()
    }

    #[test]
    fn lines_come_in_the_order_of_fixcore_with_the_marks_on_the_account() {
        let mut sheet = sheet();
        let rule = br#"{"p":1}"#;
        let early = Chunk {
            edges: vec![
                edge("a", "r", EdgeType::Default),
                edge("r", "a\"", EdgeType::Delete),
                Edge { reported: Some(rule), ..edge("a", "r", EdgeType::Iam) },
                edge("a", "nowhere", EdgeType::Default),
            ],
            deferred: vec![DeferredEdge {
                from: Selector::NodeId("r"),
                to: Selector::Search("is(x) and name==\"y\""),
                edge_type: EdgeType::Default,
            }],
            ..Chunk::default()
        };
        let late = Chunk {
            nodes: vec![
                node(
                    "a",
                    Role::Account,
                    r#"{"id": "a", "reported": {"z": 1, "b": 2}, "metadata": {"python_type": "x"}}"#,
                ),
                node("r", Role::Resource, r#"{"id": "r", "reported": {"f": 1.0}}"#),
                node("r", Role::Resource, r#"{"id": "r", "again": true}"#),
                node("a\"", Role::Resource, r#"{"id": "a\""}"#),
            ],
            ..Chunk::default()
        };
        sheet.add(&early).unwrap();
        sheet.add(&late).unwrap();
        let (lines, counts) = sheet.finish().unwrap();
        let expected = r#"{"id":"a","reported":{"z":1,"b":2},"metadata":{"python_type":"x","replace":true,"exported_at":"2026-01-02T03:04:05Z"}}
{"id": "r", "reported": {"f": 1.0}}
{"id": "a\""}
{"from":"a","to":"r"}
{"from":"r","to":"a\"","edge_type":"delete"}
{"from":"a","to":"r","edge_type":"iam","reported":{"p":1}}
{"from_selector":{"node_id":"r"},"to_selector":{"search_criteria":"is(x) and name==\"y\""},"edge_type":"default"}
"#;
        assert_eq!(String::from_utf8(lines).unwrap(), expected);
        assert_eq!((counts.nodes(), counts.all_edges(), counts.deferred), (3, 3, 1));
        assert_eq!((counts.duplicates, counts.dangling), (1, 1));
    }

    #[test]
    fn a_graph_of_another_account_or_of_none_is_refused() {
        let other = Chunk { nodes: vec![node("b", Role::Account, "{}")], ..Chunk::default() };
        assert!(matches!(sheet().add(&other), Err(SheetError::OtherAccount { .. })));
        assert!(matches!(sheet().finish(), Err(SheetError::NoAccount)));
    }
}
