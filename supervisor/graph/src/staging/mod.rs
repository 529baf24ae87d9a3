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

use ipc_proto::account::{Account, AccountName};
use ipc_proto::graph::{Chunk, DeferredEdge, Edge, Node, Role, Selector, Tally};

use crate::above;
use crate::id::{CompactId, ROOT_NODE_ID};
use crate::index::{Finds, GraphIndex, is_shared};
use crate::kinds::KindTable;
use crate::line::{CheckedLine, Splice, check_line};
use crate::merge::{AccountLine, SharedNode};
use crate::places::{Parts, Places};
use crate::render::{check_deferred, check_edge, push_deferred, push_edge};
use crate::rule::cloud_node_id;
use crate::search;
use crate::spool::{SpoolBuffer, SpoolDir};

pub use error::{Limit, StagingError, Violation};
pub use findings::Findings;
pub use finish::CheckedAccount;

/// How many nodes that came twice are named.
const EXAMPLES: usize = 3;

/// Edge ends without a node that one attempt may send for each node, since edges may come first.
const UNKNOWN_ENDS_PER_NODE: u64 = 4;
/// And these, whatever the nodes.
const UNKNOWN_ENDS: u64 = 50_000;

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
        Self { nodes: 2_000_000, edges: 8_000_000, deferred: 10_000, bytes: 8 << 30, shared_bytes: 4 << 20 }
    }
}

/// The graph of one attempt on its way.
#[derive(Debug)]
pub struct Staging {
    dir: SpoolDir,
    kinds: Arc<KindTable>,
    limits: StagingLimits,
    /// How whoever staged it counts it.
    number: usize,
    account: AccountName,
    account_node: String,
    /// The node of the cloud as we write it; `None` if its id cannot be one.
    cloud: Option<SharedNode>,
    places: Places,
    tally: Tally,
    index: GraphIndex,
    nodes: SpoolBuffer,
    edges: SpoolBuffer,
    deferred: SpoolBuffer,
    /// Ids that no rule explains, a line each.
    doubtful: SpoolBuffer,
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
            number: 0,
            account: AccountName::from(account),
            account_node: account.node_id.clone(),
            cloud: cloud_node_id(&account.cloud).map(|id| above::cloud(&id, &account.cloud)),
            places: Places::new(&account.cloud, &account.id),
            tally: Tally::default(),
            index: GraphIndex::default(),
            nodes: SpoolBuffer::new(dir),
            edges: SpoolBuffer::new(dir),
            deferred: SpoolBuffer::new(dir),
            doubtful: SpoolBuffer::new(dir),
            shared: Vec::new(),
            shared_bytes: 0,
            shared_edges: Vec::new(),
            account_line: None,
            duplicates: Vec::new(),
            duplicate_count: 0,
        }
    }

    /// The number by which whoever stages it finds the account again.
    #[must_use]
    pub fn numbered(mut self, number: usize) -> Self {
        self.number = number;
        self
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

    /// Ends of edges that no node has come for cost as much memory as nodes, and nothing else bounds them.
    fn check_unknown(&self) -> Result<(), Limit> {
        let limit = UNKNOWN_ENDS + UNKNOWN_ENDS_PER_NODE * self.tally.totals().nodes;
        if self.index.unknown() as u64 > limit {
            return Err(Limit { what: "edge ends that are no nodes of it", limit });
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
        let explained = self.explain(id, role, node, &line);
        if is_shared(role) {
            if role == Role::Organization && !explained {
                return Err(refuse(Violation::ForeignOrganization).into());
            }
            self.shared_bytes += node.json.len() as u64;
            self.shared.push(self.shared_node(role, node, line.splice));
            return Ok(self.check_limits()?);
        }
        if !explained {
            self.index.doubt(id);
            self.doubtful.append(|out| {
                out.extend_from_slice(node.id.as_bytes());
                out.push(b'\n');
            })?;
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

    /// Whether nobody else can have this id.
    fn explain(&mut self, id: CompactId, role: Role, node: &Node<'_>, line: &CheckedLine<'_>) -> bool {
        // These three were compared with what the run knows.
        if matches!(role, Role::Root | Role::Cloud | Role::Account) {
            return true;
        }
        let own = line.reported_id.as_deref().unwrap_or_default();
        let name = line.reported_name.as_deref().unwrap_or(own);
        self.places.explain(
            id,
            role,
            Parts { kind: node.kind, id: own, name, arn: line.reported_arn.as_deref() },
        )
    }

    /// Root and cloud are ours: what the child has written does not go on.
    fn shared_node(&self, role: Role, node: &Node<'_>, splice: Splice) -> SharedNode {
        match (role, &self.cloud) {
            (Role::Root, _) => above::root(),
            (Role::Cloud, Some(cloud)) => cloud.clone(),
            _ => SharedNode { id: node.id.into(), role, line: node.json.into(), splice },
        }
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
        if let Some(mark) = line.mark.filter(|_| is_shared(role) || role == Role::Account) {
            return Err(Violation::MarkAbove(mark));
        }
        match role {
            Role::Root if self.index.with_role(Role::Root).next().is_some() => second("graph_root"),
            Role::Root => same("id", ROOT_NODE_ID, id),
            Role::Cloud if self.shared.iter().any(|node| node.role == Role::Cloud) => second("cloud"),
            Role::Cloud => {
                let cloud = &self.account.cloud;
                let known = self.cloud.as_ref().ok_or_else(|| Violation::Cloud(cloud.clone()))?;
                same("reported.id", cloud, reported_id)?;
                same("id", &known.id, id)
            }
            Role::Account if self.account_line.is_some() => second("account"),
            Role::Account => {
                same("id", &self.account_node, id)?;
                same("reported.id", &self.account.id, reported_id)
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
        self.check_unknown()?;
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
        let finds = match edge.to {
            Selector::Search(search) => search::kind_of(search).map(|kind| self.kinds.finds(kind)),
            Selector::NodeId(_) => None,
        };
        self.index.add_deferred(ends, edge.edge_type, finds.unwrap_or(Finds::Anything));
        Ok(self.deferred.append(|out| push_deferred(out, edge))?)
    }
}
