//! The graph of one attempt while its child sends it. Only a `Done` with the same totals makes it an account graph.
//!
//! ```text
//! Staging::chunk ... -> Staging::finish(done) -> CheckedAccount::claim(owners) -> StagedAccount -> merge
//! ```
//! Dropped anywhere on the way, it leaves nothing behind.

mod error;
mod findings;
mod finish;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use ipc_proto::graph::{Chunk, DeferredEdge, Edge, Node, Role, Tally};
use ipc_proto::job::Account;

use crate::account::AccountName;
use crate::id::{CompactId, ROOT_NODE_ID};
use crate::index::{GraphIndex, is_shared};
use crate::kinds::KindTable;
use crate::line::{CheckedLine, Splice, check_line};
use crate::merge::{AccountLine, SharedNode};
use crate::render::{check_deferred, check_edge, push_deferred, push_edge};
use crate::spool::{SpoolBuffer, SpoolDir};

pub use error::{Limit, StagingError, Violation};
pub use findings::Findings;
pub use finish::CheckedAccount;

/// How many nodes that came twice are named.
const EXAMPLES: usize = 3;

/// How much one attempt may send.
#[derive(Debug, Clone, Copy)]
pub struct StagingLimits {
    /// Nodes.
    pub nodes: u64,
    /// Edges.
    pub edges: u64,
    /// Deferred edges.
    pub deferred: u64,
    /// Bytes of node and edge lines.
    pub bytes: u64,
    /// Bytes of root, cloud and organization lines, which stay in memory.
    pub shared_bytes: u64,
}

impl Default for StagingLimits {
    fn default() -> Self {
        Self {
            nodes: 2_000_000,
            edges: 8_000_000,
            deferred: 1_000_000,
            bytes: 8 << 30,
            shared_bytes: 4 << 20,
        }
    }
}

/// The graph of one attempt on its way.
#[derive(Debug)]
pub struct Staging {
    dir: SpoolDir,
    kinds: Arc<KindTable>,
    limits: StagingLimits,
    account: AccountName,
    account_node: String,
    tally: Tally,
    index: GraphIndex,
    nodes: SpoolBuffer,
    edges: SpoolBuffer,
    deferred: SpoolBuffer,
    shared: Vec<SharedNode>,
    shared_bytes: u64,
    shared_edges: Vec<Box<str>>,
    account_line: Option<AccountLine>,
    duplicates: Vec<String>,
    duplicate_count: u64,
}

impl Staging {
    /// Nothing received yet from the child that collects `account`.
    pub fn new(dir: &SpoolDir, kinds: Arc<KindTable>, account: &Account, limits: StagingLimits) -> Self {
        Self {
            dir: dir.clone(),
            kinds,
            limits,
            account: AccountName::from(account),
            account_node: account.node_id.clone(),
            tally: Tally::default(),
            index: GraphIndex::default(),
            nodes: SpoolBuffer::new(dir),
            edges: SpoolBuffer::new(dir),
            deferred: SpoolBuffer::new(dir),
            shared: Vec::new(),
            shared_bytes: 0,
            shared_edges: Vec::new(),
            account_line: None,
            duplicates: Vec::new(),
            duplicate_count: 0,
        }
    }

    /// Nodes received so far.
    pub fn received_nodes(&self) -> u64 {
        self.tally.totals().nodes
    }

    /// Takes the next chunk. After an error the attempt is lost.
    pub fn chunk(&mut self, chunk: &Chunk<'_>) -> Result<(), StagingError> {
        let expected = self.tally.totals().chunks;
        if chunk.seq != expected {
            return Err(Violation::Sequence { expected, got: chunk.seq }.into());
        }
        self.tally.add(chunk);
        self.check_limits()?;
        for node in &chunk.nodes {
            self.node(node)?;
        }
        for edge in &chunk.edges {
            self.edge(edge)?;
        }
        for edge in &chunk.deferred {
            self.deferred_edge(edge)?;
        }
        Ok(())
    }

    fn check_limits(&self) -> Result<(), Limit> {
        let totals = self.tally.totals();
        let bytes = totals.bytes + self.edges.len() + self.deferred.len();
        let limits = &self.limits;
        for (what, count, limit) in [
            ("nodes", totals.nodes, limits.nodes),
            ("edges", totals.edges, limits.edges),
            ("deferred edges", totals.deferred, limits.deferred),
            ("bytes", bytes, limits.bytes),
            ("bytes of root, cloud and organization nodes", self.shared_bytes, limits.shared_bytes),
        ] {
            if count > limit {
                return Err(Limit { what, limit });
            }
        }
        Ok(())
    }

    fn node(&mut self, node: &Node<'_>) -> Result<(), StagingError> {
        let refuse = |error: Violation| error.about(node);
        let id = CompactId::parse(node.id).map_err(|error| refuse(error.into()))?;
        let line = check_line(node).map_err(|error| refuse(error.into()))?;
        let role = self.kinds.admit(node.kind, node.role).map_err(|error| refuse(error.into()))?;
        self.check_place(role, node.id, &line).map_err(refuse)?;
        if !self.index.define(id, role) {
            return Ok(self.duplicate(node, role).map_err(refuse)?);
        }
        if is_shared(role) {
            self.shared_bytes += node.json.len() as u64;
            self.shared.push(SharedNode {
                id: node.id.into(),
                role,
                line: node.json.into(),
                splice: line.splice,
            });
            return Ok(self.check_limits()?);
        }
        if role == Role::Account {
            self.account_line = Some(self.account_line_at(line.splice));
        }
        self.nodes.append(|out| {
            out.extend_from_slice(node.json);
            out.push(b'\n');
        })?;
        Ok(())
    }

    fn account_line_at(&self, splice: Splice) -> AccountLine {
        AccountLine { at: self.nodes.len() + splice.at as u64, form: splice.form }
    }

    /// The rules of the nodes of which a graph has exactly one.
    fn check_place(&self, role: Role, id: &str, line: &CheckedLine<'_>) -> Result<(), Violation> {
        let reported_id = line.reported_id.as_deref().unwrap_or_default();
        let same = |key, expected: &str, got: &str| {
            if expected == got {
                return Ok(());
            }
            Err(Violation::Place { key, expected: expected.to_owned(), got: got.chars().take(128).collect() })
        };
        let second = |role_name| Err(Violation::Second(role_name));
        match role {
            Role::Root if self.index.with_role(Role::Root).next().is_some() => second("graph_root"),
            Role::Root => same("id", ROOT_NODE_ID, id),
            Role::Cloud if self.shared.iter().any(|node| node.role == Role::Cloud) => second("cloud"),
            Role::Cloud => same("reported.id", &self.account.key.cloud, reported_id),
            Role::Account if self.account_line.is_some() => second("account"),
            Role::Account => {
                same("id", &self.account_node, id)?;
                same("reported.id", &self.account.key.id, reported_id)
            }
            Role::Organization | Role::Region | Role::Resource => Ok(()),
        }
    }

    /// The same resource twice happens (a cloud lists it on two pages): the first stays. Anything else is an
    /// attempt to redefine the hierarchy.
    fn duplicate(&mut self, node: &Node<'_>, role: Role) -> Result<(), Violation> {
        if !matches!(role, Role::Region | Role::Resource) {
            return Err(Violation::DuplicateId);
        }
        self.duplicate_count += 1;
        if self.duplicates.len() < EXAMPLES {
            self.duplicates.push(format!("{} {}", node.kind, node.id));
        }
        Ok(())
    }

    fn edge(&mut self, edge: &Edge<'_>) -> Result<(), StagingError> {
        let ends = check_edge(edge).map_err(Violation::from)?;
        if self.index.add_edge(ends, edge.edge_type) {
            let mut line = Vec::new();
            push_edge(&mut line, edge);
            self.shared_bytes += line.len() as u64;
            self.shared_edges.push(String::from_utf8_lossy(&line).into());
            return Ok(self.check_limits()?);
        }
        Ok(self.edges.append(|out| push_edge(out, edge))?)
    }

    fn deferred_edge(&mut self, edge: &DeferredEdge<'_>) -> Result<(), StagingError> {
        let ends = check_deferred(edge).map_err(Violation::from)?;
        self.index.add_deferred(ends);
        Ok(self.deferred.append(|out| push_deferred(out, edge))?)
    }
}
