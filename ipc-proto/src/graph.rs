//! Nodes and edges on the wire. They borrow from the frame: nothing is copied until it is staged.

use bincode::{BorrowDecode, Decode, Encode};

/// Part of the graph of one account.
#[derive(Debug, Clone, Default, PartialEq, Eq, Encode, BorrowDecode)]
pub struct Chunk<'a> {
    /// Counts from 0 without a gap, within one job.
    pub seq: u32,
    /// Complete nodes.
    pub nodes: Vec<Node<'a>>,
    /// Edges between nodes of this account, sent before or after, or of chunks still to come.
    pub edges: Vec<Edge<'a>>,
    /// Edges whose ends fixcore finds by search.
    pub deferred: Vec<DeferredEdge<'a>>,
}

/// A node: the child has written its final JSON line already.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Encode, BorrowDecode)]
pub struct Node<'a> {
    /// The node id; the same as `id` in the JSON.
    pub id: &'a str,
    /// The kind; the same as `reported.kind` in the JSON.
    pub kind: &'a str,
    /// The place in the hierarchy.
    pub role: Role,
    /// One JSON object without a raw newline: `id`, `reported`, `metadata`, `usage`, `desired`.
    pub json: &'a [u8],
}

/// The place of a node in the hierarchy. Append-only.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Encode, Decode)]
pub enum Role {
    /// The `graph_root`.
    Root,
    /// The cloud.
    Cloud,
    /// An organizational root or unit: above the account.
    Organization,
    /// The account of the job.
    Account,
    /// A region or zone: counts in fixcore's cost of a merge.
    Region,
    /// Anything else.
    Resource,
}

impl Role {
    /// All roles.
    pub const ALL: [Self; 6] =
        [Self::Root, Self::Cloud, Self::Organization, Self::Account, Self::Region, Self::Resource];
}

/// What an edge means. Append-only.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Encode, Decode)]
pub enum EdgeType {
    /// The hierarchy and the flow of traffic or data.
    Default,
    /// The order of deletion: `from` can go only after `to`.
    Delete,
    /// Access rights.
    Iam,
}

impl EdgeType {
    /// All edge types.
    pub const ALL: [Self; 3] = [Self::Default, Self::Delete, Self::Iam];

    /// The name in fixcore.
    pub fn name(self) -> &'static str {
        match self {
            Self::Default => "default",
            Self::Delete => "delete",
            Self::Iam => "iam",
        }
    }

    /// The edge type called `name`.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|edge_type| edge_type.name() == name)
    }
}

/// An edge between two nodes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Encode, BorrowDecode)]
pub struct Edge<'a> {
    /// Node id.
    pub from: &'a str,
    /// Node id.
    pub to: &'a str,
    /// What it means.
    pub edge_type: EdgeType,
    /// A JSON object, only on iam edges.
    pub reported: Option<&'a [u8]>,
}

/// An edge that fixcore resolves later.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Encode, BorrowDecode)]
pub struct DeferredEdge<'a> {
    /// Where it starts.
    pub from: Selector<'a>,
    /// Where it ends.
    pub to: Selector<'a>,
    /// What it means.
    pub edge_type: EdgeType,
}

/// Names a node. Append-only.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Encode, BorrowDecode)]
pub enum Selector<'a> {
    /// By node id.
    NodeId(&'a str),
    /// By a fixcore search that must match exactly one node.
    Search(&'a str),
}

/// What a job has sent in all. The supervisor compares it with what it staged.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Encode, Decode)]
pub struct Totals {
    /// Chunks.
    pub chunks: u32,
    /// Nodes.
    pub nodes: u64,
    /// Edges.
    pub edges: u64,
    /// Deferred edges.
    pub deferred: u64,
    /// Bytes of node JSON.
    pub bytes: u64,
    /// CRC-32 (IEEE) over the node JSON of all chunks in order.
    pub digest: u32,
}

/// Counts chunks on either side in the same way.
#[derive(Debug, Clone, Default)]
pub struct Tally {
    totals: Totals,
    hasher: crc32fast::Hasher,
}

impl Tally {
    /// Counts one chunk.
    pub fn add(&mut self, chunk: &Chunk<'_>) {
        self.totals.chunks += 1;
        self.totals.nodes += chunk.nodes.len() as u64;
        self.totals.edges += chunk.edges.len() as u64;
        self.totals.deferred += chunk.deferred.len() as u64;
        for node in &chunk.nodes {
            self.totals.bytes += node.json.len() as u64;
            self.hasher.update(node.json);
        }
    }

    /// What was counted so far.
    pub fn totals(&self) -> Totals {
        Totals { digest: self.hasher.clone().finalize(), ..self.totals }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn node(json: &[u8]) -> Node<'_> {
        Node { id: "n", kind: "k", role: Role::Resource, json }
    }

    #[test]
    fn the_digest_is_over_the_json_whatever_the_chunks() {
        let whole = Chunk { seq: 0, nodes: vec![node(b"{1}"), node(b"{2}")], ..Chunk::default() };
        let parts = [
            Chunk { seq: 0, nodes: vec![node(b"{1}")], ..Chunk::default() },
            Chunk { seq: 1, nodes: vec![node(b"{2}")], ..Chunk::default() },
        ];
        let (mut one, mut two) = (Tally::default(), Tally::default());
        one.add(&whole);
        for chunk in &parts {
            two.add(chunk);
        }
        // The check value of CRC-32 (IEEE) for `{1}{2}`, by Python's zlib.crc32.
        let expected = Totals { chunks: 1, nodes: 2, bytes: 6, digest: 0x4e53_6b97, ..Totals::default() };
        assert_eq!(one.totals(), expected);
        assert_eq!(two.totals(), Totals { chunks: 2, ..expected });
        assert_eq!(Tally::default().totals(), Totals::default());
    }

    #[test]
    fn edge_types_are_found_by_name() {
        for edge_type in EdgeType::ALL {
            assert_eq!(EdgeType::from_name(edge_type.name()), Some(edge_type));
        }
        assert_eq!(EdgeType::from_name("Default"), None);
    }
}
