//! Where a job puts what it finds.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use inventory::Role;
use ipc_proto::fault::Fault;
use ipc_proto::graph::{DeferredEdge, Edge, Node, Role as WireRole};
use ipc_proto::message::{Denied, Progress};

use crate::fault::Failure;

/// A future that may hop between threads.
pub type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// One of the three things that a graph is made of.
#[derive(Debug, Clone, Copy)]
pub enum Entry<'a> {
    /// A node. Its JSON holds `id`, `reported`, `metadata` and perhaps `usage` and `desired`, never `replace` or
    /// `exported_at`.
    Node(&'a Node<'a>),
    /// An edge between two nodes of this account, sent before or after.
    Edge(&'a Edge<'a>),
    /// An edge whose ends fixcore finds by search once everything is merged.
    Deferred(&'a DeferredEdge<'a>),
}

/// What became of an entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Placed {
    /// It was taken.
    Yes,
    /// It was taken, and who brings more should wait for room first.
    YesAndFull,
    /// It was not taken: there is no room for its bytes, so many.
    NoRoom(usize),
}

/// Takes the graph, the troubles and the signs of life of a job. Any number of tasks may write at once.
///
/// Collectors send by the methods of [`SinkExt`]: no future is allocated for a node.
pub trait Sink: Send + Sync {
    /// Takes an entry if there is room for it. One that cannot be sent at all (too large, no id) becomes a fault and
    /// counts as taken.
    fn put(&self, entry: Entry<'_>) -> Result<Placed, Failure>;

    /// Waits until there is room for so many bytes.
    fn make_room(&self, bytes: usize) -> BoxFuture<'_, Result<(), Failure>>;

    /// A trouble; the job goes on, and counts as done with faults. Equal faults are counted, not repeated.
    fn fault(&self, fault: Fault);

    /// Operations that were refused, besides the trouble that tells of them.
    fn denied(&self, calls: Vec<Denied>);

    /// Progress for people; the latest line of a place wins.
    fn progress(&self, progress: Progress);

    /// What the job does now, for people who ask why it takes so long.
    fn step(&self, step: String);

    /// Work done that puts nothing out: calls answered, files read. A job whose counter stands still is taken to be
    /// stuck. Nodes and edges count by themselves.
    fn work(&self, amount: u64);

    /// Fails once the job is over (cancelled, limit reached): for long stretches without output.
    fn check(&self) -> Result<(), Failure>;

    /// The same sink, for work in another thread.
    fn share(&self) -> Arc<dyn Sink>;
}

/// Sending.
pub trait SinkExt: Sink {
    /// Sends a node.
    ///
    /// The account, regions and resources count towards the limit of the job (`max_resources_per_account`). As in the
    /// Python worker the limit is all or nothing: the first node beyond it ends the job, and nothing of the account
    /// replaces what fixcore has. Here that holds for every collector, and the sentence names the setting.
    fn node(&self, node: Node<'_>) -> impl Future<Output = Result<(), Failure>> + Send {
        async move { place(self, Entry::Node(&node)).await }
    }

    /// Sends an edge.
    fn edge(&self, edge: Edge<'_>) -> impl Future<Output = Result<(), Failure>> + Send {
        async move { place(self, Entry::Edge(&edge)).await }
    }

    /// Sends an edge that fixcore resolves.
    fn deferred_edge(&self, edge: DeferredEdge<'_>) -> impl Future<Output = Result<(), Failure>> + Send {
        async move { place(self, Entry::Deferred(&edge)).await }
    }
}

impl<S: Sink + ?Sized> SinkExt for S {}

async fn place<S: Sink + ?Sized>(sink: &S, entry: Entry<'_>) -> Result<(), Failure> {
    loop {
        match sink.put(entry)? {
            Placed::Yes => return Ok(()),
            Placed::YesAndFull => return sink.make_room(0).await,
            Placed::NoRoom(bytes) => sink.make_room(bytes).await?,
        }
    }
}

/// The role of a node on the wire.
pub fn wire_role(role: Role) -> WireRole {
    match role {
        Role::Root => WireRole::Root,
        Role::Cloud => WireRole::Cloud,
        Role::Organization => WireRole::Organization,
        Role::Account => WireRole::Account,
        Role::Region | Role::Zone => WireRole::Region,
        Role::Resource => WireRole::Resource,
    }
}
