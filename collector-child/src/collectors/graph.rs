//! What the collectors share: the kinds of one of them, and the way of a node from the builder to the output.

use std::sync::OnceLock;

use inventory::{
    Ancestors, Draft, Finished, KindTable, KindTableError, NodeBuilder, NodeFault, NodeId, PropertyFault,
};
use ipc_proto::fault::{Fault, FaultKind};
use ipc_proto::graph::{Edge, EdgeType, Node, Role};

use crate::collector::Failure;
use crate::fault::{FaultExt, fault};
use crate::output::Output;

/// The kinds of a collector, loaded when first asked for.
#[derive(Debug)]
pub(super) struct Kinds {
    files: &'static [&'static str],
    table: OnceLock<Result<KindTable, KindTableError>>,
}

impl Kinds {
    /// The kinds of these data files.
    pub(super) const fn of(files: &'static [&'static str]) -> Self {
        Self { files, table: OnceLock::new() }
    }

    /// The kinds.
    pub(super) fn table(&self) -> Result<&KindTable, Failure> {
        self.table
            .get_or_init(|| KindTable::load(self.files))
            .as_ref()
            .map_err(|error| fault(FaultKind::Internal, error.to_string()).into())
    }

    /// The kinds as fixcore's model takes them. Broken ones (which tests rule out) show as an empty model; a
    /// collection then says why.
    pub(super) fn model(&self) -> String {
        self.table().ok().and_then(|table| table.export_model().ok()).unwrap_or_else(|| "[]".to_owned())
    }
}

/// Makes nodes and sends them.
pub(super) struct Sink<'a> {
    builder: NodeBuilder<'a>,
    output: &'a Output,
}

impl<'a> Sink<'a> {
    pub(super) fn new(table: &'a KindTable, output: &'a Output) -> Self {
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

/// The role of a node on the wire.
pub(super) fn wire_role(role: inventory::Role) -> Role {
    match role {
        inventory::Role::Root => Role::Root,
        inventory::Role::Cloud => Role::Cloud,
        inventory::Role::Organization => Role::Organization,
        inventory::Role::Account => Role::Account,
        inventory::Role::Region | inventory::Role::Zone => Role::Region,
        inventory::Role::Resource => Role::Resource,
    }
}

fn node_fault(error: &NodeFault) -> Failure {
    fault(FaultKind::Internal, error.to_string()).into()
}

fn property_fault(misfit: &PropertyFault) -> Fault {
    fault(FaultKind::Property, misfit.to_string()).scope_kind(misfit.kind)
}
