//! Many account graphs in one upload: one root, one line per cloud, each account marked as replace node.

mod account;
mod body;
mod cloud;

pub use account::{AccountCounts, StagedAccount};
pub(crate) use account::{AccountLine, SharedNode};
pub use body::{BodyReader, GzipReader, Upload, read_chunk};
pub use cloud::{CloudRun, KeepReason, MergeKind, decide_replace};

use std::collections::HashSet;
use std::sync::Arc;

use ipc_proto::graph::Role;
use jiff::Timestamp;

use crate::line::Splice;
use crate::spool::Blob;
use body::Segment;

/// Which nodes fixcore replaces with all that is below them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Replace {
    /// Each account of the upload; others stay as they are.
    Accounts,
    /// The cloud: accounts that are not in the upload go. Only [`decide_replace`] says when that is right.
    Cloud,
}

/// Accounts that go to fixcore together.
#[derive(Debug, Clone)]
pub struct Batch {
    accounts: Vec<Arc<StagedAccount>>,
    exported_at: String,
}

impl Batch {
    /// A batch of `accounts`, which are marked as exported at `exported_at`.
    pub fn new(accounts: Vec<Arc<StagedAccount>>, exported_at: Timestamp) -> Self {
        Self { accounts, exported_at: exported_at.strftime("%Y-%m-%dT%H:%M:%SZ").to_string() }
    }

    /// The accounts in their order.
    pub fn accounts(&self) -> &[Arc<StagedAccount>] {
        &self.accounts
    }

    /// The upload of the accounts at `chosen`. The same choice gives the same bytes, always.
    ///
    /// Lines that accounts share (root, cloud, organization) come from the first account that has them.
    pub fn upload(&self, chosen: &[usize], replace: Replace) -> Upload {
        let accounts: Vec<_> = chosen.iter().filter_map(|index| self.accounts.get(*index)).collect();
        let mut body =
            Assembly { exported_at: &self.exported_at, replace, segments: Vec::new(), nodes: 0, edges: 0 };
        body.shared_nodes(&accounts);
        for account in &accounts {
            body.account_nodes(account);
        }
        body.shared_edges(&accounts);
        for account in &accounts {
            body.edges += account.counts.edges - account.shared_edges.len() as u64;
            body.blob(&account.edges);
        }
        for account in &accounts {
            body.blob(&account.deferred);
        }
        let deferred = accounts.iter().map(|account| account.counts.deferred).sum();
        Upload::new(body.segments, body.nodes, body.edges, deferred)
    }

    /// The upload of all accounts.
    pub fn whole(&self, replace: Replace) -> Upload {
        self.upload(&(0..self.accounts.len()).collect::<Vec<_>>(), replace)
    }
}

/// An upload in the making.
struct Assembly<'a> {
    exported_at: &'a str,
    replace: Replace,
    segments: Vec<Segment>,
    nodes: u64,
    edges: u64,
}

impl Assembly<'_> {
    fn shared_nodes(&mut self, accounts: &[&Arc<StagedAccount>]) {
        let mut seen = HashSet::new();
        let mut lines = Vec::new();
        for role in [Role::Root, Role::Cloud, Role::Organization] {
            let nodes = accounts.iter().flat_map(|account| &account.shared).filter(|node| node.role == role);
            for node in nodes.filter(|node| seen.insert(&node.id)) {
                let mark = role == Role::Cloud && self.replace == Replace::Cloud;
                push_marked(&mut lines, node, mark.then_some(REPLACE));
                self.nodes += 1;
            }
        }
        self.segments.push(Segment::bytes(lines));
    }

    fn shared_edges(&mut self, accounts: &[&Arc<StagedAccount>]) {
        let mut seen = HashSet::new();
        let mut lines = Vec::new();
        for line in accounts.iter().flat_map(|account| &account.shared_edges) {
            if seen.insert(line) {
                lines.extend_from_slice(line.as_bytes());
                self.edges += 1;
            }
        }
        self.segments.push(Segment::bytes(lines));
    }

    fn account_nodes(&mut self, account: &StagedAccount) {
        let exported_at = format!("\"exported_at\": \"{}\"", self.exported_at);
        let members = match self.replace {
            Replace::Accounts => format!("{REPLACE}, {exported_at}"),
            Replace::Cloud => exported_at,
        };
        let AccountLine { at, form } = account.account_line;
        let mark = Splice { at: 0, form }.text(&members);
        self.segments.push(Segment::blob(&account.nodes, 0..at));
        self.segments.push(Segment::bytes(mark.into_bytes()));
        self.segments.push(Segment::blob(&account.nodes, at..account.nodes.len()));
        self.nodes += account.counts.nodes - account.shared.len() as u64;
    }

    fn blob(&mut self, blob: &Blob) {
        if !blob.is_empty() {
            self.segments.push(Segment::blob(blob, 0..blob.len()));
        }
    }
}

const REPLACE: &str = "\"replace\": true";

fn push_marked(out: &mut Vec<u8>, node: &SharedNode, members: Option<&str>) {
    let (before, after) = node.line.split_at(node.splice.at);
    out.extend_from_slice(before);
    if let Some(members) = members {
        out.extend_from_slice(node.splice.text(members).as_bytes());
    }
    out.extend_from_slice(after);
    out.push(b'\n');
}

#[cfg(test)]
mod tests;
