//! One file as the graph of its account.

use std::fs::File;
use std::io::BufReader;
use std::path::Path;

use collector::{Failure, FaultExt, Sink, SinkExt};
use inventory::KindTable;
use ipc_proto::fault::Fault;
use ipc_proto::graph::{DeferredEdge, Edge, Node, Role};
use ipc_proto::job::Account;
use ipc_proto::message::Progress;
use tokio::runtime::Handle;

use super::lines::Lines;
use super::record::{NodeRecord, Record};
use super::{roles, trouble};

/// Sends a file, line by line. For a thread that may block.
pub(super) struct Stream<'a> {
    pub(super) table: &'a KindTable,
    pub(super) path: &'a Path,
    pub(super) account: &'a Account,
    pub(super) output: &'a dyn Sink,
    pub(super) runtime: &'a Handle,
}

impl Stream<'_> {
    /// Sends all lines. The first that is broken ends it with a fault, and with it the job: half an account would
    /// delete the other half in fixcore.
    pub(super) fn run(&self) -> Result<(), Failure> {
        let (mut lines, length) =
            Lines::open(self.path).map_err(|error| Failure::Fault(trouble::io(self.path, &error)))?;
        self.output.step(format!("reading {}", self.path.display()));
        let mut json = Vec::new();
        let mut has_account = false;
        let mut percent = None;
        loop {
            self.progress(&lines, length, &mut percent);
            let Some(line) =
                lines.next().map_err(|error| Failure::Fault(trouble::reading(self.path, &error)))?
            else {
                break;
            };
            let number = line.number;
            let record = Record::parse(line.text).map_err(|what| self.broken(number, &what))?;
            if let Record::Node(node) = &record {
                let role = self.role(node).ok_or_else(|| self.second(number, &node.id))?;
                has_account |= role == Role::Account;
                self.send_node(node, role, &mut json)?;
            } else {
                self.send_edge(&record)?;
            }
        }
        if has_account { Ok(()) } else { Err(self.changed().into()) }
    }

    fn broken(&self, number: u64, what: &str) -> Failure {
        Failure::Fault(trouble::line(self.path, number, what))
    }

    fn second(&self, number: u64, node_id: &str) -> Failure {
        let what = format!("holds a second account (line {number}, node {node_id}), but an export holds one");
        trouble::file(self.path, &what)
            .scope_action(format!("line {number}"))
            .with_hint("export each account to a file of its own")
            .into()
    }

    /// The role of a node; `None` if it is another account.
    fn role(&self, node: &NodeRecord<'_>) -> Option<Role> {
        if node.id == self.account.node_id {
            return Some(Role::Account);
        }
        let role = roles::of_kind(self.table, &node.kind);
        (role != Role::Account && !node.is_exported_account()).then_some(role)
    }

    fn send_node(&self, node: &NodeRecord<'_>, role: Role, json: &mut Vec<u8>) -> Result<(), Failure> {
        json.clear();
        node.write(json);
        self.runtime.block_on(self.output.node(Node { id: &node.id, kind: &node.kind, role, json }))
    }

    fn send_edge(&self, record: &Record<'_>) -> Result<(), Failure> {
        match record {
            Record::Node(_) => Ok(()),
            Record::Edge { from, to, edge_type, reported } => self.runtime.block_on(self.output.edge(Edge {
                from,
                to,
                edge_type: *edge_type,
                reported: reported.map(|reported| reported.get().as_bytes()),
            })),
            Record::Deferred { from, to, edge_type } => {
                self.runtime.block_on(self.output.deferred_edge(DeferredEdge {
                    from: from.wire(),
                    to: to.wire(),
                    edge_type: *edge_type,
                }))
            }
        }
    }

    /// Says how far it is when a percent more has been read.
    fn progress(&self, lines: &Lines<BufReader<File>>, length: u64, last: &mut Option<u32>) {
        let percent =
            u32::try_from(lines.bytes().saturating_mul(100) / length.max(1)).unwrap_or(100).min(100);
        if last.replace(percent) == Some(percent) {
            return;
        }
        let Account { cloud, id, name, .. } = self.account;
        self.output.progress(Progress {
            path: vec![cloud.clone(), format!("{name} ({id})")],
            name: self.path.file_name().unwrap_or_default().to_string_lossy().into_owned(),
            current: percent,
            total: 100,
        });
    }

    fn changed(&self) -> Fault {
        trouble::file(self.path, "does not hold this account any more")
            .with_hint("the file was replaced while the worker ran; the next run takes what is there now")
    }
}
