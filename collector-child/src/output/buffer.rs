//! A chunk under construction: texts in two arenas, so that a node costs one copy and no allocation.

use std::ops::Range;

use ipc_proto::graph::{Chunk, DeferredEdge, Edge, EdgeType, Node, Role, Selector};

/// Room for lengths and tags around the texts of one entry.
const ENTRY_OVERHEAD: usize = 32;

/// Collects entries until the chunk is big enough to send.
#[derive(Debug, Default)]
pub(crate) struct ChunkBuffer {
    text: String,
    json: Vec<u8>,
    nodes: Vec<NodeEntry>,
    edges: Vec<EdgeEntry>,
    deferred: Vec<DeferredEntry>,
}

#[derive(Debug)]
struct NodeEntry {
    id: Range<usize>,
    kind: Range<usize>,
    role: Role,
    json: Range<usize>,
}

#[derive(Debug)]
struct EdgeEntry {
    from: Range<usize>,
    to: Range<usize>,
    edge_type: EdgeType,
    reported: Option<Range<usize>>,
}

#[derive(Debug)]
struct DeferredEntry {
    from: SelectorEntry,
    to: SelectorEntry,
    edge_type: EdgeType,
}

#[derive(Debug)]
enum SelectorEntry {
    NodeId(Range<usize>),
    Search(Range<usize>),
}

/// What an entry will add to the payload, at most.
pub(crate) trait PayloadSize {
    fn payload_size(&self) -> usize;
}

impl PayloadSize for Node<'_> {
    fn payload_size(&self) -> usize {
        self.id.len() + self.kind.len() + self.json.len() + ENTRY_OVERHEAD
    }
}

impl PayloadSize for Edge<'_> {
    fn payload_size(&self) -> usize {
        self.from.len() + self.to.len() + self.reported.map_or(0, <[u8]>::len) + ENTRY_OVERHEAD
    }
}

impl PayloadSize for DeferredEdge<'_> {
    fn payload_size(&self) -> usize {
        selector_text(&self.from).len() + selector_text(&self.to).len() + ENTRY_OVERHEAD
    }
}

pub(crate) fn selector_text<'a>(selector: &Selector<'a>) -> &'a str {
    match *selector {
        Selector::NodeId(text) | Selector::Search(text) => text,
    }
}

impl ChunkBuffer {
    /// An upper bound of the payload that this would make now.
    pub(crate) fn payload_size(&self) -> usize {
        let entries = self.nodes.len() + self.edges.len() + self.deferred.len();
        self.text.len() + self.json.len() + (entries + 2) * ENTRY_OVERHEAD
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.nodes.is_empty() && self.edges.is_empty() && self.deferred.is_empty()
    }

    pub(crate) fn add_node(&mut self, node: &Node<'_>) {
        let entry = NodeEntry {
            id: self.add_text(node.id),
            kind: self.add_text(node.kind),
            role: node.role,
            json: self.add_json(node.json),
        };
        self.nodes.push(entry);
    }

    pub(crate) fn add_edge(&mut self, edge: &Edge<'_>) {
        let entry = EdgeEntry {
            from: self.add_text(edge.from),
            to: self.add_text(edge.to),
            edge_type: edge.edge_type,
            reported: edge.reported.map(|json| self.add_json(json)),
        };
        self.edges.push(entry);
    }

    pub(crate) fn add_deferred(&mut self, edge: &DeferredEdge<'_>) {
        let entry = DeferredEntry {
            from: self.add_selector(&edge.from),
            to: self.add_selector(&edge.to),
            edge_type: edge.edge_type,
        };
        self.deferred.push(entry);
    }

    /// What was collected, as message number `seq`.
    pub(crate) fn chunk(&self, seq: u32) -> Chunk<'_> {
        Chunk {
            seq,
            nodes: self.nodes.iter().map(|entry| self.node(entry)).collect(),
            edges: self.edges.iter().map(|entry| self.edge(entry)).collect(),
            deferred: self.deferred.iter().map(|entry| self.deferred_edge(entry)).collect(),
        }
    }

    /// Forgets the content and keeps the memory.
    pub(crate) fn clear(&mut self) {
        self.text.clear();
        self.json.clear();
        self.nodes.clear();
        self.edges.clear();
        self.deferred.clear();
    }

    fn node(&self, entry: &NodeEntry) -> Node<'_> {
        Node {
            id: &self.text[entry.id.clone()],
            kind: &self.text[entry.kind.clone()],
            role: entry.role,
            json: &self.json[entry.json.clone()],
        }
    }

    fn edge(&self, entry: &EdgeEntry) -> Edge<'_> {
        Edge {
            from: &self.text[entry.from.clone()],
            to: &self.text[entry.to.clone()],
            edge_type: entry.edge_type,
            reported: entry.reported.clone().map(|range| &self.json[range]),
        }
    }

    fn deferred_edge(&self, entry: &DeferredEntry) -> DeferredEdge<'_> {
        DeferredEdge {
            from: self.selector(&entry.from),
            to: self.selector(&entry.to),
            edge_type: entry.edge_type,
        }
    }

    fn selector(&self, entry: &SelectorEntry) -> Selector<'_> {
        match entry {
            SelectorEntry::NodeId(range) => Selector::NodeId(&self.text[range.clone()]),
            SelectorEntry::Search(range) => Selector::Search(&self.text[range.clone()]),
        }
    }

    fn add_selector(&mut self, selector: &Selector<'_>) -> SelectorEntry {
        match selector {
            Selector::NodeId(text) => SelectorEntry::NodeId(self.add_text(text)),
            Selector::Search(text) => SelectorEntry::Search(self.add_text(text)),
        }
    }

    fn add_text(&mut self, text: &str) -> Range<usize> {
        let start = self.text.len();
        self.text.push_str(text);
        start..self.text.len()
    }

    fn add_json(&mut self, json: &[u8]) -> Range<usize> {
        let start = self.json.len();
        self.json.extend_from_slice(json);
        start..self.json.len()
    }
}

#[cfg(test)]
mod tests {
    use ipc_proto::codec;
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn gives_back_what_was_added_and_never_underestimates(
            nodes in prop::collection::vec(("\\PC{0,40}", "\\PC{0,40}", prop::collection::vec(any::<u8>(), 0..300)), 0..40),
            edges in prop::collection::vec(("\\PC{0,40}", "\\PC{0,40}", prop::option::of(prop::collection::vec(any::<u8>(), 0..50))), 0..40),
        ) {
            let mut buffer = ChunkBuffer::default();
            let nodes: Vec<Node<'_>> = nodes
                .iter()
                .map(|(id, kind, json)| Node { id, kind, role: Role::Resource, json })
                .collect();
            let edges: Vec<Edge<'_>> = edges
                .iter()
                .map(|(from, to, reported)| Edge { from, to, edge_type: EdgeType::Iam, reported: reported.as_deref() })
                .collect();
            let deferred: Vec<DeferredEdge<'_>> = edges
                .iter()
                .map(|edge| DeferredEdge {
                    from: Selector::NodeId(edge.from),
                    to: Selector::Search(edge.to),
                    edge_type: EdgeType::Default,
                })
                .collect();
            for node in &nodes {
                buffer.add_node(node);
            }
            for edge in &edges {
                buffer.add_edge(edge);
            }
            for edge in &deferred {
                buffer.add_deferred(edge);
            }
            prop_assert_eq!(buffer.is_empty(), nodes.is_empty() && edges.is_empty());
            let chunk = buffer.chunk(7);
            let mut payload = Vec::new();
            codec::encode_into(&chunk, &mut payload).unwrap();
            prop_assert!(payload.len() <= buffer.payload_size());
            prop_assert_eq!(chunk, Chunk { seq: 7, nodes, edges, deferred });
        }
    }
}
