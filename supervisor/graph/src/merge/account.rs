//! The graph of one account, checked and waiting for its upload.

use std::io::{self, BufRead, BufReader};

use ipc_proto::account::AccountName;
use ipc_proto::graph::Role;

use crate::batch::Weight;
use crate::line::{Splice, SpliceForm};
use crate::spool::Blob;
use crate::staging::Findings;

/// A node above the account.
#[derive(Debug, Clone)]
pub(crate) struct SharedNode {
    pub(crate) id: Box<str>,
    pub(crate) role: Role,
    /// Without newline.
    pub(crate) line: Box<[u8]>,
    pub(crate) splice: Splice,
}

/// Where marks of the account node go.
#[derive(Debug, Clone, Copy)]
pub(crate) struct AccountLine {
    /// Offset among the node lines.
    pub(crate) at: u64,
    pub(crate) form: SpliceForm,
}

/// Counts of one account graph, with its root, cloud and organization.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct AccountCounts {
    /// Nodes.
    pub nodes: u64,
    /// Edges.
    pub edges: u64,
    /// Deferred edges, those made of edges that lead out of the account included.
    pub deferred: u64,
    /// Regions and zones.
    pub regions: u64,
    /// Bytes of all lines but those of root, cloud and organization.
    pub bytes: u64,
}

/// The graph of one account, checked and waiting. Its files go with the last reference.
#[derive(Debug)]
pub struct StagedAccount {
    pub(crate) number: usize,
    pub(crate) account: AccountName,
    pub(crate) account_node: Box<str>,
    pub(crate) shared: Vec<SharedNode>,
    pub(crate) shared_edges: Vec<Box<str>>,
    pub(crate) account_line: AccountLine,
    pub(crate) nodes: Blob,
    pub(crate) edges: Blob,
    pub(crate) deferred: Blob,
    pub(crate) counts: AccountCounts,
    pub(crate) doubtful: Blob,
    pub(crate) findings: Findings,
}

impl StagedAccount {
    /// The number of [`crate::staging::Staging::numbered`].
    pub fn number(&self) -> usize {
        self.number
    }

    /// The account.
    pub fn account(&self) -> &AccountName {
        &self.account
    }

    /// The node id of the account node.
    pub fn account_node(&self) -> &str {
        &self.account_node
    }

    /// The node id of its cloud: accounts of one upload must agree in it.
    pub fn cloud_node(&self) -> &str {
        self.shared.iter().find(|node| node.role == Role::Cloud).map_or("", |node| &node.id)
    }

    /// Whether the graph holds an organization; such a graph is uploaded alone.
    pub fn has_organization(&self) -> bool {
        self.shared.iter().any(|node| node.role == Role::Organization)
    }

    /// Counts.
    pub fn counts(&self) -> AccountCounts {
        self.counts
    }

    /// Whether none of its ids can be of another account. Any other graph waits until the accounts of the run have
    /// all been collected: see [`crate::Owners::contest`].
    pub fn is_certain(&self) -> bool {
        self.doubtful.is_empty()
    }

    /// The ids that could be of another account, in lists of `count` at most.
    pub fn doubtful(
        &self,
        count: usize,
    ) -> io::Result<impl Iterator<Item = io::Result<Vec<String>>> + use<>> {
        let mut lines = BufReader::new(self.doubtful.read(0..self.doubtful.len())?).lines();
        Ok(std::iter::from_fn(move || {
            let list: io::Result<Vec<_>> = lines.by_ref().take(count).collect();
            list.map(|list| (!list.is_empty()).then_some(list)).transpose()
        }))
    }

    /// What it adds to a batch.
    pub fn weight(&self) -> Weight {
        Weight { nodes: self.counts.nodes, regions: self.counts.regions, alone: self.has_organization() }
    }

    /// What the checks found.
    pub fn findings(&self) -> &Findings {
        &self.findings
    }
}
