//! Where a job puts what it finds: the one interface between this crate and the program around it.

use std::future::Future;
use std::pin::Pin;

use ipc_proto::fault::Fault;
use ipc_proto::graph::{DeferredEdge, Edge, Node};
use ipc_proto::message::{Denied, Progress};

use crate::failure::Failure;

/// A future that may hop between threads.
pub type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// Takes the graph, the troubles and the signs of life of a job.
pub trait Sink: Send + Sync {
    /// A node.
    fn node<'a>(&'a self, node: Node<'a>) -> BoxFuture<'a, Result<(), Failure>>;
    /// An edge.
    fn edge<'a>(&'a self, edge: Edge<'a>) -> BoxFuture<'a, Result<(), Failure>>;
    /// An edge that fixcore resolves.
    fn deferred_edge<'a>(&'a self, edge: DeferredEdge<'a>) -> BoxFuture<'a, Result<(), Failure>>;
    /// A trouble; the job goes on.
    fn fault(&self, fault: Fault);
    /// Calls that were refused, besides the trouble that tells of them.
    fn denied(&self, calls: Vec<Denied>);
    /// Progress for people.
    fn progress(&self, progress: Progress);
    /// What the job does now.
    fn step(&self, step: String);
    /// Work done that puts nothing out: a call was answered.
    fn work(&self, amount: u64);
}
