//! The graph of an account from the lines of a program. Graph root and cloud are ours, whatever the program says of them.

use std::collections::BTreeSet;

use collector::{Failure, FaultExt, Sink, SinkExt, fault};
use inventory::NodeId;
use ipc_proto::fault::FaultKind;
use ipc_proto::graph::{DeferredEdge, Edge, EdgeType, Node, Role};
use ipc_proto::job::Account;

use super::Program;
use crate::file::record::{NodeRecord, Record};
use crate::graph::Nodes;

/// A graph that is sent as it comes.
pub(super) struct Graph<'a> {
    program: &'a Program,
    account: &'a Account,
    sink: &'a dyn Sink,
    cloud: NodeId,
    /// Ids of the program for what is above the account.
    above: BTreeSet<String>,
    has_account: bool,
    json: Vec<u8>,
}

impl<'a> Graph<'a> {
    /// Sends graph root, cloud, and the edge to the account.
    pub(super) async fn begin(
        program: &'a Program,
        account: &'a Account,
        sink: &'a dyn Sink,
    ) -> Result<Self, Failure> {
        let cloud = Nodes::new(program.top.table()?, sink).top(&account.cloud).await?;
        let edge =
            Edge { from: cloud.as_str(), to: &account.node_id, edge_type: EdgeType::Default, reported: None };
        sink.edge(edge).await?;
        let (above, json) = (BTreeSet::new(), Vec::new());
        Ok(Self { program, account, sink, cloud, above, has_account: false, json })
    }

    pub(super) async fn take(&mut self, record: &Record<'_>) -> Result<(), Failure> {
        match record {
            Record::Node(node) => self.node(node).await,
            // Edges of what is above the account are ours.
            Record::Edge { from, to, .. } if self.is_above(from) || self.is_above(to) => Ok(()),
            Record::Edge { from, to, edge_type, reported } => {
                let reported = reported.map(|reported| reported.get().as_bytes());
                self.sink.edge(Edge { from, to, edge_type: *edge_type, reported }).await
            }
            Record::Deferred { from, to, edge_type } => {
                let (from, to) = (from.wire(), to.wire());
                self.sink.deferred_edge(DeferredEdge { from, to, edge_type: *edge_type }).await
            }
        }
    }

    fn is_above(&self, id: &str) -> bool {
        id == self.cloud.as_str() || self.above.contains(id)
    }

    async fn node(&mut self, node: &NodeRecord<'_>) -> Result<(), Failure> {
        let role = match self.program.roles.get(&*node.kind) {
            _ if node.id == self.account.node_id => Role::Account,
            Some(Role::Root | Role::Cloud) => {
                self.above.insert(node.id.clone());
                return Ok(());
            }
            Some(Role::Account) => return Err(self.second(&node.id)),
            Some(role) => *role,
            None => Role::Resource,
        };
        self.has_account |= role == Role::Account;
        self.json.clear();
        node.write(&mut self.json);
        self.sink.node(Node { id: &node.id, kind: &node.kind, role, json: &self.json }).await
    }

    fn second(&self, node_id: &str) -> Failure {
        let name = &self.program.description.collector;
        let message = format!(
            "the program of {name} sent the node {node_id} of another account than the one that it was to collect"
        );
        fault(FaultKind::InvalidAnswer, message).into()
    }

    /// Without its account a graph is none.
    pub(super) fn end(self) -> Result<(), Failure> {
        if self.has_account {
            return Ok(());
        }
        let name = &self.program.description.collector;
        let message = format!("the program of {name} did not send the node of the account");
        let hint =
            format!("its id has to be {}, as it is in the request (account.node_id)", self.account.node_id);
        Err(fault(FaultKind::InvalidAnswer, message).with_hint(hint).into())
    }
}
