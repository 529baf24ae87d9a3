//! The way of a node from the builder to the sink.

use collector::fault::property_fault;
use collector::{Failure, Sink, SinkExt, fault, wire_role};
use inventory::{Ancestors, Draft, Finished, KindTable, NodeBuilder, NodeFault, NodeId};
use ipc_proto::fault::FaultKind;
use ipc_proto::graph::{Edge, EdgeType, Node};

/// Makes nodes and sends them.
pub(super) struct Nodes<'a> {
    builder: NodeBuilder<'a>,
    output: &'a dyn Sink,
}

impl<'a> Nodes<'a> {
    pub(super) fn new(table: &'a KindTable, output: &'a dyn Sink) -> Self {
        Self { builder: NodeBuilder::new(table), output }
    }

    /// Sends graph root and cloud, with the edge between them. Returns the node id of the cloud.
    pub(super) async fn top(&mut self, cloud: &str) -> Result<NodeId, Failure> {
        let none = Ancestors::default();
        let root = self.node("graph_root", "root", &none, |_| {}).await?;
        let cloud = self.node("cloud", cloud, &none, |_| {}).await?;
        self.edge(root, cloud, EdgeType::Default).await?;
        Ok(cloud)
    }

    /// Sends a node; `fill` sets its properties. What does not fit the model becomes a fault.
    pub(super) async fn node(
        &mut self,
        kind: &str,
        id: &str,
        ancestors: &Ancestors<'_>,
        fill: impl FnOnce(&mut Draft<'_, '_>),
    ) -> Result<NodeId, Failure> {
        let mut draft = self.builder.node(kind, id).map_err(|error| node_fault(&error))?;
        fill(&mut draft);
        let finished = draft.finish(ancestors);
        let id = finished.id;
        self.output.node(wire_node(&finished)).await?;
        for misfit in self.builder.take_faults() {
            self.output.fault(property_fault(&misfit));
        }
        Ok(id)
    }

    /// Sends an edge.
    pub(super) async fn edge(&self, from: NodeId, to: NodeId, edge_type: EdgeType) -> Result<(), Failure> {
        self.output.edge(Edge { from: from.as_str(), to: to.as_str(), edge_type, reported: None }).await
    }
}

fn wire_node<'a>(finished: &'a Finished<'a>) -> Node<'a> {
    Node {
        id: finished.id.as_str(),
        kind: finished.kind,
        role: wire_role(finished.role),
        json: finished.json,
    }
}

fn node_fault(error: &NodeFault) -> Failure {
    fault(FaultKind::Internal, error.to_string()).into()
}
