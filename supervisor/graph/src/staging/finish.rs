//! From a complete transmission to an account graph.

use std::collections::HashSet;
use std::io::{self, BufRead, BufReader};
use std::path::Path;
use std::sync::Arc;

use ipc_proto::account::AccountName;
use ipc_proto::graph::{Role, Totals};
use ipc_proto::message::Done;

use super::{Findings, Staging, StagingError, Violation};
use crate::check::{self, Fate, Sorted, StructureError};
use crate::index::{GraphIndex, Slot};
use crate::label::{self, NodeLabel};
use crate::merge::{AccountCounts, AccountLine, SharedNode, StagedAccount};
use crate::owners::Owners;
use crate::render::deferred_from_edge;
use crate::spool::{Blob, SpoolBuffer, SpoolDir, SpoolError};

impl Staging {
    /// Compares with what the child says to have sent, and checks the graph as a whole.
    ///
    /// Linear in nodes and edges; a million nodes take about a second, so not on a thread that serves others.
    pub fn finish(self, done: &Done) -> Result<CheckedAccount, StagingError> {
        compare(&done.totals, &self.tally.totals())?;
        let nodes = self.nodes.finish()?;
        let mut graph = CheckedAccount {
            dir: self.dir,
            number: self.number,
            account: self.account,
            account_node: self.account_node.into(),
            index: self.index,
            nodes,
            edges: self.edges.finish()?,
            deferred: self.deferred.finish()?,
            doubtful: self.doubtful.finish()?,
            shared: self.shared,
            shared_edges: self.shared_edges,
            account_line: self.account_line,
            findings: Findings {
                duplicate_nodes: self.duplicate_count,
                duplicate_examples: self.duplicates,
                ..Findings::default()
            },
        };
        match check::check(&graph.index) {
            Ok(sorted) => graph.apply(&sorted)?,
            Err(error) => return Err(graph.name_nodes(error).into()),
        }
        Ok(graph)
    }
}

fn compare(announced: &Totals, received: &Totals) -> Result<(), Violation> {
    let pairs = |totals: &Totals| {
        [
            ("chunks", u64::from(totals.chunks)),
            ("nodes", totals.nodes),
            ("edges", totals.edges),
            ("deferred edges", totals.deferred),
            ("bytes", totals.bytes),
            ("as digest of all nodes", u64::from(totals.digest)),
        ]
    };
    for ((what, announced), (_, received)) in pairs(announced).into_iter().zip(pairs(received)) {
        if announced != received {
            return Err(Violation::Totals { what, announced, received });
        }
    }
    Ok(())
}

/// An account graph that is good by itself. It still has to claim its ids.
#[derive(Debug)]
pub struct CheckedAccount {
    dir: SpoolDir,
    number: usize,
    account: AccountName,
    account_node: Box<str>,
    index: GraphIndex,
    nodes: Blob,
    edges: Blob,
    deferred: Blob,
    doubtful: Blob,
    shared: Vec<SharedNode>,
    shared_edges: Vec<Box<str>>,
    account_line: Option<AccountLine>,
    findings: Findings,
}

impl CheckedAccount {
    /// Claims all ids for the account: the last check, and the moment where it counts as collected.
    pub fn claim(mut self, owners: &mut Owners) -> Result<Arc<StagedAccount>, StagingError> {
        if let Err(taken) = owners.claim(&self.account, self.index.claims()) {
            let label = self.labels(&taken.examples).into_iter().next();
            let unknown = || NodeLabel { kind: "node".into(), name: String::new(), id: "unknown".into() };
            let (owner, count, example) = (taken.owner, taken.count, label.unwrap_or_else(unknown));
            return Err(if taken.contested {
                StagingError::Contested { owner, count, example }
            } else {
                StagingError::OwnedElsewhere { owner, count, example }
            });
        }
        let account_line = self.account_line.take().ok_or(StructureError::Missing("account"))?;
        let counts = self.counts();
        Ok(Arc::new(StagedAccount {
            number: self.number,
            account: self.account,
            account_node: self.account_node,
            shared: self.shared,
            shared_edges: self.shared_edges,
            account_line,
            nodes: self.nodes,
            edges: self.edges,
            deferred: self.deferred,
            counts,
            doubtful: self.doubtful,
            findings: self.findings,
        }))
    }

    /// The account.
    pub fn account(&self) -> &AccountName {
        &self.account
    }

    fn counts(&self) -> AccountCounts {
        let count = |number: usize| number as u64;
        let totals = count(self.index.edge_count());
        let deferred = count(self.index.deferred().len());
        let found = &self.findings;
        AccountCounts {
            nodes: count(self.index.defined()),
            edges: totals - found.dangling_edges - found.outward_edges - found.duplicate_edges,
            deferred: deferred - found.foreign_deferred + found.outward_edges,
            regions: count(self.index.with_role(Role::Region).count()),
            bytes: self.nodes.len() + self.edges.len() + self.deferred.len(),
        }
    }

    /// Carries out what the checks found: rewrites the edge lines only if there is something to change.
    fn apply(&mut self, sorted: &Sorted) -> Result<(), SpoolError> {
        for (_, fate) in &sorted.edges {
            match fate {
                Fate::Dangling => self.findings.dangling_edges += 1,
                Fate::Deferred => self.findings.outward_edges += 1,
                Fate::Duplicate => self.findings.duplicate_edges += 1,
                Fate::Shared => {}
            }
        }
        self.findings.foreign_deferred = sorted.foreign_deferred.len() as u64;
        let fates = self.fates_of_lines(sorted);
        if !fates.is_empty() || !sorted.foreign_deferred.is_empty() {
            self.rewrite(fates, &sorted.foreign_deferred)?;
        }
        let mut seen = HashSet::new();
        self.shared_edges.retain(|line| seen.insert(line.clone()));
        Ok(())
    }

    /// Writes edges and deferred edges anew, each line to where its fate says.
    fn rewrite(&mut self, fates: Vec<(u32, Fate)>, foreign_deferred: &[u32]) -> Result<(), SpoolError> {
        let mut edges = SpoolBuffer::new(&self.dir);
        let mut deferred = SpoolBuffer::new(&self.dir);
        let mut foreign = foreign_deferred.iter().copied().peekable();
        each_line(&self.deferred, |number, line| match foreign.next_if_eq(&number) {
            Some(_) => Ok(()),
            None => deferred.append(|out| out.extend_from_slice(line)),
        })?;
        let mut fates = fates.into_iter().peekable();
        let shared_edges = &mut self.shared_edges;
        each_line(&self.edges, |number, line| {
            let fate = fates.next_if(|(at, _)| *at == number).map(|(_, fate)| fate);
            match (fate, std::str::from_utf8(line)) {
                (None, _) => edges.append(|out| out.extend_from_slice(line)),
                (Some(Fate::Deferred), Ok(line)) => {
                    let line = deferred_from_edge(line).unwrap_or_default();
                    deferred.append(|out| out.extend_from_slice(line.as_bytes()))
                }
                (Some(Fate::Shared), Ok(line)) => {
                    shared_edges.push(line.into());
                    Ok(())
                }
                (Some(_), _) => Ok(()),
            }
        })?;
        (self.edges, self.deferred) = (edges.finish()?, deferred.finish()?);
        Ok(())
    }

    /// The fates by line number in the edge buffer, which does not hold the diverted edges.
    fn fates_of_lines(&self, sorted: &Sorted) -> Vec<(u32, Fate)> {
        let mut fates = sorted.edges.iter().copied().peekable();
        if fates.peek().is_none() {
            return Vec::new();
        }
        let mut line = 0;
        let mut by_line = Vec::with_capacity(sorted.edges.len());
        for (number, edge) in (0_u32..).zip(self.index.edges()) {
            let fate = fates.next_if(|(at, _)| *at == number);
            if edge.diverted {
                continue;
            }
            by_line.extend(fate.map(|(_, fate)| (line, fate)));
            line += 1;
        }
        by_line
    }

    fn labels(&self, ids: &[crate::id::CompactId]) -> Vec<NodeLabel> {
        let shared = self.shared.iter().map(|node| &*node.line);
        label::find(ids, shared, &self.nodes).unwrap_or_else(|error| {
            tracing::warn!(%error, account = %self.account, "cannot read a staged graph to name its nodes");
            Vec::new()
        })
    }

    fn name_nodes(&self, error: StructureError<Slot>) -> StructureError<NodeLabel> {
        let mut slots: Vec<Slot> = error.nodes().into_iter().copied().collect();
        slots.sort_unstable();
        slots.dedup();
        let labels = self.labels(&self.index.ids_of(&slots));
        let nameless =
            |slot: Slot| NodeLabel { kind: "node".into(), name: String::new(), id: slot.to_string() };
        error.map(|slot| {
            let at = slots.binary_search(&slot).ok();
            at.and_then(|at| labels.get(at).cloned()).unwrap_or_else(|| nameless(slot))
        })
    }
}

/// Calls `each` for every line with its number from 0.
fn each_line(
    blob: &Blob,
    mut each: impl FnMut(u32, &[u8]) -> Result<(), SpoolError>,
) -> Result<(), SpoolError> {
    let sort = |error: io::Error| SpoolError::at(Path::new("a staged graph"), error);
    let mut reader = BufReader::with_capacity(64 << 10, blob.read(0..blob.len()).map_err(sort)?);
    let mut line = Vec::new();
    for number in 0.. {
        line.clear();
        if reader.read_until(b'\n', &mut line).map_err(sort)? == 0 {
            break;
        }
        each(number, &line)?;
    }
    Ok(())
}
