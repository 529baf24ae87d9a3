//! What a cloud adds to the tables of its kinds when it is changed.

use collector::{BoxFuture, Failure, fault};
use ipc_proto::fault::FaultKind;

use super::access::Access;
use super::judge::{Sayings, Stop};
use super::memory::{Memory, Who};
use super::perform::Job;
use super::resource::Resource;
use super::tag::Tagging;

/// What kind tables cannot say about changes, by the names that they have there.
pub trait ChangeHooks: Send + Sync {
    /// What has to be done before a deletion. How many calls that took, or would take.
    fn before<'a>(
        &'a self,
        name: &'a str,
        job: Job<'a>,
        resource: &'a Resource,
        known: (&'a Memory, &'a Who),
    ) -> BoxFuture<'a, Result<usize, Stop>>;

    /// Changes tags.
    fn tags<'a>(
        &'a self,
        name: &'a str,
        access: &'a Access<'a>,
        tagging: &'a Tagging<'a>,
    ) -> BoxFuture<'a, Result<(), Failure>>;
}

/// How a cloud is changed, the same for all its accounts: a static of its crate.
#[derive(Clone, Copy)]
pub struct Manner {
    /// What tables cannot say.
    pub hooks: &'static dyn ChangeHooks,
    /// How its services say that something is in use.
    pub sayings: Sayings,
}

impl Manner {
    /// As tables say, and nothing else.
    pub const BY_TABLES: Self =
        Self { hooks: &NoHooks, sayings: Sayings { held: &[], in_use: &[], passing: &[] } };
}

impl std::fmt::Debug for Manner {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Manner").field("sayings", &self.sayings).finish_non_exhaustive()
    }
}

struct NoHooks;

fn no_hook(name: &str) -> Failure {
    fault(FaultKind::Internal, format!("a table names the hook {name}, which nobody has written")).into()
}

impl ChangeHooks for NoHooks {
    fn before<'a>(
        &'a self,
        name: &'a str,
        _job: Job<'a>,
        _resource: &'a Resource,
        _known: (&'a Memory, &'a Who),
    ) -> BoxFuture<'a, Result<usize, Stop>> {
        Box::pin(async move { Err(no_hook(name).into()) })
    }

    fn tags<'a>(
        &'a self,
        name: &'a str,
        _access: &'a Access<'a>,
        _tagging: &'a Tagging<'a>,
    ) -> BoxFuture<'a, Result<(), Failure>> {
        Box::pin(async move { Err(no_hook(name)) })
    }
}
